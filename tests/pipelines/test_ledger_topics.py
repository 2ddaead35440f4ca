"""Two topics have partitions of the same numbers: a ledger keeps them apart."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.connectors.prefix import TopicPartition
from headrace.pipelines.ledger_checks import contiguous_sums, duplicates, gaps, lines_of, off_boundary, unlike_history
from headrace.pipelines.ledger_facts import Block
from headrace.runtime.cutover import Cutover, PartitionCut

#: What history and the live leg read of partition 0 of each topic: first and last offset.
READ = {
    ("history", "cards"): (0, 4),
    ("live", "cards"): (5, 9),
    ("history", "wires"): (2, 3),
    ("live", "wires"): (4, 7),
}
CUTS = (PartitionCut("cards", 0, 5, 0, 5, 0, 10), PartitionCut("wires", 0, 2, 2, 4, 2, 8))
BOUNDARY = Cutover("raw.payments", 1, None, None, None, CUTS)


def block(leg: str, topic: str, first: int, last: int) -> Block:
    n = last - first + 1
    return Block(leg, topic, 0, 0, n, first, last, *contiguous_sums(first, last), n, 0, 0, 0, 0, n)


def blocks(**moved: Any) -> list[Block]:
    found = {**READ, **{tuple(name.split("_")): ends for name, ends in moved.items()}}
    return [block(leg, topic, *ends) for (leg, topic), ends in found.items()]


def test_lines_are_of_a_partition_of_a_topic() -> None:
    assert [(line.of, line.history, line.live, line.last_offset) for line in lines_of(blocks())] == [
        (TopicPartition("cards", 0), 5, 5, 9),
        (TopicPartition("wires", 0), 2, 4, 7),
    ]


def test_what_is_read_of_two_topics_neither_overlaps_nor_leaves_gaps() -> None:
    assert duplicates(blocks()) == gaps(blocks()) == []
    assert unlike_history(BOUNDARY, blocks()) == off_boundary(BOUNDARY, blocks()) == []


@pytest.mark.parametrize(
    ("moved", "check", "says"),
    [
        ({"live_wires": (3, 7)}, duplicates, "live, topic 'wires', partition 0, offsets 3 to 7: begins before"),
        ({"live_wires": (6, 7)}, gaps, "topic 'wires', partition 0: offsets 4 to 5"),
        ({"history_wires": (3, 3)}, lambda found: unlike_history(BOUNDARY, found), "partition 0: 1 of 2 rows"),
        ({"live_cards": (6, 9)}, lambda found: off_boundary(BOUNDARY, found), "topic 'cards', partition 0: start"),
    ],
)
def test_what_is_wrong_with_one_topic_is_told_of_that_one(moved: dict[str, Any], check: Any, says: str) -> None:
    (found,) = check(blocks(**moved))
    assert says in found
