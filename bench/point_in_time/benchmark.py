"""Point-in-time joins beside rivals: the same files, each answer in a process of its own, all values compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from headrace.bench.duckdb_rival import database
from headrace.bench.environments import Environments, variables
from headrace.bench.outputs import OutputsDifferError, require_equal
from headrace.bench.point_in_time.costs import Cost, CostReport, Goal, Question
from headrace.bench.point_in_time.events import SEED, SENSORS, labels, readings
from headrace.compiler.build import plan_view
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import archive_fields
from headrace.errors import StackError
from headrace.features.load import load_views
from headrace.runtime.legs import table_name_of
from headrace.runtime.progress import Progress

ANSWERS = Path(__file__).with_name("answers.py")
VIEW = Path(__file__).resolve().parent.parent / "views" / "readings.sql"
OURS, BY_HAND = "headrace", "DuckDB by hand"
PANDAS, POLARS, FEAST = "pandas merge_asof", "polars join_asof", "feast[duckdb]"
#: For each side its function in `answers.py`, and the environment it runs in; None: ours.
SIDES: Mapping[str, tuple[str, str | None]] = {
    OURS: ("headrace", None),
    BY_HAND: ("duckdb_by_hand", None),
    PANDAS: ("pandas_merge_asof", "asof"),
    POLARS: ("polars_join_asof", "asof"),
    FEAST: ("feast_duckdb", "feast"),
}
NEWEST = tuple(f"v{one}" for one in range(8))
WEEK = ("total_7d", "middle_7d", "least_7d", "most_7d")
DAY_US = 86_400_000_000
UNIFORM, ZIPF = 0.0, 1.1
KEPT = ("label_id", "sensor", "failed")
#: How columns are compared that need not be equal to the last bit: DuckDB's avg() divides in 80 bits, so that a mean is
#: rounded twice; over thousands of events that is another double once in some 20,000 means.
COMPARED = {"middle_7d": "round(middle_7d, 9) AS middle_7d"}


@dataclass(frozen=True)
class PointInTimeSizes:
    """How many events, with a tenth as many labels, and rounds; `skewed_events`: few enough for Feast to end on skew.

    A side may take `limit_s` and so much memory; one that takes more has no answer.
    """

    events: int = 4_000_000
    skewed_events: int = 100_000
    rounds: int = 3
    limit_s: float = 240.0
    memory_gib: int = 8

    @classmethod
    def of(cls, events: int, rounds: int, limit_s: float) -> PointInTimeSizes:
        """The sizes of a run over so many events.

        >>> PointInTimeSizes.of(1_000, 1, 9.0).skewed_events
        1000
        """
        return cls(events, min(events, cls.skewed_events), rounds, limit_s)


@dataclass(frozen=True)
class Asking:
    """A question about generated events: features as of each label's time, perhaps only fresh ones, or over a week."""

    title: str
    exponent: float
    events: int
    goals: Mapping[str, Goal]
    features: tuple[str, ...] = NEWEST
    ttl_us: int = 0
    sides: tuple[str, ...] = tuple(SIDES)


