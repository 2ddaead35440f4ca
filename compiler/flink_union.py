"""A union in Flink SQL."""

from __future__ import annotations

from collections.abc import Mapping, Set

from headrace.compiler.copies import POSITION
from headrace.compiler.flink_ledger import left_of_row
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.plan import SourcePlan
from headrace.compiler.union import member_columns, refused_sql
from headrace.compiler.verdict import REFUSED, late
from headrace.features.source import SRC_TIMESTAMP

KEPT = ("_is_live", "_src_topic", *POSITION, SRC_TIMESTAMP)


def union_sql(source: SourcePlan, events: Mapping[int, str], unread: Mapping[int, Set[str]]) -> str:
    """The rows of a union, from the views of events of its sources, by number; one that reads nothing has none.

    `unread`: for each of them the columns that rows of its history lack.

    What is left of the bytes of a row that its source refuses or finds late is taken here, where its columns are.
    """
    selects = []
    for number, view in events.items():
        member = source.members[number].source
        lost = f"({FLINK.emit(REFUSED)} IS NOT NULL OR {FLINK.emit(late(member))})"
        raw = f"{left_of_row(member, unread[number], f'{lost} IS NOT TRUE')} AS `_raw`"
        columns = [*member_columns(source, number, FLINK), *map(FLINK.identifier, KEPT), raw]
        selects.append(f"SELECT {', '.join(columns)}\nFROM ({refused_sql(member, FLINK, f'`{view}`', unread[number])})")
    return "\nUNION ALL\n".join(selects)
