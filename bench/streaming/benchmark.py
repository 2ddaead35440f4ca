"""The streaming trainer as the job it is, beside what runs in its Python worker, without Flink, over the same rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from headrace.bench.candidate_freshness import registered
from headrace.bench.measure import Measured, Run, interleaved
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.stack import Workbench
from headrace.bench.streaming.figures import Checkpointed, Learned, StreamingReport
from headrace.bench.streaming.rows import CARD, labelled_table
from headrace.bench.trainer.rows import LABEL, NUMBERS, SEED
from headrace.connectors.artifacts import Artifacts
from headrace.connectors.iceberg import IcebergTable
from headrace.features.module import run_file
from headrace.training.data import Encoding, Hash, Label, Raw
from headrace.training.learning import ModelSpec, OptimizerSpec, Recipe, TorchLearner, learner_from_files
from headrace.training.models.store import ModelStore
from headrace.training.streaming.pipeline import BUNDLES
from headrace.training.streaming.positions import PositionColumns, Positions, from_json, merged
from headrace.training.streaming.runs import start
from headrace.training.streaming.tables import CANDIDATES, STEPS, told_of
from headrace.training.streaming.told import Candidate, LearnedStep
from headrace.training.streaming.trainer import Policy, StreamTrainer

OURS, TRAINER, LEARNER = "streaming trainer in Flink", "its trainer without Flink", "its learner alone"
TRAINER_FILE = Path(__file__).parent.parent / "views" / "learned.py"
PLACES = PositionColumns("shard", "place")
MICRO_BATCH = 512
#: After so many micro-batches the job's worker makes the bytes of its state, where no second passes before.
BUNDLE = int(BUNDLES["python.fn-execution.bundle.size"])
#: How far the job's mean log loss may be from that of the learner alone. Rows come in one order, from one file; but a
#: micro-batch that waited long enough is given with fewer rows.
TOLERANCE = 0.002


@dataclass(frozen=True)
class Asked:
    """A model to learn: its name in the store, and for people. `share`: what part of the rows it has."""

    name: str
    title: str
    recipe: Recipe
    encoding: Encoding
    share: float = 1.0


_NUMBERS = {name: Raw(mask=False) for name in NUMBERS}
_LABEL = Label(LABEL, low=0, high=1)
SMALL = Asked(
    "measured_small",
    "logistic regression of ten numbers",
    Recipe(ModelSpec("logistic"), OptimizerSpec("sgd", 1.0)),
    Encoding(_NUMBERS, _LABEL),
)
#: Of megabytes of state, by Adam, which keeps two numbers a weight: what a checkpoint of it costs shows here.
LARGE = Asked(
    "measured_large",
    "perceptron of 64 and 32 units over ten numbers and 100,000 hashed cards by 8",
    Recipe(ModelSpec("mlp", {"hidden": [64, 32], "embedding": 8}), OptimizerSpec("adam", 0.001)),
    Encoding({**_NUMBERS, CARD: Hash(100_000)}, _LABEL),
    share=0.2,
)


@dataclass(frozen=True)
class StreamingSizes:
    """How much is run: rows of a run, rounds, and rows of a run that shows what a job's start costs (0: none).

    `intervals` are how often Flink takes a checkpoint, in seconds; first how often a trainer has one by default.
    """

    rows: int = 500_000
    rounds: int = 1
    start_rows: int = MICRO_BATCH
    intervals: tuple[float, ...] = (10.0, 1.0)


class StreamingBenchmark:
    """A bounded run over a table for each model, and its learner in this process, in rounds whose order turns."""

    def __init__(self, bench: Workbench, sizes: StreamingSizes, asked: Sequence[Asked] = (SMALL, LARGE)) -> None:
        self.bench, self.sizes, self.asked = bench, sizes, asked

    def run(self) -> StreamingReport:
        """Everything.

        Raises:
            OutputsDifferError: a row was not learned once, or the job learned something else than the learner alone.
            JobError: a job failed.
        """
        sizes = self.sizes
        parameters = {"rows": sizes.rows, "rounds": sizes.rounds, "micro-batch": MICRO_BATCH, "tolerance": TOLERANCE}
        learned = [self._learned(asked, is_first=number == 0) for number, asked in enumerate(self.asked)]
        return StreamingReport({**parameters, "seed": SEED}, learned)

    def _learned(self, asked: Asked, *, is_first: bool) -> Learned:
        sizes, platform = self.sizes, self.bench.platform
        few = labelled_table(platform, sizes.start_rows, sizes.rows) if sizes.start_rows else None
        whole = labelled_table(platform, max(1, round(sizes.rows * asked.share)), sizes.rows)
        sides, usual = _Sides(self.bench, asked, whole), sizes.intervals[0]
        first = begun = None
        if few is not None:
            with self.bench.progress.step(f"{asked.title}: what JVMs compile once, and the start of a job"):
                first = sides.in_flink(whole, usual) if is_first else None
                begun = sides.in_flink(few, usual)
        jobs: dict[str, Run] = {job_at(every): partial(sides.in_flink, whole, every) for every in sizes.intervals}
        runs: Mapping[str, Run] = {**jobs, TRAINER: sides.trainer, LEARNER: sides.learner}
        found = interleaved(runs, sizes.rounds, self.bench.progress)
        kept = {job_at(every): sides.checkpoints[every] for every in sizes.intervals}
        return Learned(asked.title, found, kept, begun, first)


def job_at(every: float) -> str:
    """The name of the job's side with a checkpoint every so many seconds."""
    return f"{OURS}, a checkpoint every {every:g} s"


