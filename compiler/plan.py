"""The plan of a view: everything that building the job and serving its features need, as values.

A plan read back from the registry is enough to emit SQL, to create tables and to serve: the user's file is not loaded.
All times are µs; types are those of the language (`int`, `float`, `str`, `bool`, `datetime`) plus `bytes` and `int32`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from headrace.compiler.codec import decode, encode
from headrace.compiler.tiles import LIFETIME_LEVELS_US
from headrace.errors import NotFoundError, SettingsError, did_you_mean
from headrace.features.knobs import UNSET, Knobs
from headrace.features.scalar import DATETIME, ELEMENT, FLOAT, INT, STR, Scalar, column, held_type, is_list

#: Cassandra refuses names of tables and types beyond 48 characters; a tile table's type is its name and `_cell`.
MAX_TABLE_NAME = 48 - len("_cell")
CELL_COUNT = "n"


@dataclass(frozen=True, slots=True)
class Column:
    """A named, typed column or field. `optional`: NULL is allowed. `choices`: the only allowed values, if any.

    `fields` are those of a struct, or the element of a list; they are columns themselves.
    """

    name: str
    type: str
    optional: bool = False
    choices: tuple[str, ...] = ()
    fields: tuple[Column, ...] = ()

    @property
    def required_paths(self) -> list[str]:
        """What of it must be there, as the live stream's option lists it.

        >>> os = Column("os", "str")
        >>> Column("device", "struct", optional=True, fields=(os,)).required_paths
        ['device.os']
        >>> Column("tags", "list[str]", fields=(Column("element", "str"),)).required_paths
        ['tags', 'tags[]']
        >>> Column("bags", "list[struct]", True, (), (Column("element", "struct", True, (), (os,)),)).required_paths
        ['bags[].os']
        """
        own = [] if self.optional else [self.name]
        if is_list(self.type):
            parts = [path.removeprefix(ELEMENT) for path in self.fields[0].required_paths]
            return [*own, *(f"{self.name}[]{part}" for part in parts)]
        return [*own, *(f"{self.name}.{path}" for field in self.fields for path in field.required_paths)]

    @property
    def words(self) -> str:
        """What its values are.

        >>> Column("note", "str", choices=("gift", "own")).words, Column("amt", "float", optional=True).words
        ("one of 'gift', 'own'", 'a finite float or NULL')
        """
        kind = f"one of {', '.join(map(repr, self.choices))}" if self.choices else self.type
        kind = {FLOAT: "a finite float", DATETIME: "an instant with a zone"}.get(kind, kind)
        return f"{kind} or NULL" if self.optional else kind


#: When a row of a union arrived, by the arrival time of its source.
ARRIVED = "_arrived"
#: The id of a row of a union whose sources say what their rows are unique by; NULL where a source does not.
MEMBERS_ID = Column("_id", STR, optional=True)


@dataclass(frozen=True, slots=True)
class Location:
    """Where one leg of a source lies: `kind` is `iceberg`, `delta` or `kafka`; `name` a table, path or topic."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source: its columns, its two legs, and the rules by which a row is accepted.

    `same_in`: what copies of a row agree in, by the `value`s' paths, its id first; none where every row counts. A union
    has no legs but `members`, whose rules decide about rows; of its own limits each is the widest of theirs.
    """

    name: str
    columns: tuple[Column, ...]
    history: Location | None
    live: Location | None
    event_time: str
    arrival_time: str
    max_delay_us: int
    allowed_lateness_us: int
    earliest_us: int
    max_future_us: int
    zone: str | None = None
    unit: str | None = None
    same_in: tuple[str, ...] = ()
    members: tuple[MemberPlan, ...] = ()

    @property
    def parts(self) -> tuple[SourcePlan, ...]:
        """The sources that rows are read of: those of a union, or this one."""
        return tuple(member.source for member in self.members) or (self,)

    def allowing(self, lateness_us: int) -> SourcePlan:
        """This source with another allowed lateness (µs), its members too."""
        members = tuple(replace(one, source=one.source.allowing(lateness_us)) for one in self.members)
        return replace(self, allowed_lateness_us=lateness_us, members=members)

    def beside(self, more: Column) -> SourcePlan:
        """This source with one column more, in which copies agree too; all members of a union have it."""
        same_in = (*self.same_in, more.name) if self.same_in else ()
        filling = column(more.name, more.type)
        members = tuple(MemberPlan(one.source.beside(more), (*one.filled, filling)) for one in self.members)
        return replace(self, columns=(*self.columns, more), same_in=same_in, members=members)

    @property
    def unique_by(self) -> str | None:
        """The column of the id by which copies of a row are known; None: every row counts."""
        return self.same_in[0] if self.same_in else None

    @property
    def copies_within_us(self) -> int:
        """How long after an accepted row (arrival time, µs) a copy of it may be accepted; 0 where every row counts.

        Both are neither too late nor too early for the event time that they share.
        """
        return self.allowed_lateness_us + self.max_future_us if self.same_in else 0

    def value(self, path: str) -> Scalar:
        """A column, or the field of a struct that names with points between lead to; LookupError without the column."""
        above, _, name = path.rpartition(".")
        part = self.part(path)
        return Scalar("field", part.type, (self.value(above),), name) if above else column(name, part.type)

    def part(self, path: str) -> Column:
        """What is declared of such a value; LookupError without the column."""
        name, *fields = path.split(".")
        found = self.column(name)
        for name in fields:
            found = next(field for field in found.fields if field.name == name)
        return found

    def column(self, name: str) -> Column:
        """The column `name`; LookupError when there is none."""
        known = (*self.columns, MEMBERS_ID) if self.members else self.columns
        found = next((column for column in known if column.name == name), None)
        if found is None:
            msg = f"source {self.name}: no column {name!r}"
            raise LookupError(msg)
        return found


@dataclass(frozen=True, slots=True)
class MemberPlan:
    """A source of a union, and what of its rows fills each of the union's columns, in their order."""

    source: SourcePlan
    filled: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Partial:
    """One aggregate kept in the cells of a tile group.

    `kind` is one of `FIELDS`, such as `count` or `moments`; `x` names the aggregated expression; `size`: how many rows
    are kept, by what keeps several.
    """

    kind: str
    x: str
    argument: Scalar
    size: int = 0

    @property
    def name(self) -> str:
        """What features refer to it by; also its only or first field, except for moments.

        >>> from headrace.features.scalar import column
        >>> Partial("sum", "amt", column("amt", "float")).name
        'sum_amt'
        """
        return f"{self.kind}{self.size or ''}_{self.x}"

    @property
    def value_type(self) -> str:
        """The stored type of the argument: instants are kept as µs, because Cassandra's timestamp holds only ms."""
        return held_type(self.argument.type)

    @property
    def fields(self) -> tuple[Column, ...]:
        """Its fields in the cell, in order.

        >>> from headrace.features.scalar import column
        >>> [field.name for field in Partial("moments", "amt", column("amt", "float")).fields]
        ['moments_amt_n', 'moments_amt_mean', 'moments_amt_m2']
        """
        stored = self.value_type
        return tuple(Column(f"{self.name}{end}", type_ or stored, optional=True) for end, type_ in FIELDS[self.kind])


