"""How far tiled windows are from exact ones, by the width of the finest tile: on DuckDB, at random times."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pyarrow.parquet as pq

from headrace.bench.transactions import GAP_US, START_US, transactions
from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.compiler.tiles import WindowMode
from headrace.features.duration import parse_duration
from headrace.features.load import load_views
from headrace.pipelines.local_run import run_locally

FEATURES = Path(__file__).with_name("views") / "cards.py"
FEATURE, TILES = "transactions_1h", ("1m", "5m", "15m")
INSTANTS, SEED = 5, 5


@dataclass(frozen=True)
class Rounding:
    """Counts of an hour by a tile: events in the exact windows, and by how many the tiled counts are off, in all."""

    tile: str
    events: int
    wrong: int
    worst: float

    HEAD: ClassVar[tuple[str, ...]] = ("tile", "events in the exact hour", "counts off by, in all", "worst card")

    def row(self) -> tuple[str, ...]:
        """A line of the table, in the order of `HEAD`."""
        return self.tile, f"{self.events:,}", f"{self.wrong / self.events:.2%}", f"{self.worst:.1%}"


def roundings(rows: int) -> list[Rounding]:
    """The rounding of each tile over so many generated transactions, at the same random times."""
    drawn = random.Random(SEED)  # noqa: S311 (seeded, no secret)
    begin, end = (datetime.fromtimestamp((START_US + n * GAP_US) / 1e6, UTC) for n in (rows // 2, rows))
    instants = [begin + drawn.random() * (end - begin) for _ in range(INSTANTS)]
    with TemporaryDirectory(prefix="headrace-") as folder:
        file = str(Path(folder) / "transactions.parquet")
        pq.write_table(transactions(0, rows), file)
        return [_rounding(tile, file, instants) for tile in TILES]


def _rounding(tile: str, file: str, instants: list[datetime]) -> Rounding:
    """One tile. The worst card is one with ten events or more."""
    plan = _plan(tile)
    pairs = [pair for at in instants for pair in _pairs(plan, file, at)]
    busy = [abs(tiled - exact) / exact for exact, tiled in pairs if exact >= 10]
    events, wrong = sum(exact for exact, _ in pairs), sum(abs(tiled - exact) for exact, tiled in pairs)
    return Rounding(tile, events, wrong, max(busy, default=0.0))


def _pairs(plan: ViewPlan, file: str, at: datetime) -> list[tuple[int, int]]:
    """The exact and the tiled count of each card."""
    exact, tiled = _counts(plan, file, at, "exact"), _counts(plan, file, at, "tiled")
    return [(exact.get(card, 0), tiled.get(card, 0)) for card in exact.keys() | tiled.keys()]


def _counts(plan: ViewPlan, file: str, at: datetime, mode: WindowMode) -> Mapping[int, int]:
    """The count of each card at an instant."""
    (found,) = run_locally(plan, file, _no_table, features=[FEATURE], as_of=at, window_mode=mode).tables
    return dict(zip(found["cc_num"].to_pylist(), found[FEATURE].to_pylist(), strict=True))


def _plan(tile: str) -> ViewPlan:
    """The view with another finest tile."""
    view = load_views(FEATURES).views["card_features"]
    features = tuple(replace(one, tile_us=parse_duration(tile)) for one in view.features)
    return plan_view(replace(view, features=features))


def _no_table(name: str) -> Any:
    raise AssertionError(name)
