from __future__ import annotations

import pytest

from headrace.connectors.foreign import Origin
from headrace.connectors.prefix import PartitionPrefix
from headrace.errors import CutoverError
from headrace.runtime.cutover import (
    Cutover,
    LogRange,
    check_log_reaches,
    check_topic_id,
    draw_boundary,
    history_alone,
)


def prefix(rows: int, distinct: int, first: int, last: int, partition: int = 0, topic: str = "t") -> PartitionPrefix:
    return PartitionPrefix(topic, partition, rows, distinct, first, last)


def test_live_begins_right_after_the_last_archived_offset() -> None:
    archived = [prefix(5, 5, 0, 4), prefix(4, 4, 3, 6, partition=1)]
    cuts = draw_boundary("t", {0: LogRange(0, 9), 1: LogRange(3, 7)}, archived)
    assert [(cut.archived_from, cut.start_offset, cut.archived) for cut in cuts] == [(0, 5, 5), (3, 7, 4)]


def test_a_partition_without_archived_rows_is_read_from_its_beginning() -> None:
    assert draw_boundary("t", {0: LogRange(0, 3)}, [])[0].start_offset == 0


def test_a_boundary_survives_its_json() -> None:
    cuts = draw_boundary("t", {0: LogRange(0, 9)}, [prefix(5, 5, 0, 4)])
    cutover = Cutover("raw.t", 17, "headrace-r1", "t", "id", cuts)
    assert Cutover.from_json(cutover.to_json()) == cutover
    assert cutover.start_offsets == {0: 5}
    shadowed = Cutover("shadows.t", 17, "headrace-r1", None, None, cuts, Origin("delta", "/t", 3))
    assert Cutover.from_json(shadowed.to_json()) == shadowed


@pytest.mark.parametrize(
    ("log", "facts", "says"),
    [
        (
            LogRange(6, 9),
            (5, 5, 0, 4),
            "needed from offset 5, but the log begins at 6: 1 records are lost",
        ),
        (LogRange(0, 4), (5, 5, 0, 4), "needed from offset 5, but the log ends at 4"),
        (LogRange(0, 9), (4, 4, 0, 4), "1 offsets missing between 0 and 4"),
        (LogRange(0, 9), (6, 5, 0, 4), "1 rows repeat an offset"),
        (LogRange(2, 9), None, "needed from offset 0, but the log begins at 2"),
    ],
)
def test_what_does_not_fit_is_refused_by_partition_and_gap(
    log: LogRange, facts: tuple[int, int, int, int] | None, says: str
) -> None:
    archived = [] if facts is None else [prefix(*facts, partition=3)]
    with pytest.raises(CutoverError, match=r"partition 3") as error:
        draw_boundary("t", {3: log}, archived)
    assert says in str(error.value)


def test_a_topic_made_anew_with_fewer_partitions_is_refused() -> None:
    with pytest.raises(CutoverError, match="made anew"):
        draw_boundary("t", {0: LogRange(0, 9)}, [prefix(5, 5, 0, 4, partition=1)])


def test_resuming_below_the_log_start_is_refused() -> None:
    check_log_reaches("t", {0: 5}, {0: LogRange(5, 9)})
    with pytest.raises(CutoverError, match="begins at 6"):
        check_log_reaches("t", {0: 5}, {0: LogRange(6, 9)})
    with pytest.raises(CutoverError, match="partition 1 is gone"):
        check_log_reaches("t", {1: 0}, {0: LogRange(6, 9)})


def test_an_archive_of_another_topic_is_no_history() -> None:
    archived = [prefix(5, 5, 0, 4), prefix(9, 9, 0, 8, topic="other")]
    with pytest.raises(CutoverError, match="expected rows of topic 't' only, found rows of 'other', 't'"):
        draw_boundary("t", {0: LogRange(0, 9)}, archived)
    with pytest.raises(CutoverError, match="expected rows of one topic, found rows of 'other', 't'"):
        history_alone(archived)


def test_history_alone_ends_where_its_rows_end() -> None:
    cuts = history_alone([prefix(5, 5, 0, 4), prefix(4, 4, 3, 6, partition=1)])
    assert [(cut.archived, cut.archived_from, cut.start_offset) for cut in cuts] == [(5, 0, 5), (4, 3, 7)]
    assert Cutover("raw.t", 17, "headrace-r1", None, None, cuts).archived_rows == 9
    assert history_alone([]) == ()


@pytest.mark.parametrize(
    ("facts", "says"), [((4, 4, 0, 4), "1 offsets missing between 0 and 4"), ((6, 5, 0, 4), "1 rows repeat an offset")]
)
def test_history_alone_is_a_contiguous_prefix(facts: tuple[int, int, int, int], says: str) -> None:
    with pytest.raises(CutoverError, match=f"topic 't', partition 3: {says}"):
        history_alone([prefix(*facts, partition=3)])


def test_a_topic_with_another_id_is_another_topic() -> None:
    check_topic_id("t", "a", "a", "run r")
    check_topic_id("t", "a", None, "run r")
    with pytest.raises(CutoverError, match="made anew: run r recorded the topic with id a, the cluster has id b"):
        check_topic_id("t", "a", "b", "run r")
