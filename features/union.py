"""Unions: the rows of several sources as those of one, each judged by the rules of its own source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import ibis

from headrace.errors import ColumnTypeError, DefinitionError, HeadraceError, UnsupportedError, did_you_mean
from headrace.features.coercion import NULL, finite
from headrace.features.column import SourceColumn, plain_column_of
from headrace.features.expression import to_scalar
from headrace.features.meaning import meaning_of
from headrace.features.place import Place, place_of_code, place_of_error
from headrace.features.scalar import DATETIME, FLOAT, INT, STRUCT, TIMES, Scalar, column, is_list, literal
from headrace.features.source import (
    EventTime,
    MemberSchema,
    Source,
    SourceSchema,
    check_values,
    event_time_of,
    id_of,
)
from headrace.features.stream import Stream

OPTIONS = ("sources", "unique_by")
#: What each source of a union says for itself.
OF_MEMBERS = ("history", "live", "arrival_time", "allowed_lateness", "earliest", "max_future")
#: A member's number stands above the 20 bits of a Kafka partition in an INT.
MEMBERS_AT_MOST = 1024
#: What may fill a column: a column's name, a constant, or a function of the source's rows.
Filling = str | int | float | bool | Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Filled:
    """What fills a column, by source; sources that are not there fill it with their column of the same name."""

    by: Mapping[type[Source], Filling]


def filled_by(sources: Mapping[type[Source], Filling]) -> Any:
    """What fills a union's column: `card: str = filled_by({CardPayments: "pan", WirePayments: None})`.

    For each source the name of one of its columns, a constant (a number, True, False or None), or a function of its
    rows such as `lambda tx: tx.euros * 100`, which may also give a constant text.
    """
    return Filled(dict(sources))


class Union(Source, abstract=True):
    """Base of all unions: list the sources, annotate the columns, mark the event time.

    Each row is judged by the rules of its own source, on its own columns. Then a column is filled by the source's
    column of the same name, or as `filled_by` says; the event time by the source's event time. What a union's column
    must not be (None, an unknown value) makes a row a dead letter as well. Without `unique_by` rows are unique by what
    their sources say, each for itself.

    >>> from datetime import datetime
    >>> from headrace.features.source import KafkaTopic, event_time
    >>> class Cards(Source):
    ...     live = KafkaTopic("cards")
    ...     pan: str
    ...     cents: int
    ...     at: datetime = event_time()
    >>> class Wires(Source):
    ...     live = KafkaTopic("wires")
    ...     cents: int
    ...     sent_at: datetime = event_time()
    >>> class Payments(Union):
    ...     sources = [Cards, Wires]
    ...     card: str | None = filled_by({Cards: "pan", Wires: None})
    ...     cents: int
    ...     at: datetime = event_time()
    >>> [[filled.text() for filled in member.filled] for member in Payments.schema.members]
    [['pan', 'cents', 'at'], ['null:str', 'cents', 'sent_at']]
    """

    sources: ClassVar[list[type[Source]]]

    @classmethod
    def _declared(cls, hints: Mapping[str, Any], where: Place) -> SourceSchema:
        """What the union declares, checked."""
        at = f"{where}: union {cls.__name__}"
        _refuse_options_of_members(cls, at)
        check_values(cls, hints, OPTIONS, (EventTime, Filled), at)
        columns = tuple(plain_column_of(name, hint, where, at) for name, hint in hints.items())
        time_name, time = event_time_of(cls, columns, at)
        if time.zone or time.unit:
            msg = f"{at}: event time {time_name!r} has a zone or unit, which each of the sources says for itself"
            raise DefinitionError(msg)
        sources = _sources_of(cls, at)
        members = tuple(_member(cls, source, columns, time_name, at) for source in sources)
        schemas = [member.source for member in members]
        delays = [time.max_delay_us, *(schema.time.max_delay_us for schema in schemas)]
        return SourceSchema(
            name=cls.__name__,
            description=(cls.__dict__.get("__doc__") or "").strip(),
            columns=columns,
            history=None,
            live=None,
            event_time=time_name,
            time=EventTime(max(delays), None, None),
            arrival_time=cls.arrival_time,
            allowed_lateness_us=max(schema.allowed_lateness_us for schema in schemas),
            earliest_us=min(schema.earliest_us for schema in schemas),
            max_future_us=max(schema.max_future_us for schema in schemas),
            where=where,
            unique_by=id_of(cls, columns, at),
            members=members,
        )


def _refuse_options_of_members(cls: type[Union], at: str) -> None:
    """Refuse what a union cannot say for its sources."""
    said = next((name for name in OF_MEMBERS if name in vars(cls)), None)
    if said is not None:
        msg = f"{at}: {said} = {vars(cls)[said]!r}: each of its sources says that for itself; leave it out"
        raise DefinitionError(msg)


def _sources_of(cls: type[Union], at: str) -> list[type[Source]]:
    """The sources, all different, none a union, and no two that read the same rows."""
    found = getattr(cls, "sources", None)
    if not isinstance(found, list | tuple) or not 2 <= len(found) <= MEMBERS_AT_MOST:
        msg = f"{at}: expected `sources = [CardPayments, WirePayments]`, two or more, found {found!r}"
        raise DefinitionError(msg)
    for source in found:
        if not (isinstance(source, type) and issubclass(source, Source) and "schema" in vars(source)):
            msg = f"{at}: {source!r} is no source; expected subclasses of Source"
            raise DefinitionError(msg)
        if source.schema.members:
            members = ", ".join(member.source.name for member in source.schema.members)
            msg = f"{at}: {source.__name__} is a union itself; list its sources instead: {members}"
            raise UnsupportedError(msg)
    _refuse_twice(found, at)
    return list(found)


def _refuse_twice(sources: Sequence[type[Source]], at: str) -> None:
    """Refuse a source that is there twice, and rows that are read twice: they would count twice."""
    seen: dict[object, str] = {}
    for source in sources:
        schema = source.schema
        for what in (schema.name, schema.history, schema.live):
            if what is not None and what in seen:
                twice = (
                    f"{what} is there twice" if what == schema.name else f"{seen[what]} and {schema.name} read {what}"
                )
                msg = f"{at}: {twice}: its rows would count twice"
                raise DefinitionError(msg)
            seen[what] = schema.name


def _member(
    cls: type[Union], source: type[Source], columns: tuple[SourceColumn, ...], time: str, at: str
) -> MemberSchema:
    """A source, and what of it fills each column."""
    filled = tuple(_filled(cls, source, one, at) for one in columns if one.name != time)
    event_time = column(source.schema.event_time, DATETIME)
    place = [one.name for one in columns].index(time)
    return MemberSchema(source.schema, (*filled[:place], event_time, *filled[place:]))


def _filled(cls: type[Union], source: type[Source], wanted: SourceColumn, at: str) -> Scalar:
    """What of a source fills a column: what was said of it, or the column of the same name."""
    said = vars(cls).get(wanted.name, Filled({}))
    known = ", ".join(one.__name__ for one in cls.sources)
    for named in said.by:
        if named not in cls.sources:
            msg = f"{at}: column {wanted.name!r} is filled by {named!r}, which is none of its sources ({known})"
            raise DefinitionError(msg)
    name = f"{at}: column {wanted.name!r} of {source.__name__}"
    scalar = _scalar(said.by.get(source, wanted.name), source.schema, wanted, name)
    if scalar.type != wanted.type:
        how, part = _instead(scalar)
        msg = f"{name}: expected {wanted.type}, found {scalar.text()} ({scalar.type}); {how}: "
        msg += f"filled_by({{{source.__name__}: lambda tx: tx.{wanted.name}{part}}})"
        raise ColumnTypeError(msg)
    return scalar


def _instead(found: Scalar) -> tuple[str, str]:
    """What to do where a value of another type fills a column, in words and as it is written."""
    if found.type == STRUCT:
        return "take a part of it", ".part"
    return ("take an element of it", "[0]") if is_list(found.type) else ("cast it", ".cast(...)")


def _scalar(said: Filling, schema: SourceSchema, wanted: SourceColumn, name: str) -> Scalar:
    """What was said, as a scalar over the source's columns."""
    if isinstance(said, str):
        return _column(said, schema, name)
    scalar = _traced(said, schema, wanted, name)
    if any(scalar.calls()):
        msg = f"{name}: a function of Python cannot fill a column of a union; call it in a feature"
        raise UnsupportedError(msg)
    if any(scalar.lookups()):
        msg = (
            f"{name}: what a dimension says cannot fill a column of a union; join in a feature, by the union's columns"
        )
        raise UnsupportedError(msg)
    if scalar.type in TIMES and scalar.op != "column" and scalar != Scalar("literal", scalar.type):
        msg = f"{name}: a computed {scalar.type} cannot fill a column; name a column of {schema.name}"
        raise UnsupportedError(msg)
    return Scalar("literal", wanted.type) if scalar.type == NULL else finite(scalar)


