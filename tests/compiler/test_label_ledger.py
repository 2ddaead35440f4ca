"""What must hold of the tables of a label join: it does of what DuckDB tells, and planted faults are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from headrace.compiler.duckdb_label_ledger import (
    against_rules_sql,
    leaked_sql,
    left_out_sql,
    told_twice_sql,
    unlogged_sql,
)
from headrace.compiler.label_join import LabelJoinPlan
from headrace.connectors.duckdb_files import database
from headrace.features.instant import instant_of
from headrace.pipelines.local_labels import join_in

from .labelled import BASE, DAY, HOUR, PLAN, numbered, random_example
from .test_label_join import OUTCOMES, SCORED, relation

Rows = list[dict[str, Any]]
QUERIES: Mapping[str, Callable[[LabelJoinPlan], str]] = {
    "told twice": told_twice_sql,
    "left out": left_out_sql,
    "against rules": against_rules_sql,
    "unlogged": unlogged_sql,
    "leaked": leaked_sql,
}
EXAMPLES = 60
#: Facts are committed long behind all that they tell.
COMMITTED = BASE + 90 * DAY


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[duckdb.DuckDBPyConnection, Rows]]:
    """A database with the rows of some examples, and the facts that DuckDB tells of them."""
    random = Random(5)
    examples = [tuple(numbered(side, number) for side in random_example(random)) for number in range(EXAMPLES)]
    with database("examples") as connection:
        for place, (name, schema) in enumerate((("logged", SCORED), ("labels", OUTCOMES))):
            rows = relation([row for example in examples for row in example[place]], schema)
            connection.from_arrow(rows).create(name)
        facts = join_in(connection, PLAN, until=instant_of(COMMITTED)).facts.to_pylist()
        yield connection, [{**fact, "_committed_us": COMMITTED} for fact in facts]


def found(told: tuple[duckdb.DuckDBPyConnection, Rows], facts: Rows) -> set[str]:
    """The names of the queries that find something in facts."""
    connection, given = told
    connection.register("facts", pa.Table.from_pylist(facts, schema=pa.Table.from_pylist(given).schema))
    return {name for name, query in QUERIES.items() if connection.execute(query(PLAN)).fetchall()}


def test_nothing_is_found_in_what_is_right(told: tuple[duckdb.DuckDBPyConnection, Rows]) -> None:
    assert {fact["fact"] for fact in told[1]} == {"labelled", "waited", "corrected"}
    assert found(told, told[1]) == set()


PLANTED: Mapping[str, tuple[str, Callable[[dict[str, Any]], Rows], set[str]]] = {
    "a fact told twice": ("waited", lambda fact: [fact, fact], {"told twice"}),
    "the first fact of two lost": ("corrected", lambda fact: [{**fact, "fact_number": 3}], {"left out"}),
    "a label before its arrival": ("labelled", lambda fact: [{**fact, "_committed_us": BASE - 1}], {"leaked"}),
    "a label that nobody gave": ("labelled", lambda fact: [{**fact, "label": not fact["label"]}], {"leaked"}),
    "a negative that is a positive": ("waited", lambda fact: [{**fact, "label": True}], {"against rules"}),
    "a late label as one in time": ("corrected", lambda fact: [{**fact, "fact": "labelled"}], {"against rules"}),
    "another feature than was logged": ("waited", lambda fact: [{**fact, "amount": -1}], {"unlogged"}),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_by_name(told: tuple[duckdb.DuckDBPyConnection, Rows], fault: str) -> None:
    kind, plant, names = PLANTED[fault]
    place = next(place for place, fact in enumerate(told[1]) if fact["fact"] == kind)
    facts = [*told[1][:place], *plant(told[1][place]), *told[1][place + 1 :]]
    assert found(told, facts) == names


def test_a_fact_whose_commit_is_forgotten_is_no_leak(told: tuple[duckdb.DuckDBPyConnection, Rows]) -> None:
    assert found(told, [{**fact, "_committed_us": None} for fact in told[1]]) == set()


def test_an_id_that_is_used_again_later_is_not_told_twice(told: tuple[duckdb.DuckDBPyConnection, Rows]) -> None:
    fact = next(fact for fact in told[1] if fact["fact"] == "waited")
    again = {**fact, "scored_at": instant_of(BASE + 30 * DAY + HOUR)}
    assert "told twice" not in found(told, [*told[1], again])
