"""Served on-demand features beside history: recomputed of what they read, of entities and of the request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headrace.compiler.equality import same
from headrace.errors import NumericOverflowError
from headrace.pipelines.consistency import Cause, Consistency, Kind
from headrace.pipelines.served import read_served
from headrace.serving.log import append_log

from .trips import AFTERNOON, MIDNIGHT, VIEW, Depot, counted, depot_in, floored, trip, trips

#: Two of them are before the start of a window, and in its first tile.
EDGES = [trip(AFTERNOON - timedelta(minutes=63), "t1"), trip(AFTERNOON - timedelta(days=3, minutes=5), "t1")]
TRIPS = [*trips(120), *EDGES]
TILE, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
#: What names the entities, and the request, of all features on demand together.
ASKED = {"town": "t1", "car": 7, "offer": 9.5, "tariff": "day", "seconds": 60}
#: Of each a value that it does not have. The last are of two kinds of entity, of a request too, and of that alone.
WRONG: dict[str, Any] = {
    "fare_each": 999.5,
    "rush": -7,
    "pairs": None,
    "rides": 10_000,
    "left_over": 0.0,
    "at_night": True,
    "promised": MIDNIGHT,
}

Columns = Mapping[str, Sequence[Any]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    """Everything archived and served; not to be changed."""
    with depot_in(tmp_path_factory.mktemp("trips")) as made:
        made.archive(TRIPS)
        made.serve(TRIPS)
        yield made


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    with depot_in(tmp_path) as made:
        yield made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def logged(depot: Depot, log: Path, names: Iterable[str], at: datetime = MIDNIGHT, **asked: Any) -> Columns:
    """What a log has of an answer, and of those before."""
    features = [f"{VIEW}:{name}" for name in names]
    append_log(depot.online.get_online_features(features, [asked or ASKED], at=at), log)
    return read_served(str(log))


def given(at: datetime = MIDNIGHT, status: str = "present", **values: Any) -> Columns:
    """What a log has of one row of town t0."""
    columns = {"town": ["t0"], "asked_at": [at], "served_at": [at + 90 * DAY]}
    columns |= {f"{VIEW}:{name}": [value] for name, value in values.items()}
    return columns | {f"{VIEW}:{name}__status": [status] for name in values}


def compared(depot: Depot, columns: Columns, **options: Any) -> Consistency:
    return depot.check(**options).compare([columns], "test")


def causes(depot: Depot, columns: Columns) -> dict[str, str]:
    return {one.feature: one.cause for one in compared(depot, columns).differences}


def test_what_is_alone_in_a_log_is_that_of_history(whole: Depot, log: Path) -> None:
    found = compared(whole, logged(whole, log, WRONG))
    assert {line.feature: line.equal for line in found.features} == dict.fromkeys(WRONG, 1)
    assert (found.differences, found.left_out) == ((), {})


def test_answers_to_different_requests_share_a_log(whole: Depot, log: Path) -> None:
    """A line lacks the keys and the request columns of others."""
    logged(whole, log, ["at_night"], tariff="night")
    logged(whole, log, ["left_over"], town="t2", offer=3)
    columns = logged(whole, log, WRONG)
    found = compared(whole, columns)
    assert {line.feature: line.compared for line in found.features} == {
        **dict.fromkeys(WRONG, 1),
        "at_night": 2,
        "left_over": 2,
    }
    assert found.differences == ()
    wrong = [not value for value in columns[f"{VIEW}:at_night"][:1]] + list(columns[f"{VIEW}:at_night"][1:])
    (one,) = compared(whole, {**columns, f"{VIEW}:at_night": wrong}).differences
    assert (one.feature, dict(one.entity), one.served, one.history) == ("at_night", {}, False, True)
    assert one.to_text().startswith("at_night of a request alone at 2026-03-04T00:00:00+00:00: served False")


def test_a_wrong_value_is_unexplained(whole: Depot, log: Path) -> None:
    columns = logged(whole, log, WRONG)
    found = compared(whole, {**columns, **{f"{VIEW}:{name}": [value] for name, value in WRONG.items()}})
    assert {one.feature: one.cause for one in found.differences} == dict.fromkeys(WRONG, Cause.UNEXPLAINED)
    assert {one.feature: one.served for one in found.differences} == WRONG
    right = {name: columns[f"{VIEW}:{name}"][0] for name in WRONG} | {
        "promised": datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    }
    for one in found.differences:
        assert same(one.history, right[one.feature])
        assert one.kind == (Kind.MISSING if one.feature == "pairs" else Kind.DIFFERENT)
    details = {one.feature: one.detail for one in found.differences}
    assert details["left_over"].startswith(
        f"history computes it of distance_3d={9.5 - right['left_over']}, offer=9.5; "
    )
    assert details["at_night"].startswith("history computes it of tariff='day'; no row of history behind it")


def test_exactly_what_tiles_round_of_what_they_read_differs(whole: Depot, log: Path) -> None:
    columns = logged(whole, log, WRONG, AFTERNOON)
    found = compared(whole, columns)
    assert {one.cause for one in found.differences} == {Cause.TAIL_ROUNDING}
    exact = counted(TRIPS, "t1", AFTERNOON - HOUR, AFTERNOON)
    tiled = counted(TRIPS, "t1", floored(AFTERNOON - HOUR, TILE), floored(AFTERNOON, TILE))
    different = {one.feature: (one.served, one.history) for one in found.differences}
    assert different["rush"] == (tiled, exact) == (exact + 1, exact)
    details = {one.feature: one.detail for one in found.differences}
    assert details["fare_each"].startswith("fares_3d: window ")
    assert "; trips_3d: window " in details["fare_each"]
    assert compared(whole, columns, windows="tiled").differences == ()


def test_a_row_that_arrived_after_the_answer_is_late(depot: Depot, log: Path) -> None:
    depot.archive(TRIPS)
    depot.serve(TRIPS)
    columns = logged(depot, log, WRONG)
    late = datetime.now(UTC) + timedelta(seconds=1)
    depot.archive([trip(MIDNIGHT - 7 * TILE, "t1", car=7, logged=late)])
    found = {one.feature: one for one in compared(depot, columns).differences}
    assert {one.cause for one in found.values()} == {Cause.LATE_ROW}
    assert found.keys() >= {"fare_each", "rush", "rides", "left_over"}
    assert found["rides"].history == found["rides"].served + 2
    row = f"1 row (partition 0, offset {len(TRIPS)}; arrived "
    assert found["rides"].detail.startswith(f"far_trips_1d: {row}")
    assert f"; trips_3d: {row}" in found["rides"].detail


@pytest.mark.parametrize("taken_in", [0, 2])
def test_rows_that_the_job_has_not_committed_are_not_materialized(depot: Depot, log: Path, taken_in: int) -> None:
    """Of the three rows of the town that are taken in one by one, the car has two."""
    fresh = [trip(MIDNIGHT - timedelta(minutes=30 - number), "t1", car=car) for number, car in enumerate((7, 9, 7))]
    depot.archive([*TRIPS, *fresh])
    depot.serve([*TRIPS, *fresh[:taken_in]])
    depot.commit(len(TRIPS) - 1)
    columns = logged(depot, log, ["fare_each", "rides"], town="t1", car=7)
    assert causes(depot, columns) == dict.fromkeys(["fare_each", "rides"], Cause.NOT_MATERIALIZED)
    assert causes(depot, {**columns, f"{VIEW}:rides": [9_999]})["rides"] == Cause.UNEXPLAINED


def test_an_entity_that_begins_after_the_asked_time_is_known_to_the_store(depot: Depot, log: Path) -> None:
    """Of two kinds of entity the one, too."""
    rows = [*TRIPS, trip(MIDNIGHT + HOUR, "new")]
    depot.archive(rows)
    depot.serve(rows)
    columns = logged(depot, log, ["rush", "rides"], town="new", car=7)
    assert causes(depot, columns) == dict.fromkeys(["rush", "rides"], Cause.UNKNOWN_ENTITY)
    assert columns[f"{VIEW}:rush"] == [0]
    assert causes(depot, {**columns, f"{VIEW}:rush": [-2]})["rush"] == Cause.UNEXPLAINED


def test_what_was_computed_of_an_expired_value_is_expired(tmp_path: Path) -> None:
    """Whatever that gives: `rush` counts NULL as -1."""
    with depot_in(tmp_path, "wall") as depot:
        depot.archive(TRIPS)
        depot.serve(TRIPS)
        (one,) = compared(depot, given(status="expired", rush=-1)).differences
        assert (one.cause, one.detail) == (Cause.EXPIRED, "tiles of 1h are kept 4d 1h 1m after their end")
        assert causes(depot, given(status="expired", rush=-2)) == {"rush": Cause.UNEXPLAINED}
        assert causes(depot, given(status="present", rush=-1)) == {"rush": Cause.UNEXPLAINED}


def test_what_is_wrong_beside_an_expired_value_is_unexplained(tmp_path: Path) -> None:
    """Each value goes by its own status, also where both are of one window, and NULL for that explains both."""
    with depot_in(tmp_path, "wall") as depot:
        depot.archive(TRIPS)
        depot.serve(TRIPS)
        for expired, wrong in (({"rush": -1}, {"trips_1h": None}), ({"trips_1h": None}, {"rush": -1})):
            line = {**given(status="expired", **expired), **given(status="present", **wrong)}
            expected = dict.fromkeys(expired, Cause.EXPIRED) | dict.fromkeys(wrong, Cause.UNEXPLAINED)
            assert causes(depot, line) == expected
        line = {**given(status="expired", rush=-1), **given(status="expired", trips_1h=None)}
        assert causes(depot, line) == dict.fromkeys(["rush", "trips_1h"], Cause.EXPIRED)


def test_what_was_computed_of_an_estimate_served_beside_is_one(depot: Depot) -> None:
    depot.archive([trip(MIDNIGHT - HOUR, car=car) for car in range(5_000)])
    depot.serve(TRIPS)
    at = MIDNIGHT + HOUR
    beside = {"cars_1d": Cause.ESTIMATE}
    assert causes(depot, given(at, cars_1d=5_070, pairs=10_140)) == {**beside, "pairs": Cause.ESTIMATE}
    assert causes(depot, given(at, cars_1d=5_070, pairs=10_142)) == {**beside, "pairs": Cause.UNEXPLAINED}
    assert causes(depot, given(at, pairs=10_140)) == {"pairs": Cause.UNEXPLAINED}


def test_the_last_bits_of_what_was_served_beside_are_taken_as_they_are(whole: Depot, log: Path) -> None:
    """The difference of two sums of floats may hold nothing else."""
    (distance,) = logged(whole, log, ["distance_3d"], town="t1")[f"{VIEW}:distance_3d"]
    log.unlink()
    columns = logged(whole, log, ["distance_3d", "left_over"], town="t1", offer=distance)
    near = distance * (1 + 1e-12)
    shifted = {**columns, f"{VIEW}:distance_3d": [near], f"{VIEW}:left_over": [distance - near]}
    assert distance != near
    assert causes(whole, shifted) == {}
    assert causes(whole, {**shifted, f"{VIEW}:distance_3d": [distance]}) == {"left_over": Cause.UNEXPLAINED}


def test_no_database_is_opened_for_what_is_on_demand(whole: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each feature and each cause that is tried, that would take many times as long as to compute them."""
    opened: list[duckdb.DuckDBPyConnection] = []
    connect = duckdb.connect

    def connecting(*given: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        opened.append(connect(*given, **options))
        return opened[-1]

    monkeypatch.setattr(duckdb, "connect", connecting)
    counts = []
    for wrong in ({"trips_1h": -7}, {"trips_1h": -7, "rush": -7, "pairs": -7, "fare_each": -7.0}):
        opened.clear()
        assert causes(whole, given(**wrong)) == dict.fromkeys(wrong, Cause.UNEXPLAINED)
        counts.append(len(opened))
    assert counts[1] == counts[0] > 0


def test_a_request_whose_value_no_reader_can_give_is_refused_by_feature(whole: Depot, log: Path) -> None:
    columns = logged(whole, log, ["promised"], seconds=60)
    with pytest.raises(NumericOverflowError, match="town_trips:promised: an instant is beyond the years 1 to 9999"):
        compared(whole, {**columns, "seconds": [10**12]})
