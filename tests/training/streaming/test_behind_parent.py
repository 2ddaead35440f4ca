"""Behind what a version learned from a topic the next one begins: no record is learned twice, whatever was silent."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.connectors.kafka import TopicDescription
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import CutoverError
from headrace.registry.model_facts import Facts, ModelVersion
from headrace.runtime.cutover import LogRange
from headrace.runtime.settings import load_settings
from headrace.training.models.store import ModelStore
from headrace.training.streaming.candidates import committed, left_out
from headrace.training.streaming.job import LearningJob, TopicOffsets
from headrace.training.streaming.tables import CANDIDATES, STEPS
from headrace.training.streaming.told import Candidate, LearnedStep, Verdict
from headrace.training.streaming.topic_rows import starts_behind

from .test_kept_runs import JOB
from .test_runs import platform_of

RIDES = TopicDescription("rides", "of-today", (0, 1), None, None, log_append_time=False, configs={})
LOG = {0: LogRange(0, 1_000), 1: LogRange(0, 1_000)}
#: A run that goes on behind 900 and 800.
ON_RIDES = replace(
    JOB,
    source="rides",
    origin={"code": "1" * 64, "environment": "2" * 64},
    taught='{"learner": {}, "places": null, "rules": {"given": null}}',
    topic=TopicOffsets("of-today", {"0": 900, "1": 800}),
)


def facts_of(folder: Path, job: LearningJob, *steps: str, visited: str, last: str = Verdict.REFUSED) -> list[Facts]:
    """What the store would keep of the candidate that is told with the second of some micro-batches."""
    platform = platform_of(folder, f"file://{folder}/checkpoints")
    verdicts = (Verdict.LEARNED, last)
    told = [
        LearnedStep(job.run, number, 1, verdict, None, 0.5, "{}", 1, 1, 1, at, number)
        for number, (at, verdict) in enumerate(zip(steps, verdicts, strict=False), 1)
    ]
    candidate = Candidate(job.run, 1, "0" * 64, 2, 2, 2, 2, visited, "{}", 9)
    for name, some in ((STEPS, told), (CANDIDATES, [candidate])):
        table = platform.iceberg.load(LEDGER_NAMESPACE, name)
        rows = [{column: getattr(one, column) for column in type(one).__slots__} for one in some]
        table.append(pa.Table.from_pylist(rows, schema=table.table.schema().as_arrow()))
    settings = load_settings(flags={"home": str(folder)}, environment={}, folder=folder)
    return [one.facts for one in committed(platform.iceberg, ModelStore.at(settings), job)]


def version(facts: Facts) -> ModelVersion:
    return ModelVersion("rides", 3, facts, "ann")


def test_a_partition_that_was_silent_is_where_the_run_began_and_refused_rows_are_read(tmp_path: Path) -> None:
    steps = '{"0": [49, 900, 948, 1]}', '{"0": [1, 949, 949, 949]}'
    (found,) = facts_of(tmp_path, ON_RIDES, *steps, visited='{"0": [49, 900, 948, 1]}')
    assert left_out(platform_of(tmp_path, f"file://{tmp_path}/checkpoints").iceberg, ON_RIDES) is None
    assert found.offsets == {"rides-0": (900, 950), "rides-1": (800, 800)}
    assert starts_behind(version(found), RIDES, LOG) == {0: 950, 1: 800}


def test_the_next_run_begins_with_the_rows_that_came_after_a_halt(tmp_path: Path) -> None:
    steps = '{"0": [49, 900, 948, 1]}', '{"0": [1, 949, 949, 949]}'
    (found,) = facts_of(tmp_path, ON_RIDES, *steps, visited='{"0": [49, 900, 948, 1]}', last=Verdict.HALTED)
    assert starts_behind(version(found), RIDES, LOG) == {0: 949, 1: 800}


def test_a_candidate_whose_micro_batch_is_not_committed_yet_waits_for_it(tmp_path: Path) -> None:
    assert facts_of(tmp_path, ON_RIDES, '{"0": [49, 900, 948, 1]}', visited='{"0": [49, 900, 948, 1]}') == []
    said = "run late-1: candidates 1 are left out: their .* `headrace learn resume late-1` completes them"
    assert re.match(said, left_out(platform_of(tmp_path, f"file://{tmp_path}/checkpoints").iceberg, ON_RIDES) or "")


def test_nothing_begins_behind_a_version_of_another_topic_or_one_that_leaves_out_a_partition(tmp_path: Path) -> None:
    (found,) = facts_of(tmp_path, ON_RIDES, "{}", "{}", visited="{}")
    anew = replace(RIDES, topic_id="made-anew")
    with pytest.raises(CutoverError, match="'rides' was made anew: rides@3 recorded the topic with id of-today"):
        starts_behind(version(found), anew, LOG)
    short = replace(found, offsets={"rides-0": (900, 950)})
    with pytest.raises(CutoverError, match=r"says nothing of topic 'rides', partition 1, .*--offsets 0:950,1:0 learns"):
        starts_behind(version(short), RIDES, LOG)
    with pytest.raises(CutoverError, match="partition 0: needed from offset 900, but the log begins at 901"):
        starts_behind(version(found), RIDES, {**LOG, 0: LogRange(901, 1_000)})
