"""Sources: typed rows with an event time, archived in one place and arriving live in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from headrace.errors import DefinitionError, did_you_mean
from headrace.features.column import SourceColumn, annotations_of, column_of
from headrace.features.duration import parse_duration
from headrace.features.instant import instant_us
from headrace.features.local_day import checked_zone
from headrace.features.place import Place, calling_frame
from headrace.features.scalar import Scalar
from headrace.features.table_name import split_name

#: The archive's own time column: Kafka's LogAppendTime, the default arrival time.
SRC_TIMESTAMP = "_src_timestamp"
#: Nothing recorded by a computer of today is older; a clock at its epoch (1970) is absurd, not early.
DEFAULT_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
TIME_UNITS = ("us", "ms", "s")


@dataclass(frozen=True, slots=True)
class IcebergTable:
    """Archived rows: an Iceberg table by `namespace.table`."""

    name: str


@dataclass(frozen=True, slots=True)
class DeltaTable:
    """Archived rows: a Delta table by its path or URL."""

    path: str


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """Live rows: a Kafka topic."""

    name: str


@dataclass(frozen=True, slots=True)
class EventTime:
    """Marks the event-time column. `zone`: of naive times; `unit` (us, ms, s): of numeric times in JSON."""

    max_delay_us: int
    zone: str | None
    unit: str | None


def event_time(max_delay: str = "5s", zone: str | None = None, unit: str | None = None) -> Any:
    """The event-time column of a source: `ts: datetime = event_time(max_delay="5s")`.

    `max_delay` is how far rows may be out of order before results wait no longer; it drops nothing. Without `zone` a
    time without offset is refused, without `unit` a number is. DefinitionError for a zone or a unit that is none.

    >>> event_time("1m").max_delay_us
    60000000
    """
    if unit is not None and unit not in TIME_UNITS:
        msg = f"event_time(unit={unit!r}): expected one of {', '.join(TIME_UNITS)}"
        raise DefinitionError(msg)
    known = None if zone is None else checked_zone(zone, "event_time(zone)")
    return EventTime(parse_duration(max_delay), known, unit)


@dataclass(frozen=True, slots=True)
class MemberSchema:
    """A source of a union, and what of its rows fills each of the union's columns, in their order."""

    source: SourceSchema
    filled: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class SourceSchema:
    """All that a source class declares, as values. Durations and instants in µs.

    A union has `members`, which say where its rows are and by which rules they are judged.
    """

    name: str
    description: str
    columns: tuple[SourceColumn, ...]
    history: IcebergTable | DeltaTable | None
    live: KafkaTopic | None
    event_time: str
    time: EventTime
    arrival_time: str
    allowed_lateness_us: int
    earliest_us: int
    max_future_us: int
    where: Place
    unique_by: str | None = None
    members: tuple[MemberSchema, ...] = ()

    @property
    def declared(self) -> SourceSchema:
        """What decides about rows and values: the schema without its description and places."""
        members = tuple(replace(member, source=member.source.declared) for member in self.members)
        return replace(self, description="", where=Place("", 0), members=members)


class Source:
    """Base of all sources: annotate the columns, mark the event time, say where history and live rows are.

    Options: `arrival_time` (a datetime column; default: Kafka's append time), `allowed_lateness`, `max_future`
    (durations), `earliest` (a datetime with a zone) and `unique_by` (the column of an id: of rows that say the same one
    counts). DefinitionError for anything that cannot be meant.

    >>> class Clicks(Source):
    ...     live = KafkaTopic("clicks")
    ...     user: str
    ...     at: datetime = event_time()
    >>> [column.name for column in Clicks.schema.columns]
    ['user', 'at']
    """

    history: ClassVar[IcebergTable | DeltaTable | None] = None
    live: ClassVar[KafkaTopic | None] = None
    arrival_time: ClassVar[str] = SRC_TIMESTAMP
    allowed_lateness: ClassVar[str] = "1d"
    earliest: ClassVar[datetime] = DEFAULT_EARLIEST
    max_future: ClassVar[str] = "1d"
    unique_by: ClassVar[str | None] = None
    schema: ClassVar[SourceSchema]

    if TYPE_CHECKING:
        # In a transformation the parameter annotated with a source is a stream of it, whose results are traced.
        def __getitem__(self, item: Any) -> Any: ...
        def groupby(self, keys: str | list[str]) -> Any:  # noqa: D102
            ...

        def assign(self, **columns: Any) -> Any:  # noqa: D102
            ...

        def asof_join(self, dimension: Any, by: str | list[str] | None = None, prefix: str = "") -> Any:  # noqa: D102
            ...

        def lookup(self, dimension: Any, by: str | list[str] | None = None, prefix: str = "") -> Any:  # noqa: D102
            ...

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        if not abstract:
            frame = calling_frame()
            where = Place(frame.f_code.co_filename, frame.f_lineno)
            hints = annotations_of(cls, frame, f"{where}: source {cls.__name__}")
            cls.schema = cls._declared(hints, where)

    @classmethod
    def _declared(cls, hints: Mapping[str, Any], where: Place) -> SourceSchema:
        """What the class declares, checked."""
        return _schema_of(cls, hints, where)


OPTIONS = ("history", "live", "arrival_time", "allowed_lateness", "earliest", "max_future", "unique_by")
#: Types of ids: what 0.1 + 0.2 is, or when something happened, names nothing.
ID_TYPES = ("str", "int")


