"""Calls of users' functions in Flink SQL: views between the events and their verdict."""

from __future__ import annotations

from collections.abc import Set

from headrace.compiler.calls import Call, column_of, columns_of
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_text import create_view, filter_label
from headrace.compiler.plan import ViewPlan
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.verdict import call_layers
from headrace.features.function import FAIL
from headrace.features.scalar import BOOL, FLOAT, INT, STR, TIMES, Scalar, held_type

#: By the type of the values: the function that calls for it.
FUNCTIONS = {
    INT: "HR_CALL_BIGINT",
    FLOAT: "HR_CALL_DOUBLE",
    STR: "HR_CALL_STRING",
    BOOL: "HR_CALL_BOOLEAN",
}
#: Types that cross as two columns: a number, and whether it is missing.
NUMBERS = TIMES | {INT}


def call_views(plan: ViewPlan, rows: str, unread: Set[str]) -> tuple[list[str], str]:
    """The views that add a column for each call to the rows of a view, and the name of the last of them."""
    views = []
    for number, layer in enumerate(call_layers(plan, unread), start=1):
        calls = [f"{_call_sql(plan, call, asked)} AS `{column_of(call)}`" for call, asked in layer.items()]
        views.append(create_view(f"called_{number}", f"SELECT *, {', '.join(calls)}\nFROM `{rows}`"))
        rows = f"called_{number}"
    return views, rows


def _call_sql(plan: ViewPlan, call: Scalar, asked: Scalar) -> str:
    """A call: whether it is made, its columns and, where it may fail, the row's place; last what is called."""
    made = Call.of(call)
    places = ["COALESCE(`_src_partition`, -1)", "COALESCE(`_src_offset`, CAST(-1 AS BIGINT))"]
    columns = [sql for column in columns_of(call) for sql in _column_sql(plan, column)]
    arguments = [
        FLINK.emit(asked, filter_label(plan)),
        *columns,
        *(places if made.function.on_error == FAIL else []),
        text_literal(made.to_json()),
    ]
    return f"{FUNCTIONS[held_type(call.type)]}({', '.join(arguments)})"


def _column_sql(plan: ViewPlan, column: Scalar) -> list[str]:
    """An argument as it crosses: pandas would make floats of integers beside a NULL."""
    sql = FLINK.emit(column, filter_label(plan))
    return [f"COALESCE({sql}, CAST(0 AS BIGINT))", f"({sql}) IS NULL"] if column.type in NUMBERS else [sql]
