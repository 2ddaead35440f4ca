"""The tiles of one group in Flink SQL: fold each event into a tile of each level, write them to both stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headrace.compiler.copies import place
from headrace.compiler.flink_nested_tiles import Nesting, apart, nesting_of, together
from headrace.compiler.flink_partials import argument, bigint, halves, sum_of
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_tables import (
    CELL,
    LEVEL,
    TILE_START,
    TileOptions,
    cell_type,
    create_tile_log,
    create_tile_table,
    quoted,
    tile_columns,
)
from headrace.compiler.flink_text import create_view, filter_label, insert_into
from headrace.compiler.plan import Partial, TileGroup, ViewPlan
from headrace.compiler.verdict import passes
from headrace.features.coercion import finite
from headrace.features.duration import format_duration
from headrace.features.scalar import FLOAT


def _exact_sum(x: str, label: str) -> str:
    """A sum of BIGINT that fails, naming the label, where it leaves BIGINT: two built-in sums and one scalar on top.

    Measured: within 5 % of a plain SUM, where an aggregate function of our own cost 30 %.
    """
    low, high = (f"SUM({half})" for half in halves(x))
    return sum_of(low, high, label)


#: SQL of the aggregate that keeps each kind of partial: from the argument, the partial and the overflow's label.
CALLS: dict[str, Callable[[str, Partial, str], str]] = {
    "count": lambda x, partial, label: f"COUNT({x})",
    "sum": lambda x, partial, label: f"SUM({x})" if partial.value_type == FLOAT else _exact_sum(x, label),
    "min": lambda x, partial, label: f"MIN({x})",
    "max": lambda x, partial, label: f"MAX({x})",
    "moments": lambda x, partial, label: f"HR_MOMENTS({x})",
    # The oldest is the newest by the opposite of its place; `_fields` turns the place back.
    "first": lambda x, partial, label: f"HR_LAST({x}, -`_event_us`, -`_src_partition`, -`_src_offset`)",
    "last": lambda x, partial, label: f"HR_LAST({x}, `_event_us`, `_src_partition`, `_src_offset`)",
    "newest": lambda x, partial, label: f"HR_LAST_N({x}, `_event_us`, `_src_partition`, `_src_offset`, {partial.size})",
    "distinct": lambda x, partial, label: f"HR_DISTINCT({x})",
    "buckets": lambda x, partial, label: f"HR_BUCKETS({x})",
    "tally": lambda x, partial, label: f"HR_TALLY({x})",
}

#: What the cell takes of the rows that some aggregates return, in the order of the partial's fields.
ROW_FIELDS = {
    "moments": ("{row}.`n`", "{row}.`mean`", "{row}.`m2`"),
    "first": ("{row}.`value`", "-{row}.`us`", "-{row}.`partition`", "-{row}.`offset`"),
    "last": ("{row}.`value`", "{row}.`us`", "{row}.`partition`", "{row}.`offset`"),
}


def tile_views(plan: ViewPlan, group: TileGroup) -> list[str]:
    """The views from judged events to cells."""
    members = create_view(f"members_{group.fingerprint}", _members(plan, group))
    folded = [view for band in _bands(plan, group) for view in _band_views(plan, group, band)]
    return [members, *folded, create_view(f"cells_{group.fingerprint}", _cells(plan, group))]


def tile_sinks(plan: ViewPlan, group: TileGroup, options: TileOptions) -> list[tuple[str, str]]:
    """Declaration and insert of each sink of a group: tiles and last event times in Cassandra, the log in Iceberg."""
    sinks: list[tuple[str, str]] = []
    name = group.fingerprint
    if options.cassandra is not None:
        declared = create_tile_table(f"tiles_{name}", group, options.cassandra, expires=_expires(plan, group))
        sinks.append((declared, insert_into(f"tiles_{name}", _versions(plan, group))))
    if options.iceberg is not None:
        declared = create_tile_log(f"tile_log_{name}", group, options.iceberg)
        sinks.append((declared, insert_into(f"tile_log_{name}", _log(group))))
    return sinks


def label_of(plan: ViewPlan, group: TileGroup, partial: Partial) -> str:
    """What an overflow names: the transformations that read a partial. It travels with each row, so it is short."""
    readers = [part for part in plan.parts_of(group) if partial.name in part.partials]
    return ", ".join(dict.fromkeys(reader.transformation for reader in readers))


def _members(plan: ViewPlan, group: TileGroup) -> str:
    """The rows of the group, with the arguments of its aggregates and the start of their tile at each level."""
    arguments = [f"{sql} AS `{name}`" for name, sql in arguments_sql(plan, group)]
    starts = [f"{_tile_start(level)} AS `{name}`" for name, level in tile_columns(group).items()]
    columns = ", ".join([*_carried(plan, group), *arguments, *starts])
    return f"SELECT {columns}\nFROM `judged`\nWHERE {FLINK.emit(passes(group), filter_label(plan, group))}"


def _carried(plan: ViewPlan, group: TileGroup) -> list[str]:
    """Columns of a row that tiles are made of, beside the arguments."""
    position = [sql if sql == f"`{name}`" else f"{sql} AS `{name}`" for name, sql in place(plan.source, FLINK).items()]
    return [quoted([*(key.name for key in group.keys), "_event_us"]), *position]


def arguments_sql(plan: ViewPlan, group: TileGroup) -> list[tuple[str, str]]:
    """Name and SQL of each different argument."""
    partials = {partial.argument.text(): partial for partial in group.partials}
    names = group.argument_columns
    return [(names[text], _argument_sql(plan, group, partial)) for text, partial in partials.items()]


def _argument_sql(plan: ViewPlan, group: TileGroup, partial: Partial) -> str:
    """What a partial aggregates, with the features that an overflow in it names."""
    return FLINK.emit(finite(partial.argument), label_of(plan, group, partial))


@dataclass(frozen=True, slots=True)
class _Band:
    """Levels that are folded by one aggregate, whose state lives as long as they need; `ttl_us` None: as the job's.

    `nesting`: they are two that share their entries of state.
    """

    name: str
    levels_us: tuple[int, ...]
    ttl_us: int | None = None
    nesting: Nesting | None = None


def _bands(plan: ViewPlan, group: TileGroup) -> list[_Band]:
    """Two levels that can share their state, the other rolling levels together, and each level of a lifetime alone.

    State of the finest tiles must not live as long as that of a tile which stays open for years.
    """
    name, nesting = f"folded_{group.fingerprint}", nesting_of(group)
    shared = [] if nesting is None else [_Band(f"{name}_nested", nesting, nesting=nesting)]
    alone = tuple(level for level in group.rolling_levels_us if nesting is None or level not in nesting)
    open_for = [(level, 2 * level + plan.allowed_lateness_us) for level in group.lifetime_levels_us]
    lasting = [_Band(f"{name}_{format_duration(level)}", (level,), ttl) for level, ttl in open_for]
    return [*shared, *([_Band(name, alone)] if alone else []), *lasting]


def _band_views(plan: ViewPlan, group: TileGroup, band: _Band) -> list[str]:
    """The views from members to folded rows of the band's levels."""
    if band.nesting is None:
        return [create_view(band.name, _folded(plan, group, band))]
    labels = {partial.name: label_of(plan, group, partial) for partial in group.partials}
    nested = f"nested_{group.fingerprint}"
    views = {nested: together(group, band.nesting), band.name: apart(group, band.nesting, nested, labels)}
    return [create_view(name, sql) for name, sql in views.items()]


