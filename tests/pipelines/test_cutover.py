from __future__ import annotations

import pytest

from headrace.connectors.prefix import PartitionPrefix
from headrace.errors import CutoverError
from headrace.pipelines.cutover import Cutover, LogRange, check_log_reaches, draw_boundary


def prefix(rows: int, distinct: int, first: int, last: int) -> PartitionPrefix:
    return PartitionPrefix("t", 0, rows, distinct, first, last)


def test_live_begins_right_after_the_last_archived_offset() -> None:
    cuts = draw_boundary("t", {0: LogRange(0, 9), 1: LogRange(3, 7)}, {0: prefix(5, 5, 0, 4), 1: prefix(4, 4, 3, 6)})
    assert [(cut.partition, cut.start_offset, cut.archived) for cut in cuts] == [(0, 5, 5), (1, 7, 4)]


def test_a_partition_without_archived_rows_is_read_from_its_beginning() -> None:
    assert draw_boundary("t", {0: LogRange(0, 3)}, {})[0].start_offset == 0


def test_a_boundary_survives_its_json() -> None:
    cuts = draw_boundary("t", {0: LogRange(0, 9)}, {0: prefix(5, 5, 0, 4)})
    cutover = Cutover("raw.t", 17, "headrace-r1", "t", "id", cuts)
    assert Cutover.from_json(cutover.to_json()) == cutover
    assert cutover.start_offsets == {0: 5}


@pytest.mark.parametrize(
    ("log", "archived", "says"),
    [
        (
            LogRange(6, 9),
            prefix(5, 5, 0, 4),
            "needed from offset 5, but the log begins at 6: 1 records are lost",
        ),
        (LogRange(0, 4), prefix(5, 5, 0, 4), "needed from offset 5, but the log ends at 4"),
        (LogRange(0, 9), prefix(4, 4, 0, 4), "1 offsets missing between 0 and 4"),
        (LogRange(0, 9), prefix(6, 5, 0, 4), "1 rows repeat an offset"),
        (LogRange(2, 9), None, "needed from offset 0, but the log begins at 2"),
    ],
)
def test_what_does_not_fit_is_refused_by_partition_and_gap(
    log: LogRange, archived: PartitionPrefix | None, says: str
) -> None:
    with pytest.raises(CutoverError, match=r"partition 3") as error:
        draw_boundary("t", {3: log}, {} if archived is None else {3: archived})
    assert says in str(error.value)


def test_a_topic_made_anew_with_fewer_partitions_is_refused() -> None:
    with pytest.raises(CutoverError, match="made anew"):
        draw_boundary("t", {0: LogRange(0, 9)}, {1: prefix(5, 5, 0, 4)})


def test_resuming_below_the_log_start_is_refused() -> None:
    check_log_reaches("t", {0: 5}, {0: LogRange(5, 9)})
    with pytest.raises(CutoverError, match="begins at 6"):
        check_log_reaches("t", {0: 5}, {0: LogRange(6, 9)})
    with pytest.raises(CutoverError, match="partition 1 is gone"):
        check_log_reaches("t", {1: 0}, {0: LogRange(6, 9)})
