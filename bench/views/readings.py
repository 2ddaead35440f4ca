"""What the benchmark of point-in-time joins reads: readings of sensors, history only."""

from __future__ import annotations

from datetime import datetime

from headrace import IcebergTable, Source, event_time


class Readings(Source):
    """Generated readings of sensors: eight values of a moment, and what was counted since the last one."""

    history = IcebergTable("raw.readings")
    sensor: int
    v0: float
    v1: float
    v2: float
    v3: float
    v4: float
    v5: float
    v6: float
    v7: float
    counted: int
    ts: datetime = event_time()
