"""What a scan of a table reads, whatever system the table is of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScanCost:
    """A scan of one snapshot. `rows` and `column_bytes` are None where the metadata does not tell them."""

    snapshot_id: int
    files: int
    rows: int | None
    file_bytes: int
    column_bytes: int | None
