import math
from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compiler.duckdb_sql import ratio_sql
from headrace.compiler.fold import fold
from headrace.compiler.merge import merge_feature, ratio_of
from headrace.compiler.plan import PlannedFeature
from headrace.errors import NumericOverflowError

PARTIALS = {
    "count": ("count_x",),
    "sum": ("sum_x",),
    "mean": ("sum_x", "count_x"),
    "min": ("min_x",),
    "max": ("max_x",),
    "std": ("moments_x",),
    "var": ("moments_x",),
    "first": ("first_x",),
    "last": ("last_x",),
    "last_n": ("newest3_x",),
    "count_distinct": ("distinct_x",),
    "top_k": ("tally_x",),
    "quantile": ("buckets_x",),
    "quantiles": ("buckets_x",),
}


SHARES = {"quantile": (500_000,), "quantiles": (0, 250_000, 990_000)}


def feature_of(function: str, type_: str = "int") -> PlannedFeature:
    size = 3 if function in {"last_n", "top_k"} else 0
    return PlannedFeature(
        "f_1h", function, "0a1b2c3d", PARTIALS[function], type_, size=size, per_million=SHARES.get(function, ())
    )


ROWS = st.lists(
    st.tuples(st.none() | st.integers(-(10**6), 10**6), st.integers(0, 5), st.integers(0, 2), st.integers(0, 99)),
    unique_by=lambda row: row[2:],
    max_size=40,
)


@pytest.mark.parametrize("function", PARTIALS)
@given(rows=ROWS, split=st.randoms(use_true_random=False), parts=st.integers(1, 6))
def test_any_split_merges_to_the_whole(function: str, rows: list, split, parts: int) -> None:
    feature = feature_of(function)
    tiles: dict[int, list] = {}
    for row in rows:
        tiles.setdefault(split.randrange(parts), []).append(row)
    merged = merge_feature(feature, [fold(feature, tile) for tile in tiles.values()])
    whole = merge_feature(feature, [fold(feature, rows)])
    assert merged == (pytest.approx(whole, rel=1e-9, abs=1e-6) if isinstance(whole, float) else whole)


@pytest.mark.parametrize("function", PARTIALS)
def test_an_empty_window(function: str) -> None:
    expected = 0 if function in {"count", "count_distinct"} else None
    assert merge_feature(feature_of(function), []) == expected
    nothing = fold(feature_of(function), [(None, 0, 0, 0)])
    assert merge_feature(feature_of(function), [nothing]) == ([None] if function == "last_n" else expected)


@pytest.mark.parametrize(("function", "value"), [("std", math.sqrt(2)), ("var", 2.0)])
def test_std_and_var_are_of_the_sample_and_null_below_two(function: str, value: float) -> None:
    feature = feature_of(function)
    cells = [fold(feature, [(2, 0, 0, 0)]), fold(feature, [(4, 0, 0, 1)])]
    assert merge_feature(feature, cells[:1]) is None
    assert merge_feature(feature, cells) == pytest.approx(value)


@pytest.mark.parametrize("function", ["sum", "mean"])
def test_an_integer_sum_beyond_bigint_names_the_feature(function: str) -> None:
    feature = feature_of(function)
    cells = [fold(feature, [(2**63 - 1, 0, 0, 0)]), fold(feature, [(1, 0, 0, 1)])]
    with pytest.raises(NumericOverflowError, match="f_1h"):
        merge_feature(feature, cells)


def test_the_newest_row_decides_even_when_its_value_is_null() -> None:
    feature = feature_of("last")
    cells = [fold(feature, [(5, 1, 0, 7)]), fold(feature, [(None, 1, 1, 0)])]
    assert merge_feature(feature, cells) is None
    assert merge_feature(feature, cells[:1]) == 5


def test_the_oldest_row_decides_even_when_its_value_is_null() -> None:
    feature = feature_of("first")
    cells = [fold(feature, [(5, 1, 1, 0)]), fold(feature, [(None, 1, 0, 7), (6, 2, 0, 0)])]
    assert merge_feature(feature, cells) is None
    assert merge_feature(feature, cells[:1]) == 5


@pytest.mark.parametrize(
    ("numerator", "denominator", "value"),
    [(1, 4, 0.25), (0, 4, 0.0), (1, 0, None), (1, -0.0, None), (None, 4, None), (1, None, None), (1e308, 1e-308, None)],
)
def test_a_ratio_is_null_where_there_is_no_finite_quotient(numerator, denominator, value) -> None:
    assert ratio_of(numerator, denominator) == value
    with duckdb.connect() as connection:
        given = {"n": numerator, "d": denominator}
        found = connection.execute(f"SELECT {ratio_sql('$n', '$d', of_floats=True)}", given).fetchall()
    assert found == [(value,)]


def test_the_newest_rows_come_newest_first_and_their_values_may_be_null() -> None:
    feature = feature_of("last_n")
    cells = [fold(feature, [(5, 1, 1, 0), (4, 1, 0, 9)]), fold(feature, [(None, 1, 1, 7), (6, 0, 9, 9)])]
    assert merge_feature(feature, cells) == [None, 5, 4]
    assert merge_feature(feature, cells[1:]) == [None, 6]


def test_count_distinct_is_exact_to_4096() -> None:
    feature = feature_of("count_distinct")
    cells = [
        fold(feature, [(value, 0, 0, value) for value in range(start, start + 1024)]) for start in range(0, 4096, 512)
    ]
    assert merge_feature(feature, cells[:7]) == 4096
    far = [fold(feature, [(value, 0, 0, value) for value in range(start, start + 10_000)]) for start in (0, 10_000)]
    assert merge_feature(feature, far) == pytest.approx(20_000, rel=0.05)


def test_an_empty_string_is_a_value() -> None:
    feature = feature_of("count_distinct")
    assert merge_feature(feature, [fold(feature, [("", 0, 0, 0), ("a", 0, 0, 1)])]) == 2


def test_an_instant_comes_back_as_a_datetime() -> None:
    feature = feature_of("max", "datetime")
    assert merge_feature(feature, [fold(feature, [(1_000_001, 0, 0, 0)])]) == datetime(
        1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC
    )