def _schema_of(cls: type[Source], hints: Mapping[str, Any], where: Place) -> SourceSchema:
    """The checked schema of a source class."""
    at = f"{where}: source {cls.__name__}"
    _check_options(cls, hints, at)
    columns = tuple(column_of(name, hint, where, at) for name, hint in hints.items())
    time_name, time = event_time_of(cls, columns, at)
    return SourceSchema(
        name=cls.__name__,
        description=(cls.__dict__.get("__doc__") or "").strip(),
        columns=columns,
        history=checked_option(cls, "history", (IcebergTable, DeltaTable), at),
        live=checked_option(cls, "live", (KafkaTopic,), at),
        event_time=time_name,
        time=time,
        arrival_time=_arrival_of(cls, columns, at),
        allowed_lateness_us=duration_of(cls, "allowed_lateness", at),
        earliest_us=_micros(cls.earliest, at),
        max_future_us=duration_of(cls, "max_future", at),
        where=where,
        unique_by=id_of(cls, columns, at),
    )


def _check_options(cls: type[Source], hints: Mapping[str, Any], at: str) -> None:
    """Refuse misspelt options, annotated options, values for plain columns, and a source without any leg."""
    check_values(cls, hints, OPTIONS, (EventTime,), at)
    if cls.history is None and cls.live is None:
        msg = f"{at}: no rows; set `history = IcebergTable(...)`, `live = KafkaTopic(...)` or both"
        raise DefinitionError(msg)


def check_values(
    cls: type, hints: Mapping[str, Any], options: Sequence[str], values: tuple[type, ...], at: str
) -> None:
    """Refuse misspelt options, annotated options, and values of columns that are of none of these types."""
    for name, value in vars(cls).items():
        if name in options and name in hints:
            msg = f"{at}: {name!r} is an option of sources and cannot be a column; rename the column"
            raise DefinitionError(msg)
        known = name.startswith("_") or name in options or callable(value)
        if not known and not (name in hints and isinstance(value, values)):
            msg = (
                f"{at}: {name} = {value!r} is neither an annotated column nor an option; {did_you_mean(name, options)}"
            )
            raise DefinitionError(msg)


def event_time_of(cls: type, columns: tuple[SourceColumn, ...], at: str) -> tuple[str, EventTime]:
    """Name and settings of the one event-time column."""
    found = {name: value for name, value in vars(cls).items() if isinstance(value, EventTime)}
    if len(found) != 1:
        msg = f"{at}: expected one event-time column (`ts: datetime = event_time()`), found {sorted(found) or 'none'}"
        raise DefinitionError(msg)
    name, time = found.popitem()
    column = next(column for column in columns if column.name == name)
    if column.type != "datetime" or column.optional:
        msg = f"{at}: event time {name!r} must be a `datetime` that is never None, found {column.type}"
        raise DefinitionError(msg)
    return name, time


def _arrival_of(cls: type[Source], columns: tuple[SourceColumn, ...], at: str) -> str:
    """The arrival-time column: the log's own, or a datetime column of the source."""
    times = [column.name for column in columns if column.type == "datetime"]
    if cls.arrival_time != SRC_TIMESTAMP and cls.arrival_time not in times:
        hint = did_you_mean(str(cls.arrival_time), [*times, SRC_TIMESTAMP])
        msg = f"{at}: arrival_time = {cls.arrival_time!r} is no datetime column; {hint}"
        raise DefinitionError(msg)
    return cls.arrival_time


def id_of(cls: type[Source], columns: tuple[SourceColumn, ...], at: str) -> str | None:
    """The column by which copies of a row are known; None where every row counts."""
    if cls.unique_by is None:
        return None
    found = {column.name: column for column in columns}
    if not isinstance(cls.unique_by, str) or cls.unique_by not in found:
        msg = f"{at}: unique_by = {cls.unique_by!r} is no column; {did_you_mean(str(cls.unique_by), found)}"
        raise DefinitionError(msg)
    column = found[cls.unique_by]
    if column.optional or column.type not in ID_TYPES:
        what = f"{column.type} | None" if column.optional else column.type
        msg = f"{at}: unique_by = {column.name!r} is {what}; an id must be {' or '.join(ID_TYPES)} and never None"
        raise DefinitionError(msg)
    return column.name


def checked_option(cls: type, option: str, kinds: tuple[type, ...], at: str) -> Any:
    """An option's value, which must be of one of `kinds` or None; DefinitionError too for a name that no table has."""
    value = getattr(cls, option)
    if value is not None and not isinstance(value, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        msg = f"{at}: {option} = {value!r}; expected {expected}"
        raise DefinitionError(msg)
    if isinstance(value, IcebergTable) and (not isinstance(value.name, str) or split_name(value.name) is None):
        msg = f"{at}: {option} = IcebergTable({value.name!r}); expected 'namespace.table', such as 'raw.transactions'"
        raise DefinitionError(msg)
    return value


def duration_of(cls: type, option: str, at: str) -> int:
    """An option's duration in µs."""
    try:
        return parse_duration(getattr(cls, option))
    except DefinitionError as error:
        msg = f"{at}: {option}: {error}"
        raise DefinitionError(msg) from error


def _micros(instant: datetime, at: str) -> int:
    """µs since 1970 of `earliest`."""
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        msg = f"{at}: earliest = {instant!r}; expected a datetime with a zone, such as datetime(2000, 1, 1, tzinfo=UTC)"
        raise DefinitionError(msg)
    if instant_us(instant) < 0:
        msg = f"{at}: earliest = {instant!r} is before 1970; tiles and their versions in Cassandra count µs from there"
        raise DefinitionError(msg)
    return instant_us(instant)