def _folded(plan: ViewPlan, group: TileGroup, band: _Band) -> str:
    """One updating row per tile. No window function: the order of events does not matter and nothing waits.

    GROUPING SETS, because what repeats a row for each level is then in one chain with what reads it and what folds it.
    UNION ALL of the levels would hand each row from task to task, once per level. UNNEST of a constant array is a join
    on one task that keeps all rows for ever; of a computed array it is planned, with all state, once per insert.
    """
    keys = quoted(key.name for key in group.keys)
    calls = [
        f"{CALLS[partial.kind](argument(group, partial), partial, label_of(plan, group, partial))} AS `{partial.name}`"
        for partial in group.partials
    ]
    tiles = {name: level for name, level in tile_columns(group).items() if level in band.levels_us}
    members = f"members_{group.fingerprint}"
    ttl = "" if band.ttl_us is None else f"/*+ STATE_TTL('{members}' = '{band.ttl_us // 1_000_000} s') */ "
    tile = f"{_level(tiles)} AS `level`, COALESCE({quoted(tiles)}) AS `tile_start`"
    columns = ",\n  ".join([f"{keys}, {tile}", "COUNT(*) AS `n`", "MAX(`_event_us`) AS `_last_event_us`", *calls])
    sets = ", ".join(f"({keys}, `{tile}`)" for tile in tiles)
    return f"SELECT {ttl}{columns}\nFROM `{members}`\nGROUP BY GROUPING SETS ({sets})"