class _Sides:
    """The sides of one model; every run begins with the same version, and is checked."""

    def __init__(self, bench: Workbench, asked: Asked, table: IcebergTable) -> None:
        self.bench, self.asked = bench, asked
        rows = table.arrow().combine_chunks().to_batches()[0]
        self.batches = [rows.slice(place, MICRO_BATCH) for place in range(0, rows.num_rows, MICRO_BATCH)]
        fitted, example = asked.encoding.fit([self.batches[0]]), rows.slice(0, 1).select(list(asked.encoding.features))
        self.files = dict(TorchLearner(asked.recipe, fitted, example, "cpu").artifact())
        store = ModelStore.at(bench.platform.settings)
        self.version = registered(store, asked.name, self.files)
        self.checkpoints: dict[float, Checkpointed] = {}

    def learner(self) -> Measured:
        """The learner alone over rows that are ready."""
        learner = learner_from_files(self.files, "cpu")
        return measured(self.batches, learner.learn)

    def trainer(self) -> Measured:
        """What the worker does but to hand over: learn, count, tell, and make the state once a bundle."""
        learner = learner_from_files(self.files, "cpu")
        kept = Artifacts(self.bench.platform.settings.home / "measured")
        trainer = StreamTrainer("measured", learner, Policy(candidate_rows=None), kept.put, PLACES)

        def visit(rows: pa.RecordBatch) -> None:
            trainer.visit(rows)
            if trainer.progress.steps % BUNDLE == 0:
                trainer.state()

        return measured(self.batches, visit)

    def in_flink(self, table: IcebergTable, every: float) -> Measured:
        """A bounded run over a table, start included; OutputsDifferError unless it learned each row once.

        With a checkpoint every so many seconds, of which the newest run's are noted.
        """
        platform, begun = self.bench.platform, list[str]()
        name = ".".join(table.table.name()[-2:])
        kind = run_file(TRAINER_FILE).trainer_of(name, self.asked.name, MICRO_BATCH, f"{every * 1000:.0f} ms")
        job = kind(platform, follow=False, start=self.version).prepare()

        def begin() -> str:
            begun.append(start(platform, job).job_id)
            return begun[0]

        rows = table.row_count()
        found = self.bench.runner.started(begin, self.asked.name, rows)
        self.checkpoints[every] = Checkpointed.of(platform.flink, begun[0])
        steps, candidates = (told_of(platform.iceberg, name, job.run) for name in (STEPS, CANDIDATES))
        require_each_row_once(steps, candidates, rows)
        require_alike(json.loads(steps[-1].metrics)["log_loss"], self._log_loss(rows), rows)
        return found

    def _log_loss(self, rows: int) -> float:
        """Of the first so many rows, each before it was learned from, by the learner alone."""
        learner, left = learner_from_files(self.files, "cpu"), rows
        for batch in self.batches[: -(-rows // MICRO_BATCH)]:
            step = learner.learn(batch.slice(0, left))
            left -= MICRO_BATCH
        return step.metrics["log_loss"] or 0.0


def require_alike(found: float, expected: float, rows: int) -> None:
    """OutputsDifferError unless the job foretold its rows as well as the learner alone."""
    if not abs(found - expected) <= TOLERANCE:
        msg = f"log loss {found:.5f} of {rows:,} rows in Flink, {expected:.5f} of the learner alone; "
        raise OutputsDifferError(msg + f"expected at most {TOLERANCE} between them")


def measured(batches: Sequence[pa.RecordBatch], visit: Callable[[pa.RecordBatch], object]) -> Measured:
    """What it costs this process to visit micro-batches, one after the other."""
    began, used = time.monotonic(), time.process_time()
    for batch in batches:
        visit(batch)
    rows = sum(batch.num_rows for batch in batches)
    return Measured(rows, time.monotonic() - began, time.process_time() - used)


def require_each_row_once(steps: Sequence[LearnedStep], candidates: Sequence[Candidate], rows: int) -> None:
    """OutputsDifferError unless a run learned the rows of one partition, 0 to before `rows`, each once.

    By what it told: its micro-batches and candidates, in their order.
    """
    seen: Positions = {}
    for step in steps:
        seen = merged(seen, from_json(step.positions))
    learned = [one.visited for one in candidates][-1:]
    spans = [(span.rows, span.first, span.last, span.is_gapless) for span in seen.values()]
    if learned != [rows] or spans != [(rows, 0, rows - 1, True)]:
        msg = f"{rows:,} rows were to be learned, each once; the last candidate of the run has learned {learned}, its "
        raise OutputsDifferError(msg + f"steps those at {spans} (rows, first, last, whether none lacks)")
