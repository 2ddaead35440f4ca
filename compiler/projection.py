"""The columns that a job reads of history: what features, order, verdict and ledger need, and no more.

The live leg is read whole, as a record of a topic is one text. A row of history stays where it is, under its position,
so what is not read of a refused one can be completed from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from headrace.compiler.flink_tables import Legs
from headrace.compiler.plan import Column, SourcePlan, ViewPlan
from headrace.compiler.verdict import SOURCE_POSITION, archive_columns, has_rules
from headrace.features.scalar import Scalar

NOTHING: frozenset[str] = frozenset()


def read_columns(plan: ViewPlan, part: SourcePlan, sound: Set[str] = NOTHING) -> tuple[Column, ...]:
    """The columns that a view's job reads of the history of one of its source's parts, in the archive's order.

    `sound`: the columns of which it is known that no value in that history breaks a rule; their rules are not tried
    there, so that they are read for features alone.
    """
    judged = {one.name for one in part.columns if has_rules(one) and one.name not in sound}
    needed = {*judged, part.event_time, part.arrival_time, *(one.name for one in SOURCE_POSITION), *_used(plan, part)}
    return tuple(one for one in archive_columns(part) if one.name in needed)


def unread_columns(plan: ViewPlan, part: SourcePlan, legs: Legs) -> frozenset[str]:
    """The names of the columns that rows of history lack in a job; none where it has no history."""
    if legs.history is None:
        return NOTHING
    read = {one.name for one in read_columns(plan, part, legs.sound)}
    return frozenset(one.name for one in archive_columns(part) if one.name not in read)


def _used(plan: ViewPlan, part: SourcePlan) -> set[str]:
    """The columns of a part that features, look-ups and copies read; of a union's part all that fills its columns."""
    filled = next((member.filled for member in plan.source.members if member.source == part), None)
    scalars = _scalars(plan) if filled is None else iter(filled)
    same = {path.partition(".")[0] for path in part.same_in}
    keys = {key.name for group in plan.groups for key in group.keys} if filled is None else set()
    return {name for scalar in scalars for name in scalar.columns()} | same | keys


def _scalars(plan: ViewPlan) -> Iterator[Scalar]:
    """Filters and arguments of all groups; the keys of look-ups are arguments of theirs."""
    for group in plan.groups:
        yield from (partial.argument for partial in group.partials)
        if group.filter is not None:
            yield group.filter
