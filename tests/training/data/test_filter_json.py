"""Filters as JSON: all public ones come back as they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import headrace.training.data as public
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
        EntityShare(("card", "shop"), 0.1, 1 / 3, "own"),
        TimeRange("at", None, 7),
    ]
    assert {type(one) for one in filters} == set(NAMES.values())
    assert [filter_of(json.loads(json.dumps(filter_plain(one)))) for one in filters] == filters
