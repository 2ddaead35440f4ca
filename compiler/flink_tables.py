"""The tables that a view's Flink job declares: names, columns and the options it is handed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.plan import Column, SourcePlan, TileGroup
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.verdict import archive_columns
from headrace.features.scalar import INT

Options = Mapping[str, str]

LEVEL, TILE_START, CELL = Column("level", INT), Column("tile_start", INT), "cell"


@dataclass(frozen=True, slots=True)
class TileOptions:
    """The two sinks of one tile group: `WITH` options, connector included; None leaves a sink out."""

    cassandra: Options | None
    iceberg: Options | None


@dataclass(frozen=True, slots=True)
class Following:
    """How a job follows a dimension: `WITH` options of the table that its owner writes, in which newer versions appear.

    An event that is beyond what the job holds waits for `patience_s` seconds, not longer.
    """

    options: Options
    patience_s: int


@dataclass(frozen=True, slots=True)
class DimensionOptions:
    """A dimension's table at its snapshot: `WITH` options of Iceberg's connector, `snapshot-id` among them.

    `until_us`: the time (µs) to which the snapshot is complete; None: to every time. A task manager holds `most_rows`
    of it in memory, not more; None: all. `following`: how newer versions are found; None: none is looked for.
    """

    options: Options
    until_us: int | None = None
    most_rows: int | None = None
    following: Following | None = None


@dataclass(frozen=True, slots=True)
class Legs:
    """Where the rows of a source are read, as `WITH` options; None leaves a leg out.

    `sound`: the columns of which no value in that history breaks a rule, as is known from its metadata.
    """

    history: Options | None
    live: Options | None
    sound: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class JobBindings:
    """Everything about a job that is not in the plan: where its tables are, as `WITH` options, and which run it is.

    `legs` are those of each of the source's `parts`; `tiles` is by fingerprint of the group; `offset_tiles` or
    `dead_letters` None leaves that insert out. `dimensions` has all that the plan joins, by name.
    """

    project: str
    run: str
    legs: Sequence[Legs]
    tiles: Mapping[str, TileOptions] = field(default_factory=dict)
    offset_tiles: Options | None = None
    dead_letters: Options | None = None
    dimensions: Mapping[str, DimensionOptions] = field(default_factory=dict)


def quoted(names: Iterable[str]) -> str:
    """Quoted names, separated by commas.

    >>> quoted(["a", "b"])
    '`a`, `b`'
    """
    return ", ".join(FLINK.identifier(name) for name in names)


def cell_type(group: TileGroup) -> str:
    """The type of a group's cell."""
    return f"ROW<{', '.join(declared(column) for column in group.cell)}>"


def tile_columns(group: TileGroup) -> dict[str, int]:
    """By the name of the column that holds the start of a member's tile of one level: the level, ascending."""
    return {f"_tile{number}": level for number, level in enumerate(group.levels_us, start=1)}


def declared(column: Column) -> str:
    """A column with its type."""
    return FLINK.declared(column)


def create_table(name: str, columns: Iterable[str], options: Options) -> str:
    """`CREATE TEMPORARY TABLE`, one line for each column and option."""
    lines = ",\n".join(f"  {column}" for column in columns)
    settings = ",\n".join(f"  {text_literal(key)} = {text_literal(value)}" for key, value in options.items())
    return f"CREATE TEMPORARY TABLE {FLINK.identifier(name)} (\n{lines}\n) WITH (\n{settings}\n)"


def create_leg(name: str, source: SourcePlan, options: Options) -> str:
    """One leg of a source: its columns and those of the archive."""
    return create_table(name, (declared(column) for column in archive_columns(source)), options)


def create_tile_table(name: str, group: TileGroup, options: Options, *, expires: bool) -> str:
    """A group's tiles in Cassandra, with the newest event time of each entity, a static column.

    `write_time` decides between versions of a tile, `static_write_time` between times; `expires_at` ends a tile alone.
    """
    columns = [*map(declared, (*group.keys, LEVEL, TILE_START)), f"`{CELL}` {cell_type(group)}"]
    metadata = ["write_time", "static_write_time", *(["expires_at"] if expires else [])]
    times = ["`last_event_time` BIGINT", *(f"`{name}` BIGINT METADATA" for name in metadata)]
    return create_table(name, [*columns, *times], versions(options))


def versions(options: Options) -> Options:
    """The options of a Cassandra table whose rows are versions, ordered by `write_time` alone.

    With a primary key that is not exactly the query's (a constant level is none of its keys), the planner would send
    each old row before the new one, and Cassandra lets that delete win against a write of the same time.

    >>> versions({"connector": "headrace-cassandra"})["sink.versions"]
    'true'
    """
    return {**options, "sink.versions": "true"}


def appending(options: Options, newest_of: Iterable[str] = ()) -> Options:
    """The options of a table that takes an updating query as an append log of its versions, by our own connector.

    Iceberg's sink alone would take the rows before an update for rows of their own. `newest_of`: of rows that are equal
    in these columns only the newest at each checkpoint is written, for a query without mini-batches.

    >>> appending({"connector": "iceberg"})
    {'connector': 'headrace-append', 'delegate.connector': 'iceberg'}
    """
    newest = ";".join(newest_of)
    delegate = {f"delegate.{key}": value for key, value in options.items()}
    return {"connector": "headrace-append", **({"newest-of": newest} if newest else {}), **delegate}


def create_tile_log(name: str, group: TileGroup, options: Options) -> str:
    """A group's tiles in Iceberg: an append log of versions."""
    columns = map(declared, (*group.keys, LEVEL, TILE_START, Column("n", INT)))
    return create_table(name, [*columns, f"`{CELL}` {cell_type(group)}"], appending(options))
