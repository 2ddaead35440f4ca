"""A feature's plan in words, before rewriting (what its user wrote) and after (what the job makes of it).

Nothing is computed and nothing is asked: what history holds and what Flink's planner makes of it is added by
`headrace.pipelines.explain`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from headrace.compiler.copies import POSITION
from headrace.compiler.known import deciding_groups, filters_of, why_behind_verdict
from headrace.compiler.lookups import joins_of
from headrace.compiler.plan import Location, Partial, PlannedFeature, PlannedOnDemand, SourcePlan, TileGroup, ViewPlan
from headrace.compiler.projection import NOTHING, read_columns
from headrace.compiler.tiles import cell_count, lifetime_slices, read_slices
from headrace.compiler.verdict import archive_columns, verdict
from headrace.errors import UnsupportedError
from headrace.features.aggregate import Aggregate
from headrace.features.dimension_table import DimensionTable
from headrace.features.duration import format_duration, readable_duration
from headrace.features.place import Place
from headrace.features.scalar import Scalar
from headrace.features.sql.text import call_sql, condition_sql
from headrace.features.view import Feature

WRITTEN, PLANNED, SETS = "as written", "as planned", "in training sets on Flink"
#: What is an estimate, and no knob makes exact, by the kind of partial that it is kept in.
ESTIMATES: Mapping[str, str] = {
    "distinct": "exact up to 4,096 different values, then within 1.6 %",
    "buckets": "within 0.8 % of a value that was there",
    "tally": "counts are exact; NULL where the different values take more than 32 KiB",
}
PUSHED = "pushed into the scan of history: no feature of the view reads, and no rule can refuse a row for,"
NO_PROJECTION = "nothing to push: a feature reads each column, or it has a rule that no metadata settles"
LIVE_WHOLE = "of live nothing is left out, as a record is one text"
NO_FILTER = "not pushed into the scan: every row is judged and counted in the ledger, also one that it keeps out"
#: Of a set over several keys the rows are read once, for all of them.
ASKED_FIRST = (
    "asked before the verdict, and a comparison with a constant pushed into the scan, "
    "unless a set has a feature by other keys that needs all rows"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an explanation: which part of it, which step, what is done, and where it was written, if it was."""

    part: str
    step: str
    what: str
    where: str = ""


def written(feature: Feature, plan: ViewPlan, where: Place) -> list[Step]:
    """What the user wrote, from the source (at `where`) on: a ratio has filter and aggregate of both its sides."""
    source, at = plan.source, str(feature.where)
    steps = [Step(WRITTEN, "source", f"{source.name}: {_legs_of(source)}", str(where))]
    for part in feature.aggregate.parts:
        steps += [Step(WRITTEN, name, text, at) for name, text in (*_joined(part), *_aggregate(part))]
    window = [] if feature.window_us is None else [Step(WRITTEN, "window", feature.window_text, at)]
    return [*steps, *window, Step(WRITTEN, "finest tile", format_duration(feature.tile_us), at)]


def planned(
    plan: ViewPlan, feature: PlannedFeature, sound: Mapping[str, Set[str]] = MappingProxyType({})
) -> list[Step]:
    """What the job and a read make of it; `sound`: by source the columns of its history that break no rule."""
    groups = [plan.group(name) for name in dict.fromkeys(part.group for part in feature.parts)]
    steps = list(_scan(plan, feature, groups, sound))
    for group in groups:
        steps += _tiles(plan, group, [part for part in feature.parts if part.group == group.fingerprint])
    found = [Step(PLANNED, name, text) for name, text in [*steps, *_read(plan, feature), *_estimates(plan, feature)]]
    return [*found, *(Step(SETS, "filter", text) for text in filter_texts(plan, feature, ASKED_FIRST))]


def filter_texts(plan: ViewPlan, feature: PlannedFeature, pushed: str) -> list[str]:
    """Where a training set asks the filters of a feature, if it has any: as `pushed` says, or later, with the reason.

    A row that makes its entity known must be read, also where the feature's own filter keeps it out.
    """
    own = [plan.group(part.group) for part in feature.parts]
    deciding = deciding_groups(plan, own[0].keys)
    if not filters_of(own):
        return []
    if deciding:
        why = why_behind_verdict(plan, deciding)
        return [f"{_either(deciding)}: {pushed if why is None else f'not pushed into the scan: {why}'}"]
    free = next(one.name for one in plan.features for part in one.parts if _lets_all_in(plan, part, own[0]))
    known = f"each accepted row makes its {', '.join(key.name for key in own[0].keys)} known"
    return [f"{_either(own)}: not pushed into the scan: {free} has no filter, so {known}"]


def _lets_all_in(plan: ViewPlan, part: PlannedFeature, like: TileGroup) -> bool:
    """Whether a part of a feature is over the keys of a group, without a filter."""
    group = plan.group(part.group)
    return group.keys == like.keys and group.filter is None


