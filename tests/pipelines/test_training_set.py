"""Training sets over real Iceberg tables: the worked example, every kind of spine, what is refused, made again."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.plan import Column, Location, ViewPlan
from headrace.connectors.schema import Field
from headrace.errors import HeadraceError, NotFoundError, NumericOverflowError, RequestError
from headrace.features.source import IcebergTable as IcebergName
from headrace.pipelines.defined_views import view_plans
from headrace.pipelines.saved_training_sets import SavedTrainingSets
from headrace.pipelines.spine import read_spine
from headrace.pipelines.stored_columns import stored
from headrace.pipelines.training_pipeline import TrainingSetPipeline, pitc_join_features
from headrace.pipelines.training_set import rows_fingerprint
from headrace.registry.store import Materialization, Pointer, ViewVersion
from headrace.registry.training_sets import TrainingSetRegistry

from .lake import DAY, FEATURES, Lake, at, command, spine, values, worked_example

#: What holds on either engine.
ON_BOTH = pytest.mark.parametrize("engine", ["duckdb", pytest.param("flink", marks=pytest.mark.slow)])
BOTH = ["tx_max_1h", "user_unique_ip_30d"]
TX = ["cards:tx_max_1h"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return worked_example(tmp_path)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("last_write", [20.0, 30.0, None]),
        ("ttl 1h", [None, None, None]),
        ("ttl 100m", [None, 30.0, None]),
        ("recomputed", [None, None, None]),
    ],
)
@pytest.mark.parametrize("windows", ["exact", "tiled"])
@ON_BOTH
def test_the_worked_example_in_every_mode(
    lake: Lake, mode: str, windows: Any, expected: list[Any], engine: str
) -> None:
    pipeline = lake.pipeline(window_mode=windows, engine=engine)
    made = pipeline.build(spine(), {"tx_max_1h": mode, "user_unique_ip_30d": "recomputed"})
    assert values(made.rows, "tx_max_1h", "user_unique_ip_30d") == list(zip(expected, [3, 3, 7], strict=True))
    assert values(made.rows, "is_fraud") == [0, 0, 1]
    assert made.rows.column_names == ["inference_ts", "tid", "cc_num", "user_id", "is_fraud", *BOTH]
    assert ([one.mode_text for one in made.features], made.engine) == ([mode, "recomputed"], engine)


@ON_BOTH
def test_neither_the_rows_own_instant_nor_a_later_one_leaks(lake: Lake, engine: str) -> None:
    lake.pay([(at("21:30"), 2, 500.0), (at("21:30", 1), 2, 900.0)])
    build = lake.pipeline(engine=engine).build
    for mode in ("recomputed", "last_write"):
        assert values(build(spine(), TX, mode=mode).rows, "tx_max_1h")[0] in (None, 20.0)
    later = spine(inference_ts=[at("21:30", 1), at("21:30", 2), at("21:55")], cc_num=[2, 2, 6])
    assert values(build(later, TX).rows, "tx_max_1h") == [500.0, 900.0, None]


@ON_BOTH
def test_a_payment_that_arrived_later_is_not_known_by_arrival(lake: Lake, engine: str) -> None:
    lake.pay([(at("21:00"), 2, 99.0)], arrived=at("22:00"))
    assert values(lake.pipeline(engine=engine).build(spine(), TX).rows, "tx_max_1h") == [99.0, None, None]
    known = lake.pipeline(known_by="arrival", engine=engine).build(spine(), TX, mode="last_write")
    assert values(known.rows, "tx_max_1h") == [20.0, 30.0, None]


def test_every_kind_of_spine_gives_the_same(lake: Lake, tmp_path: Path) -> None:
    arrow = pa.Table.from_pandas(spine(), preserve_index=False)
    pq.write_table(arrow, tmp_path / "spine.parquet")
    spine().to_csv(tmp_path / "spine.csv", index=False)
    fields = [
        Field(name, type_)
        for name, type_ in zip(arrow.column_names, ["timestamp", "string", *["bigint"] * 3], strict=True)
    ]
    table = lake.platform.iceberg.create_table("labels", "frauds", fields)
    table.append(arrow.cast(table.table.schema().as_arrow()))
    kinds = [
        spine(),
        arrow,
        tmp_path / "spine.parquet",
        str(tmp_path / "spine.csv"),
        IcebergName("labels.frauds"),
        "SELECT * FROM labels.frauds ORDER BY inference_ts",
    ]
    for kind in kinds:
        made = lake.pipeline().build(kind, BOTH, mode="last_write")
        assert values(made.rows, *BOTH) == [(20.0, 3), (30.0, 3), (None, 7)], kind


@ON_BOTH
def test_rows_out_are_rows_in_and_in_their_order(lake: Lake, engine: str) -> None:
    frame = pd.concat([spine(), spine()]).sort_values("tid", ascending=False).astype({"cc_num": "Int64"})
    frame.iloc[1, 2] = None
    made = lake.pipeline(engine=engine).build(frame, ["tx_max_1h", "tx_count_1h"], mode="last_write")
    assert values(made.rows, "tid") == ["7539", "7539", "0298", "0298", "0122", "0122"]
    assert values(made.rows, "tx_max_1h") == [None, None, 30.0, 30.0, 20.0, 20.0]
    assert values(made.rows, "tx_count_1h") == [None, None, 1, 1, 1, 1]


def test_an_empty_spine_is_an_empty_set_without_a_job(lake: Lake) -> None:
    class Idle(TrainingSetPipeline):
        def run_job(self, job: FlinkJob) -> None:
            raise AssertionError(job)

    made = [
        pipeline.build(spine().head(0), BOTH)
        for pipeline in (lake.pipeline(), Idle(lake.platform, lake.views, engine="flink"))
    ]
    assert (len(made[0]), made[0].rows.schema) == (0, made[1].rows.schema)


@pytest.mark.slow
def test_on_flink_a_view_is_one_job_which_a_subclass_may_run_elsewhere(lake: Lake) -> None:
    jobs: list[FlinkJob] = []

    class Watching(TrainingSetPipeline):
        def run_job(self, job: FlinkJob) -> None:
            jobs.append(job)
            super().run_job(job)

    asked = [*BOTH, "tx_sum_1h", "points_1h", "tx_count_1h"]
    made = Watching(lake.platform, lake.views, engine="flink").build(spine(), asked, mode="last_write")
    assert made.rows == lake.pipeline().build(spine(), asked, mode="last_write").rows
    assert [len(job.inserts) for job in jobs] == [1, 1]


@pytest.mark.slow
def test_a_set_made_on_flink_is_kept_and_made_again_there(lake: Lake) -> None:
    lake.pay([(at("21:00", n), 2, 0.1 * n) for n in range(1_000)])
    pipeline, saved = lake.pipeline(engine="flink"), SavedTrainingSets(lake.platform)
    record = pipeline.build(spine(), ["tx_sum_1h", "latest_1d"]).save()
    assert record.definition["engine"] == "flink"
    lake.pay([(at("21:00", n), 2, 7.0) for n in range(5)])
    rows = saved.rows(record)
    assert (saved.rebuild(record.id).is_identical, saved.again(record, rows).engine) == (True, "flink")
    assert values(rows, "tx_sum_1h")[0] == pytest.approx(sum(0.1 * n for n in range(1_000)))
    assert values(rows, "latest_1d") == [[0.1 * n for n in (999, 998, 997)], [30.0], None]


def test_a_known_card_without_a_payment_counts_zero_and_an_unknown_one_nothing(lake: Lake) -> None:
    assert values(lake.pipeline().build(spine(), ["tx_count_1h"]).rows, "tx_count_1h") == [0, 0, None]


def test_zones_may_differ_because_instants_do_not(lake: Lake) -> None:
    zone = timezone(timedelta(hours=5))
    times = pd.Series([at("21:30"), at("21:40").astimezone(zone), at("21:55")], dtype=object)
    made = lake.pipeline().build(spine(inference_ts=times), BOTH, mode="last_write")
    assert values(made.rows, *BOTH) == [(20.0, 3), (30.0, 3), (None, 7)]


def test_a_time_between_two_microseconds_sees_the_event_before_it(lake: Lake) -> None:
    between = pa.array([1_000 * int(at("20:00").timestamp() * 1e6) + 1], pa.timestamp("ns", "UTC"))
    rows = pa.table({"inference_ts": between, "cc_num": pa.array([4], pa.int64())})
    assert values(lake.pipeline().build(rows, TX).rows, "tx_max_1h") == [30.0]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "naive": ({"inference_ts": pd.to_datetime(["2024-11-20 21:30"] * 3)}, "has no time zone: which one is meant"),
    "naive beside others": (
        {"inference_ts": pd.Series([at("21:30"), at("21:40").replace(tzinfo=None), at("21:55")], dtype=object)},
        "has no time zone, in row 1",
    ),
    "no time": (
        {"inference_ts": pd.Series([at("21:30"), pd.NaT, at("21:55")], dtype="datetime64[ns, UTC]")},
        "missing in row 1",
    ),
    "text": ({"inference_ts": ["a", "b", "c"]}, "expected one column with times, found none"),
    "key of another type": ({"cc_num": ["2", "4", "6"]}, "key 'cc_num' is string, expected int"),
    "floats": ({"cc_num": [2.0, None, 6.0]}, "Int64"),
    "two times": ({"seen": pd.to_datetime(["2024-11-20 21:30"] * 3, utc=True)}, "found inference_ts, seen; name it"),
    "a name that is taken": ({"TX_max_1h": [1, 2, 3]}, "has a column 'tx_max_1h' already"),
    "a name of our own": ({"_row": [1, 2, 3]}, "column '_row' has no name, one that is taken"),
    "one name twice": ({"TID": ["a", "b", "c"]}, "or that of another column"),
    "an instant too far": (
        {"inference_ts": pd.Series(np.array([2**62] * 3, "datetime64[s]")).dt.tz_localize("UTC")},
        "beyond what µs since 1970 can say",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_spine_is_refused_by_column_and_row(lake: Lake, wrong: str) -> None:
    changes, message = WRONG[wrong]
    with pytest.raises(RequestError, match=message):
        lake.pipeline().build(spine(**changes), TX)


def test_a_missing_key_and_an_unknown_spine_are_refused(lake: Lake) -> None:
    with pytest.raises(RequestError, match=r"no column 'cc_num', which names the entity; did you mean 'cc_number'"):
        lake.pipeline().build(spine().rename(columns={"cc_num": "cc_number"}), TX)
    with pytest.raises(RequestError, match=r"no column 'when' for the event time"):
        lake.pipeline().build(spine(), TX, event_time="when")
    for given in (7, spine()["cc_num"]):
        with pytest.raises(RequestError, match=f"expected a pandas DataFrame, .* found {type(given).__name__}"):
            lake.pipeline().build(given, TX)
    with pytest.raises(NotFoundError, match=r"no file"):
        lake.pipeline().build("nowhere.parquet", TX)
    with pytest.raises(RequestError, match=r"and no query: line 1:1: a query cannot begin with 'SELEC'; did you"):
        lake.pipeline().build("SELEC * FROM labels.nothing", TX)
    with pytest.raises(RequestError, match=r"and no query: line 1:16: Something is missing, found '\)'$"):
        lake.pipeline().build("SELECT (cents *) FROM labels.nothing", TX)
    (lake.folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RequestError, match=r"spine: .*broken.parquet"):
        lake.pipeline().build(lake.folder / "broken.parquet", TX)
    with pytest.raises(NotFoundError, match=r"no Iceberg table labels.nothing"):
        lake.pipeline().build("SELECT * FROM labels.nothing", TX)


def test_a_wrong_feature_mode_or_option_is_refused(lake: Lake) -> None:
    build = lake.pipeline().build
    for features, mode, message in [
        (["tx_max_2h"], "recomputed", r"no feature 'tx_max_2h'; did you mean 'tx_max_1h'"),
        (["card:tx_max_1h"], "recomputed", r"did you mean 'cards:tx_max_1h'"),
        ([], "recomputed", "expected at least one"),
        (None, "recomputed", r"features: expected a list, such as \['.*'\], or a mapping .*; found None"),
        ("tx_max_1h", "recomputed", r"features: expected a list, .*; found 'tx_max_1h'"),
        ([["tx_max_1h"]], "recomputed", r"found \(\['tx_max_1h'\], 'recomputed'\)"),
        ([7], "recomputed", r"expected names as texts, .* found \(7, 'recomputed'\)"),
        ({"tx_max_1h": None}, "recomputed", r"found \('tx_max_1h', None\)"),
        (TX, "asof", r"mode of tx_max_1h='asof'"),
        (TX, "ttl", "expected 'ttl 1h'"),
        (TX, "last_write 1h", "expected 'ttl 1h'"),
        (TX, "ttl 0h", "mode 'ttl 0h' of tx_max_1h: no value is so new"),
        (["cards:tx_max_1h", "tx_max_1h"], "recomputed", "two features are named 'tx_max_1h'"),
    ]:
        with pytest.raises(HeadraceError, match=message):
            build(spine(), features, mode=mode)
    for options in ({"known_by": "hearsay"}, {"window_mode": "round"}, {"outside": "keep"}, {"engine": "spark"}):
        with pytest.raises(RequestError, match="expected one of"):
            lake.pipeline(**options)


def test_a_project_without_views_says_where_features_come_from(lake: Lake) -> None:
    with pytest.raises(NotFoundError, match=r"project 'deck' has no registered views; name a feature file \(--file"):
        TrainingSetPipeline(lake.platform).build(spine(), TX)


def register(lake: Lake) -> dict[str, ViewPlan]:
    """Three versions of the view of cards, the second of which serves, by what they are called here."""
    text, head = FEATURES.read_text(encoding="utf-8"), "class Cards(FeaturePipeline):"
    file = lake.folder / "another.py"
    found = {"old": lake.views["cards"]}
    for name, tile in {"serving": "30m", "new": "15m"}.items():
        file.write_text(text.replace(head, f"{head}\n    tile = {tile!r}"))
        found[name] = view_plans(file)["cards"]
    registry = lake.platform.registry
    for plan in found.values():
        registry.add_version(ViewVersion("deck", "cards", plan.version, plan.to_dict()))
    serving = found["serving"].version
    registry.add_materialization(Materialization("deck", "cards", serving, {}))
    registry.set_pointer(Pointer("deck", "cards", serving), None)
    return found


def test_a_set_is_of_the_version_that_serves_or_that_is_named(lake: Lake) -> None:
    found = register(lake)
    for versions, expected in [({}, "serving"), *(({"cards": found[name].version}, name) for name in found)]:
        (made,) = TrainingSetPipeline(lake.platform, versions=versions).build(spine(), TX).features
        assert made.version == found[expected].version


def test_a_version_that_does_not_exist_is_refused_with_those_that_do(lake: Lake) -> None:
    found = register(lake)
    known = ", ".join(sorted(plan.version for plan in found.values()))
    for versions, kind, message in [
        ({"cards": "zzzzzzzz"}, NotFoundError, f"view 'cards': no version 'zzzzzzzz'; known: {known}"),
        ({"cards": found["new"].version[:-1]}, NotFoundError, f"did you mean '{found['new'].version}'"),
        ({"card": found["new"].version}, NotFoundError, "no view 'card'; did you mean 'cards'"),
    ]:
        with pytest.raises(kind, match=message):
            TrainingSetPipeline(lake.platform, versions=versions).build(spine(), TX)
    with pytest.raises(RequestError, match="a feature file has one version of each view, its own"):
        lake.pipeline(versions={"cards": found["new"].version})
    spine().to_parquet(lake.folder / "spine.parquet")
    asked = ["training-set", "build", "spine.parquet", "--feature", "cards:tx_max_1h"]
    refused = command(lake, *asked, "--view-version", "cards=zzzzzzzz")
    assert (refused.returncode, f"no version 'zzzzzzzz'; known: {known}" in refused.stderr) == (1, True), refused.stderr
    made = command(lake, *asked, "--view-version", f"cards={found['new'].version}")
    assert f"cards:tx_max_1h (version {found['new'].version})" in made.stderr
    assert "Traceback" not in refused.stderr + made.stderr


def test_a_version_of_a_view_that_is_not_read_is_refused(lake: Lake) -> None:
    version = register(lake)["new"].version
    users = lake.views["users"]
    lake.platform.registry.add_version(ViewVersion("deck", "users", users.version, users.to_dict()))
    pipeline = TrainingSetPipeline(lake.platform, versions={"users": users.version, "cards": version})
    with pytest.raises(RequestError, match=f"version '{users.version}' of view 'users' .*: no feature .* of cards;"):
        pipeline.build(spine(), TX)


def test_one_name_in_two_views_must_be_told_apart(lake: Lake) -> None:
    views = {**lake.views, "others": lake.views["cards"]}
    pipeline = TrainingSetPipeline(lake.platform, views)
    with pytest.raises(RequestError, match=r"in several views; name one: cards:tx_max_1h, others:tx_max_1h"):
        pipeline.build(spine(), ["tx_max_1h"])


def test_history_that_does_not_cover_a_row_is_refused_or_flagged(lake: Lake) -> None:
    frame = spine(inference_ts=[at("09:20", -1), at("21:40"), datetime(2100, 1, 1, tzinfo=UTC)])
    with pytest.raises(RequestError, match=r"2 of 3 rows .* rows 0, 2; row 0 is before the first event of view cards"):
        lake.pipeline().build(frame, TX)
    made = lake.pipeline(outside="flag").build(frame, TX)
    reasons = ["before the first event of view cards", None, "beyond the complete history of view cards"]
    assert values(made.to_arrow(), "outside_history") == reasons
    assert len(made) == 3


@pytest.mark.parametrize("features", [BOTH, BOTH[::-1]])
def test_a_row_that_two_histories_do_not_cover_is_flagged_for_both(lake: Lake, features: list[str]) -> None:
    """Whatever the order of the features: users are known from 06:00 on, cards from 09:20."""
    frame = spine(inference_ts=[at("05:00"), at("07:00"), datetime(2100, 1, 1, tzinfo=UTC)])
    made = lake.pipeline(outside="flag").build(frame, features)
    first, end = "before the first event of view", "beyond the complete history of view"
    assert values(made.to_arrow(), "outside_history") == [
        f"{first} cards; {first} users",
        f"{first} cards",
        f"{end} cards; {end} users",
    ]


def test_an_archive_is_complete_to_its_commit_less_max_delay(lake: Lake) -> None:
    """An event of the last five seconds may come after the commit, and the row would have another value then."""
    snapshot = lake.payments.current_snapshot_id()
    assert snapshot is not None
    edge = lake.payments.committed_at(snapshot) - timedelta(seconds=5)
    covered = spine(inference_ts=[at("21:40"), edge, edge])
    before = lake.pipeline().build(covered, ["tx_max_1h"]).rows
    micro = timedelta(microseconds=1)
    with pytest.raises(RequestError, match=rf"rows 1, 2; .*complete to {re.escape(edge.isoformat())}"):
        lake.pipeline().build(spine(inference_ts=[at("21:40"), edge + micro, edge + micro]), TX)
    lake.pay([(edge, card, 999.0) for card in (4, 6)], arrived=edge + timedelta(seconds=5))
    assert lake.pipeline().build(covered, ["tx_max_1h"]).rows.equals(before)


def test_rows_that_are_no_events_cover_nothing(lake: Lake) -> None:
    lake.pay([(at("08:00"), 2, 5.0)], arrived=at("08:00") + timedelta(days=3))
    frame = spine(inference_ts=[at("09:20", -1), at("09:20"), at("21:40")])
    made = lake.pipeline(outside="flag").build(frame, TX)
    assert values(made.to_arrow(), "outside_history") == ["before the first event of view cards", None, None]


def test_a_view_without_rows_or_without_history_is_refused(tmp_path: Path) -> None:
    empty = Lake(tmp_path)
    with pytest.raises(NotFoundError, match=r"history raw.payments is empty"):
        empty.pipeline().build(spine(), TX)


def test_a_set_is_made_again_bit_for_bit_whatever_came_since(lake: Lake) -> None:
    lake.pay([(at("21:00", n), 2, 0.1 * n) for n in range(1_000)])
    pipeline, saved = lake.pipeline(), SavedTrainingSets(lake.platform)
    made = pipeline.build(spine(), ["tx_sum_1h", "user_unique_ip_30d"])
    record = made.save()
    assert pipeline.build(spine(), ["tx_sum_1h", "user_unique_ip_30d"]).save().id == record.id
    assert [one.id for one in saved.all()] == [record.id]
    assert set(lake.payments.refresh().tags().values()) == {made.histories["cards"].histories[0].snapshot_id}
    kept = lake.platform.iceberg.load(*record.table.split("."))
    assert (kept.row_count(), set(kept.tags().values())) == (3, {record.snapshot_id})
    lake.pay([(at("21:00", n), 2, 7.0) for n in range(5)])
    assert saved.rebuild(record.id).is_identical
    assert values(saved.rows(record), "tx_sum_1h") == values(made.rows, "tx_sum_1h")
    newer = pipeline.build(spine(), ["tx_sum_1h", "user_unique_ip_30d"])
    assert newer.rows["tx_sum_1h"] != made.rows["tx_sum_1h"]
    assert newer.save().id != record.id


def test_a_set_that_was_written_but_not_recorded_is_kept_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, saved = lake.pipeline(), SavedTrainingSets(lake.platform)
    made = pipeline.build(spine(), TX)
    with monkeypatch.context() as broken:
        broken.setattr(TrainingSetRegistry, "add", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.save()
    record = made.save()
    assert (saved.rows(record).num_rows, saved.rebuild(record.id).is_identical) == (3, True)


def _interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_what_is_outside_of_history_is_kept_too(lake: Lake) -> None:
    pipeline, saved = lake.pipeline(outside="flag"), SavedTrainingSets(lake.platform)
    record = pipeline.build(spine(inference_ts=[at("05:00"), at("21:40"), at("21:55")]), TX).save()
    assert values(saved.rows(record), "outside_history") == ["before the first event of view cards", None, None]
    assert saved.rebuild(record.id).is_identical


@ON_BOTH
def test_a_foreign_history_is_rebuilt_after_its_table_moved_on(lake: Lake, engine: str) -> None:
    fields = [Field("user_id", "bigint"), Field("ip", "string"), Field("ts", "timestamp")]
    table = lake.platform.iceberg.create_table("foreign", "logins", fields)
    rows = pa.Table.from_pylist([{"user_id": 1, "ip": "a", "ts": at("06:00")}], schema=table.table.schema().as_arrow())
    table.append(rows)
    source = replace(lake.views["users"].source, history=Location("iceberg", "foreign.logins"))
    pipeline = TrainingSetPipeline(lake.platform, {"users": replace(lake.views["users"], source=source)}, engine=engine)
    saved = SavedTrainingSets(lake.platform)
    record = pipeline.build(spine(), ["user_unique_ip_30d"]).save()
    table.append(rows.set_column(1, rows.schema.field("ip"), pa.array(["b"], rows.schema.field("ip").type)))
    assert values(saved.rows(record), "user_unique_ip_30d") == [1, 1, None]
    assert saved.rebuild(record.id).is_identical
    newest = table.refresh().current_snapshot_id()
    assert newest is not None
    after = table.committed_at(newest) + timedelta(milliseconds=1)
    with pytest.raises(RequestError, match="beyond the complete history"):
        pipeline.build(spine(inference_ts=[after] * 3), ["user_unique_ip_30d"])


def test_sums_of_floats_are_computed_by_one_thread(lake: Lake) -> None:
    threads: list[int] = []

    class Watching(TrainingSetPipeline):
        def compute(self, connection: Any, keys: Any, spine: Any) -> dict[str, pa.ChunkedArray]:
            threads.extend(connection.sql("SELECT current_setting('threads')").fetchall()[0])
            return super().compute(connection, keys, spine)

    pipeline = Watching(lake.platform, lake.views)
    pipeline.build(spine(), ["tx_sum_1h"])
    assert threads == [1]


def test_damaged_rows_are_not_identical(lake: Lake) -> None:
    pipeline, saved = lake.pipeline(), SavedTrainingSets(lake.platform)
    record = pipeline.build(spine(), TX, mode="last_write").save()
    namespace, _, name = record.table.rpartition(".")
    (file,) = lake.platform.iceberg.load(namespace, name).files()
    place = Path(file.removeprefix("file://"))
    rows = pq.read_table(place)
    column = rows.column_names.index("tx_max_1h")
    changed = rows.set_column(column, rows.schema.field(column), pa.array([20.5, 30.0, None]))
    pq.write_table(changed, place)
    assert not saved.rebuild(record.id).is_identical


def test_an_unknown_set_gets_a_suggestion(lake: Lake) -> None:
    with pytest.raises(NotFoundError, match="no training set 'nothing'"):
        SavedTrainingSets(lake.platform).get("nothing")


def test_dates_of_a_spine_are_kept_and_made_again(lake: Lake) -> None:
    pipeline, saved = lake.pipeline(), SavedTrainingSets(lake.platform)
    days = [DAY.date(), None, date(1969, 12, 31)]
    record = pipeline.build(spine(day=days), TX).save()
    assert values(saved.rows(record), "day") == days
    assert saved.rebuild(record.id).is_identical


def test_a_type_that_is_not_stored_is_refused_by_column() -> None:
    with pytest.raises(RequestError, match=r"column 'd' is time64\[us\], which is not stored"):
        stored(pa.table({"d": pa.array([DAY.time()])}))


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("duckdb", r"feature cards.points_1h: the sum is beyond BIGINT"),
        pytest.param("flink", r"feature 'points': a sum .* does not fit into a BIGINT", marks=pytest.mark.slow),
    ],
)
def test_a_sum_beyond_bigint_names_the_feature(lake: Lake, engine: str, message: str) -> None:
    lake.pay([(at("21:00", n), 2, 1.0) for n in range(2)], points=2**62)
    with pytest.raises(NumericOverflowError, match=message):
        lake.pipeline(engine=engine).build(spine(), ["points_1h"])


def test_fingerprints_see_values_and_nulls_and_nothing_else() -> None:
    one = pa.table({"a": pa.array([1, None, 3]), "b": ["x", None, ""]})
    assert rows_fingerprint(one) == rows_fingerprint(pa.concat_tables([one.slice(0, 1), one.slice(1)]))
    for other in (
        pa.table({"a": pa.array([1, 0, 3]), "b": ["x", None, ""]}),
        pa.table({"a": pa.array([1, None, 3]), "b": ["x", "", ""]}),
        pa.table({"a": pa.array([1.0, None, 3.0]), "b": ["x", None, ""]}),
        pa.table({"c": pa.array([1, None, 3]), "b": ["x", None, ""]}),
        one.slice(0, 2),
    ):
        assert rows_fingerprint(one) != rows_fingerprint(other)


def test_a_row_is_explained_by_the_rows_of_history(lake: Lake) -> None:
    made = lake.pipeline().build(spine(), BOTH, mode="last_write")
    behind = made.explain(0)
    assert values(behind["tx_max_1h"], "amount", "ts") == [(20.0, at("10:24"))]
    assert len(set(values(behind["user_unique_ip_30d"], "ip"))) == 3
    assert made.explain(2)["tx_max_1h"].num_rows == 0
    with pytest.raises(RequestError, match="rows 0 to 2"):
        made.explain(3)
    # A value that is too old is NULL, and no row is behind it.
    for ttl, counts in (("1h", [0, 0, 0]), ("100m", [0, 1, 0])):
        fresh = lake.pipeline().build(spine(), TX, mode=f"ttl {ttl}")
        assert [fresh.explain(row)["tx_max_1h"].num_rows for row in range(3)] == counts


def test_a_key_of_digits_in_a_csv_file_stays_text(lake: Lake) -> None:
    (lake.folder / "labels.csv").write_text("inference_ts,tid\n2024-11-20T21:30:00Z,0122\n2024-11-20T21:40:00Z,#298\n")
    found = read_spine(str(lake.folder / "labels.csv"), lake.platform, types={"tid": "str"})
    assert values(found.asking([Column("tid", "str")]), "tid") == ["0122", "#298"]


def test_a_missing_label_is_no_naive_time(lake: Lake) -> None:
    resolved = pd.Series([at("22:00"), pd.NaT, at("23:00")], dtype=object)
    assert len(lake.pipeline().build(spine(resolved=resolved), TX, event_time="inference_ts")) == 3


def test_the_decks_call_takes_and_gives_a_frame(lake: Lake) -> None:
    found = pitc_join_features(spine(), features=BOTH, definitions=FEATURES, mode="last_write", settings=lake.settings)
    assert list(found["user_unique_ip_30d"]) == [3, 3, 7]
    assert found["tx_max_1h"].isna().tolist() == [False, False, True]
    assert "20.0" in lake.pipeline().build(spine(), TX, mode="last_write")._repr_html_()


def checkouts(**changes: Any) -> pd.DataFrame:
    """The spine with request columns."""
    brought = {"paying": [30.0, 15.0, 1.0], "note": ["gift", None, ""], "since": [at("10:00")] * 3}
    return spine(**({**brought, "channel": ["web", "shop", None]} | changes))


def test_an_on_demand_feature_is_computed_of_each_rows_features_and_request(lake: Lake) -> None:
    asked = ["tx_mean", "over_mean", "online", "noted", "later"]
    made = lake.pipeline().build(checkouts(), asked, mode="last_write", event_time="inference_ts")
    assert made.rows.column_names[-5:] == asked
    assert values(made.rows, "tx_mean", "over_mean") == [(20.0, 1.5), (30.0, 0.5), (None, None)]
    assert values(made.rows, "online") == [True, False, None]
    assert values(made.rows, "noted", "later") == [(note, at("11:00")) for note in ("gift", "none", "")]
    assert [str(one.mode) for one in made.features] == ["last_write"] * 5


def test_features_of_a_request_alone_take_no_job_of_flink(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingSetPipeline, "run_job", lambda self, job: pytest.fail("a job is run"))
    asked = ["online", "noted", "later"]
    on_duckdb, on_flink = (
        lake.pipeline(engine=engine).build(checkouts(), asked, event_time="inference_ts")
        for engine in ("duckdb", "flink")
    )
    assert values(on_flink.rows, *asked) == values(on_duckdb.rows, *asked)


def test_each_on_demand_feature_has_its_own_mode_beside_that_of_its_inputs(lake: Lake) -> None:
    asked = {"tx_sum_1h": "recomputed", "tx_mean": "last_write", "over_mean": "ttl 100m"}
    made = lake.pipeline().build(checkouts(), asked, event_time="inference_ts")
    assert values(made.rows, *asked) == [(None, 20.0, None), (None, 30.0, 0.5), (None, None, None)]


def test_what_two_features_read_is_computed_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []
    compute = TrainingSetPipeline.compute

    def counted(self: Any, connection: Any, keys: Any, rows: Any) -> Any:
        computed.extend(one.feature.name for one in keys.asked)
        return compute(self, connection, keys, rows)

    monkeypatch.setattr(TrainingSetPipeline, "compute", counted)
    lake.pipeline().build(checkouts(), ["tx_mean", "over_mean", "tx_sum_1h"], event_time="inference_ts")
    assert sorted(computed) == ["tx_count_1h", "tx_sum_1h"]


#: By what is wrong: the columns that differ, and what is said.
WRONG_REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "text": (
        {"paying": ["1", "2", "3"]},
        "request column 'paying' of feature cards:over_mean is string, expected float",
    ),
    "NULL": (
        {"paying": [1.0, None, 3.0]},
        "'paying' of feature cards:over_mean is None in row 1, expected a finite float",
    ),
    "no choice": ({"channel": ["web", None, "post"]}, "is 'post' in row 2, expected one of 'shop', 'web' or NULL"),
    "infinite": ({"paying": [1.0, 2.0, float("inf")]}, "is inf in row 2, expected a finite float"),
    "an integer that is no float": ({"paying": [1, 2, 2**53 + 1]}, "'paying' of feature cards:over_mean"),
    "naive": ({"since": pd.to_datetime(["2024-11-20"] * 3)}, "'since' of feature cards:later is timestamp"),
}


@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
def test_a_wrong_request_column_is_refused_by_feature_column_and_row(lake: Lake, wrong: str) -> None:
    changes, message = WRONG_REQUESTS[wrong]
    with pytest.raises(RequestError, match=message):
        lake.pipeline().build(checkouts(**changes), ["over_mean", "later", "online"], event_time="inference_ts")


def test_a_missing_request_column_is_refused_by_feature_and_column(lake: Lake) -> None:
    with pytest.raises(
        RequestError, match="no column 'paying', the request column 'paying' of feature cards:over_mean"
    ):
        lake.pipeline().build(checkouts().drop(columns=["paying"]), ["over_mean"], event_time="inference_ts")


def test_integers_are_floats_of_a_request_and_its_texts_stay_texts(lake: Lake) -> None:
    found = lake.pipeline().build(
        checkouts(paying=[40, 15, 1]), ["over_mean"], mode="last_write", event_time="inference_ts"
    )
    assert values(found.rows, "over_mean") == [2.0, 0.5, None]
    (lake.folder / "spine.csv").write_text("inference_ts,cc_num,note\n2024-11-20T21:30:00Z,2,0122\n")
    assert values(lake.pipeline().build(lake.folder / "spine.csv", ["noted"]).rows, "noted") == ["0122"]


def test_an_overflow_names_the_on_demand_feature(lake: Lake) -> None:
    lake.pay([(at("21:00"), 2, 1.0)], points=2**40)
    with pytest.raises(NumericOverflowError, match="feature cards:squared"):
        lake.pipeline().build(spine(), ["squared"])


def test_a_set_with_on_demand_features_is_explained_and_made_again(lake: Lake) -> None:
    pipeline = lake.pipeline()
    made = pipeline.build(checkouts(), ["over_mean", "noted"], mode="last_write", event_time="inference_ts")
    assert {name: found.num_rows for name, found in made.explain(0).items()} == {
        "over_mean.tx_sum_1h": 1,
        "over_mean.tx_count_1h": 1,
    }
    saved = SavedTrainingSets(lake.platform)
    assert saved.rebuild(made.save().id).is_identical


def test_the_commands_make_show_explain_and_rebuild(lake: Lake) -> None:
    spine().to_parquet(lake.folder / "spine.parquet")
    asked = ["--feature", "tx_max_1h=last_write", "--feature", "user_unique_ip_30d", "--file", str(FEATURES)]
    built = command(lake, "training-set", "build", "spine.parquet", *asked, "--out", "rows.parquet")
    assert built.returncode == 0, built.stderr
    assert "tx_max_1h: cards:tx_max_1h (version " in built.stderr
    assert pq.read_table(lake.folder / "rows.parquet").num_rows == 3
    id_ = built.stdout.strip()
    assert id_ in command(lake, "training-set", "list").stdout
    rows = json.loads(command(lake, "training-set", "show", id_, "--format", "json").stdout)
    assert [row["tx_max_1h"] for row in rows] == [20.0, 30.0, None]
    assert "tx_max_1h: 20.0 from 1 rows" in command(lake, "training-set", "show", id_, "--explain-row", "0").stdout
    again = command(lake, "training-set", "rebuild", id_)
    assert (again.returncode, again.stdout.count("equal to the record")) == (0, 2)
    beyond = command(lake, "training-set", "show", id_, "--explain-row", "9")
    assert (beyond.returncode, "has rows 0 to 2" in beyond.stderr, "Traceback" in beyond.stderr) == (1, True, False)
    twice = command(lake, "training-set", "build", "spine.parquet", *asked, "--feature", "tx_max_1h")
    assert (twice.returncode, "is asked for twice" in twice.stderr) == (1, True)
    assert [row["engine"] for row in json.loads(command(lake, "training-set", "list", "--format", "json").stdout)] == [
        "duckdb"
    ]
    unknown = command(lake, "training-set", "rebuild", "nothing")
    assert (unknown.returncode, "no training set 'nothing'" in unknown.stderr) == (1, True)


@pytest.mark.slow
def test_the_command_makes_a_set_on_flink(lake: Lake) -> None:
    spine().to_parquet(lake.folder / "spine.parquet")
    asked = ["--feature", "tx_max_1h=last_write", "--file", str(FEATURES), "--engine", "flink"]
    built = command(lake, "training-set", "build", "spine.parquet", *asked)
    assert built.returncode == 0, built.stderr
    assert "on Flink" in built.stderr
    (row,) = json.loads(command(lake, "training-set", "list", "--format", "json").stdout)
    assert (row["id"], row["engine"]) == (built.stdout.strip(), "flink")
    shown = json.loads(command(lake, "training-set", "show", row["id"], "--format", "json").stdout)
    assert [one["tx_max_1h"] for one in shown] == [20.0, 30.0, None]
