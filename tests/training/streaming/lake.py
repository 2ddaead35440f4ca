"""What tests of the streaming trainer share: a table of labelled rows, a model of it, and what became of each row."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import psutil
import pyarrow as pa

from headrace.connectors.schema import Field
from headrace.features.source import IcebergTable
from headrace.runtime.flink_in_process import ClusterInProcess, cluster_in_process
from headrace.runtime.local_flink import local_session
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.models.store import ModelStore
from headrace.training.streaming.pipeline import StreamingTrainingPipeline
from headrace.training.streaming.positions import PositionColumns, Positions, from_json, merged
from headrace.training.streaming.runs import LearningRun, start
from headrace.training.streaming.tables import LETTERS, STEPS, told_of
from headrace.training.streaming.told import LearnedStep, Verdict
from headrace.training.streaming.trainer import Policy

HERE = Path(__file__).parent
PATIENCE_S = 120.0
TRUTH = np.array([1.0, -2.0])
FIELDS = [Field("shard", "int"), Field("place", "bigint"), Field("x", "double"), Field("y", "double")]
FIELDS += [Field("at", "timestamp"), Field("label", "bigint")]
START_US = 1_700_000_000_000_000


class Labels(StreamingTrainingPipeline):
    """A logistic model of the labelled rows."""

    name = "labels"
    source = IcebergTable("raw.labelled")
    learner = "logistic:make"
    arguments: ClassVar = {"inputs": ["x", "y"]}
    python_files = (HERE / "logistic.py",)
    micro_batch_rows = 200
    micro_batch_seconds = 0.2
    checkpoint_interval = "500 ms"
    policy = Policy(candidate_rows=1_000, candidate_seconds=1, halts=False)
    places = PositionColumns("shard", "place")


class Watched:
    """What trainers of a platform have told."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def store(self) -> ModelStore:
        return ModelStore.at(self.platform.settings)

    def steps(self, run: str) -> list[LearnedStep]:
        return told_of(self.platform.iceberg, STEPS, run)

    def seen(self, run: str) -> Positions:
        """Where all rows came from that the run has told of."""
        found: Positions = {}
        for step in self.steps(run):
            found = merged(found, from_json(step.positions))
        return found

    def arrived(self, run: str) -> int:
        """Rows of the run that are committed."""
        return max((step.arrived for step in self.steps(run)), default=0)

    def wait(self, run: LearningRun, rows: int) -> None:
        """Until so many rows are committed; a job that fails does not get there."""

        def there() -> bool:
            status = self.platform.flink.job(run.job_id)
            assert status.state != "FAILED", self.platform.flink.root_exception(run.job_id)
            return self.arrived(run.run) >= rows

        wait_until(there)


class Lake(Watched):
    """A table that grows, on a platform of its own."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.table = platform.iceberg.create_table("raw", "labelled", FIELDS)
        self.rows = 0

    def more(self, count: int, broken: int | None = None, untimed: int | None = None) -> None:
        """Append rows that nobody has appended yet, in one commit.

        At place `broken` of them is one without a number; each `untimed`-th is of no time.
        """
        places = np.arange(self.rows, self.rows + count)
        random = np.random.default_rng(self.rows)
        values = random.normal(size=(count, 2))
        label = (random.random(count) < 1 / (1 + np.exp(-values @ TRUTH))).astype(np.int64)
        if broken is not None:
            values[broken, 0] = np.nan
        columns = [pa.array(places % 3, pa.int32()), pa.array(places), pa.array(values[:, 0]), pa.array(values[:, 1])]
        timeless = np.zeros(count, dtype=bool) if untimed is None else places % untimed == 0
        columns += [pa.array(START_US + places, pa.timestamp("us", "UTC"), mask=timeless), pa.array(label)]
        self.table.refresh().append(pa.table(columns, names=[field.name for field in FIELDS]))
        self.rows += count

    def positions(self) -> Positions:
        """What the source itself counts."""
        return Labels.places.of(self.table.refresh().arrow().combine_chunks().to_batches()[0])  # type: ignore[union-attr]

    def begin(self, kind: type[Labels] = Labels, **asked: object) -> LearningRun:
        return start(self.platform, kind(self.platform, **asked).prepare())  # type: ignore[arg-type]

    def assert_each_row_once(self, run: str) -> None:
        """Rows that arrived are those of the source; each is learned from once, or a dead letter once."""
        steps, letters = self.steps(run), told_of(self.platform.iceberg, LETTERS, run)
        assert [step.step for step in steps] == list(range(1, len(steps) + 1))
        assert self.seen(run) == self.positions()
        learned = sum(step.rows for step in steps if step.verdict == Verdict.LEARNED)
        assert (sum(step.rows for step in steps), steps[-1].arrived) == (self.rows, self.rows)
        assert (learned, learned) == (steps[-1].visited, steps[-1].model_rows)
        assert learned + len(letters) == self.rows
        dead = [json.loads(letter.content)["place"] for letter in letters]
        assert len(set(dead)) == len(dead)


@contextmanager
def lake_in_process(folder: Path, task_managers: int = 1) -> Iterator[tuple[Lake, ClusterInProcess]]:
    """A lake and a cluster, in this process; whatever runs there ends with it."""
    catalog = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    kept = {"checkpoint_dir": f"file://{folder}/checkpoints", "savepoint_dir": f"file://{folder}/savepoints"}
    # A lost task is back at once, so that a test does not wait for it.
    quick = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.delay": "100 ms"}
    flink = {**kept, "parallelism": 1, "configuration": {**quick, "restart-strategy.fixed-delay.attempts": "100"}}
    settings = load_settings(
        flags={"home": str(folder), "iceberg": {"properties": catalog}, "flink": flink}, environment={}, folder=folder
    )
    with cluster_in_process(local_session(settings)) as cluster:
        address = f"{cluster.address.host}:{cluster.address.port}"
        reached = settings.flink.model_copy(update={"rest_address": address})
        yield Lake(Platform(settings.model_copy(update={"flink": reached}))), cluster


def narrow_table(platform: Platform, rows: pa.Table) -> None:
    """A table `raw.narrow` of rows, with types that headrace makes no tables of."""
    platform.iceberg._open().create_table(("raw", "narrow"), schema=rows.schema).append(rows)


def workers() -> list[psutil.Process]:
    """The Python processes in which the learners of this process' cluster run."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "pyflink.fn_execution.beam.beam_boot" in " ".join(child.cmdline())]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s"
        time.sleep(0.2)
