"""The tables that every view's job writes beside its tiles: their columns, for whoever declares or creates them."""

from __future__ import annotations

from headrace.compiler.plan import Column
from headrace.features.scalar import BYTES, DATETIME, INT, STR

#: Offsets per ledger row: a block is one row of state, and sums of squares within it stay far below 2^63.
BLOCK = 65536
#: What a run read of each block of a partition, and what became of it; the ledger is drawn up from it.
OFFSET_TILES = (
    *(Column(name, STR) for name in ("run", "view", "leg", "topic")),
    Column("partition", "int32"),
    *(Column(name, INT) for name in ("block", "n", "min_offset", "max_offset", "sum_offset", "sum_sq")),
    *(Column(name, INT) for name in ("accepted", "late", "dead_lettered", "duplicate", "filtered", "folded")),
)
#: Rows that no feature uses, with the reason and what is left of their bytes.
DEAD_LETTERS = (
    *(Column(name, STR) for name in ("run", "view", "topic")),
    Column("partition", "int32"),
    Column("offset", INT),
    *(Column(name, STR) for name in ("verdict", "reason")),
    Column("raw", BYTES),
    Column("arrival_time", DATETIME),
)
