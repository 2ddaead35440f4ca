"""The dead letters of a run of a streaming trainer: rows that it did not learn from, with their places and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.runtime.platform import Platform
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.runs import job_of
from headrace.training.streaming.tables import LETTERS

#: The first that came are shown; of a run that halted there may be millions.
FIRST = 'SELECT step, reason, content FROM letters WHERE run = $run ORDER BY step, "row" LIMIT $most'


@dataclass(frozen=True, slots=True)
class LearningLetter:
    """A row that was not learned from.

    Attributes:
        topic: where it came from: a topic, or a table.
        partition, offset: its place there; None where the source's rows have none, or this one's is no number.
        step: the micro-batch of the run in which it came, from 1.
        content: the row as JSON.
    """

    topic: str
    partition: int | None
    offset: int | None
    step: int
    reason: str
    content: str


def letters_of(platform: Platform, run: str, most: int) -> list[LearningLetter]:
    """The first dead letters of a run that its job has committed, in the order in which they came.

    Raises:
        NotFoundError: there is no such run.
        JobError: what is kept of it cannot be read.
    """
    job = job_of(platform, run)
    with in_utc() as connection:
        connection.register("letters", platform.iceberg.load(LEDGER_NAMESPACE, LETTERS).relation(connection))
        found = connection.execute(FIRST, {"run": run, "most": most}).fetchall()
    return [_letter(job, *one) for one in found]


def _letter(job: LearningJob, step: int, reason: str, content: str) -> LearningLetter:
    """A letter with the place that its row names."""
    row, places = json.loads(content), json.loads(job.taught).get("places")
    partition, offset = (_number(row, places[name]) if places else None for name in ("partition", "offset"))
    return LearningLetter(job.source, partition, offset, step, reason, content)


def _number(row: Mapping[str, Any], name: str) -> int | None:
    found = row.get(name)
    return found if isinstance(found, int) else None
