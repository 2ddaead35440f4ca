"""Real Iceberg tables of generated rows, for the tests of datasets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow as pa

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field

FIELDS = (
    Field("id", "bigint"),
    Field("amt", "double"),
    Field("card", "string"),
    Field("ts", "timestamp"),
    Field("fraud", "bigint"),
)
START_US, HOUR_US = 1_767_225_600_000_000, 3_600_000_000
START = datetime(2026, 1, 1, tzinfo=UTC)
ROW_GROUP_LIMIT = "write.parquet.row-group-limit"


def transactions(count: int, first: int = 0) -> pa.Table:
    """Rows with ids from `first` on, an hour apart; of seven cards; one of ten amounts is NULL."""
    ids = np.arange(first, first + count)
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "amt": pa.array(ids / 4, pa.float64(), mask=ids % 10 == 9),
            "card": pa.array([f"card-{one % 7}" for one in ids], pa.string()),
            "ts": pa.array(START_US + ids * HOUR_US, pa.timestamp("us", "UTC")),
            "fraud": pa.array(ids % 2, pa.int64()),
        }
    )


def catalog_at(folder: Path) -> IcebergCatalog:
    return IcebergCatalog.sqlite("house", folder)


def table_of(folder: Path, files: Sequence[int], group_rows: int = 1_000_000, name: str = "tx") -> IcebergTable:
    """A table with one commit and file for each count of rows, in row groups of so many rows; ids from 0 on."""
    table = catalog_at(folder).create_table("raw", name, FIELDS, {ROW_GROUP_LIMIT: str(group_rows)})
    first = 0
    for count in files:
        table.append(transactions(count, first))
        first += count
    return table


def fresh_folder(parent: Path) -> Path:
    return Path(mkdtemp(dir=parent))
