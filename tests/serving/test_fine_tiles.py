"""An hour of tiles of a second: more of them than one statement names, and each of them counts."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

import pytest

from headrace import FeaturePipeline
from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.compiler.tiles import cell_count
from headrace.compiler.window_slices import Instant, slices_of
from headrace.connectors.cassandra import CassandraSession
from headrace.connectors.cassandra_reads import MOST_NAMED
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.tile_store import TileStore
from headrace.registry.store import Registry
from headrace.serving.online import OnlineStore

from .conftest import Order, fill
from .shop import orders, weight
from .test_cassandra_tiles import HOUR, NOON

SECOND = 1_000_000
#: Half a second into a tile, and no hour lies within the hour before it.
ASKED = NOON + 1_234 * SECOND + SECOND // 2
END = ASKED // SECOND * SECOND


class LastHour(FeaturePipeline):
    """What a shop sold lately, to the second."""

    owner = "shop@example.com"
    # What is three days old is there still, at whatever time of the day the test runs.
    clock = "event"
    features = [orders.over("30s", "1h", "3d", tile="1s"), weight.over("1h", tile="1s")]  # noqa: RUF012


@pytest.fixture(scope="module")
def plans() -> dict[str, ViewPlan]:
    return {"last_hour": plan_view(LastHour.view)}


@pytest.fixture
def cassandra(session: CassandraSession, plans: dict[str, ViewPlan]) -> CassandraTiles:
    return CassandraTiles(session)


@pytest.fixture(params=["tiles", pytest.param("cassandra", marks=pytest.mark.stack)])
def kept(request: pytest.FixtureRequest) -> TileStore:
    made: TileStore = request.getfixturevalue(request.param)
    return made


def sold(at_us: int, number: int) -> Order:
    return Order(f"s{number % 2}", 1, 100, float(number), at_us)


def test_every_second_of_an_hour_counts(
    kept: TileStore, registry: Registry, plans: dict[str, ViewPlan], at: Callable[[int], datetime]
) -> None:
    (plan,) = plans.values()
    feature = plan.feature("orders_1h")
    slices = slices_of(feature, plan.group(feature.group), Instant(ASKED, ASKED, is_now=False))
    assert cell_count(slices) == 3_600 > MOST_NAMED
    randomly = random.Random(5)
    ends = [END - width + jitter for width in (0, 30 * SECOND, HOUR) for jitter in (-1, 0, 1)]
    times = [*ends, *(END - randomly.randrange(3 * HOUR) for _ in range(100)), END - 70 * HOUR]
    rows = [sold(at_us, number) for number, at_us in enumerate(times)]
    rows += [sold(END - HOUR + number * SECOND, 2 * number) for number in range(3_600)]
    fill(kept, plan, rows)
    names = [f"last_hour:{one.name}" for one in plan.features]
    shops = [{"shop": shop} for shop in ("s0", "s1")]
    found = OnlineStore("demo", registry, kept).get_online_features(names, shops, at=at(ASKED))
    for number, shop in enumerate(("s0", "s1")):
        mine = {
            width: [one for one in rows if one.shop == shop and END - width <= one.at_us < END]
            for width in (30 * SECOND, HOUR, 72 * HOUR)
        }
        counts = [len(mine[30 * SECOND]), len(mine[HOUR]), len(mine[72 * HOUR])]
        weights = [one.weight for one in mine[HOUR] if one.weight is not None]
        values = [found.value(number, name).value for name in names]
        assert values == [*counts, pytest.approx(sum(weights) / len(weights))]
        assert counts[0] < counts[1] < counts[2]
