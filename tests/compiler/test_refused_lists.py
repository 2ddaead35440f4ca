"""Why functions of lists are refused is so: each was asked of both engines, where they differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import ibis.expr.operations as ops
import pytest

from headrace.features.operations.refused import REFUSED

LACKS = "Flink's SQL has no such function"
#: For each operation an expression of Flink and one of DuckDB that should be equal, and what each is, as text.
DIFFERENCES = (
    (ops.ArrayPosition, "ARRAY_POSITION(ARRAY[1, 2], 7)", "list_position([1, 2], 7)", "0", None),
    (ops.ArrayPosition, "ARRAY_POSITION(ARRAY[1, NULL], NULLIF(1, 1))", "list_position([1, NULL], NULL)", None, "2"),
    (ops.ArrayDistinct, "ARRAY_DISTINCT(ARRAY['b', 'a', 'b'])[1]", "list_distinct(['b', 'a', 'b'])[1]", "b", "a"),
    (ops.ArraySort, "ARRAY_SORT(ARRAY[2, NULL, 1])[1]", "list_sort([2, NULL, 1])[1]", None, "1"),
    (ops.StringSplit, "CARDINALITY(SPLIT('', ','))", "len(string_split('', ','))", "0", "1"),
)
#: What Flink may call a function that it is said to lack.
NAMES = {
    ops.ArraySum: ("ARRAY_SUM(ARRAY[1])",),
    ops.ArrayMean: ("ARRAY_AVG(ARRAY[1])", "ARRAY_MEAN(ARRAY[1])"),
    ops.ArrayMode: ("ARRAY_MODE(ARRAY[1])",),
    ops.ArrayAny: ("ARRAY_ANY(ARRAY[TRUE])", "ANY_MATCH(ARRAY[TRUE])"),
    ops.ArrayAll: ("ARRAY_ALL(ARRAY[TRUE])", "ALL_MATCH(ARRAY[TRUE])"),
    ops.ArrayMap: ("ARRAY_MAP(ARRAY[1], 1)", "TRANSFORM(ARRAY[1], 1)"),
    ops.ArrayFilter: ("ARRAY_FILTER(ARRAY[1], 1)",),
}


@pytest.mark.slow
def test_what_both_engines_have_differs_as_the_reason_says(planner: Callable[[], Any]) -> None:
    environment = planner()
    environment.get_config().set("parallelism.default", "1")
    on_flink = ", ".join(f"CAST({flink} AS STRING)" for _, flink, *_ in DIFFERENCES)
    on_duckdb = ", ".join(f"CAST({duck} AS VARCHAR)" for _, _, duck, *_ in DIFFERENCES)
    with environment.execute_sql(f"SELECT {on_flink}").collect() as results:
        (row,) = results
    assert list(row) == [flink for *_, flink, _ in DIFFERENCES]
    assert duckdb.sql(f"SELECT {on_duckdb}").fetchall() == [tuple(duck for *_, duck in DIFFERENCES)]
    assert not any(LACKS in REFUSED[kind] for kind, *_ in DIFFERENCES)


@pytest.mark.slow
def test_what_flink_is_said_to_lack_it_does_not_have(planner: Callable[[], Any]) -> None:
    environment = planner()
    assert {kind for kind, reason in REFUSED.items() if LACKS in reason} == NAMES.keys()
    for query in (query for queries in NAMES.values() for query in queries):
        with pytest.raises(Exception, match="No match found for function signature"):
            environment.sql_query(f"SELECT {query}")
