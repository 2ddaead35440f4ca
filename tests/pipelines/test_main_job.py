"""The main job on the real stack, small: archive, cutover, stop and resume, ledger, online values, refusals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.schema import Field
from headrace.connectors.tile_store import Tile
from headrace.errors import CutoverError, JobError, NotFoundError, SchemaMismatchError
from headrace.features.instant import instant_us
from headrace.pipelines.archive import ArchivePipeline
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.consistency import Cause, Consistency
from headrace.pipelines.consistency_check import ConsistencyCheck, serving_version
from headrace.pipelines.dead_letters import dead_letters_of
from headrace.pipelines.lifecycle import promote, resume, stop
from headrace.pipelines.outcome import statuses
from headrace.registry.store import Run
from headrace.runtime.cutover import Cutover
from headrace.runtime.settings import Settings
from headrace.serving.online import OnlineStore

from .case import PARTITIONS, Case, archived_case, wait_until
from .orders import BROKEN, START, orders

pytestmark = [pytest.mark.stack, pytest.mark.slow]

HISTORY = orders(3_000, seed=1)
LIVE = orders(900, seed=2, first=3_000)
MORE = orders(300, seed=3, first=3_900)
#: Of which some are sent after an answer, and some while no job runs.
AFTERWARDS, UNREAD = orders(40, seed=4, first=4_200), orders(40, seed=5, first=4_240)


@pytest.fixture(scope="module")
def case(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """History archived, nothing backfilled yet."""
    with archived_case(stack_settings, tmp_path_factory.mktemp("orders"), HISTORY, BROKEN) as found:
        yield found


def test_a_missing_topic_is_an_error_that_names_it(stack_settings: Settings, tmp_path: Path) -> None:
    case = Case(stack_settings, tmp_path)
    with pytest.raises(NotFoundError, match=case.topic):
        ArchivePipeline(case.plan().source, case.platform).prepare()


def test_a_missing_history_table_is_an_error_that_names_it(stack_settings: Settings, tmp_path: Path) -> None:
    case = Case(stack_settings, tmp_path)
    case.make_topic()
    with pytest.raises(NotFoundError, match=f"{case.namespace}.orders"):
        BackfillPipeline(case.plan(), case.platform).prepare()


def test_history_with_other_columns_is_refused_column_by_column(stack_settings: Settings, tmp_path: Path) -> None:
    case = Case(stack_settings, tmp_path)
    case.make_topic()
    case.platform.iceberg.create_table(case.namespace, "orders", [Field("order_id", "string")])
    with pytest.raises(SchemaMismatchError, match="column order_id: expected bigint, found string"):
        BackfillPipeline(case.plan(), case.platform).prepare()


def test_records_lost_to_retention_before_the_boundary_are_refused(stack_settings: Settings, tmp_path: Path) -> None:
    case = Case(stack_settings, tmp_path)
    try:
        case.make_topic()
        case.send(LIVE, [])
        case.archive(len(LIVE))
        case.platform.flink.cancel(case.jobs[0])
        case.send(MORE, [])
        with case.platform.kafka.admin() as admin:
            admin.delete_records(case.topic, {0: len(LIVE) // PARTITIONS + 1})
        with pytest.raises(CutoverError, match=r"partition 0: needed from offset 300, .* 1 records are lost"):
            BackfillPipeline(case.plan(), case.platform).prepare()
        with pytest.raises(CutoverError, match=r"partition 0: needed from offset 300"):
            ArchivePipeline(case.plan().source, case.platform).prepare()
    finally:
        case.close()


def test_history_and_live_are_counted_once_through_stop_and_resume(case: Case) -> None:
    plan = case.plan()
    run = case.backfill(plan)
    case.send(LIVE, BROKEN)
    case.ledger(run, len(HISTORY) + len(LIVE) + 2 * len(BROKEN))

    stopped = stop(case.platform, run.run)
    assert stopped.savepoints
    case.send(MORE, [])
    with pytest.raises(JobError, match="not running"):
        stop(case.platform, run.run)
    case.note(resume(case.platform, run.run))

    every = [*HISTORY, *LIVE, *MORE]
    ledger = case.ledger(run, len(every) + 2 * len(BROKEN))
    late = sum(one.late for one in every)
    assert (ledger.late, ledger.dead_lettered, ledger.accepted) == (late, 2 * len(BROKEN), len(every) - late)
    case.assert_online(every)
    assert [status.run.run for status in statuses(case.platform)] == [run.run]


def test_what_the_job_did_not_read_of_a_refused_row_of_history_is_in_its_letter(case: Case) -> None:
    (run,) = case.platform.registry.runs(case.platform.settings.project)
    written = case.platform.iceberg.load("headrace", "dead_letters").arrow(where=f"run = '{run.run}'").to_pylist()
    late = [one for one in written if one["verdict"] == "late"]
    starts = Cutover.from_dict(dict(run.cutover)).start_offsets
    read = {(one["offset"] < starts[one["partition"]], "order_id" in json.loads(one["raw"])) for one in late}
    assert read == {(True, False), (False, True)}, "no feature needs the id, and history's metadata has no NULL of it"

    sent = {one.order_id: json.loads(one.record()) for one in [*HISTORY, *LIVE, *MORE] if one.late}
    letters = dead_letters_of(case.platform, run.run)
    rows = {row["order_id"]: row for one in letters if one.verdict == "late" and (row := json.loads(one.raw or b""))}
    assert rows.keys() == sent.keys()
    for id_, row in rows.items():
        assert row.keys() == sent[id_].keys()
        assert {**row, "ordered_at": instant(row["ordered_at"]), "arrived_at": instant(row["arrived_at"])} == {
            **sent[id_],
            "ordered_at": instant(sent[id_]["ordered_at"]),
            "arrived_at": instant(sent[id_]["arrived_at"]),
        }
    unparsable = Counter(one.raw for one in letters if one.reason.startswith("unparsable"))
    assert set(unparsable.values()) == {2}, "the bytes of one in history, and of one that came live"
    assert unparsable.keys() < set(BROKEN)
    refused = [one for one in letters if one.verdict == "dead_letter" and one.raw not in unparsable]
    assert {json.loads(one.raw or b"")["order_id"] for one in refused} == {1}
    assert [one.offset for one in dead_letters_of(case.platform, run.run, 2)] == [one.offset for one in letters[:2]]


def instant(text: str) -> datetime:
    """A time as it is sent, or as a letter has it, in UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def test_a_changed_window_is_a_new_version_beside_the_old(case: Case) -> None:
    project, old = (
        case.platform.settings.project,
        case.platform.registry.pointer(case.platform.settings.project, "shop_orders"),
    )
    assert old is not None
    changed = case.plan(windows='"1h", "2d"')
    assert changed.version != old.version
    run = case.backfill(changed)
    every = [*HISTORY, *LIVE, *MORE]
    case.ledger(run, len(every) + 2 * len(BROKEN))

    case.assert_online(every)
    promote(case.platform, "shop_orders", changed.version)
    case.assert_online(every, day="2d")
    versions = [version.version for version in case.platform.registry.versions(project, "shop_orders")]
    assert versions == [old.version, changed.version]


