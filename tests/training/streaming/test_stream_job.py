"""The job that learns, on a cluster in this process: from a growing table into the model store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from typer.testing import CliRunner

from headrace.errors import JobError
from headrace.features.source import IcebergTable
from headrace.jobs.cli import app
from headrace.registry.model_facts import Facts
from headrace.registry.model_states import Decision
from headrace.training.data.encoding import Encoding
from headrace.training.data.fits import Standardize
from headrace.training.data.labels import Label
from headrace.training.learning.events import EVENTS
from headrace.training.learning.predictor import load
from headrace.training.learning.spec import ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.models.gates import ArtifactWhole
from headrace.training.models.rebuild import rebuild
from headrace.training.streaming.candidates import follow_committed, register_committed
from headrace.training.streaming.runs import LearningRun, job_of, keep_first, resume, stop
from headrace.training.streaming.status import status_of
from headrace.training.streaming.tables import CANDIDATES, LETTERS, told_of
from headrace.training.streaming.told import Verdict
from headrace.training.streaming.trainer import Policy

from .lake import HERE, TRUTH, Labels, Lake, lake_in_process, narrow_table, wait_until

#: A learner that cannot learn, of which nobody is told before it has rows.
BROKEN = """
class Broken:
    counters = state = resume = artifact = None

    def __init__(self, files):
        pass

    def learn(self, rows):
        raise ValueError("no river here")
"""
#: A subscriber, which a worker finds by its name.
NOTING = """
import json

def note(event):
    with open("NOTES", "a") as notes:
        print(json.dumps([event.kind, event.counters.rows_visited, event.values]), file=notes)
"""
#: What a user's file declares: the trainer of these tests, which halts.
HALTING = """
from headrace import IcebergTable, StreamingTrainingPipeline
from headrace.training.streaming.positions import PositionColumns
from headrace.training.streaming.told import Verdict
from headrace.training.streaming.trainer import Policy

class Halting(StreamingTrainingPipeline):
    name = "halting"
    source = IcebergTable("raw.labelled")
    learner = "logistic:make"
    arguments = {"inputs": ["x", "y"]}
    python_files = ["LOGISTIC"]
    micro_batch_rows = 200
    micro_batch_seconds = 0.2
    checkpoint_interval = "500 ms"
    policy = Policy(candidate_seconds=1)
    places = PositionColumns("shard", "place")
