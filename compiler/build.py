"""From a view as written to its plan: tile groups, partials, levels, retention and fingerprints."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from headrace.compiler.plan import (
    ARRIVED,
    FIELDS,
    MEMBERS_ID,
    Column,
    Location,
    MemberPlan,
    Partial,
    PlannedFeature,
    PlannedOnDemand,
    SourcePlan,
    TileGroup,
    ViewPlan,
    fingerprint_of,
    is_as_of,
)
from headrace.compiler.tiles import DAY_US, levels_of, tail_tile
from headrace.features.aggregate import Aggregate
from headrace.features.coercion import cast
from headrace.features.column import SourceColumn
from headrace.features.local_day import LONGER_AT_MOST_US
from headrace.features.on_demand import OnDemandFeature
from headrace.features.scalar import ELEMENT, FLOAT, Scalar, is_list
from headrace.features.source import DeltaTable, IcebergTable, KafkaTopic, SourceSchema
from headrace.features.view import Feature, View

#: The partials that each function merges. The sum of no values is NULL, which tells it from a sum of 0.
PARTIALS: dict[str, tuple[str, ...]] = {
    "count": ("count",),
    "sum": ("sum",),
    "mean": ("sum", "count"),
    "min": ("min",),
    "max": ("max",),
    "std": ("moments",),
    "var": ("moments",),
    "first": ("first",),
    "last": ("last",),
    "last_n": ("newest",),
    "count_distinct": ("distinct",),
    "quantile": ("buckets",),
    "quantiles": ("buckets",),
    "top_k": ("tally",),
}
#: Kinds of partials that keep so many rows as their features ask for; from others a read takes what it wants.
SIZED = frozenset({"newest"})
#: Kinds of partials that are of floats, whatever the column is.
OF_FLOATS = frozenset({"moments", "buckets"})


class _Part(NamedTuple):
    """One aggregate of a feature: its only one, or one side of a ratio."""

    feature: Feature
    aggregate: Aggregate


def plan_view(view: View) -> ViewPlan:
    """The plan of a view. It depends on what is computed, never on owner, docstring or place (the fingerprints)."""
    parts = [part for feature in view.features for part in _parts(feature)]
    source = _source_plan(view.source, parts)
    members: dict[str, list[_Part]] = {}
    for part in parts:
        members.setdefault(_group_identity(part), []).append(part)
    identity = _source_identity(source, parts)
    groups = {key: _group(source, identity, parts) for key, parts in members.items()}
    features = tuple(_planned(feature, groups, source) for feature in view.features)
    on_demand = tuple(map(_on_demand, view.on_demand))
    return ViewPlan(
        name=view.name,
        version=_version(view, features, on_demand, identity),
        owner=view.owner,
        description=view.description,
        source=source,
        groups=tuple(groups.values()),
        features=features,
        clock=view.clock,
        where=str(view.where),
        knobs=view.knobs,
        on_demand=on_demand,
    )


def judged_by(view: View) -> tuple[tuple[str, ...], list[str], list[str], list[str]]:
    """What its features add to the rules by which rows are accepted: what copies share, guards, calls and joins."""
    parts = [part for feature in view.features for part in _parts(feature)]
    return _same_in(view.source, parts), _guards(parts), _calls(parts), _looked_up(parts)


def _parts(feature: Feature) -> list[_Part]:
    """The aggregates of a feature, each with the feature."""
    return [_Part(feature, aggregate) for aggregate in feature.aggregate.parts]


def _version(
    view: View, features: tuple[PlannedFeature, ...], on_demand: tuple[PlannedOnDemand, ...], identity: Any
) -> str:
    """The view's fingerprint: what each feature is computed from and over which window."""
    computed = [_on_demand_contents(one) for one in on_demand]
    return fingerprint_of([view.name, view.clock, identity, list(map(_contents, features)), *computed])


def _contents(f: PlannedFeature) -> list[Any]:
    """Whatever of a feature decides its value."""
    own = [f.name, f.function, f.group, list(f.partials), f.window_us, f.tail_us, f.lag_us, f.type]
    days = [f.zone] if f.zone else []
    return [*own, list(map(_contents, f.operands)), *f.per_million, *([f.size] if f.size else []), *days]


def _on_demand_contents(one: PlannedOnDemand) -> list[Any]:
    """Whatever of an on-demand feature decides its value; what its inputs are is in the view's fingerprint too."""
    request = [[column.name, column.type, column.optional, list(column.choices)] for column in one.request]
    return [one.name, one.scalar.text(), one.type, request]