def _either(groups: Sequence[TileGroup]) -> str:
    """The filters of some groups, of which one must hold."""
    return " or ".join(one.text() for one in filters_of(groups))


def on_demand(one: PlannedOnDemand) -> list[Step]:
    """What the user wrote of a feature on demand, and when it is computed; what it reads has steps of its own."""
    reads = [*one.inputs, *(f"{column.name} of the request" for column in one.request)]
    return [
        Step(WRITTEN, "on demand", one.scalar.text(), one.where),
        Step(WRITTEN, "reads", ", ".join(reads), one.where),
        Step(PLANNED, "computed", "when it is asked for, of the values that it reads; it has no tiles"),
    ]


def columns_of(plan: ViewPlan, feature: PlannedFeature) -> list[str]:
    """The columns of history that a feature itself needs: event time, keys, filter and arguments."""
    groups = [plan.group(part.group) for part in feature.parts]
    needed = {plan.source.event_time, *_places(feature), *(key.name for group in groups for key in group.keys)}
    for group, part in zip(groups, feature.parts, strict=True):
        scalars = [*(group.partial(name).argument for name in part.partials), *([group.filter] if group.filter else [])]
        needed |= {name for scalar in scalars for name in scalar.columns()}
    return [column.name for column in archive_columns(plan.source) if column.name in needed]


def columns_of_part(plan: ViewPlan, feature: PlannedFeature, part: SourcePlan) -> list[str]:
    """The columns of the history of one of the source's parts that a feature itself needs."""
    needed = set(columns_of(plan, feature))
    if filled := _filled_by(plan, part):
        read = (scalar.columns() for name, scalar in filled.items() if name in needed)
        needed = set(POSITION).intersection(needed).union(*read)
    return [column.name for column in archive_columns(part) if column.name in needed]


def _filled_by(plan: ViewPlan, part: SourcePlan) -> dict[str, Scalar]:
    """For each column of a union what fills it with one of its sources; nothing where that is the source itself."""
    names = [column.name for column in plan.source.columns]
    found = (member.filled for member in plan.source.members if member.source == part)
    return next((dict(zip(names, filled, strict=True)) for filled in found), {})


def _places(feature: PlannedFeature) -> tuple[str, ...]:
    """Where a row stands in the log, if that decides between rows of one instant."""
    ordered = any(part.function in {"first", "last", "last_n"} for part in feature.parts)
    return POSITION if ordered else ()


def _legs_of(source: SourcePlan) -> str:
    """Where the rows of a source lie; of a union, those of each of its sources."""
    if source.members:
        return "; ".join(f"{part.name}, {_legs_of(part)}" for part in source.parts)
    return " and ".join(_leg(leg) for leg in (source.history, source.live) if leg)


def _joined(part: Aggregate) -> Iterator[tuple[str, str]]:
    """The joins that an aggregate takes columns of."""
    lookups = [lookup for scalar in part.scalars for lookup in scalar.lookups()]
    for table, keys in dict.fromkeys((lookup.dimension, lookup.args) for lookup in lookups):
        if table is not None:
            after = f" and {format_duration(table.delay_us)} more" if table.delay_us else ""
            since = f", from {table.event_time}{after} on" if table.is_versioned else ""
            by = ", ".join(key.text() for key in keys)
            yield _join(table), f"{table.name} by {by}{since}: {table.kind} {table.location}"


def _join(table: DimensionTable) -> str:
    """What a join of a dimension is called."""
    return "as-of join" if table.is_versioned else "look-up"


def _aggregate(part: Aggregate) -> Iterator[tuple[str, str]]:
    """The steps of one aggregate."""
    if part.filter is not None:
        yield "filter", _sql(condition_sql, part, part.filter.text())
    yield "group", ", ".join(key.name for key in part.keys)
    yield "aggregate", _sql(call_sql, part, _call(part))


def _sql(write: Callable[[Aggregate], str], part: Aggregate, planned: str) -> str:
    """A piece of an aggregate as SQL; where SQL has no word for it, as the plan has it."""
    try:
        return write(part)
    except UnsupportedError:
        return planned


def _call(part: Aggregate) -> str:
    """An aggregate as the plan has it, with what it was called with."""
    arguments = [] if part.argument is None else [part.argument.text()]
    return f"{part.function}({', '.join([*arguments, *map(str, part.constants)])})"


def _scan(
    plan: ViewPlan, feature: PlannedFeature, groups: Iterable[TileGroup], sound: Mapping[str, Set[str]]
) -> Iterator[tuple[str, str]]:
    """What is read of the source, once for all features of the view."""
    for part in plan.source.parts:
        yield from _scan_of(plan, part, sound.get(part.name, NOTHING))
    known = {column.name for column in archive_columns(plan.source)}
    own, judged = columns_of(plan, feature), known.intersection(verdict(plan).columns())
    is_live = any(part.live for part in plan.source.parts)
    rows = "of a row that comes live" if is_live else "of a row, less those that metadata settles"
    yield "needed", f"{', '.join(own)} by the feature; {len(judged)} columns by the verdict {rows}"
    for join in joins_of(plan):
        columns = ", ".join(str(lookup.value) for lookup in join.lookups)
        yield (
            _join(join.dimension),
            f"{join.dimension.name}: one look-up for each row, before its verdict, of {columns}",
        )
    for group in groups:
        if group.filter is not None:
            yield "filter", f"{group.filter.text()}: {NO_FILTER}"


