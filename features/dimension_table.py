"""A dimension as a value: what a join reads, and by which rule a version is in effect."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class DimensionTable:
    """A table of what some keys stand for: of versions, or a look-up table, which has one row for each key.

    A version of time v is in effect for events at or after v + `delay_us`, until that of the next one. What a look-up
    table says holds at all times.

    Attributes:
        kind: where it lies: `iceberg` or `delta`.
        location: the name of an Iceberg table, or a Delta table's path.
        key: its columns that name what a row is a version of.
        event_time: its column that says since when a version is valid; None of a look-up table.
        zone: of naive times, and `unit` of numeric ones, in files of text.
    """

    name: str
    kind: str
    location: str
    key: tuple[str, ...]
    event_time: str | None
    delay_us: int
    zone: str | None = None
    unit: str | None = None

    @property
    def is_versioned(self) -> bool:
        """Whether its rows are versions, each in effect from a time on."""
        return self.event_time is not None

    @property
    def reference(self) -> str:
        """Its name and 16 hex digits of a SHA-256 of whatever decides which version is in effect.

        >>> now = DimensionTable("Shops", "iceberg", "ref.shops", ("shop",), "since", 0)
        >>> later = DimensionTable("Shops", "iceberg", "ref.shops", ("shop",), "since", 1)
        >>> now.reference == later.reference
        False
        """
        return f"{self.name}@{hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()[:16]}"
