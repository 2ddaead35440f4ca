"""What makes rows copies of one another, where a source says what its rows are unique by. One of them counts.

Copies agree in id, event time and all columns that features of the view read. So it does not matter which of them
counts, and none that has been counted must be taken back when another comes, in whatever order.
"""

from __future__ import annotations

from headrace.compiler.plan import SourcePlan
from headrace.compiler.scalar_sql import Dialect
from headrace.features.scalar import BOOL, DATETIME, FLOAT, INT, STRUCT, Scalar, column, literal


def contents(source: SourcePlan) -> tuple[Scalar, ...]:
    """What copies agree in, as both engines compare it; the id is the first."""
    return tuple(_same(source, name) for name in source.same_in)


def place(source: SourcePlan, dialect: Dialect) -> dict[str, str]:
    """By position's column the SQL of what orders events of one time: the position, or the id where copies have many.

    An id that is text stands there as a number of 60 bits, its rank, the same in both engines.
    """
    if source.unique_by is None:
        return {name: dialect.identifier(name) for name in ("_src_partition", "_src_offset")}
    found = column(source.unique_by, source.column(source.unique_by).type)
    rank = found if found.type == INT else Scalar("rank", INT, (found,))
    return {"_src_partition": "CAST(0 AS INT)", "_src_offset": dialect.emit(rank)}


def _same(source: SourcePlan, path: str) -> Scalar:
    """A value as it is compared: an instant by its µs, -0.0 is 0.0, and of a struct whether it is there."""
    found = source.value(path)
    if found.type == DATETIME:
        return Scalar("micros", INT, (found,))
    if found.type == STRUCT:
        return Scalar("is_null", BOOL, (found,))
    zero = Scalar("equals", BOOL, (found, literal(0.0)))
    return Scalar("case", FLOAT, (zero, literal(0.0), found)) if found.type == FLOAT else found
