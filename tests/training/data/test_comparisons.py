"""Comparisons of columns of every type: as Python has them, over rows and over statistics of any row groups."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.errors import ColumnTypeError
from headrace.training.data.filters import OPERATORS, Condition

COMPARED: dict[str, Callable[[Any, Any], bool]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
EAST = timezone(timedelta(hours=2))


def decimals(precision: int, scale: int) -> list[Decimal]:
    most = 10**precision - 1
    steps = [0, 7, 35, 115, 300, 325, -100, most, -most, most // 2]
    return [Decimal(f"{min(step, most)}E-{scale}") for step in steps]


def floats(width: type[np.floating[Any]]) -> list[float]:
    found = [0.1, -0.0, 3.0, 2.0**24, 2.0**53, 2.0**63, 3e38, -1.5]
    return [*(float(width(one)) for one in found), math.nan, math.inf, -math.inf]


#: Values that columns of a type have, those at its ends among them.
HELD: dict[pa.DataType, Sequence[Any]] = {
    pa.int8(): [0, 3, -1, 127, -128],
    pa.int32(): [0, 3, 4, -1, 2**31 - 1, -(2**31)],
    pa.int64(): [0, 3, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)],
    pa.uint64(): [0, 3, 2**53 + 1, 2**63, 2**64 - 1],
    pa.float32(): floats(np.float32),
    pa.float64(): floats(np.float64),
    pa.decimal128(9, 2): decimals(9, 2),
    pa.decimal128(18, 0): decimals(18, 0),
    pa.decimal128(20, 2): decimals(20, 2),
    pa.decimal128(38, 30): decimals(38, 30),
}
NUMBERS: Sequence[float] = [0, 1, 3, 4, -1, 128, 300, 2**24 + 1, 2**40, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1]
NUMBERS = [*NUMBERS, -(2**63), 0.07, 0.1, 0.35, 1.15, 3.0, 3.25, 3.5, -0.0, 2.0**53, 2.0**63, -1e300, 1e300, 5e-324]
DAYS = [date(1, 1, 1), date(1969, 12, 31), date(2013, 8, 31), date(2013, 9, 1), date(2013, 9, 2), date(9999, 12, 31)]
INSTANTS = [
    datetime(2013, 9, 1, tzinfo=UTC),
    datetime(2013, 9, 1, 12, tzinfo=UTC),
    datetime(2013, 9, 1, 1, tzinfo=EAST),
]
INSTANTS += [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]
#: Few times and numbers, so that a row group often has one of them alone.
TIMES: dict[pa.DataType, Sequence[Any]] = {
    pa.date32(): DAYS,
    pa.timestamp("us", "UTC"): INSTANTS,
    pa.timestamp("ms", "UTC"): INSTANTS[:4],
}

LAYOUTS = st.sampled_from([1, 2, 3, 20])
NAMES = st.sampled_from(sorted(OPERATORS))


def columns(held: dict[pa.DataType, Sequence[Any]]) -> st.SearchStrategy[tuple[pa.DataType, list[Any]]]:
    """A type, and values of it."""

    def values(type_: pa.DataType) -> st.SearchStrategy[tuple[pa.DataType, list[Any]]]:
        one = st.sampled_from([*held[type_], None])
        return st.tuples(st.just(type_), st.lists(one, min_size=1, max_size=8))

    return st.sampled_from(list(held)).flatmap(values)


@settings(max_examples=300)
@given(columns(HELD), NAMES, st.sampled_from(NUMBERS), LAYOUTS)
@example((pa.decimal128(20, 2), [Decimal("3.25"), None]), ">", 3, 1)
@example((pa.decimal128(20, 2), [Decimal("0.35")]), "==", 0.35, 1)
@example((pa.int64(), [2**53 + 1, 0]), "<", 0.1, 1)
@example((pa.uint64(), [2**64 - 1]), ">=", 3, 1)
@example((pa.float32(), [2.0**24, math.nan]), "!=", 2**24 + 1, 1)
@example((pa.float64(), [2.0**53, math.nan]), "!=", 2**53 + 1, 2)
@example((pa.int8(), [127, -128]), "<=", 128, 1)
def test_numbers_compare_exactly_whatever_the_type_holds_and_the_layout_is(
    column: tuple[pa.DataType, list[Any]], operator: str, value: float, group_rows: int
) -> None:
    type_, values = column
    number = Decimal(repr(value)) if pa.types.is_decimal(type_) else value
    expected = [one is not None and COMPARED[operator](one, number) for one in values]
    check(Condition("x", operator, value), pa.array(values, type_), group_rows, expected)


@settings(max_examples=100)
@given(columns(TIMES), NAMES, st.sampled_from([*DAYS, *INSTANTS]), LAYOUTS)
@example((pa.date32(), [date(2013, 9, 1), date(2013, 9, 2)]), ">", datetime(2013, 9, 1, 12, tzinfo=UTC), 1)
def test_dates_and_instants_compare_by_the_midnight_in_utc_at_which_a_date_begins(
    column: tuple[pa.DataType, list[Any]], operator: str, value: date, group_rows: int
) -> None:
    type_, values = column
    expected = [one is not None and COMPARED[operator](instant(one), instant(value)) for one in values]
    check(Condition("x", operator, value), pa.array(values, type_), group_rows, expected)


def test_texts_booleans_and_times_without_a_zone_compare_with_their_like() -> None:
    check(Condition("x", ">=", "b"), pa.array(["a", "b", None], pa.large_string()), 1, [False, True, False])
    check(Condition("x", "==", "b"), pa.array([b"a", b"b", None], pa.binary()), 1, [False, True, False])
    check(Condition("x", "!=", True), pa.array([True, False, None]), 1, [False, True, False])
    local = pa.array([datetime(2013, 8, 31, 23), datetime(2013, 9, 1), None], pa.timestamp("us"))  # noqa: DTZ001
    check(Condition("x", "<", date(2013, 9, 1)), local, 1, [True, False, False])


def test_a_named_number_is_the_number() -> None:
    level = IntEnum("level", ["low", "high"])
    whole, fares = pa.array([1, 2, None], pa.int8()), pa.array([Decimal(1), Decimal(2), None], pa.decimal128(9, 2))
    for values in (whole, whole.cast(pa.float32()), fares):
        check(Condition("x", ">", level.low), values, 1, [False, True, False])


def test_statistics_rule_out_row_groups_that_a_whole_number_leaves_out_of_decimals() -> None:
    prices = pa.table({"x": pa.array([Decimal("2.50"), Decimal("3.00"), Decimal("3.25")], pa.decimal128(20, 2))})
    found = Condition("x", ">", 3).expression(prices.schema)
    assert groups(prices, 1, found) == {2}
    assert groups(prices, 1, Condition("x", "<", -(2**63)).expression(prices.schema)) == set()


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (pa.timestamp("us"), datetime(2013, 9, 1, tzinfo=UTC)),
        (pa.timestamp("us", "UTC"), 3),
        (pa.date32(), 15_000),
        (pa.int64(), date(2013, 9, 1)),
        (pa.float64(), datetime(2013, 9, 1, tzinfo=UTC)),
        (pa.float32(), "3"),
        (pa.decimal128(9, 2), True),
        (pa.bool_(), 1),
        (pa.string(), 3),
        (pa.time64("us"), 3),
        (pa.list_(pa.int64()), 3),
    ],
)
def test_a_column_of_another_kind_is_refused_with_its_type(type_: pa.DataType, value: Any) -> None:
    condition, schema = Condition("x", "<", value), pa.schema([("x", type_)])
    with pytest.raises(ColumnTypeError, match=r"condition x < .*: column 'x' is .*, which does not compare with"):
        condition.expression(schema)


def test_an_instant_beside_times_without_a_zone_is_told_what_to_do() -> None:
    schema = pa.schema([("at", pa.timestamp("us"))])
    with pytest.raises(ColumnTypeError, match=r"is timestamp\[us\], .* no zone, .*: compare them with a date"):
        Condition("at", "<", np.datetime64("2013-09-01T00:00:00", "us")).expression(schema)


def check(condition: Condition, values: pa.Array, group_rows: int, expected: list[bool]) -> None:
    """A condition keeps these rows, and its expression does; and no row group is ruled out that has any."""
    rows = pa.table({"x": values})
    assert condition.keeps(rows).tolist() == expected
    expression = condition.expression(rows.schema)
    if expression is None:
        return
    assert rows.filter(expression).num_rows == sum(expected)
    assert {place // group_rows for place, kept in enumerate(expected) if kept} <= groups(rows, group_rows, expression)


def groups(rows: pa.Table, group_rows: int, expression: Any) -> set[int]:
    """The row groups of a file that statistics do not rule out."""
    file = io.BytesIO()
    pq.write_table(rows, file, row_group_size=group_rows)
    fragment = ds.ParquetFileFormat().make_fragment(pa.BufferReader(file.getvalue()))
    return {group.id for group in fragment.subset(filter=expression, schema=rows.schema).row_groups}


def instant(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
