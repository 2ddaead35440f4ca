"""What makes rows copies of one another, where a source says what its rows are unique by. One of them counts.

Copies agree in id, event time and all columns that features of the view read. So it does not matter which of them
counts, and none that has been counted must be taken back when another comes, in whatever order.
"""

from __future__ import annotations

from headrace.compiler.plan import MEMBERS_ID, SourcePlan
from headrace.compiler.scalar_sql import Dialect
from headrace.features.scalar import BOOL, DATE, DATETIME, FLOAT, INT, STR, STRUCT, Scalar, column, conjunction, literal

POSITION = ("_src_partition", "_src_offset")
#: Where a row of a union stands among those of its time: its partition under the number of its source, and its offset.
ORDER = ("_order_partition", "_order_offset")
#: Above the bits of a Kafka partition.
MEMBER = 1 << 20


def contents(source: SourcePlan) -> tuple[Scalar, ...]:
    """What copies agree in, as both engines compare it; the id is the first."""
    return tuple(_same(source, name) for name in source.same_in)


def copied(source: SourcePlan, condition: Scalar) -> Scalar:
    """The condition, for rows that can have copies: in a union not those of a source that does not say so."""
    if source.unique_by != MEMBERS_ID.name:
        return condition
    return conjunction(condition, Scalar("not_null", BOOL, (column(MEMBERS_ID.name, STR),)))


def id_text(source: SourcePlan, found: object) -> str:
    """What rows of one id share, as they were declared: the column and, in a union without an id, their source's."""
    if source.unique_by != MEMBERS_ID.name:
        return f"{source.unique_by} {found!r}"
    number, _, own = str(found).partition("/")
    member = source.members[int(number)].source
    is_int = member.column(str(member.unique_by)).type == INT
    return f"{member.unique_by} {int(own) if is_int else own!r} of {member.name}"


def place(source: SourcePlan, dialect: Dialect) -> dict[str, str]:
    """By position's column the SQL of what orders events of one time: the position, or the id where copies have many.

    An id that is text stands there as a number of 60 bits, its rank, the same in both engines. In a union the source's
    number comes first, unless the union has an id.
    """
    if source.members and source.unique_by in {None, MEMBERS_ID.name}:
        return dict(zip(POSITION, map(dialect.identifier, ORDER), strict=True))
    if source.unique_by is None:
        return {name: dialect.identifier(name) for name in POSITION}
    found = column(source.unique_by, source.column(source.unique_by).type)
    rank = found if found.type == INT else Scalar("rank", INT, (found,))
    return dict(zip(POSITION, ("CAST(0 AS INT)", dialect.emit(rank)), strict=True))


def _same(source: SourcePlan, path: str) -> Scalar:
    """A value as it is compared: times as integers, -0.0 is 0.0, and of a struct whether it is there."""
    found = source.value(path)
    if found.type == DATETIME:
        return Scalar("micros", INT, (found,))
    if found.type == DATE:
        return Scalar("days", INT, (found,))
    if found.type == STRUCT:
        return Scalar("is_null", BOOL, (found,))
    zero = Scalar("equals", BOOL, (found, literal(0.0)))
    return Scalar("case", FLOAT, (zero, literal(0.0), found)) if found.type == FLOAT else found
