"""`StreamTrainer`: what the job does with each micro-batch, without Flink: learn, count, tell, keep candidates.

Its whole state is one value, bytes, in which the learner's weights and the counts of rows are one fact.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from headrace.errors import SchemaMismatchError, SettingsError, TrainingError
from headrace.training.streaming import positions
from headrace.training.streaming.positions import PositionColumns, Positions
from headrace.training.streaming.told import Candidate, DeadLetter, LearnedStep, Told, Verdict, json_of, json_rows

if TYPE_CHECKING:
    from headrace.training.learning.learner import Learner, Step

US_PER_S = 1_000_000
# The state begins with the length of what is counted, as JSON; the learner's own bytes follow.
LENGTH = struct.Struct(">Q")


def halted_since(step: int, reason: str | None) -> str:
    """What is said of a trainer that has halted."""
    return f"learning has halted since micro-batch {step}: {reason}"


@dataclass(frozen=True, slots=True)
class Policy:
    """When the files of a candidate are kept, and what follows a micro-batch that the learner refuses.

    Attributes:
        candidate_rows: after so many rows were learned since the last candidate; None: not by rows.
        candidate_seconds: so long (processing time) after the first of these; None: not by time.
        halts: whether learning stops at a refused micro-batch. Whatever comes then is a dead letter, too.

    Raises:
        SettingsError: a number is not positive.
    """

    candidate_rows: int | None = 10_000
    candidate_seconds: float | None = None
    halts: bool = False

    def __post_init__(self) -> None:
        for name in ("candidate_rows", "candidate_seconds"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                msg = f"{name} is {value!r}; expected more than 0, or None for no candidates by it"
                raise SettingsError(msg)


@dataclass(frozen=True, slots=True)
class Progress:
    """What was counted since the first row. Rows that arrived are visited, once, or dead letters.

    Attributes:
        waiting: rows visited since the last candidate.
        waiting_since_us: when the first of these was (processing time, µs since the epoch).
        halted: why learning has stopped, if it has.
        at: where the rows that were visited came from.
        metrics: of the newest step that learned, as JSON.
    """

    steps: int = 0
    arrived: int = 0
    visited: int = 0
    dead: int = 0
    candidates: int = 0
    waiting: int = 0
    waiting_since_us: int = 0
    halted: str | None = None
    at: str = "{}"
    metrics: str = "{}"


class StreamTrainer:
    """One learner with its counts.

    Args:
        run: names the run in all that is told.
        learner: learns; it is this trainer's from now on.
        policy: when candidates are kept, and what follows a bad micro-batch.
        keep: stores a candidate's files, and gives their address.
        places: the columns that say where a row came from; None where there are none.
        clock: processing time, µs since the epoch.
    """

    def __init__(
        self,
        run: str,
        learner: Learner,
        policy: Policy,
        keep: Callable[[Mapping[str, bytes]], str],
        places: PositionColumns | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.run = run
        self.learner = learner
        self.policy = policy
        self.progress = Progress()
        self._keep = keep
        self._places = places
        self._clock = clock

    def visit(self, rows: pa.RecordBatch) -> Told:
        """Test and train on the next micro-batch, once; a halted trainer only says so of each row.

        Raises:
            ArtifactError: the files of a candidate that is due cannot be kept.
        """
        try:
            at = {} if self._places is None else self._places.of(rows)
        except SchemaMismatchError as error:
            return self._unplaced(rows, str(error))
        if self.progress.halted is not None:
            return self._refused(rows, at, Verdict.HALTED, self.progress.halted, None)
        step = self.learner.learn(rows)
        if not step.learned:
            return self._bad(rows, at, step.reason or "the learner gave no reason", step)
        self._count(rows, at, step)
        told = self._step(rows, at, Verdict.LEARNED, step, step.reason or None)
        dead = () if step.refused is None else self._letters(step.refused, step.left_out, step.reason)
        return Told(told, self._candidate() if self._is_due() else None, dead)

    def on_time(self, now_us: int) -> Candidate | None:
        """The candidate that is due by a time (µs since the epoch), if one is; to be asked when `due_us` has come."""
        return self._candidate() if self.due_us is not None and now_us >= self.due_us else None

    def end(self) -> Candidate | None:
        """The last candidate, of rows that no other has: the input has ended."""
        return self._candidate() if self.progress.waiting else None

    @property
    def due_us(self) -> int | None:
        """When a candidate is due by time (µs since the epoch, processing time); None when none waits for that."""
        seconds = self.policy.candidate_seconds
        if seconds is None or not self.progress.waiting:
            return None
        return self.progress.waiting_since_us + round(seconds * US_PER_S)

    def state(self) -> bytes:
        """All that `resume` needs: counts and learner as one value."""
        counted = json.dumps(asdict(self.progress)).encode()
        return LENGTH.pack(len(counted)) + counted + self.learner.state()

    def resume(self, state: bytes) -> None:
        """Go on from a state.

        Raises:
            TrainingError: these are not the bytes of a state.
        """
        try:
            (length,) = LENGTH.unpack_from(state)
            counted = Progress(**json.loads(state[LENGTH.size : LENGTH.size + length]))
        except (struct.error, ValueError, TypeError) as error:
            msg = f"run {self.run}: {len(state)} bytes are no state of a trainer: {error}; was it another version's?"
            raise TrainingError(msg) from error
        self.learner.resume(state[LENGTH.size + length :])
        self.progress = counted

    def _count(self, rows: pa.RecordBatch, at: Positions, step: Step) -> None:
        """Note that rows were learned, all but those that the learner left out."""
        was, left_out = self.progress, len(step.left_out)
        learned = rows.num_rows - left_out
        if left_out and self._places is not None:
            kept = np.setdiff1d(np.arange(rows.num_rows), step.left_out)
            at = self._places.of(rows.take(pa.array(kept)))
        self.progress = replace(
            was,
            steps=was.steps + 1,
            arrived=was.arrived + rows.num_rows,
            visited=was.visited + learned,
            dead=was.dead + left_out,
            waiting=was.waiting + learned,
            waiting_since_us=was.waiting_since_us if was.waiting else self._clock(),
            at=positions.to_json(positions.merged(positions.from_json(was.at), at)),
            metrics=json_of(step.metrics),
        )

    def _unplaced(self, rows: pa.RecordBatch, reason: str) -> Told:
        """A micro-batch of which not every row says where it came from: the learner never sees it."""
        if self.progress.halted is not None:
            return self._refused(rows, {}, Verdict.HALTED, self.progress.halted, None)
        return self._bad(rows, {}, reason, None)

    def _bad(self, rows: pa.RecordBatch, at: Positions, reason: str, step: Step | None) -> Told:
        """A micro-batch that was not learned; after it learning may halt."""
        told = self._refused(rows, at, Verdict.BAD, reason, step)
        if self.policy.halts:
            self.progress = replace(self.progress, halted=halted_since(self.progress.steps, reason))
        return told

    def _refused(self, rows: pa.RecordBatch, at: Positions, verdict: Verdict, reason: str, step: Step | None) -> Told:
        """All rows as dead letters."""
        was, count = self.progress, rows.num_rows
        self.progress = replace(was, steps=was.steps + 1, arrived=was.arrived + count, dead=was.dead + count)
        dead = self._letters(rows, range(count), reason)
        return Told(self._step(rows, at, verdict, step, reason), None, dead)

    def _letters(self, rows: pa.RecordBatch, places: Sequence[int], reason: str) -> tuple[DeadLetter, ...]:
        """Rows as dead letters of the newest micro-batch, in which they have these places."""
        number, now = self.progress.steps, self._clock()
        return tuple(
            DeadLetter(self.run, number, place, reason, content, now)
            for place, content in zip(places, json_rows(rows), strict=True)
        )

    def _step(
        self, rows: pa.RecordBatch, at: Positions, verdict: Verdict, step: Step | None, reason: str | None = None
    ) -> LearnedStep:
        progress = self.progress
        return LearnedStep(
            run=self.run,
            step=progress.steps,
            rows=rows.num_rows,
            verdict=verdict,
            reason=reason,
            loss=None if step is None else step.loss,
            metrics="{}" if step is None else json_of(step.metrics),
            arrived=progress.arrived,
            visited=progress.visited,
            model_rows=self.learner.counters.rows_learned,
            positions=positions.to_json(at),
            told_us=self._clock(),
        )

    def _is_due(self) -> bool:
        rows, due = self.policy.candidate_rows, self.due_us
        by_rows = rows is not None and self.progress.waiting >= rows
        return by_rows or (due is not None and self._clock() >= due)

    def _candidate(self) -> Candidate:
        """Keep the files first, then tell of them: files that nobody tells of are garbage, never a version."""
        address = self._keep(self.learner.artifact())
        was = self.progress
        self.progress = replace(was, candidates=was.candidates + 1, waiting=0, waiting_since_us=0)
        return Candidate(
            run=self.run,
            candidate=self.progress.candidates,
            artifact=address,
            step=was.steps,
            arrived=was.arrived,
            visited=was.visited,
            model_rows=self.learner.counters.rows_learned,
            positions=was.at,
            metrics=was.metrics,
            told_us=self._clock(),
        )