#: Where a value stands among the events: event time, then partition and offset.
PLACE = (("_us", "int"), ("_partition", "int32"), ("_offset", "int"))
#: Fields of each kind of partial: suffix of the name, and type (None: the argument's).
FIELDS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "count": (("", "int"),),
    "sum": (("", None),),
    "min": (("", None),),
    "max": (("", None),),
    "moments": (("_n", "int"), ("_mean", "float"), ("_m2", "float")),
    "first": (("", None), *PLACE),
    "last": (("", None), *PLACE),
    "newest": (("", "bytes"),),
    "distinct": (("", "bytes"),),
    "buckets": (("", "bytes"),),
    "tally": (("", "bytes"),),
}


@dataclass(frozen=True, slots=True)
class TileGroup:
    """Features that share one tile table: same source, filter, keys and finest tile.

    `filter` None lets every row in; a condition that is NULL lets none in. `retentions_us`: for each level how long a
    tile may be read after its end; None: for ever.
    """

    fingerprint: str
    keys: tuple[Column, ...]
    filter: Scalar | None
    levels_us: tuple[int, ...]
    partials: tuple[Partial, ...]
    retentions_us: tuple[int | None, ...]

    @property
    def finest_us(self) -> int:
        """Width of the finest tile in µs."""
        return self.levels_us[0]

    @property
    def rolling_levels_us(self) -> tuple[int, ...]:
        """The levels of tiles that are done within days."""
        return tuple(level for level in self.levels_us if level not in LIFETIME_LEVELS_US)

    @property
    def lifetime_levels_us(self) -> tuple[int, ...]:
        """The levels of tiles that stay open for months or years; none where all features have windows."""
        return tuple(level for level in self.levels_us if level in LIFETIME_LEVELS_US)

    def retention_us(self, level_us: int) -> int | None:
        """How long a tile of a level may be read after its end; None: for ever."""
        return self.retentions_us[self.levels_us.index(level_us)]

    @property
    def cell(self) -> tuple[Column, ...]:
        """All fields of a cell, in order: `n`, then those of each partial."""
        return (Column(CELL_COUNT, INT), *(field for partial in self.partials for field in partial.fields))

    @property
    def argument_columns(self) -> dict[str, str]:
        """The column, in either engine's SQL, that holds each different argument, by the argument's text."""
        texts = dict.fromkeys(partial.argument.text() for partial in self.partials)
        return {text: f"_arg{number}" for number, text in enumerate(texts, start=1)}

    def partial(self, name: str) -> Partial:
        """The partial `name`; KeyError when the group has none."""
        return {partial.name: partial for partial in self.partials}[name]


