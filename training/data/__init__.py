"""Tensors of Iceberg snapshots."""
