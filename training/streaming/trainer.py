"""`StreamTrainer`: what the job does with each micro-batch, without Flink: learn, count, tell, keep candidates.

Its whole state is one value, bytes, in which the learner's weights and the counts of rows are one fact.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from headrace.errors import SchemaMismatchError, SettingsError, TrainingError
from headrace.training.learning.events import Event, Subscribers
from headrace.training.learning.learner import KnowsWhenUnready, Step
from headrace.training.streaming import positions
from headrace.training.streaming.positions import PositionColumns, Positions
from headrace.training.streaming.rules import Rules, also, first_of, has_any, without
from headrace.training.streaming.told import Candidate, DeadLetter, LearnedStep, Told, Verdict, json_of, json_rows

if TYPE_CHECKING:
    from headrace.training.learning.learner import Learner

US_PER_S = 1_000_000
#: What a step says, behind whatever else, while its learner knows that it is no model yet.
UNREADY = "no candidate yet: "
# The state begins with the length of what is counted, as JSON; the learner's own bytes follow.
LENGTH = struct.Struct(">Q")


def halted_since(step: int, reason: str | None) -> str:
    """What is said of a trainer that has halted."""
    return f"learning has halted since micro-batch {step}: {reason}"


def unready_of(steps: Sequence[LearnedStep]) -> str | None:
    """Why no candidate is made whatever is due, by the steps of a run, oldest first; None where one may be.

    The newest micro-batch that was learned tells it, as nothing else changes what the learner is.
    """
    learned = next((one for one in reversed(steps) if one.verdict == Verdict.LEARNED), None)
    _, said, why = ("" if learned is None else learned.reason or "").partition(UNREADY)
    return said + why or None


@dataclass(frozen=True, slots=True)
class Policy:
    """When the files of a candidate are kept, and what follows a micro-batch at which the model fails.

    Attributes:
        candidate_rows: after so many rows were learned since the last candidate; None: not by rows.
        candidate_seconds: so long (processing time) after the first of these; None: not by time.
        halts: whether learning stops, with the last good weights, when a loss or a gradient over rows that the learner
            took is not finite or explodes (`Step.diverged`). Whatever comes then is a dead letter, too. At rows that
            are refused for themselves, as for a label out of bounds, learning goes on in either case.

    Raises:
        SettingsError: a number is not positive.
    """

    candidate_rows: int | None = 10_000
    candidate_seconds: float | None = None
    halts: bool = True

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
        label_cutoff_us: the greatest label time of the rows that were visited (µs since the epoch), if they have any.
    """

    steps: int = 0
    arrived: int = 0
    visited: int = 0
    dead: int = 0
    candidates: int = 0
    waiting: int = 0
    waiting_since_us: int = 0
    halted: str | None = None
    at: Positions = field(default_factory=dict)
    metrics: str = "{}"
    label_cutoff_us: int | None = None

    def to_json(self) -> str:
        """As JSON."""
        counted = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps({**counted, "at": positions.to_json(self.at)})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What `to_json` wrote. ValueError, TypeError, KeyError or AttributeError for anything else."""
        counted = json.loads(text)
        return cls(**{**counted, "at": positions.from_json(counted["at"])})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the learner said of the rows that it was given, its metrics as JSON, and where each of these came from."""

    step: Step
    metrics: str
    row_positions: str


