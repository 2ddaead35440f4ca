"""Rows of an Iceberg table as tensors, beside a plain scan and MosaicML Streaming."""
