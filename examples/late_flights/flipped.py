"""An hour of flights whose labels say the contrary."""

from __future__ import annotations

import pandas as pd

from headrace.examples.late_flights.gates import LABELS

#: The rows of the hour are in a partition of their own, so that no two rows have one place.
PARTITION = 1


def busy_hour(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """The labels of the first hour that lies wholly behind the first `count` rows and has enough to be judged."""
    next_hour = rows["known_at"].iloc[count - 1].floor("h") + pd.Timedelta(hours=1)
    later = rows[rows["known_at"] >= next_hour]
    hours = later["known_at"].dt.floor("h")
    sizes = later.groupby(hours, sort=True).size()
    found: pd.DataFrame = later[hours == sizes.index[sizes >= LABELS.least_rows][0]]
    return found.assign(_src_partition=PARTITION, _src_offset=range(len(found)))


def with_flipped_labels(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose labels say the contrary."""
    return rows.assign(late=1 - rows["late"])