class PointInTimeBenchmark:
    """Writes events and labels, asks every side in rounds, and compares all answers of each round.

    Args:
        folder: the benchmark's home, where tables (erased at the end) and environments (kept) are.
        progress: where work is told.
        sizes: how much is run.
        sides: those to run; the environments of others are not made.
    """

    def __init__(
        self, folder: Path, progress: Progress, sizes: PointInTimeSizes, sides: Sequence[str] = tuple(SIDES)
    ) -> None:
        self.folder, self.progress, self.sizes, self.sides = folder / "pit", progress, sizes, sides
        self.environments = Environments(folder / "environments", progress)

    def run(self) -> CostReport:
        """Everything.

        Raises:
            OutputsDifferError: two sides do not answer the same.
            StackError: our side, or DuckDB by hand, gave no answer.
        """
        sizes = self.sizes
        parameters = {
            "events": sizes.events,
            "labels": sizes.events // 10,
            "sensors": SENSORS,
            "rounds": sizes.rounds,
            "seed": SEED,
        }
        limits = f"a side that takes {sizes.limit_s:.0f} s or {sizes.memory_gib} GiB of addresses is ended"
        try:
            return CostReport("pit", parameters, limits, [self.ask(asking) for asking in self.askings()])
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def askings(self) -> list[Asking]:
        """The questions."""
        hand, events, few = {BY_HAND: Goal(0.8, 1.5)}, self.sizes.events, self.sizes.skewed_events
        alike, skewed = hand | {FEAST: Goal(2.0)}, hand | {FEAST: Goal(50.0)}
        day = f"{events:,} events, keys alike, none older than a day"
        return [
            Asking(f"{events:,} events, keys alike", UNIFORM, events, alike),
            Asking(f"{events:,} events, keys by Zipf 1.1", ZIPF, events, skewed),
            Asking(f"{few:,} events, keys by Zipf 1.1", ZIPF, few, {FEAST: Goal(50.0)}, sides=(OURS, BY_HAND, FEAST)),
            Asking(day, UNIFORM, events, alike, ttl_us=DAY_US),
            Asking(f"{events:,} events, keys alike, a week", UNIFORM, events, hand, WEEK, sides=(OURS, BY_HAND)),
            Asking(f"{events:,} events, keys by Zipf 1.1, a week", ZIPF, events, hand, WEEK, sides=(OURS, BY_HAND)),
        ]

    def ask(self, asking: Asking) -> Question:
        """All rounds of one question. A side that gave no answer once is not asked again."""
        lake = self.lake(asking.exponent, asking.events)
        names = [name for name in asking.sides if name in self.sides]
        found: dict[str, list[Cost]] = {name: [] for name in names}
        failed: dict[str, str] = {}
        self.progress.line(asking.title)
        for number in range(self.sizes.rounds):
            for name in names if number % 2 == 0 else reversed(names):
                cost = None if name in failed else self.answer(name, asking, lake)
                if isinstance(cost, Cost):
                    found[name].append(cost)
                elif cost is not None:
                    failed[name] = cost
            self.compare(asking, lake, [name for name in names if name not in failed])
        whole = {name: costs for name, costs in found.items() if name not in failed}
        return Question(asking.title, asking.events // 10, whole, failed, asking.goals)

    def lake(self, exponent: float, events: int) -> Path:
        """A folder with an Iceberg table of so many events, and the labels beside it; written once."""
        folder = self.folder / f"zipf-{exponent:g}-{events}"
        if not (folder / "labels.parquet").exists():
            with self.progress.step(f"write {events:,} events"):
                folder.mkdir(parents=True, exist_ok=True)
                source = plan_view(load_views(VIEW).views["readings"]).source
                catalog = IcebergCatalog.sqlite("bench", folder)
                table = catalog.create_table(*table_name_of(source), archive_fields(source.columns))
                table.append(readings(events, exponent))
                pq.write_table(labels(events // 10, events, exponent), folder / "labels.parquet")
        return folder

    def answer(self, name: str, asking: Asking, lake: Path) -> Cost | str:
        """One answer of a side, or why there is none; StackError where one of ours is missing."""
        function, environment = SIDES[name]
        python = sys.executable if environment is None else str(self.environments.python(environment))
        begun = time.monotonic()
        try:
            run = subprocess.run(
                [python, str(ANSWERS), function],
                input=self.question(name, asking, lake),
                capture_output=True,
                text=True,
                timeout=self.sizes.limit_s,
                check=False,
                cwd=lake,
                env=variables(lake),
            )
        except subprocess.TimeoutExpired:
            return self._none(name, f"not finished within {self.sizes.limit_s:.0f} s")
        if run.returncode:
            why = (run.stderr.strip().splitlines() or [f"exit {run.returncode}"])[-1]
            return self._none(name, f"died after {time.monotonic() - begun:.0f} s: {why[:100]}")
        cost = Cost(**json.loads(run.stdout.splitlines()[-1]))
        self.progress.line(f"  {name}: {cost.wall_s:.2f} s, CPU {cost.cpu_s:.2f} s, {cost.peak_mib:,.0f} MiB")
        return cost

    def compare(self, asking: Asking, lake: Path, names: Sequence[str]) -> None:
        """Raises OutputsDifferError unless every side gave each label the values that DuckDB by hand gave it."""
        columns = ", ".join([*KEPT, *(COMPARED.get(name, name) for name in asking.features)])
        with database() as connection:
            expected = f"read_parquet('{answered(lake, BY_HAND)}')"
            for name in names:
                found = require_equal(
                    connection, name, f"read_parquet('{answered(lake, name)}')", expected, columns, asking.events
                )
                if found.rows_out != asking.events // 10:
                    msg = f"{name}: {found.rows_out:,} rows of {asking.events // 10:,} labels"
                    raise OutputsDifferError(msg)

    def question(self, name: str, asking: Asking, lake: Path) -> str:
        """What a side is asked, as JSON."""
        files = sorted(str(file) for file in (lake / "warehouse").rglob("data/*.parquet"))
        return json.dumps(
            {
                **asdict(asking),
                "windows_us": 7 * DAY_US if asking.features == WEEK else 0,
                "lake": str(lake),
                "files": files,
                "labels": str(lake / "labels.parquet"),
                "view": str(VIEW),
                "kept": KEPT,
                "out": str(answered(lake, name)),
                "memory_bytes": self.sizes.memory_gib << 30,
            }
        )

    def _none(self, name: str, why: str) -> str:
        if name in (OURS, BY_HAND):
            msg = f"{name}: {why}"
            raise StackError(msg)
        self.progress.line(f"  {name}: {why}")
        return why


def answered(lake: Path, name: str) -> Path:
    """Where a side writes its rows."""
    return lake / f"{SIDES[name][0]}.out.parquet"