def _column(said: str, schema: SourceSchema, name: str) -> Scalar:
    """A column of the source."""
    known = {one.name: one for one in schema.columns}
    if said not in known:
        msg = f"{name}: {schema.name} has no column {said!r}; {did_you_mean(said, known)}, or say what fills it: "
        msg += f"filled_by({{{schema.name}: ...}})"
        raise DefinitionError(msg)
    return column(said, known[said].type)


def _traced(said: Filling, schema: SourceSchema, wanted: SourceColumn, name: str) -> Scalar:
    """The scalar of a constant, or of what a function gives for the source's rows; every error names its line."""
    try:
        found = said(Stream.of(schema)) if callable(said) else said
        return to_scalar(found) if isinstance(found, ibis.expr.types.Value) else _constant(found, wanted)
    except Exception as error:
        where = getattr(said, "__code__", None)
        place = where and (place_of_error(error, where.co_filename) or place_of_code(where))
        meaning = meaning_of(error)
        kind = type(meaning) if isinstance(meaning, HeadraceError) else DefinitionError
        msg = f"{place}: {name}: {meaning}" if place else f"{name}: {meaning}"
        raise kind(msg) from error


def _constant(value: Any, wanted: SourceColumn) -> Scalar:
    """A constant; a whole number fills a float as well."""
    if value is None:
        if not wanted.optional:
            msg = f"None fills no {wanted.type}; make the column `{wanted.type} | None`"
            raise ColumnTypeError(msg)
        return Scalar("literal", wanted.type)
    if not isinstance(value, str | int | float | bool):
        msg = f"expected a column's name, a constant, or a function of rows, found {value!r}"
        raise DefinitionError(msg)
    scalar = to_scalar(ibis.literal(value))
    return literal(float(value)) if (scalar.type, wanted.type) == (INT, FLOAT) else scalar
