"""What the tables of a run say, as plain rows: the SQL of the ledger. Nothing is judged here."""

# ruff: noqa: S608 (emitting SQL is what this file does: names are the plan's, values are parameters)
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from headrace.compiler.duckdb_sql import conflicts_sql, offset_tiles_sql, recount_sql
from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.duckdb_functions import create_functions
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.prefix import TopicPartition
from headrace.pipelines.source_rows import use_archives

VERDICTS = ("read", "accepted", "late", "dead_lettered", "duplicate", "filtered", "folded")
#: The versions of a block: readers take the greatest n of each key.
BLOCKS_SQL = """
SELECT leg, topic, partition, block, n, min_offset, max_offset, sum_offset, sum_sq,
  accepted, late, dead_lettered, duplicate, filtered, folded
FROM offset_tiles WHERE run = $run AND view = $view
QUALIFY row_number() OVER (PARTITION BY leg, topic, partition, block ORDER BY n DESC) = 1
ORDER BY topic, partition, leg, block
"""
#: Blocks of which two versions with the same n differ.
BLOCK_CONFLICTS_SQL = """
SELECT topic, partition, block, n FROM offset_tiles WHERE run = $run AND view = $view
GROUP BY leg, topic, partition, block, n
HAVING count(DISTINCT (
  min_offset, max_offset, sum_offset, sum_sq, accepted, late, dead_lettered, duplicate, filtered, folded
)) > 1
ORDER BY ALL
"""
DEAD_LETTERS_SQL = """
SELECT verdict, count(*), count(DISTINCT (topic, partition, "offset"))
FROM dead_letters WHERE run = $run AND view = $view GROUP BY verdict
"""
RANGE_SQL = """
SELECT archive.* FROM archive JOIN ranges
ON archive._src_topic = ranges.topic AND archive._src_partition = ranges.partition
AND archive._src_offset BETWEEN ranges.first AND ranges.last
"""
#: Partitions of which the archive has rows and the run has none.
UNREAD_SQL = """
SELECT _src_topic, _src_partition, count(*) FROM archive
ANTI JOIN ranges ON archive._src_topic = ranges.topic AND archive._src_partition = ranges.partition
GROUP BY ALL ORDER BY ALL
"""
ARCHIVED_SQL = """
SELECT _src_topic, _src_partition, count(*), count(DISTINCT _src_offset), max(_src_offset)
FROM in_range GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One row of the offset tiles: what a block of a partition held, and what became of it."""

    leg: str
    topic: str
    partition: int
    block: int
    n: int
    min_offset: int
    max_offset: int
    sum_offset: int
    sum_sq: int
    accepted: int
    late: int
    dead_lettered: int
    duplicate: int
    filtered: int
    folded: int

    @property
    def read(self) -> int:
        """Records read."""
        return self.n

    @property
    def of(self) -> TopicPartition:
        """The partition that it is a block of."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Archived:
    """What the archive holds of a partition, within the offsets of the run."""

    topic: str
    partition: int
    rows: int
    distinct: int
    last_offset: int

    @property
    def of(self) -> TopicPartition:
        """Which partition it is."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class TileFacts:
    """What the log of a tile table holds: sums of the greatest n by level, and rows that cannot be.

    `conflicts`: tiles of which two rows with the same n differ. `decreases`: rows whose n is less than that of an
    earlier row of the same tile.
    """

    sums: Mapping[int, int]
    conflicts: int
    decreases: int


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Rows and distinct positions by verdict."""

    rows: Mapping[str, int]
    distinct: Mapping[str, int]


class Facts:
    """Queries over the tables of one run; made by `opened`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, run: str, plan: ViewPlan) -> None:
        self._connection = connection
        self._run = {"run": run, "view": plan.name}
        self._plan = plan

    def use(self, name: str, relation: duckdb.DuckDBPyRelation) -> None:
        """Let a table be known by a name: `offset_tiles`, `dead_letters`, or a tile table's."""
        self._connection.register(name, relation)

    def use_archive(self, relations: Iterable[duckdb.DuckDBPyRelation]) -> None:
        """Let `archive` be the rows of the source, from the archive of each of its parts."""
        use_archives(self._connection, self._plan.source, relations)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection in which relations are made."""
        return self._connection

    def blocks(self) -> list[Block]:
        """The newest version of every block, by topic, partition and leg."""
        return [Block(*row) for row in self._rows(BLOCKS_SQL, self._run)]

    def block_conflicts(self) -> list[tuple[TopicPartition, int, int]]:
        """Partition, block and n of blocks that have two different versions of the same n."""
        return [(TopicPartition(*of), block, n) for *of, block, n in self._rows(BLOCK_CONFLICTS_SQL, self._run)]

    def dead_letters(self) -> DeadLetters:
        """The dead letters of the run by verdict."""
        rows = self._rows(DEAD_LETTERS_SQL, self._run)
        return DeadLetters({row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows})

    def restrict(self, ranges: Mapping[TopicPartition, tuple[int, int]]) -> list[Archived]:
        """Keep the archive's rows from the first to the last offset of each partition, and count them."""
        self._connection.execute(
            "CREATE OR REPLACE TABLE ranges (topic TEXT, partition INT, first BIGINT, last BIGINT)"
        )
        for of, (first, last) in ranges.items():
            self._connection.execute("INSERT INTO ranges VALUES (?, ?, ?, ?)", [*of, first, last])
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW in_range AS {RANGE_SQL}")
        return [Archived(*row) for row in self._rows(ARCHIVED_SQL)]

    def unread(self) -> list[tuple[TopicPartition, int]]:
        """Partitions outside the ranges of `restrict`, with how many rows the archive has of each."""
        return [(TopicPartition(topic, partition), rows) for topic, partition, rows in self._rows(UNREAD_SQL)]

    def recount(self) -> dict[TopicPartition, dict[str, int]]:
        """Verdicts by partition, counted anew over the restricted archive."""
        sums = ", ".join(f"sum({name})::BIGINT" for name in ("n", *VERDICTS[1:]))
        tiles = offset_tiles_sql(self._plan, "in_range")
        rows = self._rows(f"SELECT topic, partition, {sums} FROM ({tiles}) GROUP BY ALL")
        return {TopicPartition(*row[:2]): dict(zip(VERDICTS, row[2:], strict=True)) for row in rows}

    def conflicts(self) -> list[tuple[Any, int]]:
        """The ids of different rows of the restricted archive, and how many; rows of its source are unique by one."""
        return self._rows(conflicts_sql(self._plan, "in_range"))

    def recount_groups(self) -> dict[str, int]:
        """Rows folded into each group, counted anew over the restricted archive."""
        return dict(self._rows(recount_sql(self._plan, "in_range")))

    def tiles(self, name: str, group: TileGroup) -> TileFacts:
        """What the log of a group's tile table holds; the table has `_file` and `_row` for its order."""
        keys = ", ".join(f'"{key.name}"' for key in group.keys)
        tile = f"{keys}, level, tile_start"
        greatest = f"SELECT level, max(n) AS n FROM {_name(name)} GROUP BY {tile}"
        conflicts = f"SELECT {tile} FROM {_name(name)} GROUP BY {tile}, n HAVING count(DISTINCT cell) > 1"
        earlier = f"max(n) OVER (PARTITION BY {tile} ORDER BY _file, _row ROWS UNBOUNDED PRECEDING)"
        decreases = f"SELECT n FROM {_name(name)} QUALIFY n < {earlier}"
        return TileFacts(
            sums=dict(self._rows(f"SELECT level, sum(n)::BIGINT FROM ({greatest}) GROUP BY level")),
            conflicts=self._count(conflicts),
            decreases=self._count(decreases),
        )

    def _count(self, query: str) -> int:
        """How many rows a query has."""
        return int(self._rows(f"SELECT count(*) FROM ({query})")[0][0])

    def _rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        """The rows of a query."""
        return self._connection.execute(query, dict(parameters or {})).fetchall()


@contextmanager
def opened(run: str, plan: ViewPlan) -> Iterator[Facts]:
    """Facts over an empty set of tables, in UTC."""
    with in_utc() as connection:
        create_functions(connection, plan)
        yield Facts(connection, run, plan)


def opened_blocks(table: IcebergTable, snapshot: int | None, run: str, views: Iterable[str]) -> dict[str, list[Block]]:
    """The newest version of every block of a run, by view, at a snapshot of the offset tiles; None: none yet."""
    with in_utc() as connection:
        rows = table.relation(connection, snapshot)
        connection.register("offset_tiles", rows if snapshot is not None else rows.limit(0))
        found = {view: connection.execute(BLOCKS_SQL, {"run": run, "view": view}).fetchall() for view in views}
    return {view: [Block(*row) for row in rows] for view, rows in found.items()}


def sums_of(blocks: Sequence[Block]) -> dict[str, int]:
    """The sums of blocks by verdict."""
    return {name: sum(getattr(block, name) for block in blocks) for name in VERDICTS}


def _name(table: str) -> str:
    """A registered table's name."""
    return f'"{table}"'
