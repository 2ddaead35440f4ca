"""The generated transactions: the same for everyone, in the order of a log, as skewed as they claim to be."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pytest

from headrace.bench.kit import FEATURES
from headrace.bench.transactions import CHUNK, GAP_US, JITTER_US, PARTITIONS, transactions
from headrace.compiler.build import plan_view
from headrace.connectors.foreign import ARROW
from headrace.connectors.schema import archive_fields
from headrace.features.load import load_views


@pytest.mark.parametrize(("first", "last"), [(0, 10), (CHUNK - 3, CHUNK + 4), (2 * CHUNK, 2 * CHUNK + 1)])
def test_a_part_is_what_the_whole_holds_there(first: int, last: int) -> None:
    assert transactions(first, last).equals(transactions(0, 3 * CHUNK).slice(first, last - first))
    assert transactions(first, last).num_rows == last - first


def test_the_columns_are_those_of_an_archive_of_the_declared_source() -> None:
    plan = plan_view(load_views(FEATURES).views["card_features"])
    expected = {field.name: ARROW[field.type] for field in archive_fields(plan.source.columns)}
    assert {field.name: field.type for field in transactions(0, 5).schema} == expected


def test_positions_are_a_contiguous_prefix_of_every_partition() -> None:
    rows = transactions(0, 1_003)
    for partition in range(PARTITIONS):
        offsets = rows.filter(pa.compute.equal(rows["_src_partition"], partition))["_src_offset"].to_pylist()
        assert offsets == list(range(len(offsets)))


def test_events_keep_the_pace_and_are_out_of_order_within_their_delay() -> None:
    times = transactions(0, 10_000)["ts"].cast(pa.int64()).to_pylist()
    assert any(later < earlier for earlier, later in pairwise(times))
    expected = [times[0] + index * GAP_US for index in range(len(times))]
    assert max(abs(found - wanted) for found, wanted in zip(times, expected, strict=True)) <= 2 * JITTER_US


def test_one_card_makes_a_seventh_of_all_payments() -> None:
    cards = Counter(transactions(0, 100_000)["cc_num"].to_pylist())
    (_, busiest), *_ = cards.most_common(1)
    assert 0.13 < busiest / 100_000 < 0.15
    assert len(cards) > 10_000
