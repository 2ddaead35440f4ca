"""The trainer beside rivals: each side in a process of its own learns the same rows; what they learnt is compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.bench.environments import Environments, variables
from headrace.bench.machine import facts
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.trainer.checkpoints import checkpoint_costs
from headrace.bench.trainer.figures import Learnt, Part, TrainerReport
from headrace.bench.trainer.rows import LABEL, NUMBERS, SEED, drawn_rows, write_rows
from headrace.errors import StackError
from headrace.runtime.progress import Progress
from headrace.training.learning.reproducible import device_of

ANSWERS = Path(__file__).with_name("answers.py")
ARROW, TENSORS, LOOP = "headrace (Arrow)", "headrace (tensors)", "bare torch loop"
RIVER, RIVER_BATCHES = "river, row by row", "river, micro-batches"
VOWPAL, VOWPAL_FILE = "Vowpal Wabbit, parsed examples", "Vowpal Wabbit, its own loop over a file"
OURS = (ARROW, TENSORS)


@dataclass(frozen=True)
class Side:
    """A function of `answers.py`, the environment that it runs in (None: ours), and what share of the rows it has."""

    function: str
    environment: str | None = None
    share: float = 1.0


#: A side that takes one row after the other, or holds what it parsed, has a tenth of the rows; rates are compared.
SIDES: Mapping[str, Side] = {
    ARROW: Side("headrace_arrow"),
    TENSORS: Side("headrace_tensors"),
    LOOP: Side("torch_loop"),
    RIVER: Side("river_rows", "river", 0.1),
    RIVER_BATCHES: Side("river_batches", "river"),
    VOWPAL: Side("vowpal_rows", "vowpal", 0.1),
    VOWPAL_FILE: Side("vowpal_file", "vowpal"),
}
GOALS = {LOOP: 0.8, RIVER: 10.0, RIVER_BATCHES: 10.0, VOWPAL: 1.0, VOWPAL_FILE: 1.0}
#: How far a side's mean log loss may be from the bare loop's over the same rows. Both descend along the same path, one
#: by the row at `RATE / rows of a micro-batch`, the other by the micro-batch at `RATE`.
TOLERANCE = 0.002
RATE = 1.0
HIDDEN = (64, 32)
#: Micro-batches of the stream, and large ones of full training.
SMALL, LARGE = 512, 4_096


@dataclass(frozen=True)
class TrainerSizes:
    """How many rows, rounds, and values of a category in the largest state that is kept."""

    rows: int = 2_000_000
    rounds: int = 5
    most_values: int = 1_000_000


@dataclass(frozen=True)
class Question:
    """What is learnt: a model, by so many rows at a time."""

    title: str
    model: str
    batch: int
    sides: Sequence[str]


#: The sides that compute by torch, on whatever device.
LEARNERS = (ARROW, TENSORS, LOOP)
QUESTIONS = (
    Question("logistic regression of ten numbers, micro-batches of 512", "logistic", SMALL, tuple(SIDES)),
    Question("logistic regression, micro-batches of 4,096", "logistic", LARGE, LEARNERS),
    Question("perceptron of 64 and 32 units, micro-batches of 512", "mlp", SMALL, LEARNERS),
    Question("perceptron of 64 and 32 units, micro-batches of 4,096", "mlp", LARGE, LEARNERS),
)
#: What is asked on a GPU: the same, of the sides that know one.
ON_A_GPU = tuple(replace(question, sides=LEARNERS) for question in QUESTIONS)


class TrainerBenchmark:
    """Has every side learn the same rows in rounds, and compares how well each foretold them.

    Args:
        folder: the benchmark's home, where rows (erased at the end) and environments (kept) are.
        progress: where work is told.
        sizes: how much is run.
        questions: what is asked; the environments of sides that none is asked of are not made.
        device: on which ours and the bare loop compute; the other sides know no GPU.

    Raises TrainingError for a device that is not here.
    """

    def __init__(
        self,
        folder: Path,
        progress: Progress,
        sizes: TrainerSizes,
        questions: Sequence[Question] = QUESTIONS,
        device: str = "cpu",
    ) -> None:
        self.folder, self.progress, self.sizes, self.questions = folder / "trainer", progress, sizes, questions
        self.environments = Environments(folder / "environments", progress)
        self.device = str(device_of(device))

    def run(self) -> TrainerReport:
        """Everything.

        Raises:
            OutputsDifferError: a side learnt something else than the bare loop.
            StackError: a side gave no answer.
        """
        sizes = self.sizes
        parameters = {"rows": sizes.rows, "rounds": sizes.rounds, "rate": RATE, "tolerance": TOLERANCE, "seed": SEED}
        self.write()
        try:
            parts = [self._part(question) for question in self.questions]
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        with self.progress.step("keep states"):
            kept = checkpoint_costs(max(3, sizes.rounds), sizes.most_values, self.device)
        name = "trainer" if self.device == "cpu" else "trainer-gpu"
        return TrainerReport(parameters, parts, kept, name, {**facts(), "device": self.device})

    def write(self) -> None:
        """The rows, for every side."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with self.progress.step(f"write {self.sizes.rows:,} rows"):
            write_rows(drawn_rows(self.sizes.rows), self._array, self._text)

    def answer(self, name: str, question: Question, rows: int) -> Learnt:
        """What a side made of the first so many rows; StackError, with what it wrote last, when it dies."""
        side = SIDES[name]
        python = sys.executable if side.environment is None else str(self.environments.python(side.environment))
        run = subprocess.run(
            [python, "-P", str(ANSWERS), side.function],
            input=json.dumps(self._asked(question, rows)),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=_on_one_thread(self.folder),
        )
        if run.returncode:
            msg = f"{name}: {(run.stderr.strip().splitlines() or [f'exit {run.returncode}'])[-1]}"
            raise StackError(msg)
        return Learnt(rows, **json.loads(run.stdout.splitlines()[-1]))

    def _part(self, question: Question) -> Part:
        """The sides of a question in rounds, the order turned around every time; then what they learnt is compared."""
        names = question.sides
        found: dict[str, list[Learnt]] = {name: [] for name in names}
        for number in range(self.sizes.rounds):
            for name in names if number % 2 == 0 else reversed(names):
                learnt = self.answer(name, question, self._rows(name))
                self.progress.line(f"  {question.title}, {name}: {learnt.rows_per_cpu_s:,.0f} rows/CPU-s")
                found[name].append(learnt)
        self._compare(question, found)
        ours = [name for name in OURS if name in names]
        return Part(question.title, found, ours, {name: goal for name, goal in GOALS.items() if name in names})

    def _compare(self, question: Question, found: Mapping[str, Sequence[Learnt]]) -> None:
        """Every run beside the bare loop's over the same rows."""
        expected = {learnt.rows: learnt.log_loss for learnt in found.get(LOOP, ())}
        for name, runs in found.items():
            for learnt in runs:
                if learnt.rows not in expected:
                    expected[learnt.rows] = self.answer(LOOP, question, learnt.rows).log_loss
                require_alike(name, learnt, expected[learnt.rows])

    def _rows(self, name: str) -> int:
        return max(1, round(self.sizes.rows * SIDES[name].share))

    def _asked(self, question: Question, rows: int) -> Mapping[str, object]:
        return {
            "array": str(self._array),
            "text": str(self._text),
            "rows": rows,
            "numbers": NUMBERS,
            "label": LABEL,
            "model": question.model,
            "hidden": HIDDEN,
            "batch": question.batch,
            "rate": RATE,
            "device": self.device,
        }

    @property
    def _array(self) -> Path:
        return self.folder / "rows.npy"

    @property
    def _text(self) -> Path:
        return self.folder / "rows.txt"


def require_alike(name: str, learnt: Learnt, expected: float) -> None:
    """OutputsDifferError unless a side foretold the rows about as well as the bare loop did."""
    if not abs(learnt.log_loss - expected) <= TOLERANCE:
        msg = f"{name}: log loss {learnt.log_loss:.5f} of {learnt.rows:,} rows, the bare torch loop has {expected:.5f}"
        msg += f"; expected at most {TOLERANCE} between them"
        raise OutputsDifferError(msg)


def _on_one_thread(folder: Path) -> dict[str, str]:
    """What every side finds in its environment: small micro-batches gain nothing by threads, but use them up."""
    return {**variables(folder), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
