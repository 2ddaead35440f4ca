"""Filters as JSON: all public ones come back as they were."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import headrace.training.data as public
from headrace.errors import DefinitionError
from headrace.training.data.filter_json import NAMES, filter_of, filter_plain
from headrace.training.data.filters import Condition, EntityShare, Present, RowFilter, TimeRange


def test_every_public_filter_is_known() -> None:
    exported = [getattr(public, name) for name in public.__all__]
    kinds = {one for one in exported if isinstance(one, type) and callable(getattr(one, "keeps", None))}
    assert kinds == set(NAMES.values())


def test_each_comes_back_as_it_was() -> None:
    filters: list[RowFilter] = [
        Present("landed_at"),
        Condition("at", ">=", datetime(2013, 9, 1, tzinfo=UTC)),
        Condition("day", "<", date(2013, 9, 1)),
        EntityShare(("card", "shop"), 0.1, 1 / 3, "own"),
        TimeRange("at", None, 7),
    ]
    assert {type(one) for one in filters} == set(NAMES.values())
    assert [filter_of(json.loads(json.dumps(filter_plain(one)))) for one in filters] == filters


@pytest.mark.parametrize(
    ("found", "plain"),
    [
        (np.int64(3), 3),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.datetime64("2013-09-01"), date(2013, 9, 1)),
        # An instant of NumPy has no zone by definition: it is of UTC.
        (np.datetime64("2013-09-01T00"), datetime(2013, 9, 1, tzinfo=UTC)),
        (np.datetime64("2013-09-01T00:00:00.5"), datetime.fromisoformat("2013-09-01T00:00:00.5Z")),
    ],
)
def test_values_of_numpy_are_kept_as_the_plain_ones_that_they_equal(found: Any, plain: object) -> None:
    made = Condition("x", "<", found)
    assert (made.value, type(made.value)) == (plain, type(plain))
    assert filter_of(json.loads(json.dumps(filter_plain(made)))) == made


def test_bounds_and_edges_of_numpy_are_kept_too() -> None:
    filters: list[Any] = [
        TimeRange("at", np.int64(3), np.int64(7)),  # type: ignore[arg-type]
        EntityShare(("card",), np.float32(0.5), np.float32(0.75)),  # type: ignore[arg-type]
    ]
    assert [filter_of(json.loads(json.dumps(filter_plain(one)))) for one in filters] == filters


@pytest.mark.parametrize("value", [Decimal("0.1"), b"a", np.datetime64("2013-09-01", "ns"), None])
def test_a_value_that_no_version_could_keep_is_refused_where_it_is_declared(value: Any) -> None:
    with pytest.raises(DefinitionError, match=r"condition on 'x': expected .* a date or an instant, found "):
        Condition("x", "<", value)