""".replace("LOGISTIC", str(HERE / "logistic.py"))
#: The truth gives it 0.95.
ROW = [{"x": 1.0, "y": -1.0}]


def trained() -> TorchLearner:
    """A model that has seen two thousand rows of the truth."""
    random = np.random.default_rng(5)
    values = random.normal(size=(2_000, 2))
    label = (random.random(2_000) < 1 / (1 + np.exp(-values @ TRUTH))).astype(np.int64)
    rows = pa.RecordBatch.from_arrays(
        [pa.array(values[:, 0]), pa.array(values[:, 1]), pa.array(label)], ["x", "y", "label"]
    )
    encoding = Encoding({"x": Standardize(), "y": Standardize()}, Label("label", low=0, high=1, bad="leave_out"))
    recipe = Recipe(ModelSpec("logistic"), OptimizerSpec("sgd", 0.5))
    learner = TorchLearner(recipe, encoding.fit([rows]), rows.slice(0, 1).select(["x", "y"]), "cpu")
    for start in range(0, 2_000, 100):
        learner.learn(rows.slice(start, 100))
    return learner


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with lake_in_process(tmp_path_factory.mktemp("lake")) as (found, _):
        yield found


def has_gathered(lake: Lake, run: LearningRun, rows: int) -> bool:
    """Whether all parts of the job run, and so many rows have been taken."""
    found = lake.platform.flink.progress(run.job_id)
    return all(vertex.state == "RUNNING" for vertex in found) and found[1].rows_in == rows


def forget(lake: Lake, resumed: LearningRun, stopped: LearningRun) -> None:
    """The record as a `resume` leaves it that is killed behind the submission: it names no job that runs."""
    folder = lake.platform.run_folder(resumed.run)
    assert LearningRun.load(folder) == resumed
    stopped.save(folder)


def test_each_row_is_learned_once_through_a_bad_one_and_stop_and_resume(lake: Lake) -> None:
    lake.more(3_100)
    run = lake.begin()
    with pytest.raises(JobError, match=f"'labels' is being learned already, by run {run.run}"):
        lake.begin()
    lake.wait(run, 3_100)
    # No row comes that could bring this one: its time has.
    wait_until(lambda: [one.visited for one in told_of(lake.platform.iceberg, CANDIDATES, run.run)][-1:] == [3_100])
    lake.more(1_400, broken=700)
    lake.wait(run, 4_500)
    stopped = stop(lake.platform, run.run)
    assert stopped.savepoint is not None
    with pytest.raises(JobError, match="is stopped, not running"):
        stop(lake.platform, run.run)
    lake.more(900)
    again = resume(lake.platform, run.run)
    with pytest.raises(JobError, match=f"stop it first .`headrace learn stop {run.run}"):
        resume(lake.platform, run.run)
    assert (again.started_from is not None, again.job_id != run.job_id) == (True, True)
    lake.wait(again, 5_400)
    forget(lake, again, stopped)
    assert resume(lake.platform, run.run) == again
    forget(lake, again, stopped)
    lake.platform.flink.cancel(again.job_id)
    wait_until(lambda: lake.platform.flink.job(again.job_id).is_over)
    with pytest.raises(JobError, match=f"by job {again.job_id} at checkpoint .*: it would learn those rows"):
        resume(lake.platform, run.run, stopped.savepoint)
    lake.more(300)
    last = resume(lake.platform, run.run)
    assert f"{again.job_id}/chk-" in str(last.started_from)
    lake.wait(last, 5_700)
    stop(lake.platform, run.run)
    lake.assert_each_row_once(run.run)
    found = status_of(lake.platform, run.run)
    assert (found.state, found.arrived, found.lag, found.halted) == ("stopped", 5_700, 0, None)
    assert found.visited + found.dead == 5_700

    letters = told_of(lake.platform.iceberg, LETTERS, run.run)
    assert 3_800 in [json.loads(letter.content)["place"] for letter in letters]
    assert {letter.reason for letter in letters} == {"the loss is nan"}
    candidates = told_of(lake.platform.iceberg, CANDIDATES, run.run)
    assert found.candidate == candidates[-1]
    assert [one.candidate for one in candidates] == list(range(1, len(candidates) + 1))
    kept = register_committed(lake.platform.iceberg, lake.store(), job_of(lake.platform, run.run))
    assert [one.facts.rows_seen for one in kept] == [one.visited for one in candidates]
    register_committed(lake.platform.iceberg, lake.store(), job_of(lake.platform, run.run))
    assert len(lake.store().candidates("labels")) == len(candidates)
    for one in kept:
        model = json.loads(lake.store().artifacts.get(one.facts.artifact)["model.json"])
        assert model["rows"] == one.facts.rows_seen


def test_status_tells_of_a_job_that_restarts_how_often_and_what_its_learner_raised(lake: Lake, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(BROKEN)
    kind = type("Broken", (Labels,), {"name": "broken", "learner": "broken:Broken", "arguments": {}})
    kind.python_files = (broken,)
    lake.more(10)
    run = lake.begin(kind)
    said = r"restarted \d+ times?, at last by ValueError: no river here"
    wait_until(lambda: re.fullmatch(said, status_of(lake.platform, run.run).remark or "") is not None)
    lake.platform.flink.cancel(run.job_id)
    wait_until(lambda: lake.platform.flink.job(run.job_id).is_over)


def test_a_model_that_fails_halts_for_good_keeps_its_weights_and_each_command_says_so(
    lake: Lake, tmp_path: Path
) -> None:
    file, config = tmp_path / "halting.py", tmp_path / "headrace.yaml"
    file.write_text(HALTING)
    config.write_text(yaml.safe_dump(lake.platform.settings.model_dump(mode="json", exclude_none=True)))

    def printed(*arguments: str) -> str:
        found = CliRunner().invoke(app, ["--config", str(config), "--format", "json", *arguments])
        assert found.exit_code == 0, found.exception
        return found.stdout.strip()

    def shown() -> dict[str, Any]:
        (row,) = json.loads(printed("learn", "status", run))
        return dict(row)

    lake.more(10)
    after = lake.table.refresh().current_snapshot_id()
    lake.more(1_000, broken=500)
    run = printed("learn", "start", str(file), "--after", str(after))
    wait_until(lambda: shown()["arrived"] == 1_000 and shown()["candidate"] is not None)
    halted = shown()["halted"]
    assert re.fullmatch(r"learning has halted since micro-batch \d+: the loss is nan", halted)
    assert "/savepoint-" in printed("learn", "stop", run)
    lake.more(400)
    printed("learn", "resume", run)
    wait_until(lambda: shown()["arrived"] == 1_400)
    printed("learn", "stop", run)

    steps, letters = lake.steps(run), told_of(lake.platform.iceberg, LETTERS, run)
    verdicts = [step.verdict for step in steps]
    before = verdicts.index(Verdict.DIVERGED)
    assert verdicts == [Verdict.LEARNED] * before + [Verdict.DIVERGED] + [Verdict.HALTED] * (len(steps) - before - 1)
    learned = sum(step.rows for step in steps[:before])
    found = shown()
    assert (found["state"], found["halted"], found["lag"], found["remark"]) == ("stopped", halted, 0, None)
    assert (found["visited"], found["dead"], len(letters)) == (learned, 1_400 - learned, 1_400 - learned)
    assert {letter.reason for letter in letters} == {"the loss is nan", halted}
    # What the candidate knows is what the rows before the failure teach, and no others.
    assert printed("learn", "register", run) == found["artifact"]
    printed("model", "admit", "halting", "--reason", "to make it again")
    assert lake.store().version("halting@1").facts.rows_seen == learned
    printed("model", "rebuild", "halting@1", "--file", str(file))


def test_rows_after_a_snapshot_are_learned_and_files_that_nothing_tells_of_are_no_candidates(lake: Lake) -> None:
    class Later(Labels):
        name = "later"
        checkpoint_interval = "10 min"
        policy = Policy(candidate_rows=1_000)

    lake.more(10)
    after, before = lake.table.refresh().current_snapshot_id(), set(lake.store().artifacts.all())
    with pytest.raises(JobError, match=f"no snapshot after {after} yet"):
        lake.begin(Later, after=after)
    lake.more(2_300)
    run = lake.begin(Later, after=after)
    wait_until(lambda: len(set(lake.store().artifacts.all()) - before) == 2)
    lake.platform.flink.cancel(run.job_id)
    wait_until(lambda: lake.platform.flink.job(run.job_id).is_over)
    assert register_committed(lake.platform.iceberg, lake.store(), job_of(lake.platform, run.run)) == []
    again = resume(lake.platform, run.run)
    assert again.started_from is None
    wait_until(lambda: has_gathered(lake, again, 2_300))
    stop(lake.platform, run.run)
    assert {step.arrived - step.visited for step in lake.steps(run.run)} == {0}
    kept = register_committed(lake.platform.iceberg, lake.store(), job_of(lake.platform, run.run))
    assert {one.facts.artifact for one in kept} <= set(lake.store().artifacts.all())
    assert [one.facts.rows_seen for one in kept] == [1_000, 2_000]


def narrowed(rows: pa.Table) -> pa.Table:
    """Rows with a float of 32 bits and a decimal, of more digits than pyiceberg has another layout for."""
    rows = rows.set_column(2, "x", rows["x"].cast(pa.float32()))
    return rows.set_column(3, "y", pc.round(rows["y"], 2).cast(pa.decimal128(20, 2)))


def test_a_bounded_run_goes_on_from_a_version_and_ends_with_a_candidate_of_all_rows(lake: Lake, tmp_path: Path) -> None:
    notes, noting = tmp_path / "notes", tmp_path / "noting.py"
    noting.write_text(NOTING.replace("NOTES", str(notes)))

    class Tuned(Labels):
        name = "tuned"
        source = IcebergTable("raw.narrow")
        learner = "headrace.training.learning:fine_tuned"
        arguments: ClassVar = {"optimizer": {"name": "sgd", "rate": 0.01}}
        policy = Policy(candidate_rows=None)
        python_files = (noting,)
        subscribers: ClassVar = {kind: ["noting:note"] for kind in EVENTS}

    store, origin = lake.store(), lake.store().keep_origin()
    artifact = store.artifacts.put(trained().artifact())
    facts = Facts(artifact=artifact, code=origin.code, environment=origin.environment)
    store.register("base", facts, Decision("tester", "another model, to start from"))
    lake.more(1_000)
    narrow_table(lake.platform, narrowed(lake.table.refresh().arrow()))
    run = lake.begin(Tuned, follow=False, start="base@1")
    wait_until(lambda: lake.platform.flink.job(run.job_id).is_over)
    lake.assert_each_row_once(run.run)
    loss = lake.steps(run.run)[0].loss
    # What knows nothing begins with log 2.
    assert loss is not None
    assert loss < log(2) - 0.1
    (kept,) = register_committed(lake.platform.iceberg, store, job_of(lake.platform, run.run))
    visited = lake.steps(run.run)[-1].visited
    heard = [json.loads(line) for line in notes.read_text().splitlines()]
    kinds = [kind for kind, _, _ in heard]
    assert (kinds[0], kinds[-2:]) == ("start", ["checkpoint", "end"])
    counted = [kinds.count(kind) for kind in ("start", "micro_batch", "end")]
    assert (counted, "evaluate" in kinds) == ([1, len(lake.steps(run.run)), 1], True)
    assert heard[-1][1:] == [lake.rows, json.loads(lake.steps(run.run)[-1].metrics)]
    before, after = (load(store.artifacts.get(one)).score(ROW)[0] for one in (artifact, kept.facts.artifact))
    assert before != after
    assert after > 0.8
    assert (kept.facts.parent, kept.facts.rows_seen) == ("base@1", visited)
    assert kept.facts.snapshots == {"raw.narrow": lake.platform.iceberg.named("raw.narrow").current_snapshot_id()}
    assert kept.facts.offsets["raw.narrow-0"] == (0, lake.positions()["0"].last + 1)
    made = store.admit(kept, [ArtifactWhole(store.artifacts)], Decision("tester", "to make it again")).version
    assert made is not None
    assert rebuild(lake.platform, store, made.name).is_same
    assert [one.name for one in store.lineage(made.name).line] == ["base@1", "tuned@1"]
    with pytest.raises(JobError, match="has finished: it has learned from all rows"):
        resume(lake.platform, run.run)


def test_what_is_committed_becomes_a_candidate_of_the_store_while_the_run_goes_on_and_once(lake: Lake) -> None:
    class Followed(Labels):
        name = "followed"
        policy = Policy(candidate_rows=200, candidate_seconds=1, halts=False)

    run = lake.begin(Followed)
    kept_by_then: list[bool] = []

    def newest() -> int:
        """Rows that had arrived when the newest committed candidate was made."""
        return max((one.arrived for one in told_of(lake.platform.iceberg, CANDIDATES, run.run)), default=0)

    def until_more(_: float) -> None:
        """Append rows and wait until a committed candidate has them; the third time end the run."""
        kept_by_then.append("followed" in lake.store().models())
        if len(kept_by_then) == 3:
            stop(lake.platform, run.run)
        else:
            lake.more(400)
            wait_until(lambda: newest() == lake.rows)

    yielded = list(follow_committed(lake.platform, lake.store(), run.run, 1.0, until_more))
    told = told_of(lake.platform.iceberg, CANDIDATES, run.run)
    assert [one.facts.rows_seen for one in yielded] == [one.visited for one in told]
    assert [one.candidate for one in lake.store().candidates("followed")] == yielded
    assert kept_by_then[1:] == [True, True]
    assert list(follow_committed(lake.platform, lake.store(), run.run, 1.0, until_more)) == []


def test_of_two_who_resume_a_run_at_once_the_first_goes_on(lake: Lake) -> None:
    class Contended(Labels):
        name = "contended"

    platform, job = lake.platform, Contended(lake.platform).prepare()
    theirs = LearningRun(job.run, "contended", job.submit(platform.session))
    mine = LearningRun(job.run, "contended", job.submit(platform.session))
    theirs.save(platform.run_folder(job.run))
    with pytest.raises(JobError, match=f"'contended' is being learned already, by run .*, job {theirs.job_id}"):
        keep_first(platform, mine)
    wait_until(lambda: platform.flink.job(mine.job_id).is_over)
    keep_first(platform, theirs)
    assert not platform.flink.job(theirs.job_id).is_over
    platform.flink.cancel(theirs.job_id)
    wait_until(lambda: platform.flink.job(theirs.job_id).is_over)
    keep_first(platform, mine)
