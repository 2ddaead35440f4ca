"""A store of tiles in memory, folded from events by the compiler's own twin of the Flink job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.fold import fold
from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.features import load_views
from headrace.registry.store import Materialization, Pointer, Registry, ViewVersion
from headrace.serving.online import Answer, OnlineStore, Read

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Order:
    """An event; `at_us` is its event time."""

    shop: str
    customer: int
    cents: int
    weight: float | None
    at_us: int

    def passes(self, group: TileGroup) -> bool:
        return group.filter is None or self.cents > 1_000


class MemoryTiles:
    """Tiles by table, key, level and start; counts its waves."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, tuple[Any, ...]], dict[tuple[int, int], Mapping[str, Any]]] = defaultdict(dict)
        self.seen: dict[tuple[str, tuple[Any, ...]], int] = {}
        self.waves: list[int] = []

    def read(self, reads: Sequence[Read]) -> list[Answer]:
        self.waves.append(len(reads))
        return [self._answer(read) for read in reads]

    def _answer(self, read: Read) -> Answer:
        place = (read.table, read.key)
        if read.slice is None:
            return Answer({}, self.seen.get(place))
        level, start, end = read.slice
        found = {at: cell for at, cell in self.cells[place].items() if at[0] == level and start <= at[1] < end}
        newest = dict(sorted(found.items())[-1:]) if read.newest_only else found
        return Answer(newest, self.seen[place] if newest else None)

    def fill(self, plan: ViewPlan, orders: Sequence[Order]) -> None:
        for group in plan.groups:
            for key in {self._key(group, order) for order in orders if order.passes(group)}:
                members = [order for order in orders if order.passes(group) and self._key(group, order) == key]
                self.seen[group.fingerprint, key] = max(order.at_us for order in members)
                for level in group.levels_us:
                    self._fill_level(plan, group, key, level, members)

    def _fill_level(
        self, plan: ViewPlan, group: TileGroup, key: tuple[Any, ...], level: int, orders: list[Order]
    ) -> None:
        for start in {order.at_us // level * level for order in orders}:
            inside = [order for order in orders if start <= order.at_us < start + level]
            cell: dict[str, Any] = {}
            for feature in plan.features_of(group):
                x = group.partial(feature.partials[0]).x if feature.partials else "cents"
                cell |= fold(feature, [(getattr(order, x), order.at_us, 0, order.at_us) for order in inside])
            self.cells[group.fingerprint, key][level, start] = cell

    @staticmethod
    def _key(group: TileGroup, order: Order) -> tuple[Any, ...]:
        return tuple(getattr(order, key.name) for key in group.keys)


@pytest.fixture(scope="session")
def plans() -> dict[str, ViewPlan]:
    views = load_views(Path(__file__).parent / "shop.py").views.values()
    return {view.name: plan_view(view) for view in views}


@pytest.fixture
def tiles() -> MemoryTiles:
    return MemoryTiles()


@pytest.fixture
def registry(tmp_path: Path, plans: dict[str, ViewPlan]) -> Registry:
    """Both views, each served from tables that are named by fingerprint alone."""
    made = Registry.at(tmp_path / "registry.db")
    for plan in plans.values():
        made.add_version(ViewVersion("demo", plan.name, plan.version, plan.to_dict()))
        tables = {group.fingerprint: group.fingerprint for group in plan.groups}
        made.add_materialization(Materialization("demo", plan.name, plan.version, tables))
        made.set_pointer(Pointer("demo", plan.name, plan.version), None)
    return made


@pytest.fixture
def store(registry: Registry, tiles: MemoryTiles) -> OnlineStore:
    return OnlineStore("demo", registry, tiles)


@pytest.fixture
def at() -> Callable[[int], datetime]:
    return lambda us: datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)
