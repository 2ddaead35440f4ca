"""The rivals in Flink SQL, written by hand with the best knobs we know: tiles by GROUP BY and TUMBLE, windows by HOP.

They read only the columns that they need, judge no row, keep no ledger, and sum without a check for overflow.
"""

# ruff: noqa: S608 (the names are ours)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.compiler.tiles import DAY_US, HOUR_US

MINUTE_US = 60_000_000
#: The tiles of the view in `views/cards.py`: the finest, and the tail tiles of its windows.
LEVELS_US = (5 * MINUTE_US, HOUR_US, DAY_US)
#: Slide and width of each window. The slide is the window's tail tile: a finer one would cost HOP a multiple.
HOPS_US = ((5 * MINUTE_US, HOUR_US), (HOUR_US, DAY_US), (HOUR_US, 7 * DAY_US), (DAY_US, 30 * DAY_US))

#: Faster than any built-in way from an instant to a number; the functions of the product are there for everyone.
MICROS = "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MICROS AS 'io.headrace.flink.functions.HrMicros'"
#: Files in the order of time, each a split of its own, as Iceberg's documentation has it for event time. Without it the
#: newest file comes first, and windows drop the rows of all older ones as late.
IN_ORDER = {"watermark-column": "ts", "split-file-open-cost": str(128 * 1024**2)}
#: A row may be as late as the product's default allows, so that no row is lost on the way.
WATERMARK = "`rowtime` AS CAST(`ts` AS TIMESTAMP_LTZ(3)), WATERMARK FOR `rowtime` AS `rowtime` - INTERVAL '1' DAY"
#: A window's bound as µs, for a sink that keeps it.
BOUND_US = "1000000 * CAST(TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', `{}`) AS BIGINT)"

#: Columns of tiles that are whole rows.
TILES = "`cc_num` BIGINT, `level` BIGINT, `tile_start` BIGINT, `n` BIGINT, `spent` BIGINT, `largest` BIGINT"
_VALUES = "`n` BIGINT, `spent` BIGINT, `largest` BIGINT"
_AGGREGATES = "COUNT(*), SUM(`cents`), MAX(`cents`)"
Options = Mapping[str, str]


@dataclass(frozen=True)
class Script:
    """Statements to run in order, then inserts to run as one job."""

    statements: tuple[str, ...]
    inserts: tuple[str, ...]


def group_by_tiles(history: Options, sink: Options) -> Script:
    """Order-free tiles as the product's: one GROUP BY a level, each folded beside the reader.

    Of the ways that we tried (GROUPING SETS, one GROUP BY over the UNION ALL of the levels, one a level) the fastest.
    """
    inserts = [
        f"INSERT INTO `tiles` SELECT `cc_num`, CAST({level} AS BIGINT), `tile_start`, {_AGGREGATES}\n{_tiled(level)}"
        for level in LEVELS_US
    ]
    return Script((MICROS, _source(history), create_table("tiles", TILES, sink)), tuple(inserts))


def group_by_cells(history: Options, sink: Options, cell: str) -> Script:
    """The same into the product's tile table in Cassandra: `cell` is the type of its cell, n first."""
    columns = f"`cc_num` BIGINT, `level` BIGINT, `tile_start` BIGINT, `cell` {cell}, `write_time` BIGINT METADATA"
    value = f"CAST(ROW(COUNT(*), MAX(`cents`), SUM(`cents`)) AS {cell})"
    inserts = [
        f"INSERT INTO `tiles` SELECT `cc_num`, CAST({level} AS BIGINT), `tile_start`, {value}, `tile_start` + COUNT(*)"
        f"\n{_tiled(level)}"
        for level in LEVELS_US
    ]
    versions = {**sink, "sink.versions": "true"}
    return Script((MICROS, _source(history), create_table("tiles", columns, versions)), tuple(inserts))


