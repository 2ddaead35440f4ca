"""Rows of an Iceberg table as tensors beside rivals: each in a process of its own, all rows of each round compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.bench.duckdb_rival import database
from headrace.bench.environments import Environments, variables
from headrace.bench.outputs import OutputsDifferError, require_equal
from headrace.bench.point_in_time.costs import Cost, CostReport, Goal, Question
from headrace.bench.tensors.rows import COLUMNS, COUNT, LABEL, NUMBERS, SEED, labelled_rows
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import Field
from headrace.errors import StackError
from headrace.runtime.progress import Progress

ANSWERS = Path(__file__).with_name("answers.py")
OURS, SCAN, STREAMING = "headrace", "pyarrow scan to NumPy", "MosaicML Streaming"
#: For each side its function in `answers.py`, and the environment it runs in; None: ours.
SIDES: Mapping[str, tuple[str, str | None]] = {
    OURS: ("headrace", None),
    SCAN: ("pyarrow_scan", None),
    STREAMING: ("mosaicml_streaming", "tensors"),
}
GOALS = {SCAN: Goal(0.7), STREAMING: Goal(5.0)}
#: Rows of a micro-batch: what the stream learns from at a time.
BATCH = 512
#: How many row groups the table has at least, so that there is an order to shuffle.
ROW_GROUPS = 16


@dataclass(frozen=True)
class TensorSizes:
    """How many rows, and rounds."""

    rows: int = 1_000_000
    rounds: int = 3


class TensorBenchmark:
    """Writes a table, has every side read it in rounds, and compares all rows of each round.

    Args:
        folder: the benchmark's home, where the table (erased at the end) and environments (kept) are.
        progress: where work is told.
        sizes: how much is run.
        sides: those to run; the environments of others are not made.
    """

    def __init__(
        self, folder: Path, progress: Progress, sizes: TensorSizes, sides: Sequence[str] = tuple(SIDES)
    ) -> None:
        self.folder, self.progress, self.sizes, self.sides = folder / "tensors", progress, sizes, sides
        self.environments = Environments(folder / "environments", progress)

    def run(self) -> CostReport:
        """Everything.

        Raises:
            OutputsDifferError: a side does not give the rows of the table.
            StackError: a side gave no answer.
        """
        rows, rounds = self.sizes.rows, self.sizes.rounds
        parameters = {"rows": rows, "micro-batch": BATCH, "rounds": rounds, "seed": SEED}
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self._fill()
            found: dict[str, list[Cost]] = {name: [] for name in self.sides}
            for number in range(rounds):
                for name in self.sides if number % 2 == 0 else reversed(self.sides):
                    found[name].append(self.answer(name))
                    self.compare(name)
            title = f"{rows:,} rows of nine numbers and a label, every one in memory"
            goals = {name: goal for name, goal in GOALS.items() if name in self.sides}
            question = Question(title, rows, found, {}, goals)
            return CostReport("tensors", parameters, "no side is ended for its time or memory", [question])
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def answer(self, name: str) -> Cost:
        """One reading of all rows by a side; StackError, with what it wrote last, when it dies."""
        function, environment = SIDES[name]
        python = sys.executable if environment is None else str(self.environments.python(environment))
        run = subprocess.run(
            [python, "-P", str(ANSWERS), function],
            input=self._question(),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=variables(self.folder),
        )
        if run.returncode:
            msg = f"{name}: {(run.stderr.strip().splitlines() or [f'exit {run.returncode}'])[-1]}"
            raise StackError(msg)
        cost = Cost(**json.loads(run.stdout.splitlines()[-1]))
        self.progress.line(f"  {name}: {cost.wall_s:.2f} s, {self.sizes.rows / cost.wall_s:,.0f} rows/s")
        return cost

    def compare(self, name: str) -> None:
        """OutputsDifferError unless a side gave the rows of the table, each as often as it is there."""
        columns = ", ".join(COLUMNS)
        narrow = ", ".join(f"{one}::FLOAT AS {one}" for one in COLUMNS)
        files = [str(file) for file in self._files()]
        with database() as connection:
            expected = f"(SELECT {narrow} FROM read_parquet({files}))"  # noqa: S608 (the names are ours)
            found = f"read_parquet('{self._out}')"
            equal = require_equal(connection, name, found, expected, columns, self.sizes.rows)
        if equal.rows_out != self.sizes.rows:
            msg = f"{name}: {equal.rows_out:,} rows of {self.sizes.rows:,}"
            raise OutputsDifferError(msg)

    def _fill(self) -> None:
        """The table, as headrace writes it, but with row groups that are there to be shuffled."""
        with self.progress.step(f"write {self.sizes.rows:,} rows"):
            limit = str(max(1, -(-self.sizes.rows // ROW_GROUPS)))
            fields = [*(Field(name, "double") for name in NUMBERS), Field(COUNT, "bigint"), Field(LABEL, "bigint")]
            catalog = IcebergCatalog.sqlite("bench", self.folder)
            properties = {"write.parquet.row-group-limit": limit}
            catalog.create_table("raw", "labelled", fields, properties).append(labelled_rows(self.sizes.rows))

    def _question(self) -> str:
        """What a side is asked, as JSON."""
        return json.dumps(
            {
                "lake": str(self.folder),
                "table": "raw.labelled",
                "files": [str(file) for file in self._files()],
                "numbers": [*NUMBERS, COUNT],
                "label": LABEL,
                "batch": BATCH,
                "workers": os.cpu_count(),
                "out": str(self._out),
            }
        )

    def _files(self) -> list[Path]:
        return sorted((self.folder / "warehouse").rglob("data/*.parquet"))

    @property
    def _out(self) -> Path:
        """Where a side writes its rows."""
        return self.folder / "found.parquet"
