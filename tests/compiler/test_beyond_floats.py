"""What adds up to no float is NULL, however it is computed: of finite numbers come finite numbers, or none."""

from __future__ import annotations

from fractions import Fraction
from sys import float_info
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compiler.duckdb_tiles import cells_sql
from headrace.compiler.fold import fold
from headrace.compiler.merge import merge_feature, value_from
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature

from .beyond_floats import CASES, Heavy, orders, values
from .events import BASE
from .test_duckdb_sql import answers as answers_at
from .test_duckdb_sql import close, connect
from .test_merge import feature_of
from .test_point_in_time import answers as answers_before
from .test_point_in_time import spined

HEAVY = pytest.mark.parametrize("heavy", CASES.values(), ids=CASES)
#: Their sums, and their variances, are far within the floats or far beyond them.
WEIGHTS = st.lists(st.tuples(st.sampled_from([1e308, 0.5, 0.0]), st.integers(0, 4)), max_size=12)


@pytest.fixture(scope="module")
def shop(plans: dict[str, ViewPlan]) -> ViewPlan:
    return plans["shop_features"]


@HEAVY
@pytest.mark.parametrize("mode", ["exact", "tiled"])
def test_what_a_run_computes(shop: ViewPlan, heavy: Heavy, mode: str) -> None:
    found = answers_at(connect(orders(heavy)), shop, BASE, mode)
    assert {name: found[name]["a",] for name in values(heavy)} == close(values(heavy))


@HEAVY
@pytest.mark.parametrize("known_by", ["event", "arrival"])
def test_what_a_training_set_holds(shop: ViewPlan, heavy: Heavy, known_by: Any) -> None:
    asked = tuple(AskedFeature(name, shop.feature(name)) for name in values(heavy))
    asker = {"_row": 0, "_t": BASE, "shop": "a", "customer": 1, "express": False}
    found = answers_before(spined(orders(heavy), [asker]), shop, asked, known_by)
    assert {name: value for (name, _), value in found.items()} == close(values(heavy))


@HEAVY
def test_what_is_served_of_the_tiles_that_duckdb_folds(shop: ViewPlan, heavy: Heavy) -> None:
    connection = connect(orders(heavy))
    for name, value in values(heavy).items():
        feature = shop.feature(name)
        groups = [shop.group(part.group) for part in feature.parts]
        tiles = [
            connection.sql(cells_sql(shop, group, "archive")).filter(f"level = {group.finest_us}").to_arrow_table()
            for group in groups
        ]
        merged = [merge_feature(part, cells.to_pylist()) for part, cells in zip(feature.parts, tiles, strict=True)]
        assert {name: value_from(feature, merged)} == close({name: value}), name


@given(weights=WEIGHTS)
def test_any_split_is_null_or_not_as_the_exact_sum_is(weights: list[tuple[float, int]]) -> None:
    rows = [(weight, 0, 0, number) for number, (weight, _) in enumerate(weights)]
    tiles = [[row for row, (_, place) in zip(rows, weights, strict=True) if place == tile] for tile in range(5)]
    exactly = sum(map(Fraction, (weight for weight, _ in weights)))
    alike = len({weight > 1 for weight, _ in weights}) < 2
    fits = {"sum": exactly <= float_info.max, "mean": exactly <= float_info.max, "var": alike, "std": alike}
    for function, finite in fits.items():
        feature = feature_of(function, "float")
        value = merge_feature(feature, [fold(feature, tile) for tile in tiles])
        assert (value is not None) == (finite and len(rows) > (function in {"var", "std"})), function