def _tile_start(level_us: int) -> str:
    """The start of the tile that holds an event."""
    return f"`_event_us` - MOD(`_event_us`, {bigint(level_us)})"


def _level(tiles: dict[str, int]) -> str:
    """The level of a folded row: the one whose tile it is grouped by; the other columns are NULL in it."""
    cases = [f"WHEN `{tile}` IS NOT NULL THEN {bigint(level)}" for tile, level in tiles.items()]
    return f"CASE {' '.join(cases)} END"


def _cells(plan: ViewPlan, group: TileGroup) -> str:
    """The tiles with all their partials in one value."""
    keys = quoted([*(key.name for key in group.keys), LEVEL.name, TILE_START.name])
    selects = [
        f"SELECT {keys}, `n`, `_last_event_us`,\n  {_cell(group, band)}\nFROM `{band.name}` AS `f`"
        for band in _bands(plan, group)
    ]
    return "\nUNION ALL\n".join(selects)


def _cell(group: TileGroup, band: _Band) -> str:
    """The cell of a folded row."""
    of_partials = (_fields(partial, band) for partial in group.partials)
    fields = ["`f`.`n`", *(field for fields in of_partials for field in fields)]
    return f"CAST(ROW({', '.join(fields)}) AS {cell_type(group)}) AS `{CELL}`"


def _fields(partial: Partial, band: _Band) -> list[str]:
    """Where the fields of a partial are in a folded row: rows of nested tiles have them one by one."""
    if band.nesting is not None:
        return [f"`f`.`{field.name}`" for field in partial.fields]
    whole = f"`f`.`{partial.name}`"
    return [field.format(row=whole) for field in ROW_FIELDS.get(partial.kind, ("{row}",))]


def _versions(plan: ViewPlan, group: TileGroup) -> str:
    """Tiles for Cassandra: the write time grows with n, so a fuller tile is never overwritten by an emptier one.

    Each brings the newest event time that it knows of its entity, so that whoever reads a tile finds the entity known.
    """
    keys = quoted([*(key.name for key in group.keys), LEVEL.name, TILE_START.name, CELL])
    expires = f", {_expiry(group)}" if _expires(plan, group) else ""
    columns = f"{keys},\n  `_last_event_us`, `tile_start` + `n`, `_last_event_us`{expires}"
    return f"SELECT {columns}\nFROM `cells_{group.fingerprint}`"


def _expires(plan: ViewPlan, group: TileGroup) -> bool:
    """Whether tiles of some level are deleted one day; by the clock of the events none is."""
    return plan.clock == "wall" and set(group.retentions_us) != {None}


def _expiry(group: TileGroup) -> str:
    """The instant, in µs, from which a tile may be deleted; NULL: never."""
    after = dict(zip(group.levels_us, group.retentions_us, strict=True))
    if len(set(after.values())) == 1:
        return f"`tile_start` + `level` + CAST({group.retentions_us[0]} AS BIGINT)"
    cases = [
        f"WHEN `level` = CAST({level} AS BIGINT) THEN `tile_start` + CAST({level + retention} AS BIGINT)"
        for level, retention in after.items()
        if retention is not None
    ]
    return f"CASE {' '.join(cases)} END"


def _log(group: TileGroup) -> str:
    """Tiles for Iceberg: every version, appended."""
    columns = quoted([*(key.name for key in group.keys), LEVEL.name, TILE_START.name, "n", CELL])
    return f"SELECT {columns}\nFROM `cells_{group.fingerprint}`"
