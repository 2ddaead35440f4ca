"""How often jobs without knobs save their state; loads nothing, because the command line shows it."""

from __future__ import annotations

#: How often an archive job saves its state, as a Flink duration: rows become visible in Iceberg so often, and so much
#: is read again after a failure.
ARCHIVE_INTERVAL = "10 s"
