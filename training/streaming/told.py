"""What the trainer tells: of each micro-batch a step, now and then a candidate, of refused rows dead letters.

Each is a row of an Iceberg table that commits with Flink's checkpoint, so each is told exactly once.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pyarrow as pa


class Verdict(StrEnum):
    """What became of a micro-batch.

    It was learned; refused row by row; refused as a whole; the model failed at it, by its loss or gradient; or it came
    after learning had halted.
    """

    LEARNED = "learned"
    REFUSED = "refused"
    BAD = "bad"
    DIVERGED = "diverged"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class LearnedStep:
    """One micro-batch.

    Attributes:
        step: its number in the run, from 1.
        loss: before the update: test, then train.
        metrics: as JSON, of the rows so far.
        reason: why it was refused, or rows of it were left out, and why there is no candidate yet (`unready_of`).
        arrived, visited: rows of the run up to here; those that were refused or left out have arrived and are not
            visited.
        model_rows: rows that the model was trained on, by the counter in the learner's own state.
        positions: where these rows came from (`positions.py`), as JSON.
        told_us: µs since the epoch (processing time).
        row_positions: where each row came from that the learner was given, in their order (`positions.ordered_text`),
            so that the micro-batch can be given again; empty where rows have none, or the learner was not asked.
    """

    run: str
    step: int
    rows: int
    verdict: str
    reason: str | None
    loss: float | None
    metrics: str
    arrived: int
    visited: int
    model_rows: int
    positions: str
    told_us: int
    row_positions: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Files of a model that may become a version.

    Attributes:
        candidate: its number in the run, from 1.
        artifact: the address of its files.
        visited: rows that it has learned from since the run began; `positions` says which.
        model_rows: rows that it was trained on, by the counter in the learner's own state.
        label_cutoff_us: the greatest label time of the rows visited (µs since the epoch); None where they have none.
    """

    run: str
    candidate: int
    artifact: str
    step: int
    arrived: int
    visited: int
    model_rows: int
    positions: str
    metrics: str
    told_us: int
    label_cutoff_us: int | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A row that was not learned from: its place in its micro-batch, why, and the row as JSON."""

    run: str
    step: int
    row: int
    reason: str
    content: str
    told_us: int


@dataclass(frozen=True, slots=True)
class Told:
    """What one micro-batch came to."""

    step: LearnedStep
    candidate: Candidate | None
    dead: tuple[DeadLetter, ...]


def json_rows(rows: pa.RecordBatch) -> Iterator[str]:
    """Each row as JSON; what JSON has no word for is text.

    >>> rows = pa.RecordBatch.from_pydict({"n": [1.0, float("nan")], "b": [b"x", None]})
    >>> list(json_rows(rows))
    ['{"n": 1.0, "b": "eA=="}', '{"n": "nan", "b": null}']
    """
    return (json.dumps(_plain(row)) for row in rows.to_pylist())


def json_of(metrics: Mapping[str, float | None]) -> str:
    """Metrics as JSON; one that is not defined, or not a finite number, is null.

    >>> json_of({"log_loss": 0.5, "auc": float("nan")})
    '{"auc": null, "log_loss": 0.5}'
    """
    finite = {name: value if value is not None and math.isfinite(value) else None for name, value in metrics.items()}
    return json.dumps(finite, sort_keys=True)


def _plain(value: Any) -> Any:
    """A value of Arrow as JSON has it."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value
