"""The rows that are learned: ten numbers, a card and a label, each with its place, in one file of an Iceberg table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from headrace.bench.kit import NAMESPACE
from headrace.bench.trainer.rows import LABEL, NUMBERS, SEED, drawn_rows
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import Field
from headrace.runtime.platform import Platform

CARD = "card"
#: So many cards there are; rows draw them alike.
CARDS = 1_000_000
FIELDS = (
    Field("shard", "int"),
    Field("place", "bigint"),
    *(Field(name, "double") for name in NUMBERS),
    Field(CARD, "bigint"),
    Field(LABEL, "double"),
)


def labelled_table(platform: Platform, rows: int, whole: int) -> IcebergTable:
    """A table of the first so many of the `whole` rows, made on first use."""
    made = platform.iceberg.create_table(NAMESPACE, f"learned_{rows}_of_{whole}", FIELDS)
    if not made.row_count():
        made.append(labelled_rows(whole).slice(0, rows))
    return made.refresh()


def labelled_rows(rows: int) -> pa.Table:
    """So many rows, as the table has them.

    >>> labelled_rows(3).select(["shard", "place"]).to_pylist()[-1]
    {'shard': 0, 'place': 2}
    """
    drawn, cards = drawn_rows(rows), np.random.default_rng(SEED).integers(CARDS, size=rows)
    placed = [pa.array(np.zeros(rows), pa.int32()), pa.array(np.arange(rows))]
    columns = [*placed, *map(pa.array, np.ascontiguousarray(drawn[:, :-1].T)), pa.array(cards), pa.array(drawn[:, -1])]
    return pa.table(columns, names=[field.name for field in FIELDS])