def tumble_tiles(history: Options, sink: Options, *, kept: bool = False) -> Script:
    """Tiles as tumbling windows: each is written once, when the watermark has passed its end, and late rows are lost.

    `kept`: the sink wants the tile's start as µs.
    """
    start = BOUND_US.format("window_start") if kept else "`window_start`"
    columns = f"`cc_num` BIGINT, `level` BIGINT, `tile_start` {'BIGINT' if kept else 'TIMESTAMP(3)'}, {_VALUES}"
    inserts = [
        f"INSERT INTO `tiles` SELECT `cc_num`, CAST({level} AS BIGINT), {start}, {_AGGREGATES}\n"
        f"FROM TABLE(TUMBLE(TABLE `transactions`, DESCRIPTOR(`rowtime`), {_interval(level)}))\n"
        "GROUP BY `cc_num`, `window_start`, `window_end`"
        for level in LEVELS_US
    ]
    return Script((_source({**history, **IN_ORDER}, WATERMARK), create_table("tiles", columns, sink)), tuple(inserts))


def hop_windows(history: Options, sink: Options, *, kept: bool = False) -> Script:
    """The windows themselves, as hopping windows. `kept`: the sink wants the window's end as µs."""
    end = BOUND_US.format("window_end") if kept else "`window_end`"
    columns = f"`cc_num` BIGINT, `width` BIGINT, `window_end` {'BIGINT' if kept else 'TIMESTAMP(3)'}, {_VALUES}"
    inserts = [
        f"INSERT INTO `windows` SELECT `cc_num`, CAST({width} AS BIGINT), {end}, {_AGGREGATES}\nFROM TABLE(HOP("
        f"TABLE `transactions`, DESCRIPTOR(`rowtime`), {_interval(slide)}, {_interval(width)}))\n"
        "GROUP BY `cc_num`, `window_start`, `window_end`"
        for slide, width in HOPS_US
    ]
    return Script((_source({**history, **IN_ORDER}, WATERMARK), create_table("windows", columns, sink)), tuple(inserts))


def copy_rows(history: Options, sink: Options, columns: str, write_time: str) -> Script:
    """Finished rows from Iceberg into a plain Cassandra table, each written at its own time (µs)."""
    versions = {**sink, "sink.versions": "true"}
    statements = (
        create_table("ready", columns, history),
        create_table("stored", f"{columns}, `write_time` BIGINT METADATA", versions),
    )
    return Script(statements, (f"INSERT INTO `stored` SELECT *, {write_time} FROM `ready`",))


def _source(history: Options, more: str = "") -> str:
    columns = ["`cc_num` BIGINT, `cents` BIGINT, `ts` TIMESTAMP_LTZ(6)", *([more] if more else [])]
    return create_table("transactions", ", ".join(columns), history)


def create_table(name: str, columns: str, options: Options) -> str:
    """The declaration of a temporary table."""
    settings = ", ".join(f"'{key}' = '{value}'" for key, value in options.items())
    return f"CREATE TEMPORARY TABLE `{name}` ({columns}) WITH ({settings})"


def _tiled(level: int) -> str:
    """The rows with the start of their tile, grouped by it."""
    start = f"HR_MICROS(`ts`) - MOD(HR_MICROS(`ts`), CAST({level} AS BIGINT)) AS `tile_start`"
    return f"FROM (SELECT `cc_num`, `cents`, {start} FROM `transactions`)\nGROUP BY `cc_num`, `tile_start`"


def _interval(microseconds: int) -> str:
    """An interval of whole minutes, hours or days, in the largest unit that fits.

    >>> _interval(7 * DAY_US), _interval(5 * MINUTE_US)
    ("INTERVAL '7' DAY", "INTERVAL '5' MINUTE")
    """
    units: Sequence[tuple[int, str]] = ((DAY_US, "DAY"), (HOUR_US, "HOUR"), (MINUTE_US, "MINUTE"))
    size, unit = next((size, unit) for size, unit in units if microseconds % size == 0)
    return f"INTERVAL '{microseconds // size}' {unit}"
