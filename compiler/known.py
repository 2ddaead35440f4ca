"""Which rows make their entity known: those that some feature over the same keys of the view lets in.

An online store learns of entities by their tiles, and no tile holds a row that every filter keeps out. Training sets
and local runs know the same entities, so that an empty window and an unknown entity are told apart alike everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.compiler.calls import calls_of
from headrace.compiler.plan import MEMBERS_ID, Column, SourcePlan, TileGroup, ViewPlan
from headrace.compiler.scalar_sql import COMPARISONS
from headrace.features.scalar import BOOL, FLOAT, INT, STR, Scalar

#: What has a value, or NULL, whatever its columns hold: it can be asked of rows that the verdict will refuse, too.
TOTAL = frozenset(
    {
        *("column", "literal", "field", "element", "micros", "instant", "days", "date", *COMPARISONS),
        *("and", "or", "not", "is_true", "is_null", "not_null", "is_in", "case", "coalesce", "list_contains"),
        *("contains", "starts_with", "ends_with", "like", "upper", "lower", "strip", "lstrip", "rstrip", "length"),
    }
)
#: Of casts those that no value makes fail.
TOTAL_CASTS = frozenset({(INT, FLOAT), (BOOL, INT), (INT, STR)})


def deciding_groups(plan: ViewPlan, keys: Sequence[Column]) -> tuple[TileGroup, ...]:
    """The groups over these keys, where each has a filter: a row that none lets in makes no entity known.

    Empty where a group has none, so that every accepted row does.
    """
    groups = tuple(group for group in plan.groups if group.keys == tuple(keys))
    return groups if all(group.filter is not None for group in groups) else ()


def filters_of(groups: Sequence[TileGroup]) -> list[Scalar]:
    """Their filters, each once."""
    return list(dict.fromkeys(group.filter for group in groups if group.filter is not None))


def why_behind_verdict(plan: ViewPlan, groups: Sequence[TileGroup]) -> str | None:
    """Why the filters of deciding groups cannot be asked of a row before its verdict; None where they can.

    Before it nothing has been chosen, called or looked up, and a value may be what the verdict refuses.
    """
    if plan.source.unique_by is not None:
        return f"which copy of a row counts (unique_by = {_ids(plan.source)}) is decided before a filter is asked"
    if calls_of(plan):
        return "a function by Python may refuse a row, or fail, before a filter is asked"
    filters = filters_of(groups)
    if any(True for one in filters for _ in one.lookups()):
        return "a filter reads what a dimension says, which is looked up first"
    partial = sorted({part.op for one in filters for part in _parts(one) if not _is_total(part)})
    return f"{', '.join(partial)} may fail of a row that is refused" if partial else None


def _ids(source: SourcePlan) -> str:
    """What a source's rows are unique by, as it was declared: in a union without an id by those sources that say so."""
    if source.unique_by != MEMBERS_ID.name:
        return repr(source.unique_by)
    return ", ".join(f"{part.unique_by!r} of {part.name}" for part in source.parts if part.unique_by is not None)


def _parts(scalar: Scalar) -> Iterator[Scalar]:
    """A scalar and all that it is made of."""
    yield scalar
    for arg in scalar.args:
        yield from _parts(arg)


def _is_total(scalar: Scalar) -> bool:
    """Whether an operation has a value for all values of its arguments."""
    if scalar.op == "cast":
        return (scalar.args[0].type, scalar.type) in TOTAL_CASTS
    return scalar.op in TOTAL