def _scan_of(plan: ViewPlan, source: SourcePlan, sound: Set[str]) -> Iterator[tuple[str, str]]:
    """What is read of one source, and what of its rows fills the columns of a union."""
    names = [column.name for column in archive_columns(source)]
    read = [column.name for column in read_columns(plan, source, sound)]
    legs = (("history", source.history), ("live", source.live))
    yield "scan", "; ".join(f"{name} {_leg(leg)}" for name, leg in legs if leg) + "; once for all features of the view"
    if source.history:
        yield "columns", f"{len(read)} of {len(names)} of history: {', '.join(read)}"
        yield "projection", _projection([name for name in names if name not in read], is_live=source.live is not None)
    if filled := _filled_by(plan, source):
        yield "filled", ", ".join(f"{name} by {scalar.text()}" for name, scalar in filled.items())


def _projection(unread: Sequence[str], *, is_live: bool) -> str:
    """What becomes of the columns of history that are not read."""
    pushed = f"{PUSHED} {', '.join(unread)}" if unread else NO_PROJECTION
    return f"{pushed}; {LIVE_WHOLE}" if unread and is_live else pushed


def _leg(leg: Location) -> str:
    """Where a leg lies."""
    return f"{leg.kind} {leg.name}"


def _tiles(plan: ViewPlan, group: TileGroup, parts: Iterable[PlannedFeature]) -> Iterator[tuple[str, str]]:
    """The tiles that a feature is read from, and whom it shares them with."""
    sharing = ", ".join(dict.fromkeys(part.name for part in plan.parts_of(group)))
    yield "tiles", f"group {group.fingerprint} by {', '.join(key.name for key in group.keys)}, shared by {sharing}"
    for level in group.levels_us:
        kept = group.retention_us(level)
        until = "for ever" if kept is None or plan.clock == "event" else f"for {readable_duration(kept)} after its end"
        yield "level", f"{format_duration(level)}, each tile kept {until}"
    for name in dict.fromkeys(name for part in parts for name in part.partials) or ("n",):
        of = "" if name == "n" else f" of {group.partial(name).argument.text()}"
        yield "partial", f"{name}{of}, read by {', '.join(_readers(plan, group, name))}"


def _readers(plan: ViewPlan, group: TileGroup, partial: str) -> list[str]:
    """The features that read a partial; a count of rows is in each cell, as `n`."""
    return [part.name for part in plan.parts_of(group) if partial in (part.partials or ("n",))]


def _read(plan: ViewPlan, feature: PlannedFeature) -> Iterator[tuple[str, str]]:
    """What an online read merges, and how far its window is from the exact one."""
    for part in feature.parts:
        levels = plan.group(part.group).levels_us
        if part.is_as_of:
            yield "read", "the newest tile"
            continue
        # Shortly before tiles of all levels end: the open end is in as many pieces as it can be.
        at_us = levels[-1] * 1_000 - levels[0] - 1
        if part.window_us is None or part.tail_us is None:
            yield "read", f"at most about {cell_count(lifetime_slices(levels, at_us)[1:])} cells and those since 1970"
            continue
        if part.zone is not None:
            yield from _read_days(part.window_us, part.zone, levels)
            continue
        cells = cell_count(read_slices(part.window_us, part.tail_us, levels, at_us, include_open=True))
        yield "read", f"about {cells} cells of an entity at most; the open tile too, when asked for now"
        error = f"{format_duration(part.tail_us)} of {format_duration(part.window_us)}"
        yield "error", f"the window begins up to one tail tile early: {error}; a finer `tile` makes another table"


def _read_days(window_us: int, zone: str, levels: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """What calendar days read: the coarsest tiles, and at both ends, which may lie anywhere, the finer ones."""
    ends = sum(2 * (wide // fine - 1) for fine, wide in pairwise(levels))
    yield "read", f"about {window_us // levels[-1] + ends} cells of an entity at most; the open tile too, for today"
    yield "error", f"none at the beginning: every day in {zone} begins at the edge of a tile"


def _estimates(plan: ViewPlan, feature: PlannedFeature) -> Iterator[tuple[str, str]]:
    """What is no exact value."""
    kinds = [_partial(plan, part, name).kind for part in feature.parts for name in part.partials]
    for kind in dict.fromkeys(kinds):
        if kind in ESTIMATES:
            yield "estimate", f"{ESTIMATES[kind]}; no knob changes that"


def _partial(plan: ViewPlan, part: PlannedFeature, name: str) -> Partial:
    """A partial of a part's group."""
    return plan.group(part.group).partial(name)