def _on_demand(one: OnDemandFeature) -> PlannedOnDemand:
    """An on-demand feature as a part of the plan."""
    request = tuple(map(_column, one.request))
    return PlannedOnDemand(one.name, one.scalar, one.inputs, request, one.description, str(one.where))


def plan_source(schema: SourceSchema) -> SourcePlan:
    """The plan of a source whose rows are read as they are, for no features."""
    return _source_plan(schema, ())


def _source_plan(schema: SourceSchema, parts: Iterable[_Part]) -> SourcePlan:
    """A source's declaration as a part of the plan, for features of these parts."""
    return SourcePlan(
        name=schema.name,
        columns=tuple(_column(column) for column in schema.columns),
        history=_location(schema.history),
        live=_location(schema.live),
        event_time=schema.event_time,
        arrival_time=ARRIVED if schema.members else schema.arrival_time,
        max_delay_us=schema.time.max_delay_us,
        allowed_lateness_us=schema.allowed_lateness_us,
        earliest_us=schema.earliest_us,
        max_future_us=schema.max_future_us,
        zone=schema.time.zone,
        unit=schema.time.unit,
        same_in=_same_in(schema, parts),
        members=tuple(MemberPlan(_member_plan(schema, member.source), member.filled) for member in schema.members),
    )


def _member_plan(union: SourceSchema, schema: SourceSchema) -> SourcePlan:
    """A source of a union; where the union has an id, its own tells no copies."""
    return _source_plan(schema if union.unique_by is None else replace(schema, unique_by=None), ())


def _same_in(schema: SourceSchema, parts: Iterable[_Part]) -> tuple[str, ...]:
    """What copies of a row agree in: id, event time, and what features read.

    In a union the ids of each source are its own, unless the union has an id.
    """
    by_source = any(member.source.unique_by is not None for member in schema.members)
    id_ = schema.unique_by or (MEMBERS_ID.name if by_source else None)
    if id_ is None:
        return ()
    read = {".".join(_down_to_list(schema.columns, path)) for part in parts for path in _paths_of(part)}
    return (id_, schema.event_time, *sorted(read - {id_, schema.event_time}))


def _down_to_list(columns: Iterable[SourceColumn], path: tuple[str, ...]) -> tuple[str, ...]:
    """A path as far as the first list on it: copies agree in all elements."""
    if not path:
        return ()
    found = next(column for column in columns if column.name == path[0])
    return path[:1] + (() if is_list(found.type) else _down_to_list(found.fields, path[1:]))


def _compared(source: SourcePlan) -> Iterator[tuple[str, ...]]:
    """The paths of all parts of the lists that copies agree in, whichever of them a feature reads."""
    for path in source.same_in:
        column = source.part(path)
        if is_list(column.type):
            yield from _paths_within(column, tuple(path.split(".")))


