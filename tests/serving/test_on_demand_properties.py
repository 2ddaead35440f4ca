"""Random expressions over random features: DuckDB makes of lists and tables what plain Python makes of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.compiler.build import plan_view
from headrace.compiler.equality import same
from headrace.compiler.plan import ViewPlan
from headrace.connectors.duckdb_files import in_utc
from headrace.features.load import load_views
from headrace.features.on_demand import Features, OnDemand, traced
from headrace.pipelines.on_demand import values_on_demand
from headrace.serving.on_demand import OnDemandValues

VIEW = load_views(Path(__file__).parent / "shop.py").views["shops"]
TYPES = {"orders_1h": "int", "revenue_1h": "int", "weight_1h": "float", "dear_share_1h": "float"}
ONLINE = OnDemandValues()
TABLES = in_utc()

Row = dict[str, Any]
#: What an expression is in ibis, over the features, and in plain Python, over a row.
Tree = tuple[Callable[[Any], Any], Callable[[Row], Any]]


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of numbers that is None where one is, or where it is no finite number."""

    def value(*given: float | None) -> float | None:
        if any(one is None for one in given):
            return None
        found = function(*given)
        return found if found is None or math.isfinite(found) else None

    return value


def sum_of(a: Tree, b: Tree) -> Tree:
    return lambda f: a[0](f) + b[0](f) * 1.0, lambda row: strict(lambda x, y: x + y)(a[1](row), b[1](row))


def quotient(a: Tree, b: Tree) -> Tree:
    value = strict(lambda x, y: None if y == 0 else x / y)
    return lambda f: a[0](f) / b[0](f), lambda row: value(a[1](row), b[1](row))


def filled(a: Tree, b: Tree) -> Tree:
    def value(row: Row) -> Any:
        found = a[1](row)
        return b[1](row) if found is None else found

    return lambda f: ibis.coalesce(a[0](f) * 1.0, b[0](f)), value


def chosen(a: Tree, b: Tree) -> Tree:
    def value(row: Row) -> Any:
        one, other = a[1](row), b[1](row)
        return one if one is not None and other is not None and one > other else other

    return lambda f: ibis.ifelse(a[0](f) > b[0](f), a[0](f) * 1.0, b[0](f)), value


def leaf(name: str) -> Tree:
    return lambda f: f[name], lambda row: row[name]


LEAVES = st.sampled_from(sorted(TYPES)).map(leaf)
MORE = [sum_of, quotient, filled, chosen]
NUMBERS = st.sampled_from([0.0, -0.5, 1.25, 3.0, 1.7e308, -1.7e308])
ROWS = st.lists(
    st.fixed_dictionaries(
        {name: st.none() | (st.integers(-1000, 1000) if type_ == "int" else NUMBERS) for name, type_ in TYPES.items()}
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def programs(draw: st.DrawFn) -> list[Tree]:
    """Features, each of two that are there already: with tiles, or on demand."""
    known = [leaf(name) for name in sorted(TYPES)]
    steps: list[Tree] = []
    for number in range(draw(st.integers(1, 6))):
        operands = [draw(st.sampled_from(known)) for _ in range(2)]
        written, value = draw(st.sampled_from(MORE))(*operands)
        steps.append((written, value))
        known.append((leaf(f"d{number}")[0], value))
    return steps


def plan_of(steps: list[Tree]) -> ViewPlan:
    """The plan of a view with these features."""

    def feature(number: int, written: Callable[[Any], Any]) -> OnDemand:
        def function(f: Features) -> Any:
            return written(f)

        function.__name__ = f"d{number}"
        return OnDemand(function)

    wrapped = [feature(number, written) for number, (written, _) in enumerate(steps)]
    types = {one.name: one.aggregate.type for one in VIEW.features}
    return plan_view(replace(VIEW, on_demand=traced(wrapped, types, [], "here")))


@settings(max_examples=60)
@given(programs(), ROWS)
def test_every_reader_computes_what_plain_python_does(steps: list[Tree], rows: list[Row]) -> None:
    plan = plan_of(steps)
    lists = {name: [row[name] for row in rows] for name in TYPES}
    expected = [[value(row) for row in rows] for _, value in steps]
    online = ONLINE.values(plan, plan.on_demand, lists)
    arrow = {"int": pa.int64(), "float": pa.float64()}
    table = pa.table({name: pa.array(values, arrow[TYPES[name]]) for name, values in lists.items()})
    of_tables = [values_on_demand(TABLES, plan.name, one, table).to_pylist() for one in plan.on_demand]
    assert online == of_tables
    for found, wanted in zip(online, expected, strict=True):
        assert all(map(same, found, wanted)), (found, wanted)


def test_a_feature_is_computed_of_the_values_that_a_reader_would_see() -> None:
    """Of an infinite value, which is NULL: not 1 / infinity, which is 0."""
    doubled = sum_of(leaf("weight_1h"), leaf("weight_1h"))
    after = [quotient(leaf("orders_1h"), leaf("d0")), filled(leaf("d0"), leaf("orders_1h"))]
    plan = plan_of([doubled, *after])
    found = ONLINE.values(plan, plan.on_demand, {"weight_1h": [1.7e308, 2.0], "orders_1h": [8, 8]})
    assert found == [[None, 4.0], [None, 2.0], [8.0, 4.0]]


def test_a_long_chain_is_as_long_in_sql() -> None:
    first = quotient(leaf("revenue_1h"), leaf("orders_1h"))
    steps = [first, *(quotient(leaf(f"d{number}"), leaf("weight_1h")) for number in range(30))]
    plan = plan_of(steps)
    lists = {"revenue_1h": [2**20], "orders_1h": [1], "weight_1h": [0.5]}
    (value,) = ONLINE.values(plan, plan.on_demand[-1:], lists)
    assert value == [2.0**50]


def test_what_differs_in_the_sign_of_a_zero_is_not_shared() -> None:
    positive: Tree = (lambda f: f["weight_1h"].atan2(0.0), lambda _: 0.0)
    negative: Tree = (lambda f: f["weight_1h"].atan2(-0.0), lambda _: math.pi)
    plan = plan_of([positive, negative])
    assert ONLINE.values(plan, plan.on_demand, {"weight_1h": [0.0]}) == [[0.0], [math.pi]]
