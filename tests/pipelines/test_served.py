"""Files of what was served: every form that an answer is kept in is read as the same, and what is wrong is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from headrace.errors import NotFoundError, RequestError
from headrace.pipelines.consistency_check import ConsistencyCheck, serving_version
from headrace.pipelines.served import read_served, served_of, typed, version_in
from headrace.serving.log import append_log

from .trips import MIDNIGHT, PROJECT, VIEW, Depot, depot_in, trip, trips

TRIPS = trips(60)
ROW = {"town": "t0", "asked_at": "2026-03-04T00:00:00Z", "town_trips:trips_1h": 1}


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    with depot_in(tmp_path_factory.mktemp("trips")) as made:
        made.archive([*TRIPS, trip(MIDNIGHT - timedelta(minutes=1))])
        made.serve(TRIPS)
        yield made


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_an_answer_is_read_as_it_was_kept(depot: Depot, tmp_path: Path, suffix: str) -> None:
    """All three forms, with NULL, floats and instants, differ from history where the answer itself does."""
    answer = depot.read(MIDNIGHT)[0]
    file, table = tmp_path / f"served{suffix}", answer.to_arrow(statuses=True, asked=True)
    {
        ".jsonl": lambda: append_log(answer, file),
        ".parquet": lambda: pq.write_table(table, file),
        ".csv": lambda: pyarrow.csv.write_csv(table, file),
    }[suffix]()
    columns = read_served(str(file))
    assert version_in(columns, VIEW, "file") == (depot.plan.version, 1)
    found, expected = depot.check().compare([columns], "file"), depot.compare([answer])
    assert found.features == expected.features
    assert [one.to_dict() for one in found.differences] == [one.to_dict() for one in expected.differences]
    assert {one.entity["town"] for one in found.unexplained} == {"t0"}


def test_answers_to_different_questions_share_a_log(depot: Depot, tmp_path: Path) -> None:
    towns, cars = depot.read(MIDNIGHT)
    one = depot.online.get_online_features(["town_trips:trips_3d"], [{"town": "t1"}], at=MIDNIGHT)
    for answer in (towns, cars, one):
        append_log(answer, tmp_path / "log.jsonl")
    found = depot.check().compare([read_served(str(tmp_path / "log.jsonl"))], "log")
    compared = {line.feature: line.compared for line in found.features}
    assert compared == {
        **dict.fromkeys([name.partition(":")[2] for name in depot.names[:10]], 3),
        **dict.fromkeys(["fare_each", "rush", "pairs"], 3),
        "trips_3d": 4,
        "far_trips_1d": len(cars.rows),
    }


def test_without_the_time_of_the_answer_it_was_made_when_asked(depot: Depot) -> None:
    columns = {name: [value] for name, value in ROW.items()}
    (served,) = served_of(depot.plan, columns, "file")
    assert served.spine["_now"].to_pylist() == [True]
    assert served.spine["_t"].to_pylist() == served.spine["_served_us"].to_pylist()


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ({"town_trips:trips_1h": None, "town_trips:trip_1h": 1}, NotFoundError, "did you mean 'trips_1h'"),
        ({"town_trips:fare_ech": 1.5}, NotFoundError, "did you mean 'fare_each'"),
        ({"town_trips:fare_each": "dear"}, RequestError, r"'town_trips:fare_each' is 'dear' \(str\), expected float"),
        (
            {"town_trips:left_over": 1.5, "ofer": 2.5},
            RequestError,
            "no request column 'offer' of on-demand feature town_trips:left_over: .* did you mean 'ofer'",
        ),
        (
            {"town_trips:left_over": 1.5, "offer": None},
            RequestError,
            "row 0: request column 'offer' of on-demand feature town_trips:left_over is None, expected a finite float",
        ),
        (
            {"town_trips:at_night": True, "tariff": "noon"},
            RequestError,
            "request column 'tariff' of .* is 'noon', expected .*night",
        ),
        (
            {"town_trips:promised": MIDNIGHT, "seconds": 1 << 63},
            RequestError,
            r"request column 'seconds' of .* is 9223372036854775808 \(int\), expected int",
        ),
        ({"town": "\ud800"}, RequestError, r"key 'town' is '\\ud800' \(str\), expected str"),
        ({"town_trips:rides": 1}, RequestError, "no column 'car', which names the entity"),
        ({"asked_at": "2026-03-04T00:00:00"}, RequestError, "row 0: 'asked_at' is .* expected an instant with a zone"),
        ({"asked_at": None}, RequestError, "row 0: 'asked_at' is missing"),
        ({"town": 7}, RequestError, r"row 0: key 'town' is 7 \(int\), expected str"),
        ({"town": None}, RequestError, "row 0: key 'town' is missing"),
        (
            {"town_trips:trips_1h": "many"},
            RequestError,
            r"'town_trips:trips_1h' is 'many' \(str\), expected int",
        ),
        ({"town_trips:trips_1h": 1.5}, RequestError, r"is 1.5 \(float\), expected int"),
        ({"town_trips:trips_1h": True}, RequestError, r"is True \(bool\), expected int"),
        ({"town_trips:fares_3d": float("nan")}, RequestError, r"row 0: column 'town_trips:fares_3d' is nan .*float"),
        ({"asked_at": "1999-01-01T00:00:00Z"}, RequestError, "1 of 1 rows .* row 0 at 1999.* before the first event"),
        (
            {"asked_at": "2999-01-01T00:00:00Z"},
            RequestError,
            r"is beyond the complete history \(snapshot \d+ of raw.trips, of 20",
        ),
    ],
)
def test_what_is_wrong_is_named(depot: Depot, row: dict[str, Any], error: type[Exception], message: str) -> None:
    columns = {name: [value] for name, value in {**ROW, **row}.items()}
    with pytest.raises(error, match=message):
        depot.check().compare([columns], "file")


def test_only_what_an_answer_has_beside_a_feature_is_left_alone(depot: Depot) -> None:
    columns = {name: [value] for name, value in ROW.items()}
    beside = {f"town_trips:trips_1h{suffix}": ["1"] for suffix in ("__event_time", "__freshness")}
    (served,) = served_of(depot.plan, columns | beside, "file")
    assert list(served.answers) == ["trips_1h"]
    with pytest.raises(NotFoundError, match="no feature 'trips_1h__vip'"):
        served_of(depot.plan, columns | {"town_trips:trips_1h__vip": [1]}, "file")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("town", "no column 'town', which names the entity"),
        ("asked_at", "no column 'asked_at', the instant that was asked for"),
        ("town_trips:trips_1h", "no column of view town_trips, such as town_trips:trips_1h; found town, asked_at"),
    ],
)
def test_a_column_that_is_missing_is_named(depot: Depot, missing: str, message: str) -> None:
    columns = {name: [value] for name, value in ROW.items() if name != missing}
    with pytest.raises(RequestError, match=message):
        depot.check().compare([columns], "file")


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("none.jsonl", None, NotFoundError, "no file .*none.jsonl"),
        ("none.csv", None, NotFoundError, "no file .*none.csv"),
        ("served.txt", "", RequestError, r"expected a .jsonl, .parquet or .csv file"),
        ("served.jsonl", '{"town": 1}\n{', RequestError, r"served.jsonl:2: "),
        ("served.jsonl", "[1]", RequestError, r"served.jsonl:1: expected an object .* found list"),
        ("served.jsonl", '{"town": "\xe9"}', RequestError, "served.jsonl: expected JSON lines in UTF-8"),
        ("served.parquet", "no parquet", RequestError, "served.parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, text: str | None, error: type[Exception], message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(error, match=message):
        read_served(str(tmp_path / name))


def test_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(RequestError, match=r"log.jsonl: expected JSON lines in UTF-8: .*Is a directory"):
        read_served(str(tmp_path / "log.jsonl"))


def test_a_text_may_hold_what_else_ends_lines(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"town": "a\u2028b"}\r\n\n{"town": "c"}\n', "utf-8")
    assert read_served(str(tmp_path / "log.jsonl")) == {"town": ["a\u2028b", "c"]}


@pytest.mark.parametrize("given", [7, 0.5, "maybe"])
def test_only_a_bool_is_one(given: Any) -> None:
    with pytest.raises(RequestError, match=r"here is .*expected bool"):
        typed(given, "bool", "here")


@pytest.mark.parametrize("given", ["7c94c2a1_gx", 3])
def test_what_is_no_version_is_named(given: Any) -> None:
    with pytest.raises(RequestError, match=r"file: row 1: column 'town_trips:a__version' is .*expected a version"):
        version_in({"town_trips:a__version": [None, given]}, VIEW, "file")


def test_answers_of_two_versions_are_not_compared_as_one(depot: Depot) -> None:
    columns = {name: [value, value] for name, value in ROW.items()}
    columns |= {"town_trips:trips_1h__version": ["aaaaaaaa_g1", "bbbbbbbb_g1"]}
    with pytest.raises(RequestError, match="several versions: aaaaaaaa_g1, bbbbbbbb_g1"):
        version_in(columns, VIEW, "file")
    with pytest.raises(NotFoundError, match="no version 'aaaaaaaa'"):
        serving_version(depot.opened.registry, PROJECT, VIEW, ("aaaaaaaa", 1))


def test_a_view_that_is_not_there_or_does_not_serve_is_refused(depot: Depot, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no view 'town_trip'; did you mean 'town_trips'"):
        serving_version(depot.opened.registry, PROJECT, "town_trip")
    with depot_in(tmp_path) as empty:
        empty.opened.registry.add_version(depot.opened.registry.versions(PROJECT, VIEW)[0])
        with pytest.raises(NotFoundError, match="no version serves yet"):
            serving_version(empty.opened.registry, PROJECT, VIEW)


def test_history_that_is_not_there_is_named(tmp_path: Path) -> None:
    with depot_in(tmp_path) as depot:
        depot.serve(TRIPS)
        check = ConsistencyCheck(depot.platform, serving_version(depot.opened.registry, PROJECT, VIEW))
        with pytest.raises(NotFoundError, match=r"history raw\.trips is empty"):
            check.newest_closed()


def test_a_log_says_what_was_asked_when_and_of_which_version(depot: Depot, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    answer = depot.online.get_online_features(["town_trips:trips_1h"], [{"town": "t0"}], at=MIDNIGHT)
    append_log(answer, tmp_path / "log.jsonl")
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert before <= datetime.fromisoformat(line.pop("served_at")) <= datetime.now(UTC)
    assert line == {
        "town": "t0",
        "asked_at": MIDNIGHT.isoformat(),
        "town_trips:trips_1h": answer.rows[0][0].value,
        "town_trips:trips_1h__status": answer.rows[0][0].status,
        "town_trips:trips_1h__version": f"{depot.plan.version}_g1",
    }