@dataclass(frozen=True, slots=True)
class PlannedFeature:
    """One feature: which partials of which group it merges, over which window, by which function.

    `window_us` and `tail_us` are None for what has no window. `group` is the fingerprint of its tile group.
    `type` is the type of the value; a `datetime` is stored as µs. The window ends `lag_us` before the asked time. With
    a `zone` it is of calendar days there: both widths are numbers of days, times 24 h.
    `size` is the n of `last_n` and the k of `top_k`, `per_million` the shares of quantiles. A ratio has no partials:
    `operands` are its numerator and denominator, and `group` is the numerator's.
    """

    name: str
    function: str
    group: str
    partials: tuple[str, ...]
    type: str
    window_us: int | None = None
    tail_us: int | None = None
    transformation: str = ""
    description: str = ""
    where: str = ""
    lag_us: int = 0
    operands: tuple[PlannedFeature, ...] = ()
    size: int = 0
    per_million: tuple[int, ...] = ()
    zone: str | None = None

    @property
    def parts(self) -> tuple[PlannedFeature, ...]:
        """What is merged from cells: itself, or the operands of a ratio, which may be of two groups."""
        return self.operands or (self,)

    @property
    def is_as_of(self) -> bool:
        """Whether the newest tile alone decides."""
        return is_as_of(self.function, self.window_us)


@dataclass(frozen=True, slots=True)
class PlannedOnDemand:
    """A feature that is computed when it is asked for: a scalar over columns named as the view's features and requests.

    `inputs` are the features with tiles that it reads, `request` the request columns.
    """

    name: str
    scalar: Scalar
    inputs: tuple[str, ...]
    request: tuple[Column, ...]
    description: str = ""
    where: str = ""

    @property
    def type(self) -> str:
        """The type of its value."""
        return self.scalar.type


