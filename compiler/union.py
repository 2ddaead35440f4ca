"""The rows of a union's sources as rows of the union: judged by the rules of their own source, then renamed.

What it takes of a row's own columns stands in the few that are added: the number of its source, why that refuses it,
when it arrived, and where it stands among rows of its time.
"""

from __future__ import annotations

from collections.abc import Set

from headrace.compiler.copies import MEMBER, ORDER, POSITION, place
from headrace.compiler.plan import ARRIVED, MEMBERS_ID, Column, MemberPlan, SourcePlan
from headrace.compiler.scalar_sql import Dialect
from headrace.compiler.verdict import ARRIVAL_US, EVENT_US, REFUSED, SOURCE, arrival_us, event_us, refusal
from headrace.features.scalar import INT, STR, Scalar, column, literal


def refused_sql(source: SourcePlan, dialect: Dialect, relation: str, unread: Set[str] = frozenset()) -> str:
    """All rows of a source with their times in µs, and with why the source's own rules refuse them, if they do.

    `unread`: the columns that only rows of a live leg have.
    """
    times = {EVENT_US: event_us(source), ARRIVAL_US: arrival_us(source)}
    timed = ", ".join(f"{dialect.emit(sql)} AS {dialect.emit(name)}" for name, sql in times.items())
    why = f"{dialect.emit(refusal(source, unread))} AS {dialect.emit(REFUSED)}"
    return f"SELECT *, {why}\nFROM (SELECT *, {timed}\nFROM {relation})"


def member_columns(union: SourcePlan, number: int, dialect: Dialect) -> list[str]:
    """The columns of the union and those that are added, each with its name, over `refused_sql` of one source."""
    member = union.members[number]
    filled = zip(union.columns, member.filled, strict=True)
    values = {one.name: _filled(union, one, scalar, dialect) for one, scalar in filled}
    columns = {dialect.identifier(name): sql for name, sql in {**values, **_added(union, number, dialect)}.items()}
    return [sql if sql == name else f"{sql} AS {name}" for name, sql in columns.items()]


def _filled(union: SourcePlan, wanted: Column, scalar: Scalar, dialect: Dialect) -> str:
    """What fills a column. Of a refused row nothing is computed: it might be beyond the numbers."""
    if scalar.op == "column":
        return dialect.identifier(str(scalar.value))
    type_ = dialect.types[wanted.type]
    if scalar.op == "literal" and scalar.value is None:
        return f"CAST(NULL AS {type_})"
    value = dialect.emit(scalar, f"{union.name}.{wanted.name}")
    return f"CASE WHEN {dialect.emit(REFUSED)} IS NULL THEN CAST({value} AS {type_}) END"


def _added(union: SourcePlan, number: int, dialect: Dialect) -> dict[str, str]:
    """What is added to a source's rows."""
    member = union.members[number]
    partition, offset = (place(member.source, dialect)[name] for name in POSITION)
    first, second = ORDER
    ids = {MEMBERS_ID.name: _id(member, number, dialect)} if union.unique_by == MEMBERS_ID.name else {}
    return {
        str(SOURCE.value): dialect.emit(literal(number)),
        str(REFUSED.value): dialect.emit(REFUSED),
        ARRIVED: dialect.identifier(member.source.arrival_time),
        first: f"CAST({number * MEMBER} + {partition} AS {dialect.types['int32']})",
        second: offset,
        **ids,
    }


def _id(member: MemberPlan, number: int, dialect: Dialect) -> str:
    """The id of a row, which no other source of the union has."""
    if member.source.unique_by is None:
        return f"CAST(NULL AS {dialect.types[STR]})"
    found = column(member.source.unique_by, member.source.column(member.source.unique_by).type)
    text = Scalar("cast", STR, (found,)) if found.type == INT else found
    return dialect.emit(Scalar("concat", STR, (literal(f"{number}/"), text)))
