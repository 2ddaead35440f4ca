"""Stores filled with tiles that are folded from events by the compiler's own twin of the Flink job."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.fold import fold
from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.connectors.cassandra import CassandraConnection, CassandraSession
from headrace.connectors.sqlite_tiles import SqliteTiles
from headrace.connectors.tile_store import Found, Tile, TileRead, TileStore
from headrace.features import load_views
from headrace.registry.store import Materialization, Pointer, Registry, ViewVersion
from headrace.runtime.settings import Settings
from headrace.serving.online import OnlineStore

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


class CountedTiles(SqliteTiles):
    """Tiles in memory, folded from orders; `waves` has the number of single reads of each wave."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.waves: list[int] = []

    def read(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        self.waves.append(sum(len(read.keys) for read in reads))
        return super().read(reads)


def fill(store: TileStore, plan: ViewPlan, orders: Sequence[Order]) -> None:
    """Write the tiles of orders into tables that are named by fingerprint alone."""
    for group in plan.groups:
        store.create(group.fingerprint, group)
        store.write(group.fingerprint, group, _tiles(plan, group, [order for order in orders if order.passes(group)]))


def _tiles(plan: ViewPlan, group: TileGroup, orders: Sequence[Order]) -> Iterator[Tile]:
    names = [key.name for key in group.keys]
    members: dict[tuple[tuple[Any, ...], int, int], list[Order]] = defaultdict(list)
    for order in orders:
        key = tuple(getattr(order, name) for name in names)
        for level in group.levels_us:
            members[key, level, order.at_us // level * level].append(order)
    for (key, level, start), inside in members.items():
        cell = _cell(plan, group, inside)
        values = tuple(cell[field.name] for field in group.cell)
        yield Tile(key, level, start, values, max(order.at_us for order in inside))


def _cell(plan: ViewPlan, group: TileGroup, orders: Sequence[Order]) -> dict[str, Any]:
    cell: dict[str, Any] = {}
    for part in plan.parts_of(group):
        x = group.partial(part.partials[0]).x if part.partials else "cents"
        cell |= fold(part, [(getattr(order, x), order.at_us, 0, order.at_us) for order in orders])
    return cell


@pytest.fixture(scope="session")
def plans() -> dict[str, ViewPlan]:
    views = load_views(Path(__file__).parent / "shop.py").views.values()
    return {view.name: plan_view(view) for view in views}


@pytest.fixture
def tiles(plans: dict[str, ViewPlan]) -> Iterator[CountedTiles]:
    with CountedTiles() as made:
        for plan in plans.values():
            fill(made, plan, [])
        yield made


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
def store(registry: Registry, tiles: CountedTiles) -> OnlineStore:
    return OnlineStore("demo", registry, tiles)


@pytest.fixture
def at() -> Callable[[int], datetime]:
    return lambda us: datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)


@pytest.fixture
def session(stack_settings: Settings) -> Iterator[CassandraSession]:
    """A keyspace of the test's own on the stack."""
    settings = stack_settings.cassandra
    points, keyspace = ",".join(settings.contact_points), f"test_{uuid.uuid4().hex[:8]}"
    with CassandraConnection(points, settings.local_datacenter, keyspace).session() as opened:
        opened.ensure_keyspace()
        yield opened
        opened.drop_keyspace()
