"""Serving over a real Cassandra: the same values as from the tiles in memory."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator

import pytest

from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra import CassandraConnection, CassandraSession
from headrace.registry.store import Registry
from headrace.runtime.settings import Settings
from headrace.serving.online import OnlineStore
from headrace.serving.tiles import CassandraTiles

from .conftest import MemoryTiles, Order

HOUR, DAY = 3_600_000_000, 86_400_000_000
NOON = time.time_ns() // 1000 // DAY * DAY - 12 * HOUR


@pytest.fixture
def session(stack_settings: Settings) -> Iterator[CassandraSession]:
    settings = stack_settings.cassandra
    points, keyspace = ",".join(settings.contact_points), f"test_{uuid.uuid4().hex[:8]}"
    with CassandraConnection(points, settings.local_datacenter, keyspace).session() as opened:
        opened.ensure_keyspace()
        yield opened
        opened.drop_keyspace()


def copy(session: CassandraSession, plan: ViewPlan, tiles: MemoryTiles) -> None:
    """Write the tiles in memory as the Flink job would."""
    for group in plan.groups:
        table = f'"{session.connection.keyspace}"."{group.fingerprint}"'
        session.create_tile_table(group.fingerprint, group)
        keys = ", ".join(key.name for key in group.keys)
        marks = ", ".join("?" for _ in group.keys)
        for (name, key), cells in tiles.cells.items():
            if name != group.fingerprint:
                continue
            seen = f"INSERT INTO {table} ({keys}, last_event_time) VALUES ({marks}, ?)"
            session.execute(seen, [*key, tiles.seen[name, key]])
            insert = f"INSERT INTO {table} ({keys}, level, tile_start, cell) VALUES ({marks}, ?, ?, ?)"
            rows = [(*key, *place, tuple(cell[part.name] for part in group.cell)) for place, cell in cells.items()]
            session.execute_many(insert, rows)


@pytest.mark.stack
def test_cassandra_serves_what_memory_serves(
    session: CassandraSession, registry: Registry, tiles: MemoryTiles, plans: dict[str, ViewPlan]
) -> None:
    from datetime import UTC, datetime

    randomly = random.Random(11)
    orders = [
        Order(
            f"s{number % 4}",
            number % 3,
            randomly.randrange(2000),
            None if number % 5 else 1.5,
            NOON - number * HOUR // 7,
        )
        for number in range(400)
    ]
    plan = plans["shops"]
    tiles.fill(plan, orders)
    copy(session, plan, tiles)
    features = [f"{plan.name}:{feature.name}" for feature in plan.features]
    rows = [{"shop": f"s{number}", "customer": customer} for number in range(5) for customer in range(4)]
    real = OnlineStore("demo", registry, CassandraTiles(session))
    memory = OnlineStore("demo", registry, tiles)
    for hours in (0, 1, 30):
        at = datetime.fromtimestamp((NOON - hours * HOUR) / 1_000_000, UTC)
        assert (
            real.get_online_features(features, rows, at=at).rows
            == memory.get_online_features(features, rows, at=at).rows
        )