def _paths_within(column: Column, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The path of a column, and those of its parts."""
    yield path
    for field in column.fields:
        yield from _paths_within(field, (*path, field.name))


def _column(column: SourceColumn) -> Column:
    """A declared column as a part of the plan."""
    return Column(column.name, column.type, column.optional, column.choices, tuple(map(_column, column.fields)))


def _location(leg: IcebergTable | DeltaTable | KafkaTopic | None) -> Location | None:
    """Where a leg lies, as values."""
    if leg is None:
        return None
    if isinstance(leg, DeltaTable):
        return Location("delta", leg.path)
    return Location("kafka" if isinstance(leg, KafkaTopic) else "iceberg", leg.name)


def _group_identity(part: _Part) -> str:
    """What features of one source must share to share tiles: filter, keys and finest tile."""
    condition = part.aggregate.filter
    keys = [key.name for key in part.aggregate.keys]
    return fingerprint_of([keys, condition.text() if condition else None, part.feature.tile_us])


def _source_identity(source: SourcePlan, parts: Iterable[_Part]) -> Any:
    """Whatever of the source decides which rows are accepted, and with which values; of a union, of its members too.

    An optional column or field that no feature reads is left out, so adding one keeps fingerprints. An optional key
    makes rows without it dead letters for the whole view, hence the guards; so does a function that raises, hence the
    calls, and a dimension that is not complete yet. Which version of it is pinned goes by the table, so its columns
    count too. Where rows have copies, a column more that is read may let more rows count, and so may a field more in a
    list that they agree in.
    """
    used = {path for part in parts for path in _paths_of(part)} | set(_compared(source))
    calls, guards = _calls(parts), _guards(parts)
    copies = [list(source.same_in)] if source.same_in else []
    joins = [{"dimensions": found}] if (found := _looked_up(parts)) else []
    members = [[_member_identity(source, member, used) for member in source.members]] if source.members else []
    return [*_own_identity(source, used), guards, *copies, *([calls] if calls else []), *joins, *members]


def _own_identity(source: SourcePlan, used: Collection[tuple[str, ...]]) -> list[Any]:
    """Where the rows of a source are and by which rules they are judged, as far as paths of columns are used."""
    limits = [source.allowed_lateness_us, source.earliest_us, source.max_future_us]
    legs = [[leg.kind, leg.name] if leg else None for leg in (source.history, source.live)]
    shapes = _shapes(source.columns, used)
    times = [source.event_time, source.arrival_time, source.zone, source.unit]
    return [source.name, legs, times, limits, sorted(shapes)]


def _member_identity(union: SourcePlan, member: MemberPlan, used: Collection[tuple[str, ...]]) -> Any:
    """Whatever of a union's source decides which of its rows are accepted, and what they fill columns with."""
    named = zip(union.columns, member.filled, strict=True)
    filled = {column.name: scalar for column, scalar in named if (column.name,) in used or not column.optional}
    read = {path for scalar in filled.values() for path in scalar.paths()}
    filling = sorted([name, scalar.text(), scalar.type] for name, scalar in filled.items())
    return [_own_identity(member.source, read), list(member.source.same_in), filling]


def _shapes(columns: Iterable[Column], used: Collection[tuple[str, ...]]) -> list[list[Any]]:
    """What the columns are that features read, or that must be there; `used` are the paths that features read."""
    needed = [column for column in columns if not column.optional or any(path[:1] == (column.name,) for path in used)]
    return [_shape(column, {path[1:] for path in used if path[:1] == (column.name,)}) for column in needed]


def _shape(column: Column, used: Collection[tuple[str, ...]]) -> list[Any]:
    """What a column is, and those of its fields that count."""
    own = [column.name, column.type, column.optional, list(column.choices)]
    # Of a list the element is always part of what it is.
    whole = [(ELEMENT,)] if is_list(column.type) else []
    return [*own, *([sorted(_shapes(column.fields, [*used, *whole]))] if column.fields else [])]


def _paths_of(part: _Part) -> set[tuple[str, ...]]:
    """The columns that a feature reads, and of structs the fields."""
    return {(key.name,) for key in part.aggregate.keys}.union(*(scalar.paths() for scalar in part.aggregate.scalars))


def _calls(parts: Iterable[_Part]) -> list[str]:
    """The calls of functions, which may fail on a row."""
    return sorted({call.text() for part in parts for scalar in part.aggregate.scalars for call in scalar.calls()})


def _looked_up(parts: Iterable[_Part]) -> list[str]:
    """The columns of dimensions that are read."""
    lookups = (lookup for part in parts for scalar in part.aggregate.scalars for lookup in scalar.lookups())
    return sorted({f"{lookup.dimension.reference}.{lookup.value}" for lookup in lookups if lookup.dimension})


def _guards(parts: Iterable[_Part]) -> list[str]:
    """The optional keys, each with its filter."""
    return sorted({_guard(part, key) for part in parts for key in part.aggregate.keys if key.optional})


def _guard(part: _Part, key: SourceColumn) -> str:
    """An optional key with the filter under which it must not be NULL."""
    condition = part.aggregate.filter
    return f"{key.name} where {condition.text() if condition else 'true'}"


def _group(source: SourcePlan, identity: Any, parts: list[_Part]) -> TileGroup:
    """The tile group of features that share filter, keys and finest tile."""
    first = parts[0]
    widths = [width for part in parts for width in _widths(part.feature)]
    levels = levels_of(widths, first.feature.tile_us, lifetime=any(map(_is_lifetime, parts)))
    partials = {partial.name: partial for part in parts for partial in _partials(part, source)}
    ordered = tuple(partials[name] for name in sorted(partials))
    keys = tuple(_column(key) for key in first.aggregate.keys)
    condition = first.aggregate.filter
    retentions = tuple(_retention(source, parts, levels, level) for level in levels)
    contents = [
        identity,
        condition.text() if condition else None,
        [[key.name, key.type] for key in keys],
        [[partial.name, partial.argument.text(), partial.argument.type] for partial in ordered],
        list(levels),
        # Tiles that expire sooner than a wider window needs are other tiles; a window inside the retention reuses them.
        list(retentions),
    ]
    return TileGroup(fingerprint_of(contents), keys, condition, levels, ordered, retentions)


def _widths(feature: Feature) -> list[int]:
    """The widths by which levels are chosen: days of a calendar begin and end at an hour, seldom at a day in UTC."""
    window_us = feature.window_us
    return [] if window_us is None else [window_us, DAY_US] if feature.zone else [window_us]


def _reach(feature: Feature, finest_us: int) -> Iterator[int]:
    """How far back a window may begin: its width, lag, and rounding, or by how much days can be longer than 24 h."""
    if feature.window_us is not None:
        more = LONGER_AT_MOST_US if feature.zone else tail_tile(feature.window_us, finest_us)
        yield feature.window_us + feature.lag_us + more


def _is_as_of(part: _Part) -> bool:
    """Whether the newest of the finest tiles is read, however old it is."""
    return is_as_of(part.aggregate.function, part.feature.window_us)


def _is_lifetime(part: _Part) -> bool:
    """Whether all tiles since ever are merged."""
    return part.feature.window_us is None and not _is_as_of(part)


def _retention(source: SourcePlan, parts: list[_Part], levels: tuple[int, ...], level: int) -> int | None:
    """How long a tile of a level may be read after its end, by whatever reads it longest; None: always.

    A window reads it for its width, rounding and lag, a lifetime until the tile of the next level is done; both get the
    source's delay and lateness on top.
    """
    reaches = [reach for part in parts for reach in _reach(part.feature, levels[0])]
    lifetime = any(map(_is_lifetime, parts))
    if (lifetime and level == levels[-1]) or (level == levels[0] and any(map(_is_as_of, parts))):
        return None
    if lifetime:
        reaches.append(levels[levels.index(level) + 1])
    return max(reaches) + source.max_delay_us + source.allowed_lateness_us


def _partials(part: _Part, source: SourcePlan) -> tuple[Partial, ...]:
    """The partials that a feature merges; none for a count of rows, which is `n`."""
    aggregate = part.aggregate
    if aggregate.argument is None:
        return ()
    x = argument_name(aggregate.argument, source)
    kinds = PARTIALS[aggregate.function]
    argument = aggregate.argument if OF_FLOATS.isdisjoint(kinds) else cast(aggregate.argument, FLOAT)
    return tuple(Partial(kind, x, argument, aggregate.size if kind in SIZED else 0) for kind in kinds)


def argument_name(argument: Scalar, source: SourcePlan) -> str:
    """The `X` of field names: a column's name, or `x` and eight hex digits for an expression.

    A column such as `amt_us` beside `amt` is named like an expression: `last_amt_us` is a field of the last `amt`.
    """
    if argument.op != "column":
        return f"x{fingerprint_of(argument.text())}"
    name = str(argument.value)
    ends = [end for suffixes in FIELDS.values() for end, _ in suffixes if end and name.endswith(end)]
    ambiguous = {name.removesuffix(end) for end in ends} & {column.name for column in source.columns}
    return f"x{fingerprint_of(name)}" if ambiguous else name


def _planned(feature: Feature, groups: Mapping[str, TileGroup], source: SourcePlan) -> PlannedFeature:
    """A feature as a part of the plan; a ratio is one by its operands."""
    planned = [_planned_part(part, groups[_group_identity(part)], source) for part in _parts(feature)]
    if len(planned) == 1:
        return planned[0]
    ratio = feature.aggregate
    return replace(planned[0], function=ratio.function, partials=(), type=ratio.type, operands=tuple(planned))


def _planned_part(part: _Part, group: TileGroup, source: SourcePlan) -> PlannedFeature:
    """One aggregate of a feature as a part of the plan."""
    feature, aggregate = part
    window = feature.window_us
    return PlannedFeature(
        name=feature.name,
        function=aggregate.function,
        group=group.fingerprint,
        partials=tuple(partial.name for partial in _partials(part, source)),
        type=aggregate.type,
        window_us=window,
        tail_us=None if window is None else group.finest_us if feature.zone else tail_tile(window, group.finest_us),
        transformation=feature.transformation,
        description=feature.description,
        where=str(feature.where),
        lag_us=feature.lag_us,
        size=aggregate.size,
        per_million=aggregate.per_million,
        zone=feature.zone,
    )