def is_as_of(function: str, window_us: int | None) -> bool:
    """Whether a feature is an as-of value: its newest tile decides. All else without a window merges its lifetime.

    >>> is_as_of("last", None), is_as_of("sum", None)
    (True, False)
    """
    return function == "last" and window_us is None


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """One version of a view. `clock` is `wall` or `event`; `version` is the view's fingerprint, without the `knobs`."""

    name: str
    version: str
    owner: str
    description: str
    source: SourcePlan
    groups: tuple[TileGroup, ...]
    features: tuple[PlannedFeature, ...]
    clock: str
    where: str = ""
    knobs: Knobs = UNSET
    on_demand: tuple[PlannedOnDemand, ...] = ()

    @property
    def allowed_lateness_us(self) -> int:
        """How much older than its arrival a row may be and still be folded in."""
        return self.source.allowed_lateness_us

    def group(self, fingerprint: str) -> TileGroup:
        """The tile group with this fingerprint; KeyError when there is none."""
        return {group.fingerprint: group for group in self.groups}[fingerprint]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all features, those with tiles first."""
        return (*(one.name for one in self.features), *(one.name for one in self.on_demand))

    def feature(self, name: str) -> PlannedFeature:
        """The feature with tiles `name`; NotFoundError, with a suggestion, when there is none."""
        known = {feature.name: feature for feature in self.features}
        if name not in known:
            msg = f"view {self.name}: no feature {name!r}; {did_you_mean(name, known)}"
            raise NotFoundError(msg)
        return known[name]

    def any_feature(self, name: str) -> PlannedFeature | PlannedOnDemand:
        """The feature `name`, with tiles or on demand; NotFoundError, with a suggestion, when there is none."""
        found: list[PlannedFeature | PlannedOnDemand] = [*self.features, *self.on_demand]
        known = {one.name: one for one in found}
        if name not in known:
            msg = f"view {self.name}: no feature {name!r}; {did_you_mean(name, known)}"
            raise NotFoundError(msg)
        return known[name]

    def tiled_inputs(self, name: str) -> tuple[str, ...]:
        """The feature with tiles `name` itself, or those that the one on demand reads; errors as `any_feature`'s."""
        found = self.any_feature(name)
        return (name,) if isinstance(found, PlannedFeature) else found.inputs

    def keys_of(self, one: PlannedFeature | PlannedOnDemand) -> tuple[Column, ...]:
        """The keys of a feature; of one on demand those of all its inputs, none where it reads request columns only."""
        if isinstance(one, PlannedFeature):
            return self.group(one.group).keys
        return tuple(dict.fromkeys(key for name in one.inputs for key in self.keys_of(self.feature(name))))

    def features_of(self, group: TileGroup) -> tuple[PlannedFeature, ...]:
        """The features computed from one tile group, in the view's order."""
        return tuple(feature for feature in self.features if feature.group == group.fingerprint)

    def parts_of(self, group: TileGroup) -> tuple[PlannedFeature, ...]:
        """What is merged from the cells of one tile group, for features of this group and of others."""
        parts = (part for feature in self.features for part in feature.parts)
        return tuple(part for part in parts if part.group == group.fingerprint)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = encode(self)
        return plain

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ViewPlan:
        """The plan from `to_dict`'s values; SettingsError for one that another version of headrace wrote."""
        try:
            return decode(cls, data)
        except TypeError as error:
            what = f"view {data.get('name')}, version {data.get('version')}"
            msg = f"{what}: planned by another version of headrace ({error}); backfill the view again"
            raise SettingsError(msg) from error

    def to_json(self) -> str:
        """The plan as JSON text, keys sorted, so that equal plans are equal texts."""
        return json.dumps(self.to_dict(), sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ViewPlan:
        """The plan from `to_json`'s text."""
        return cls.from_dict(json.loads(text))


def fingerprint_of(value: Any) -> str:
    """Eight hex digits of a JSON value's SHA-256; equal in every process and on every machine.

    >>> fingerprint_of({"b": 1, "a": [2]}) == fingerprint_of({"a": [2], "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def table_name(project: str, view: str, fingerprint: str, generation: int) -> str:
    """The physical name of a tile group's table, the same in Cassandra and Iceberg.

    A name too long for Cassandra keeps its start and gets four digits of a hash, so that two long names stay two.

    >>> table_name("demo", "fraud_features", "0a1b2c3d", 1)
    'demo_fraud_features_0a1b2c3d_g1'
    """
    stem, tail = f"{project}_{view}", f"_{fingerprint}_g{generation}"
    room = MAX_TABLE_NAME - len(tail)
    if len(stem) > room:
        stem = f"{stem[: room - 5]}_{fingerprint_of(stem)[:4]}"
    return stem + tail
