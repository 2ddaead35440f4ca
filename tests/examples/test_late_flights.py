"""The demo of learning, part by part; the whole of it asserts itself (`headrace demo train`)."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from headrace.connectors.artifacts import address_of
from headrace.errors import StackError
from headrace.examples.flights.events import RECORDS, flight_events
from headrace.examples.flights.telling import DemoError, Telling
from headrace.examples.late_flights import departures
from headrace.examples.late_flights import online as served
from headrace.examples.late_flights.departures import COLUMNS, Labelled, flight_spine, labelled_departures, views
from headrace.examples.late_flights.flipped import busy_hour, with_flipped_labels
from headrace.examples.late_flights.gates import LABELS, examination
from headrace.examples.late_flights.history import arrow_rows, ensure_archive, write_weather
from headrace.examples.late_flights.leaks import features_of_the_past, labels_of_the_future
from headrace.examples.late_flights.model import LateFlights
from headrace.examples.late_flights.online import as_served, is_served
from headrace.examples.late_flights.replay import micros, replay
from headrace.examples.late_flights.stream import LateFlightsAsTheyLand
from headrace.pipelines.store_fill import fill_store
from headrace.registry.store import Registry
from headrace.runtime.online_store import memory_store
from headrace.runtime.platform import Platform
from headrace.runtime.progress import Progress
from headrace.runtime.settings import load_settings
from headrace.runtime.stack.kill import kill_python_workers
from headrace.runtime.stack.stack import Stack
from headrace.serving.online import OnlineStore
from headrace.training.learning.torch_learner import TorchLearner

#: The first days of the year: enough for planes to come back, and for routes that nobody has flown before.
DAYS = 5
PROJECT = "demo"


@pytest.fixture(scope="module")
def year() -> pd.DataFrame:
    return flight_events()


@pytest.fixture(scope="module")
def events(year: pd.DataFrame) -> pd.DataFrame:
    first = year["reported_at"].min().floor("D")
    return year[year["reported_at"] < first + pd.Timedelta(days=DAYS)]


@pytest.fixture(scope="module")
def platform(events: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder = tmp_path_factory.mktemp("flights")
    catalog = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    flags = {"home": str(folder), "iceberg": {"properties": catalog}}
    made = Platform(load_settings(flags=flags, environment={}, folder=folder))
    flights, weather = views()
    ensure_archive(made, flights.source, events)
    write_weather(made, weather.source)
    return made


@pytest.fixture(scope="module")
def weather(platform: Platform) -> pd.DataFrame:
    return platform.iceberg.load("raw", "weather").arrow().to_pandas()


@pytest.fixture(scope="module")
def labelled(platform: Platform, events: pd.DataFrame) -> Labelled:
    return labelled_departures(platform, events)


@pytest.fixture
def learner(labelled: Labelled) -> TorchLearner:
    rows = arrow_rows(labelled.rows, COLUMNS).to_batches()[0]
    recipe, encoding = LateFlights.definition.recipe, LateFlights.encoding
    return TorchLearner(recipe, encoding.fit([rows]), rows.slice(0, 1).select(list(encoding.features)), "cpu")


def report(flight: int, kind: str, at: str, delay: int, later_s: int = 60) -> dict[str, object]:
    instant = pd.Timestamp(at, tz="UTC")
    flown = {"carrier": "UA", "tail": "N1", "origin": "EWR", "dest": "IAH"}
    reported = instant + pd.Timedelta(seconds=later_s)
    return {"flight_id": flight, "kind": kind, **flown, "delay": delay, "at": instant, "reported_at": reported}


def test_a_label_is_that_of_the_arrival_and_known_when_this_is_reported() -> None:
    told = [
        report(1, "departure", "2013-01-01T10:00", 20),
        report(2, "departure", "2013-01-01T11:00", 0),
        report(3, "departure", "2013-01-01T12:00", 90),
        report(1, "arrival", "2013-01-01T13:00", 15),
        report(2, "arrival", "2013-01-01T14:00", 16, later_s=120),
    ]
    spine = flight_spine(pd.DataFrame(told)).set_index("flight_id")
    assert spine["late"].fillna(-1).to_dict() == {1: 0, 2: 1, 3: -1}
    assert spine.loc[2, "known_at"] == pd.Timestamp("2013-01-01T14:02Z")
    assert pd.isna(spine.loc[3, "known_at"])
    assert spine.loc[1, "asked_at"] == pd.Timestamp("2013-01-01T09:58Z")


def test_every_departure_is_a_row_in_the_order_of_labels_or_counted(labelled: Labelled, events: pd.DataFrame) -> None:
    rows, spine = labelled.rows, flight_spine(events)
    assert labelled.departures == len(spine) == (events["kind"] == "departure").sum()
    assert labelled.never_arrived > 0
    assert len(rows) + labelled.never_arrived + labelled.unknown == labelled.departures
    assert rows["known_at"].is_monotonic_increasing
    assert rows["_src_offset"].tolist() == list(range(len(rows)))
    assert set(labelled.versions) == {"flight_delays", "airport_weather"}


def test_the_model_keeps_the_versions_of_the_views_that_made_its_rows(platform: Platform, labelled: Labelled) -> None:
    assert LateFlights(platform, device="cpu").feature_versions(LateFlights.source) == labelled.versions


def test_features_are_those_of_what_had_been_reported_at_departure(
    labelled: Labelled, events: pd.DataFrame, weather: pd.DataFrame
) -> None:
    found = features_of_the_past(labelled.rows, events, weather)
    assert found, str(found)
    assert labels_of_the_future(labelled.rows, events)
    assert labelled.rows["last_delay"].notna().any()
    assert labelled.rows["visib"].notna().mean() > 0.9


def test_features_of_a_later_time_are_found_out(
    platform: Platform, events: pd.DataFrame, weather: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "AHEAD", pd.Timedelta(hours=-1))
    leaked = labelled_departures(platform, events).rows
    found = features_of_the_past(leaked, events, weather)
    assert not found
    assert found.differing > len(leaked) // 2


@pytest.fixture(scope="module")
def online(platform: Platform) -> Iterator[OnlineStore]:
    """What a job would serve of the same archive."""
    flights, _ = views()
    with memory_store() as store:
        fill_store(flights, "raw.flight_events", platform.iceberg.named, store, project=PROJECT)
        assert is_served(store.registry, PROJECT, flights)
        yield OnlineStore(PROJECT, store.registry, store.tiles)


def test_what_is_learned_is_what_was_online(
    labelled: Labelled, events: pd.DataFrame, online: OnlineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "SAMPLE", 400)
    found = as_served(online, views()[0], labelled.rows, events)
    assert found.found, str(found.found)
    # In the first days of the year routes are flown for the first time.
    assert found.unknown > 0
    assert found.found.compared + found.unknown == 400 * len(served.SERVED)


@pytest.mark.parametrize("name", served.SERVED)
def test_a_feature_that_is_not_what_was_online_is_found_out(
    labelled: Labelled, events: pd.DataFrame, online: OnlineStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(served, "SAMPLE", 50)
    rows = labelled.rows[labelled.rows[list(served.SERVED)].notna().all(axis="columns")]
    sample = rows.sample(50, random_state=served.SEED)
    changed = rows.assign(**{name: rows[name].mask(rows["flight_id"] == sample["flight_id"].iloc[7], rows[name] + 1)})
    found = as_served(online, views()[0], changed, events).found
    assert (found.differing, found.compared) == (1, 50 * len(served.SERVED))
    assert found.examples[0].startswith(f"{name} of flight {sample['flight_id'].iloc[7]}: served ")


def test_what_is_read_as_of_another_time_is_found_out(
    labelled: Labelled, events: pd.DataFrame, online: OnlineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "SAMPLE", 50)
    monkeypatch.setattr(served, "AHEAD", pd.Timedelta(hours=-1))
    assert not as_served(online, views()[0], labelled.rows, events).found


def test_another_version_is_not_what_is_served(online: OnlineStore, platform: Platform) -> None:
    flights, weather = views()
    assert not is_served(platform.registry, PROJECT, flights)
    assert not is_served(Registry("sqlite://"), PROJECT, weather)


@pytest.mark.parametrize("leak", ["known at departure", "another flight's", "flipped"])
def test_a_label_that_is_not_the_arrivals_own_is_found_out(leak: str, labelled: Labelled, events: pd.DataFrame) -> None:
    rows = labelled.rows.copy()
    if leak == "known at departure":
        rows.loc[7, "known_at"] = rows.loc[7, "departed_at"]
    elif leak == "flipped":
        rows.loc[7, "late"] = 1 - rows.loc[7, "late"]
    else:
        rows["known_at"] = rows["known_at"].shift(1, fill_value=rows["known_at"].iloc[0])
    found = labels_of_the_future(rows, events)
    assert not found
    assert found.differing == 1 or leak == "another flight's"


def test_an_archive_that_is_there_is_taken_as_it_is(platform: Platform, year: pd.DataFrame) -> None:
    flights, _ = views()
    before = platform.iceberg.load("raw", "flight_events").row_count()
    assert ensure_archive(platform, flights.source, year).row_count() == before
    assert len(year) == RECORDS


def test_the_model_the_stream_and_the_gate_know_labels_from_one_time_on() -> None:
    model, streamed = LateFlights.definition, LateFlightsAsTheyLand
    assert (model.event_time, model.label_time) == (streamed.event_time, streamed.label_time)
    assert (model.event_time, model.label_time) == ("departed_at", LABELS.label_time)


def test_each_flight_is_answered_by_the_model_of_its_departure(labelled: Labelled, learner: TorchLearner) -> None:
    table = arrow_rows(labelled.rows.iloc[:900], COLUMNS)
    rows, sizes = table.to_batches()[0], [256, 100, 300, 244]
    found = replay(learner, table, sizes, frozenset({356, 900}))
    departed, known = micros(table, "departed_at"), micros(table, "known_at")
    assert (found.knew_us < departed).all()

    again = TorchLearner(
        learner.recipe, learner.fitted, rows.slice(0, 1).select(list(learner.fitted.encoding.features))
    )
    ends = np.cumsum(sizes).tolist()
    for start, end in zip([0, *ends], [*ends, None], strict=True):
        newest = known[start - 1] if start else np.iinfo(np.int64).min
        until = known[end - 1] if end is not None else np.iinfo(np.int64).max
        mine = np.flatnonzero((departed > newest) & (departed <= until))
        assert set(found.knew_us[mine]) <= {newest}
        if len(mine):
            answers = again.answers(again.fitted.encode(rows.take(pa.array(mine)), labels=False))
            assert found.answers[mine] == pytest.approx(answers.numpy(), abs=1e-6)
        if end is not None:
            step = again.learn(rows.slice(start, end - start))
        if end in {356, 900}:
            assert found.artifacts[end] == address_of(again.artifact())
    assert found.log_loss == step.metrics["log_loss"]


@pytest.mark.parametrize("count", [500, 800])
def test_the_hour_that_is_flipped_lies_behind_the_rows_that_were_learned_and_is_judged(
    labelled: Labelled, count: int
) -> None:
    rows = labelled.rows
    hour, newest = busy_hour(rows, count), rows["known_at"].iloc[count - 1]
    assert hour["known_at"].min() > newest
    hours = rows["known_at"].dt.floor("h")
    whole = rows[hours == hour["known_at"].iloc[0].floor("h")]
    assert hour["flight_id"].tolist() == whole["flight_id"].tolist()
    between = hours[(rows["known_at"] > newest.ceil("h")) & (rows.index < whole.index[0])]
    assert (between.value_counts() < LABELS.least_rows).all()
    assert len(hour) >= LABELS.least_rows
    assert set(hour["_src_partition"]).isdisjoint(rows["_src_partition"])
    assert (with_flipped_labels(hour)["late"] + hour["late"] == 1).all()


def test_the_recent_rows_begin_behind_those_that_were_learned(labelled: Labelled) -> None:
    newest = labelled.rows["known_at"].iloc[-1]
    recent, frozen, history = examination(7, newest.to_pydatetime()).sets
    assert str(recent.filters[0]).startswith(f"known_at >= {newest:%Y-%m-%dT%H:%M}")
    assert recent.source == frozen.source == history.source == "learning.late_flights@7"
    assert str(history.filters[0]) == "known_at < 2013-09-01T00:00:00+00:00"


def test_a_false_statement_is_told_and_ends_a_demo() -> None:
    out = StringIO()
    telling = Telling(Progress(out))
    telling.equal("rows", 3, 3)
    with pytest.raises(DemoError, match="rows: 3, expected 4"):
        telling.equal("rows", 3, 4)
    assert [line.split("] ")[1].split("  ")[0] for line in out.getvalue().splitlines()] == ["ok", "FALSE"]


def test_without_flink_there_is_no_worker_to_kill(tmp_path: Path) -> None:
    settings = load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path)
    with pytest.raises(StackError, match="no running task-manager-1"):
        kill_python_workers(Stack(settings), "task-manager-1")
