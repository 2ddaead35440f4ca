"""Serving over a real Cassandra: the same values as from the tiles in SQLite."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra import CassandraSession
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.registry.store import Registry
from headrace.serving.online import OnlineStore

from .conftest import CountedTiles, Order, fill

HOUR, DAY = 3_600_000_000, 86_400_000_000
NOON = time.time_ns() // 1000 // DAY * DAY - 12 * HOUR


@pytest.mark.stack
def test_cassandra_serves_what_sqlite_serves(
    session: CassandraSession,
    registry: Registry,
    tiles: CountedTiles,
    plans: dict[str, ViewPlan],
    at: Callable[[int], datetime],
) -> None:
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
    fill(tiles, plan, orders)
    fill(CassandraTiles(session), plan, orders)
    features = [f"{plan.name}:{feature.name}" for feature in plan.features]
    rows = [{"shop": f"s{number}", "customer": customer} for number in range(5) for customer in range(4)]
    real = OnlineStore("demo", registry, CassandraTiles(session))
    memory = OnlineStore("demo", registry, tiles)
    for hours in (0, 1, 30):
        asked = at(NOON - hours * HOUR)
        expected = memory.get_online_features(features, rows, at=asked).rows
        assert real.get_online_features(features, rows, at=asked).rows == expected
        assert asyncio.run(real.get_online_features_async(features, rows, at=asked)).rows == expected