class StreamTrainer:
    """One learner with its counts.

    Args:
        run: names the run in all that is told.
        learner: learns; it is this trainer's from now on.
        policy: when candidates are kept, and whether learning halts when the model fails.
        keep: stores a candidate's files, and gives their address.
        places: the columns that say where a row came from; None where there are none.
        clock: processing time, µs since the epoch.
        rules: what keeps rows from the learner; None: nothing does.
        subscribers: are told what happens, as in full training; None: nobody is.
    """

    def __init__(
        self,
        run: str,
        learner: Learner,
        policy: Policy,
        keep: Callable[[Mapping[str, bytes]], str],
        places: PositionColumns | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
        rules: Rules | None = None,
        subscribers: Subscribers | None = None,
    ) -> None:
        self.run = run
        self.learner = learner
        self.policy = policy
        self.progress = Progress()
        self._keep = keep
        self._places = places
        self._rules = rules or Rules()
        self._clock = clock
        self._subscribers = subscribers or Subscribers()
        self._evaluated = 0
        self._ended = False

    def start(self) -> None:
        """Tell that it begins, or that it goes on behind `resume`."""
        self._tell("start")

    def visit(self, rows: pa.RecordBatch) -> Told:
        """Test and train on the next micro-batch, once; a halted trainer only says so of each row.

        Raises:
            ArtifactError: the files of a candidate that is due cannot be kept.
        """
        reasons = self._rules.reasons(rows, self._clock())
        at, unplaced = self._place(rows)
        if self.progress.halted is not None:
            return self._refused(rows, at, Verdict.HALTED, self.progress.halted, reasons)
        if unplaced is not None:
            return self._refused(rows, at, Verdict.BAD, unplaced, reasons)
        visible = self._rules.visible(rows, reasons)
        if not visible.num_rows:
            return self._refused(rows, at, Verdict.REFUSED, first_of(reasons) or "", reasons)
        step = self.learner.learn(visible)
        return self._learned(rows, at, reasons, _Asked(step, json_of(step.metrics), self._ordered(rows, reasons)))

    def on_time(self, now_us: int) -> Candidate | None:
        """The candidate that is due by a time (µs since the epoch), if one is; to be asked when `due_us` has come."""
        return self._candidate() if self.due_us is not None and now_us >= self.due_us else None

    def end(self) -> Candidate | None:
        """The last candidate, of rows that no other has: the input has ended, as the next `checkpoint` tells."""
        self._ended = True
        return self._candidate() if self.progress.waiting and self._unready() is None else None

    @property
    def due_us(self) -> int | None:
        """When a candidate is due by time (µs since the epoch, processing time); None when none waits for that.

        Of a learner that is no model yet none does, whatever it has learned.
        """
        seconds = self.policy.candidate_seconds
        if seconds is None or not self.progress.waiting or self._unready() is not None:
            return None
        return self.progress.waiting_since_us + round(seconds * US_PER_S)

    def state(self) -> bytes:
        """All that `resume` needs: counts and learner as one value."""
        counted = self.progress.to_json().encode()
        return LENGTH.pack(len(counted)) + counted + self.learner.state()

    def checkpoint(self) -> bytes:
        """The state for whoever keeps it; tells the metrics, where rows were learned since, and an end behind it."""
        state, values = self.state(), json.loads(self.progress.metrics)
        if self.progress.visited > self._evaluated:
            self._evaluated = self.progress.visited
            self._tell("evaluate", values=values)
        self._tell("checkpoint")
        if self._ended:
            self._ended = False
            self._tell("end", values=values)
        return state

    def resume(self, state: bytes) -> None:
        """Go on from a state.

        Raises:
            TrainingError: these are not the bytes of a state.
        """
        try:
            (length,) = LENGTH.unpack_from(state)
            counted = Progress.from_json(state[LENGTH.size : LENGTH.size + length])
        except (struct.error, ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"run {self.run}: {len(state)} bytes are no state of a trainer: {error}; was it another version's?"
            raise TrainingError(msg) from error
        self.learner.resume(state[LENGTH.size + length :])
        self.progress = counted
        self._evaluated = counted.visited

    def _place(self, rows: pa.RecordBatch) -> tuple[Positions, str | None]:
        """Where rows came from; where not every row says so nothing, and why."""
        try:
            return ({} if self._places is None else self._places.of(rows)), None
        except SchemaMismatchError as error:
            return {}, str(error)

    def _ordered(self, rows: pa.RecordBatch, reasons: pa.Array) -> str:
        """Where each row came from that the learner was given, as text; empty where rows do not say so."""
        return "" if self._places is None else self._places.ordered_text(without(rows, reasons))

    def _learned(self, rows: pa.RecordBatch, at: Positions, reasons: pa.Array, asked: _Asked) -> Told:
        """What a micro-batch came to that the learner was given, all of it or what was left."""
        step = asked.step
        if not step.learned:
            return self._unlearned(rows, at, reasons, asked)
        reasons = also(reasons, step.left_out, step.reason)
        self._count(rows, at, reasons, asked.metrics)
        why = step.reason or first_of(reasons)
        unready = self._unready()
        if unready is not None:
            why = f"{why}; {UNREADY}{unready}" if why else f"{UNREADY}{unready}"
        told = self._step(rows, at, Verdict.LEARNED, asked, why)
        self._tell("micro_batch", step)
        return Told(told, self._candidate() if self._is_due() else None, self._letters(rows, reasons))

    def _count(self, rows: pa.RecordBatch, at: Positions, reasons: pa.Array, metrics: str) -> None:
        """Note that rows were learned, all but those for which there is a reason."""
        was, kept = self.progress, rows
        if has_any(reasons):
            kept = without(rows, reasons)
            at = {} if self._places is None else self._places.of(kept)
        self.progress = replace(
            was,
            steps=was.steps + 1,
            arrived=was.arrived + rows.num_rows,
            visited=was.visited + kept.num_rows,
            dead=was.dead + rows.num_rows - kept.num_rows,
            waiting=was.waiting + kept.num_rows,
            waiting_since_us=was.waiting_since_us if was.waiting else self._clock(),
            at=positions.merged(was.at, at),
            metrics=metrics,
            label_cutoff_us=self._cutoff(kept),
        )

    def _cutoff(self, rows: pa.RecordBatch) -> int | None:
        """The greatest label time of all rows that were visited, with these."""
        times = self._rules.label_time
        found = (self.progress.label_cutoff_us, None if times is None else times.newest_us(rows))
        return max((one for one in found if one is not None), default=None)

    def _unlearned(self, rows: pa.RecordBatch, at: Positions, reasons: pa.Array, asked: _Asked) -> Told:
        """A micro-batch that the learner did not learn from; after one at which the model failed learning may halt."""
        why, diverged = asked.step.reason or "the learner gave no reason", asked.step.diverged
        why += self._whence(rows, reasons, asked.step.first)
        told = self._refused(rows, at, Verdict.DIVERGED if diverged else Verdict.BAD, why, reasons, asked)
        if diverged and self.policy.halts:
            self.progress = replace(self.progress, halted=halted_since(self.progress.steps, why))
        return told

    def _whence(self, rows: pa.RecordBatch, reasons: pa.Array, place: int | None) -> str:
        """Where in the source the row is that the learner found at a place of what it was given, in words."""
        if place is None or self._places is None:
            return ""
        partition, offset = self._places.partition, self._places.offset
        row = without(rows, reasons).slice(place, 1)
        found = f"{partition} {row[partition][0]}, {offset} {row[offset][0]}"
        return f"; position {place} of this micro-batch is {found} of the source"

    def _refused(
        self,
        rows: pa.RecordBatch,
        at: Positions,
        verdict: Verdict,
        why: str,
        reasons: pa.Array,
        asked: _Asked | None = None,
    ) -> Told:
        """All rows as dead letters, each with its own reason or that of all."""
        was, count = self.progress, rows.num_rows
        self.progress = replace(was, steps=was.steps + 1, arrived=was.arrived + count, dead=was.dead + count)
        told = Told(self._step(rows, at, verdict, asked, why), None, self._letters(rows, reasons.fill_null(why)))
        unasked = Step(count, None, {}, learned=False, reason=why, refused=rows)
        self._tell("micro_batch", unasked if asked is None else asked.step)
        return told

    def _letters(self, rows: pa.RecordBatch, reasons: pa.Array) -> tuple[DeadLetter, ...]:
        """The rows of the newest micro-batch for which there is a reason, as dead letters."""
        if not has_any(reasons):
            return ()
        number, now, places = self.progress.steps, self._clock(), np.flatnonzero(reasons.is_valid())
        content = zip(
            places.tolist(), reasons.drop_null().to_pylist(), json_rows(rows.take(pa.array(places))), strict=True
        )
        return tuple(DeadLetter(self.run, number, place, why, row, now) for place, why, row in content)

    def _step(
        self, rows: pa.RecordBatch, at: Positions, verdict: Verdict, asked: _Asked | None, reason: str | None = None
    ) -> LearnedStep:
        progress = self.progress
        return LearnedStep(
            run=self.run,
            step=progress.steps,
            rows=rows.num_rows,
            verdict=verdict,
            reason=reason,
            loss=None if asked is None else asked.step.loss,
            metrics="{}" if asked is None else asked.metrics,
            arrived=progress.arrived,
            visited=progress.visited,
            model_rows=self.learner.counters.rows_learned,
            positions=positions.to_json(at),
            told_us=self._clock(),
            row_positions="" if asked is None else asked.row_positions,
        )

    def _tell(self, kind: str, step: Step | None = None, values: Mapping[str, float | None] | None = None) -> None:
        """Tell an event; there is one epoch, of nobody knows how many rows."""
        self._subscribers.tell(Event(kind, 0, self.learner.counters, 0, step, values or {}))

    def _unready(self) -> str | None:
        """Why the learner is no model yet, where it says that it is none."""
        return self.learner.unready() if isinstance(self.learner, KnowsWhenUnready) else None

    def _is_due(self) -> bool:
        if self._unready() is not None:
            return False
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
            positions=positions.to_json(was.at),
            metrics=was.metrics,
            told_us=self._clock(),
            label_cutoff_us=was.label_cutoff_us,
        )
