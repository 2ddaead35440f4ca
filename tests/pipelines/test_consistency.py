"""Served values beside history: every kind of difference is planted, and must be seen with its cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace.pipelines.consistency import Cause, Consistency, Kind
from headrace.pipelines.served import read_served
from headrace.serving.log import append_log

from .trips import AFTERNOON, MIDNIGHT, Depot, counted, depot_in, floored, trip, trips

TRIPS = trips()
KEPT = "tiles of 1h are kept 4d 1h 1m after their end"
TILE, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depot_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    """Everything archived and served; not to be changed."""
    with depot_in(tmp_path_factory.mktemp("trips")) as made:
        made.archive(TRIPS)
        made.serve(TRIPS)
        yield made


def causes(found: Consistency, *, of: str = "town") -> set[str]:
    """The causes of differences of one kind of entity."""
    return {one.cause for one in found.differences if of in one.entity}


def served_now(depot: Depot, at: datetime = MIDNIGHT) -> Consistency:
    """Of towns alone."""
    return depot.compare([one for one in depot.read(at) if "town" in one.entity_rows[0]])


def test_where_tiles_fit_windows_nothing_differs(whole: Depot) -> None:
    """Of five cars no filter lets a trip in: neither the store nor history knows them."""
    found = whole.now(MIDNIGHT)
    assert found.differences == ()
    assert found.compared == 3 * 13 + 25


@pytest.mark.parametrize("at", [AFTERNOON, AFTERNOON - timedelta(days=1, hours=9, microseconds=3)])
def test_elsewhere_exactly_what_tiles_round_differs(whole: Depot, at: datetime) -> None:
    found = whole.now(at)
    assert found.holds
    assert causes(found) == {Cause.TAIL_ROUNDING}
    windows = {
        "trips_1h": (at - HOUR, at, TILE),
        "trips_3d": (at - 3 * DAY, at, HOUR),
        "trips_1h_lag_2h": (at - 3 * HOUR, at - 2 * HOUR, TILE),
    }
    for name, (start, end, tail) in windows.items():
        for town in ("t0", "t1", "t2"):
            exact = counted(TRIPS, town, start, end)
            tiled = counted(TRIPS, town, floored(start, tail), floored(end, TILE))
            different = [one for one in found.differences if (one.feature, one.entity) == (name, {"town": town})]
            assert [(one.served, one.history) for one in different] == ([(tiled, exact)] if tiled != exact else [])
    assert not causes(whole.now(at, windows="tiled"))


def test_a_sum_beyond_the_floats_is_null_on_both_sides_and_in_the_log(depot: Depot, tmp_path: Path) -> None:
    """Infinity would be no JSON, and would end the check of the whole view."""
    far = [trip(MIDNIGHT - hours * HOUR, "t1", car=7, metres=1e308) for hours in (1, 2)]
    depot.archive([*TRIPS, *far])
    depot.serve([*TRIPS, *far])
    answers, log = depot.read(MIDNIGHT), tmp_path / "log.jsonl"
    for answer in answers:
        append_log(answer, log)
    served = [json.loads(line) for line in log.read_text().splitlines()]
    assert "Infinity" not in log.read_text()
    name = "town_trips:distance_3d"
    sums = {row["town"]: (row[name], row[f"{name}__status"]) for row in served if "town" in row}
    assert sums["t1"] == (None, "present")
    assert all(value > 0 for town, (value, _) in sums.items() if town != "t1")
    found = depot.check().compare([read_served(str(log))], "log")
    assert (found.differences, found.compared) == ((), 3 * 13 + 25)


def test_now_the_open_tile_counts(depot: Depot) -> None:
    now = datetime.now(UTC)
    rows = [trip(now - timedelta(seconds=age), "t0") for age in (1, 2, 70, 3_000, 3_700)]
    depot.serve(rows)
    answer = depot.online.get_online_features(depot.names[:10], [{"town": "t0"}])
    depot.archive(rows)
    assert depot.compare([answer], windows="tiled").differences == ()
    rounded = depot.compare([answer])
    assert causes(rounded) <= {Cause.TAIL_ROUNDING}
    assert rounded.features[0].feature == "trips_1h"
    assert answer.value(0, "town_trips:trips_1h").value in {4, 5}


@pytest.mark.parametrize(
    ("change", "where", "kind", "feature"),
    [
        ("UPDATE {tiles} SET cell_n = cell_n + 1", "level = 86400000000", Kind.DIFFERENT, "trips_3d"),
        ("DELETE FROM {tiles}", "level = 86400000000", Kind.DIFFERENT, "trips_3d"),
        ("DELETE FROM {tiles}", "TRUE", Kind.MISSING, "fares_3d"),
    ],
)
def test_a_tile_that_was_altered_or_deleted_is_unexplained(
    depot: Depot, change: str, where: str, kind: Kind, feature: str
) -> None:
    depot.archive(TRIPS)
    depot.serve(TRIPS)
    depot.alter(change, f"key_town = 't1' AND {where}")
    found = served_now(depot)
    assert not found.holds
    assert {one.entity["town"] for one in found.differences} == {"t1"}
    (one,) = [one for one in found.unexplained if one.feature == feature]
    assert (one.kind, one.cause) == (kind, Cause.UNEXPLAINED)
    behind = counted(TRIPS, "t1", MIDNIGHT - 3 * DAY, MIDNIGHT)
    assert one.detail.startswith(f"{behind} rows (partition 0, offset ")


def test_each_wrong_line_of_one_entity_has_its_own_rows_behind_it(whole: Depot) -> None:
    """Each is a case of its own, and the gathered rows of one are not behind another."""
    asked = [MIDNIGHT, MIDNIGHT, MIDNIGHT - DAY]
    wrong = {"town_trips:trips_3d": [-1, -2, -3], "town_trips:trips_3d__status": ["present"] * 3}
    columns = {"town": ["t1"] * 3, "asked_at": asked, "served_at": [MIDNIGHT + 90 * DAY] * 3, **wrong}
    found = whole.check().compare([columns], "test").differences
    behind = {one.served: one.detail.partition(" (partition 0, ")[0] for one in found}
    counts = [counted(TRIPS, "t1", at - 3 * DAY, at) for at in asked]
    assert behind == {-number: f"{count} rows" for number, count in enumerate(counts, start=1)}


def test_a_row_that_history_lost_is_unexplained(depot: Depot) -> None:
    lost = trip(MIDNIGHT - timedelta(minutes=30), "t1")
    depot.serve([*TRIPS, lost])
    depot.archive(TRIPS)
    found = served_now(depot)
    assert {(one.entity["town"], one.cause) for one in found.differences} == {("t1", Cause.UNEXPLAINED)}
    assert {"trips_1h", "trips_3d", "takings"} <= {one.feature for one in found.differences}


def test_a_row_that_arrived_after_the_answer_is_late(depot: Depot) -> None:
    depot.archive(TRIPS)
    depot.serve(TRIPS)
    answers, exact = depot.read(AFTERNOON), depot.read(MIDNIGHT)
    logged = datetime.now(UTC) + timedelta(seconds=1)
    depot.archive([trip(AFTERNOON - timedelta(minutes=7), "t2", car=7, logged=logged)])
    found = depot.compare(exact)
    (trips_3d,) = [one for one in found.differences if one.feature == "trips_3d"]
    assert (trips_3d.cause, trips_3d.served, trips_3d.history) == (
        Cause.LATE_ROW,
        counted(TRIPS, "t2", MIDNIGHT - 3 * DAY, MIDNIGHT),
        trips_3d.served + 1,
    )
    assert trips_3d.detail.startswith("1 row (partition 0, offset 400; arrived ")
    assert {one.cause for one in found.differences if one.entity == {"car": 7}} == {Cause.LATE_ROW}
    both = [one for one in depot.compare(answers).differences if one.entity == {"town": "t2"}]
    assert "late row and tail rounding" in {one.cause for one in both}
    assert all(one.is_explained for one in both)


def test_a_row_that_was_judged_late_and_folded_all_the_same_is_late(depot: Depot) -> None:
    ended = MIDNIGHT - timedelta(minutes=30)
    late = trip(ended, "t1", reported=ended + 2 * DAY)
    depot.archive([*TRIPS, late])
    depot.serve([*TRIPS, late], replace(depot.plan, source=replace(depot.plan.source, allowed_lateness_us=1 << 50)))
    depot.serve(TRIPS)
    found = served_now(depot)
    assert causes(found) == {Cause.LATE_ROW}
    assert {"trips_1h", "takings"} <= {one.feature for one in found.differences}
    depot.alter("UPDATE {tiles} SET cell_n = cell_n + 7", "key_town = 't1' AND level = 3600000000")
    assert "trips_1h" not in {one.feature for one in served_now(depot).differences if one.is_explained}


@pytest.mark.parametrize("taken_in", [0, 1, 2])
def test_rows_that_the_job_has_not_committed_are_not_materialized(depot: Depot, taken_in: int) -> None:
    """A job writes tiles before it commits what it has read: some of the rows may be in them."""
    fresh = [trip(MIDNIGHT - timedelta(minutes=30 - number), "t1", car=9) for number in range(3)]
    depot.archive([*TRIPS, *fresh])
    depot.serve([*TRIPS, *fresh[:taken_in]])
    assert causes(served_now(depot)) == {Cause.UNEXPLAINED}
    depot.commit(len(TRIPS) - 1)
    found = served_now(depot)
    assert causes(found) == {Cause.NOT_MATERIALIZED}
    (one,) = [one for one in found.differences if one.feature == "trips_1h"]
    first, count = len(TRIPS) + taken_in, 3 - taken_in
    offsets = f"offset {first} to 402" if count > 1 else "offset 402"
    assert one.detail.startswith(f"{count} row{'s' if count > 1 else ''} (partition 0, {offsets}; arrived ")
    assert one.detail.endswith("not committed by the job when it was served")


def test_a_car_whose_only_row_behind_the_filter_is_not_committed_is_not_materialized(depot: Depot) -> None:
    """History knows the car by a row that the filter keeps out, the store not at all."""
    near = trip(MIDNIGHT - 2 * HOUR, car=77, far=False)
    depot.archive([*TRIPS, near, trip(MIDNIGHT - HOUR, car=77)])
    depot.serve([*TRIPS, near])
    depot.commit(len(TRIPS))
    for at, history in ((MIDNIGHT, 1), (MIDNIGHT + DAY, 0)):
        answer = depot.online.get_online_features(["town_trips:far_trips_1d"], [{"car": 77}], at=at)
        (one,) = depot.compare([answer]).differences
        assert (one.served, one.history, one.cause) == (None, history, Cause.NOT_MATERIALIZED)


def test_of_rows_that_are_not_committed_those_after_the_asked_time_do_not_matter(depot: Depot) -> None:
    later = [trip(MIDNIGHT + HOUR, "t1") for _ in range(70)]
    fresh = [trip(MIDNIGHT - TILE * number, "t1", reported=MIDNIGHT + (5 - number) * HOUR) for number in (2, 1)]
    depot.archive([*TRIPS, *later, *fresh])
    depot.serve([*TRIPS, fresh[0]])
    depot.commit(len(TRIPS) - 1)
    assert causes(served_now(depot)) == {Cause.NOT_MATERIALIZED}


def test_what_was_committed_is_that_when_the_answer_was_made(depot: Depot) -> None:
    fresh = trip(MIDNIGHT - timedelta(minutes=30), "t1")
    depot.archive(TRIPS)
    depot.serve(TRIPS)
    depot.commit(len(TRIPS) - 1)
    answers = depot.read(MIDNIGHT)
    depot.archive([fresh])
    depot.more_committed(len(TRIPS))
    assert causes(depot.compare(answers)) == {Cause.NOT_MATERIALIZED}
    assert causes(depot.now(MIDNIGHT)) == {Cause.UNEXPLAINED}


def test_a_town_that_begins_after_the_asked_time_is_known_to_the_store(depot: Depot) -> None:
    depot.archive([*TRIPS, trip(MIDNIGHT + HOUR, "new")])
    depot.serve([*TRIPS, trip(MIDNIGHT + HOUR, "new")])
    answer = depot.online.get_online_features(["town_trips:trips_1h"], [{"town": "new"}], at=MIDNIGHT)
    (one,) = depot.compare([answer]).differences
    assert (one.served, one.history, one.kind, one.cause) == (0, None, Kind.EXTRA, Cause.UNKNOWN_ENTITY)


def test_a_car_that_a_filter_lets_in_after_the_answer_was_unknown_when_it_was_made(depot: Depot) -> None:
    depot.archive(TRIPS)
    depot.serve(TRIPS)
    cars = [{"car": 0}, {"car": 1}]
    answer = depot.online.get_online_features(["town_trips:far_trips_1d"], cars, at=MIDNIGHT)
    logged = datetime.now(UTC) + timedelta(seconds=1)
    depot.archive([trip(MIDNIGHT + HOUR, car=0, logged=logged), trip(MIDNIGHT - 2 * DAY, car=1, logged=logged)])
    (one,) = depot.compare([answer]).differences
    assert one.entity == {"car": 1}, "car 0 is unknown to history, too"
    assert (one.served, one.history, one.cause) == (None, 0, Cause.LATE_ROW)


def test_what_is_expired_is_explained_by_the_wall_clock_alone(tmp_path: Path) -> None:
    for clock, expected in (("wall", Cause.EXPIRED), ("event", Cause.UNEXPLAINED)):
        (tmp_path / clock).mkdir()
        with depot_in(tmp_path / clock, clock) as depot:
            depot.archive(TRIPS)
            depot.serve(TRIPS)
            gone = {"town": ["t0"], "asked_at": [MIDNIGHT], "served_at": [MIDNIGHT + 90 * DAY]}
            gone |= {"town_trips:trips_1h": [None], "town_trips:trips_1h__status": ["expired"]}
            (one,) = depot.check().compare([gone], "test").differences
            assert one.cause == expected
            assert (one.detail == KEPT) == (expected == Cause.EXPIRED)


def test_an_answer_within_retention_is_not_expired(tmp_path: Path) -> None:
    """The window of a `last` that holds nothing is called expired too; with tiles lost that must not hide them."""
    with depot_in(tmp_path, "wall") as depot:
        now = floored(datetime.now(UTC), HOUR) + timedelta(minutes=3)
        rows = [trip(now - HOUR * ago, "t0") for ago in (1, 30)]
        depot.archive(rows)
        depot.serve(rows)
        depot.alter("DELETE FROM {tiles}", f"tile_start > {int((now - 5 * HOUR).timestamp() * 1_000_000)}")
        (answer,) = [one for one in depot.read(now - timedelta(minutes=30)) if "town" in one.entity_rows[0]]
        assert answer.value(0, "town_trips:recent_car_3h").status == "expired"
        (one,) = [one for one in depot.compare([answer]).differences if one.feature == "recent_car_3h"]
        assert (one.served, one.cause) == (None, Cause.UNEXPLAINED)


def test_a_last_whose_window_tiles_round_to_nothing_is_rounded(tmp_path: Path) -> None:
    with depot_in(tmp_path, "wall") as depot:
        at = floored(datetime.now(UTC), HOUR) - HOUR + timedelta(minutes=3)
        rows = [trip(at - timedelta(minutes=2), "t0"), trip(at - DAY, "t0")]
        depot.archive(rows)
        depot.serve(rows)
        (one,) = [one for one in served_now(depot, at).differences if one.feature == "recent_car_3h"]
        assert (one.served, one.status, one.cause) == (None, "expired", Cause.TAIL_ROUNDING)


def test_many_different_values_are_estimated(depot: Depot) -> None:
    depot.archive([trip(MIDNIGHT - HOUR, car=car) for car in range(5_000)])
    depot.serve(TRIPS)
    for served, expected in ((5_070, Cause.ESTIMATE), (7_000, Cause.UNEXPLAINED)):
        given = {"town": ["t0"], "asked_at": [MIDNIGHT + HOUR], "town_trips:cars_1d": [served]}
        assert causes(depot.check().compare([given], "test")) == {expected}


def test_a_sample_is_always_the_same_and_named_by_number(whole: Depot) -> None:
    samples = [[one.entity_rows for one in whole.read(MIDNIGHT, sample)] for sample in (2, 2, 3, None)]
    assert samples[0] == samples[1]
    assert [len(rows) for rows in samples[0]] == [2, 2]
    assert [len(rows) for rows in samples[3]] == [3, 25]
    assert all(row in samples[2][1] for row in samples[0][1])


def test_the_newest_closed_time_is_one_that_the_job_has_committed(depot: Depot) -> None:
    depot.archive([trip(MIDNIGHT - HOUR), trip(MIDNIGHT + HOUR)])
    depot.serve([trip(MIDNIGHT - HOUR)])
    assert depot.check().newest_closed() == MIDNIGHT + HOUR - timedelta(minutes=5)
    depot.commit(0)
    assert depot.check().newest_closed() == MIDNIGHT - HOUR - timedelta(minutes=5)


def test_an_archive_that_is_behind_the_job_is_noted(depot: Depot) -> None:
    depot.archive(TRIPS)
    depot.serve(TRIPS)
    depot.commit(len(TRIPS) + 4)
    assert depot.now(MIDNIGHT).notes == (
        "topic 'trips', partition 0: history ends at offset 399, the job has committed to 404",
    )