class Served:
    """The version that serves from Cassandra, beside history."""

    def __init__(self, case: Case, tiles: CassandraTiles) -> None:
        project, registry = case.platform.settings.project, case.platform.registry
        self.serving = serving_version(registry, project, "shop_orders")
        self.check = ConsistencyCheck(case.platform, self.serving)
        self.online = OnlineStore(project, registry, tiles)

    def read(self, at: datetime) -> list[dict[str, list[object]]]:
        answers = [self.online.get_online_features(one.features, one.rows, at=at) for one in self.check.entities(at)]
        return [answer.to_dict(statuses=True, asked=True) for answer in answers]

    def now(self, at: datetime) -> Consistency:
        return self.check.compare(self.read(at), "store")


def causes(found: Consistency) -> set[str]:
    return {one.cause for one in found.differences}


def test_served_values_are_those_of_history_and_each_difference_has_its_cause(case: Case) -> None:
    read = len(HISTORY) + len(LIVE) + len(MORE) + 2 * len(BROKEN)
    runs = case.platform.registry.runs(case.platform.settings.project)
    at = START + timedelta(hours=48)
    with case.platform.cassandra.session() as session:
        tiles = CassandraTiles(session)
        served = Served(case, tiles)
        assert set(served.serving.runs) <= {run.run for run in runs}
        assert served.now(at).differences == ()
        assert causes(served.now(START + timedelta(hours=37, minutes=7, seconds=13))) == {Cause.TAIL_ROUNDING}

        answered = served.read(at)
        case.send(AFTERWARDS, [])
        for run in runs:
            case.ledger(run, read + len(AFTERWARDS))
        assert causes(served.check.compare(answered, "log")) == {Cause.LATE_ROW}
        assert served.now(at).differences == ()

        for run in runs:
            stop(case.platform, run.run)
        case.send(UNREAD, [])
        wait_until(lambda: case.archived() >= read + len(AFTERWARDS) + len(UNREAD))
        assert causes(Served(case, tiles).now(at)) == {Cause.NOT_MATERIALIZED}

        alter_failures(served.serving.plan, tiles, case, runs[0], at - timedelta(minutes=30))
        unexplained = Served(case, tiles).now(at).unexplained
        assert {one.feature for one in unexplained} == {"failures_1h", "failed_share_1h"}
        assert {one.entity["shop"] for one in unexplained} == {"ams"}


def alter_failures(plan: ViewPlan, tiles: CassandraTiles, case: Case, run: Run, start: datetime) -> None:
    """Let a tile of failures say five hundred."""
    group = plan.group(plan.feature("failures_1h").group)
    made = case.platform.registry.materialization(run.project, run.view, run.version, run.generation)
    us = instant_us(start)
    assert tiles.write(made.tables[group.fingerprint], group, [Tile(("ams",), group.finest_us, us, (500,), us)]) == 1
