"""A trainer on a topic of the real stack: records judged as views do it, each once by the topic's own offsets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_source
from headrace.connectors.schema import archive_fields
from headrace.errors import CutoverError, JobError, NotFoundError
from headrace.registry.model_states import Decision
from headrace.runtime.legs import TOPIC_ID, table_name_of
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack
from headrace.training.models.rebuild import rebuild
from headrace.training.streaming.candidates import register_committed
from headrace.training.streaming.runs import JOB_FILE, LearningRun, job_of, resume, stop
from headrace.training.streaming.status import status_of
from headrace.training.streaming.topic_rows import check_still_there

from .lake import HERE, wait_until
from .river import BROKEN, EARLY_LABEL, LABEL_TO_COME, LATE, River, river_on, trainer_of, workers_of

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def river(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[River]:
    with river_on(stack_settings, tmp_path_factory.mktemp("river")) as found:
        yield found


def test_each_record_of_a_topic_is_learned_once_or_is_a_dead_letter_through_failure_stop_and_resume(
    river: River, stack: Stack
) -> None:
    others = set(workers_of(stack))
    river.more(950, bad=[BROKEN, LATE, EARLY_LABEL, LABEL_TO_COME])
    run = river.begin()
    river.wait(run, river.records)
    own = set(workers_of(stack)) - others
    assert own
    for worker in own:
        worker.kill()
    river.more(200)
    river.wait(run, river.records)
    stop(river.platform, run.run)
    river.more(730, bad=[BROKEN, BROKEN, LATE])
    again = resume(river.platform, run.run)
    river.wait(again, river.records)
    stop(river.platform, run.run)
    river.assert_each_record_once(run.run)
    found = status_of(river.platform, run.run)
    assert (found.lag, found.arrived, found.visited, found.dead) == (0, river.records, river.good, len(river.bad))
    kept = register_committed(river.platform.iceberg, river.store(), job_of(river.platform, run.run))
    for facts in (one.facts for one in kept):
        assert facts.label_cutoff == river.cutoff(facts.offsets)
        assert sum(end for _, end in facts.offsets.values()) >= facts.rows_seen > 0
    assert len(kept) > 1
    assert set(kept[-1].facts.offsets) == {f"{river.topic}-{partition}" for partition in river.log()}


def test_a_bounded_run_ends_with_what_was_there_is_made_again_from_the_archive_and_goes_on_behind_its_parent(
    river: River, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(HERE)
    river.more(60, bad=[BROKEN, LATE])
    ends = {str(partition): one.end for partition, one in river.log().items()}
    run = river.begin(follow=False)
    river.more(40)
    job = job_of(river.platform, run.run)
    assert job.topic is not None
    assert job.topic.ends == ends
    wait_until(lambda: river.platform.flink.job(run.job_id).is_over)
    steps = river.steps(run.run)
    assert steps[-1].arrived == sum(ends.values())
    assert status_of(river.platform, run.run).lag == 0
    kept = register_committed(river.platform.iceberg, river.store(), job)
    facts = kept[-1].facts
    assert facts.rows_seen == steps[-1].visited == river.good - 40
    made = river.store().register("currents", facts, Decision("tester", "to go on from"))
    with river.archiving():
        wait_until(lambda: river.archived() >= river.records)
    # Of micro-batches whose good rows are some of theirs, with NULLs, edges of floats and instants of microseconds.
    assert 0 < facts.rows_seen < steps[-1].arrived
    assert rebuild(river.platform, river.store(), made.name).is_same
    assert river.kind(river.platform, start="currents@1", again=True).prepare().again
    said = r"currents@1 has learned topic .* again; give --offsets parent to begin"
    for name, kind in (("currents", river.kind), ("another", type("Another", (river.kind,), {"name": "another"}))):
        with pytest.raises(CutoverError, match=said):
            kind(river.platform, start="currents@1").prepare()
        later = kind(river.platform, start="currents@1", offsets="parent").prepare()
        assert later.topic is not None
        assert (later.model, later.parent) == (name, "currents@1")
        starts = {f"{river.topic}-{partition}": start for partition, start in later.topic.starts.items()}
        assert starts == {partition: end for partition, (_, end) in facts.offsets.items()}
    with pytest.raises(JobError, match=r"has no records from .* on yet; nothing to learn from"):
        river.kind(river.platform, follow=False, offsets={p: one.end for p, one in river.log().items()}).prepare()


def test_a_run_begins_behind_a_snapshot_of_the_archive_as_views_do(river: River) -> None:
    kind = trainer_of(river.topic, f"n{uuid4().hex[:8]}.prefix")
    source = plan_source(kind.source.schema)  # type: ignore[union-attr]
    fields, (namespace, name) = archive_fields(source.columns), table_name_of(source)
    with river.platform.kafka.admin() as admin:
        noted = {TOPIC_ID: str(admin.describe(river.topic).topic_id)}
    archive = river.platform.iceberg.create_table(namespace, name, fields, noted)
    places = [(partition, offset) for partition, end in ((0, 5), (2, 3)) for offset in range(end)]
    rows = [{"_src_topic": river.topic, "_src_partition": p, "_src_offset": offset} for p, offset in places]
    snapshot = archive.append(pa.Table.from_pylist(rows, schema=archive.table.schema().as_arrow()))
    job = kind(river.platform, after=snapshot).prepare()
    assert job.topic is not None
    assert job.topic.starts == {"0": 5, "1": 0, "2": 3}
    assert "'start.offsets' = '0:5;1:0;2:3'" in job.declarations[-1]
    assert kind(river.platform, offsets={1: 2}).prepare().topic.starts == {"0": 0, "1": 2, "2": 0}  # type: ignore[union-attr]
    with pytest.raises(CutoverError, match=r"partition 1: needed from offset 9999999, but the log ends at"):
        kind(river.platform, offsets={1: 9_999_999}).prepare()
    with pytest.raises(NotFoundError, match="no snapshot 7"):
        kind(river.platform, after=7).prepare()


def test_a_run_does_not_go_on_where_its_records_are_gone_or_the_topic_is_another(river: River) -> None:
    job = river.kind(river.platform).prepare()
    assert job.topic is not None
    anew = replace(job, topic=replace(job.topic, topic_id="of-another-topic"))
    with pytest.raises(CutoverError, match=f"was made anew: run {job.run} recorded the topic with id of-another-topic"):
        check_still_there(river.platform, anew, {})
    with river.platform.kafka.admin() as admin:
        admin.delete_records(river.topic, {0: 10})
    with pytest.raises(CutoverError, match="partition 0: needed from offset 0, but the log begins at 10"):
        check_still_there(river.platform, job, {})
    check_still_there(river.platform, job, {0: 10})


def test_of_a_run_whose_topic_or_tables_are_gone_the_status_shows_the_rest_and_a_remark(
    river: River, tmp_path: Path
) -> None:
    job = river.kind(river.platform).prepare()
    assert job.topic is not None
    of_table = replace(job, run="of-table", source="raw.gone", topic=None)
    of_topic = replace(job, run="of-topic", source=f"gone-{river.topic}")
    anew = replace(job, run="anew", topic=replace(job.topic, topic_id="of-another-topic"))
    for one in (job, of_table, of_topic, anew):
        LearningRun(one.run, job.model, "").save(river.platform.run_folder(one.run))
        one.save(river.platform.run_folder(one.run) / JOB_FILE)
    LearningRun("no-job", job.model, "").save(river.platform.run_folder("no-job"))

    def shown(platform: Platform, run: str) -> tuple[str, bool, str]:
        status = status_of(platform, run)
        return status.state, status.lag is not None, status.remark or ""

    assert shown(river.platform, job.run) == ("not started", True, "")
    remarks = {"of-table": "raw.gone", "of-topic": of_topic.source, "anew": "was made anew", "no-job": "no job of a"}
    for run, remark in remarks.items():
        state, has_lag, found = shown(river.platform, run)
        assert (state, has_lag, remark in found) == ("not started", False, True), found
    catalog = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/warehouse"}
    iceberg = river.platform.settings.iceberg.model_copy(update={"properties": catalog})
    empty = Platform(river.platform.settings.model_copy(update={"iceberg": iceberg}))
    assert "learning_steps" in shown(empty, job.run)[2]
