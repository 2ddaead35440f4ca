"""The comparison of outputs: DuckDB's tiles and windows against a loop over all rows, and that a difference is seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import duckdb
import pytest

from headrace.bench.duckdb_rival import database, tiles_sql, windows_sql
from headrace.bench.kit import FEATURES
from headrace.bench.outputs import TILE_COLUMNS, OutputsDifferError, as_arrow, require_equal
from headrace.bench.rivals import HOPS_US, LEVELS_US
from headrace.bench.transactions import transactions
from headrace.bench.window_aggregates import within
from headrace.compiler.build import plan_view
from headrace.features.load import load_views

ROWS = 400
Payment = tuple[int, int, int]
Values = tuple[int, int, int]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with database() as found:
        found.register("transactions", transactions(0, ROWS))
        yield found


def payments(connection: duckdb.DuckDBPyConnection) -> list[Payment]:
    return connection.execute("SELECT cc_num, epoch_us(ts), cents FROM transactions").fetchall()


def folded(keyed: Iterable[tuple[tuple[int, ...], int]]) -> dict[tuple[int, ...], Values]:
    """Count, sum and maximum of the cents of every key."""
    cents = defaultdict(list)
    for key, amount in keyed:
        cents[key].append(amount)
    return {key: (len(found), sum(found), max(found)) for key, found in cents.items()}


def test_tiles_are_those_of_a_loop(connection: duckdb.DuckDBPyConnection) -> None:
    expected = folded(
        ((card, level, us // level * level), cents) for card, us, cents in payments(connection) for level in LEVELS_US
    )
    found = connection.execute(tiles_sql("transactions")).fetchall()
    assert {row[:3]: row[3:] for row in found} == expected
    assert len(found) == len(expected)


def test_windows_are_those_of_a_loop(connection: duckdb.DuckDBPyConnection) -> None:
    expected = folded(
        ((card, width, end), cents)
        for card, us, cents in payments(connection)
        for slide, width in HOPS_US
        for end in range((us // slide + 1) * slide, us + width + 1, slide)
    )
    found = connection.execute(windows_sql("transactions")).fetchall()
    assert {row[:3]: row[3:] for row in found} == expected
    assert len(found) == len(expected)


def test_the_rivals_make_the_levels_and_windows_of_the_view() -> None:
    (group,) = (plan := plan_view(load_views(FEATURES).views["card_features"])).groups
    assert group.levels_us == LEVELS_US
    assert {(feature.tail_us, feature.window_us) for feature in plan.features} == set(HOPS_US)
    assert [field.name for field in group.cell] == ["n", "max_cents", "sum_cents"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("SELECT * FROM expected LIMIT 5", id="lost"),
        pytest.param("SELECT * FROM expected UNION ALL SELECT * FROM expected LIMIT 700", id="twice"),
        pytest.param("SELECT * REPLACE (spent + (n > 1)::BIGINT AS spent) FROM expected", id="wrong sum"),
        pytest.param("SELECT * FROM expected WHERE false", id="nothing"),
    ],
)
def test_a_difference_is_an_error_that_shows_it(connection: duckdb.DuckDBPyConnection, fault: str) -> None:
    connection.execute(f"CREATE TABLE expected AS {tiles_sql('transactions')}")
    connection.execute(f"CREATE TABLE found AS {fault}")
    with pytest.raises(OutputsDifferError, match=r"a side: [\d,]+ rows from 400"):
        require_equal(connection, "a side", "found", "expected", TILE_COLUMNS, ROWS)


def test_equal_outputs_are_counted_whatever_their_order(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"CREATE TABLE expected AS {tiles_sql('transactions')}")
    connection.execute("CREATE TABLE found AS SELECT * FROM expected ORDER BY random()")
    equal = require_equal(connection, "a side", "found", "expected", TILE_COLUMNS, ROWS)
    assert equal.rows_out == connection.execute("SELECT count(*) FROM expected").fetchall()[0][0] > ROWS


def test_rows_become_columns_and_no_rows_empty_ones() -> None:
    assert as_arrow(["a", "b"], [(1, 2), (3, 4)]).to_pydict() == {"a": [1, 3], "b": [2, 4]}
    assert as_arrow(["a", "b"], []).to_pydict() == {"a": [], "b": []}


@pytest.mark.parametrize(("value", "kept"), [("1.0", 1.0), ("1.000000000001", 1.0), ("1.1", 1.1), ("NULL", None)])
def test_a_value_within_its_tolerance_counts_as_the_expected_one_and_no_other_does(
    connection: duckdb.DuckDBPyConnection, value: str, kept: float | None
) -> None:
    tile = "7 AS cc_num, 1 AS level, 0 AS tile_start, 3 AS n"
    relation = within(f"(SELECT {tile}, {value}::DOUBLE AS value)", f"(SELECT {tile}, 1.0::DOUBLE AS value)", 1e-9)
    assert connection.execute(f"SELECT * FROM {relation}").fetchall() == [(7, 1, 0, 3, kept)]
