"""What is kept of a measurement: two tables, and the plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.training.freshness.plots import plot_freshness
from headrace.training.freshness.points import Freshness, Point
from headrace.training.learning.durable import write_whole
from headrace.training.learning.run_folder import parquet_bytes


def point_row(point: Point) -> dict[str, Any]:
    """A point as a row of a table; what is not there is None."""
    beside = point.difference
    return {
        "cadence": point.cadence,
        "metric": point.metric.value,
        "low": point.metric.low,
        "high": point.metric.high,
        "difference": None if beside is None else beside.value,
        "difference_low": None if beside is None else beside.low,
        "difference_high": None if beside is None else beside.high,
        "shown": point.shown,
        "updates": point.updates,
        "models_kept": point.kept,
        "rows_visited": point.rows_visited,
        "rows_refused": point.refused,
        "cpu_s": point.cpu_s,
        "cpu_s_per_point": point.cpu_s_per_point,
    }


def write_freshness(folder: Path, found: Freshness) -> None:
    """Write `freshness.parquet`, `days.parquet`, `freshness.svg` and `freshness.png`.

    Raises TrainingError when a file cannot be written; what was there before is kept.
    """
    facts = {"training": found.definition.name, "snapshot": str(found.snapshot), "metric": found.metric}
    points = pa.Table.from_pylist([point_row(point) for point in found.points]).replace_schema_metadata(facts)
    write_whole(folder / "freshness.parquet", parquet_bytes(points))
    write_whole(folder / "days.parquet", parquet_bytes(_days(found).replace_schema_metadata(facts)))
    for name, content in plot_freshness(found).items():
        write_whole(folder / name, content)


def _days(found: Freshness) -> pa.Table:
    """The metric of each cadence and UTC day; NULL where it is not defined."""
    count = len(found.days)
    values = np.concatenate([point.by_day for point in found.points])
    return pa.table(
        {
            "cadence": [point.cadence for point in found.points for _ in range(count)],
            "day": pa.array(np.tile(found.days, len(found.points)).astype("datetime64[D]"), pa.date32()),
            "value": pa.array(values, pa.float64(), mask=np.isnan(values)),
        }
    )
