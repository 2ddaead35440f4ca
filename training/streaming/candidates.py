"""From what the trainer told and Flink committed to candidates of the model store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.features.instant import EPOCH
from headrace.registry import model_facts
from headrace.runtime.platform import Platform
from headrace.training.models.made_again import ARCHIVE, STREAM
from headrace.training.models.store import ModelStore
from headrace.training.streaming import positions
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.learned_before import BEHIND, WHERE
from headrace.training.streaming.runs import job_of, job_status
from headrace.training.streaming.tables import CANDIDATES, STEPS, told_of
from headrace.training.streaming.told import Candidate, Verdict
from headrace.training.streaming.topic_rows import TOPIC_ID
from headrace.training.streaming.trainer import unready_of

#: The evaluation set of metrics that were taken on the way: each row was tested before it was learned from.
SET = "stream"
#: Among what is kept of it the column that said when labels were known; where none did, it is not there.
LABEL_TIME = "label_time"


@dataclass(frozen=True, slots=True)
class Read:
    """How far a run has read with a micro-batch. What was refused has been read, what came after a halt has not.

    Attributes:
        arrived: rows of the run up to here.
        offsets: by partition the offset behind the last row; of the partitions of which no row came, there is none.
    """

    arrived: int = 0
    offsets: Mapping[str, int] = field(default_factory=dict)


def register_committed(iceberg: IcebergCatalog, store: ModelStore, job: LearningJob) -> list[model_facts.Candidate]:
    """Keep in the store each candidate that the run has told of and Flink has committed, and return those.

    Files that were written and never told of, because the attempt that wrote them was rolled back, are no candidates.
    To do it again is nothing.

    Raises:
        NotFoundError: no trainer of this catalog has run yet, or the version that the job started from is not there.
        ArtifactError: the files of a candidate are missing or damaged.
    """
    found = committed(iceberg, store, job)
    for candidate in found:
        store.add_candidate(candidate)
    return found


def follow_committed(
    platform: Platform, store: ModelStore, run: str, every_s: float, pause: Callable[[float], None] = time.sleep
) -> Iterator[model_facts.Candidate]:
    """Keep in the store what a run commits while it runs; yields each candidate that the store did not have, once.

    It looks every so many seconds, and a last time when the run is over: stopped, ended, failed or lost. Whoever is
    interrupted begins again. What was kept and then not judged has no judgement in `ModelStore.candidates`.

    Raises:
        NotFoundError: there is no such run, or the version that it started from is not there.
        ArtifactError: the files of a candidate are missing or damaged.
        JobError: the cluster does not answer.
    """
    job = job_of(platform, run)
    while True:
        # Asked first: what a run commits at its end is there when it is over.
        status = job_status(platform, run)
        for candidate in committed(platform.iceberg, store, job):
            if store.add_candidate(candidate):
                yield candidate
        if status is None or status.is_over:
            return
        pause(every_s)


def committed(iceberg: IcebergCatalog, store: ModelStore, job: LearningJob) -> list[model_facts.Candidate]:
    """The candidates that a run has told of and Flink has committed, oldest first.

    Raises:
        NotFoundError: no trainer of this catalog has run yet, or the version that the job started from is not there.
    """
    parent = None if job.parent is None else store.registry.version(*model_facts.numbered(job.parent))
    features = {} if parent is None else parent.facts.features
    told = told_of(iceberg, CANDIDATES, job.run)
    if not _needs_steps(job):
        return [candidate_of(one, job, features) for one in told]
    # Asked last: a candidate and its step come with one checkpoint, and each table commits it for itself.
    read = read_by(iceberg, job, {one.step for one in told})
    return [candidate_of(one, job, features, read[one.step]) for one in told if one.step in read]


def left_out(iceberg: IcebergCatalog, job: LearningJob) -> str | None:
    """Which candidates a run has told of that are none yet, since their micro-batches are not committed; None: none.

    Raises:
        NotFoundError: no trainer of this catalog has run yet.
    """
    if not _needs_steps(job):
        return None
    told = told_of(iceberg, CANDIDATES, job.run)
    read = read_by(iceberg, job, {one.step for one in told})
    missing = ", ".join(str(one.candidate) for one in told if one.step not in read)
    if not missing:
        return None
    msg = f"run {job.run}: candidates {missing} are left out: their micro-batches are not committed yet; where the run "
    return msg + f"is over, `headrace learn resume {job.run}` completes them"


def unready(iceberg: IcebergCatalog, job: LearningJob) -> str | None:
    """Why a run makes no candidates though it learns, by the newest micro-batch that it learned; None: it does.

    Raises:
        NotFoundError: no trainer of this catalog has run yet.
    """
    why = unready_of(told_of(iceberg, STEPS, job.run))
    return None if why is None else f"run {job.run}: {why}"


def read_by(iceberg: IcebergCatalog, job: LearningJob, steps: Collection[int]) -> dict[int, Read]:
    """How far a run had read with each of some micro-batches, of those that are committed."""
    columns, where = ("run", "step", "positions", "verdict", "arrived"), f"run = '{job.run}'"
    rows = iceberg.load(LEDGER_NAMESPACE, STEPS).arrow(columns=columns, where=where)
    found: dict[int, Read] = {}
    read = Read()
    for step, text, verdict, arrived in sorted(zip(*(rows[name].to_pylist() for name in columns[1:]), strict=True)):
        if verdict != Verdict.HALTED:
            read = Read(arrived, _further(read.offsets, positions.from_json(text)))
        if step in steps:
            found[step] = read
    return found


def candidate_of(
    told: Candidate, job: LearningJob, features: Mapping[str, str], read: Read | None = None
) -> model_facts.Candidate:
    """A candidate as the store has it; `features` are those of its parent, whose columns it reads on.

    Of a topic its offsets are those that it read, refused records among them (`read_by`); a partition of which nothing
    came is where the run began, so that the next one begins there. Without `read` all that arrived has been read.

    Its label cutoff is that of the rows of the stream, which were known later than its parent's; None where rows do not
    say when their labels were known.
    """
    metrics = {name: value for name, value in json.loads(told.metrics).items() if value is not None}
    facts = model_facts.Facts(
        artifact=told.artifact,
        code=job.origin["code"],
        environment=job.origin["environment"],
        features={**features, **job.features},
        snapshots=dict(job.snapshots),
        offsets={f"{job.source}-{name}": span for name, span in _offsets(told, job, read or Read()).items()},
        label_cutoff=None if told.label_cutoff_us is None else _instant(told.label_cutoff_us),
        seed=job.seed,
        rows_seen=told.visited,
        metrics={f"{SET}/{name}": value for name, value in metrics.items()},
        evaluated={SET: f"run {told.run}: rows 1 to {told.visited}, each before it was learned from"},
        parent=job.parent,
        training=_training(told, job, told.arrived if read is None else read.arrived),
    )
    return model_facts.Candidate(job.model, job.run, facts, _instant(told.told_us))


def _offsets(told: Candidate, job: LearningJob, read: Read) -> dict[str, tuple[int, int]]:
    """By partition the first offset and the one after the last."""
    visited = positions.from_json(told.positions)
    if job.topic is None:
        return {name: (span.first, span.last + 1) for name, span in visited.items()}
    starts = job.topic.starts
    ends = {**starts, **{name: span.last + 1 for name, span in visited.items()}, **read.offsets}
    return {name: (starts.get(name, 0), end) for name, end in sorted(ends.items())}


def _further(ends: Mapping[str, int], seen: positions.Positions) -> dict[str, int]:
    """By partition the offset behind the last row, with these."""
    return {**ends, **{name: max(ends.get(name, 0), span.last + 1) for name, span in seen.items()}}


def _instant(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def _needs_steps(job: LearningJob) -> bool:
    """Whether only the micro-batches say how far a candidate of a run had read."""
    return job.topic is not None or job.halts


def _training(told: Candidate, job: LearningJob, arrived: int) -> dict[str, Any]:
    """How a candidate was learned, as plain values: what `headrace model rebuild` needs besides rows and steps.

    And the gates that its trainer declares.
    """
    taught = json.loads(job.taught)
    rules = taught["rules"]
    given = {"learner": taught["learner"], "places": taught["places"], "given": rules["given"]}
    times = rules.get("label_time")
    known = {} if times is None else {LABEL_TIME: times["column"]}
    rows = {"source": job.source, "topic": job.topic is not None, "schema": job.schema, **_behind(job, arrived)}
    again = {"again": True} if job.again else {}
    return {
        "kind": STREAM,
        "run": job.run,
        "step": told.step,
        **rows,
        **given,
        **known,
        **_of_topic(job),
        **_own(job),
        **again,
        **job.gates,
    }


def _own(job: LearningJob) -> dict[str, Any]:
    """The user's own code, where there is any."""
    return {model_facts.OWN_CODE: dict(job.own_code)} if job.own_code else {}


def _of_topic(job: LearningJob) -> dict[str, str]:
    """Which topic it was, and where its records are archived, of what is known of that."""
    if job.topic is None:
        return {}
    found = {TOPIC_ID: job.topic.topic_id, ARCHIVE: job.topic.archive}
    return {name: value for name, value in found.items() if value is not None}


def _behind(job: LearningJob, arrived: int) -> dict[str, Any]:
    """How far into its table a candidate is; what arrived after a halt was not learned, and another run may."""
    if job.topic is not None:
        return {}
    return {BEHIND: job.skipped + arrived, WHERE: job.where}
