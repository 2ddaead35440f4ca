"""Online reads of 1 and 100 entities by fifty features from a real Cassandra, beside a plain prepared read and Feast.

The plain read finds finished values, one row an entity: what a store costs that merges nothing, and that cannot tell a
value at any time but the one it was written for. So does Feast, which keeps a row for each value.
"""

# ruff: noqa: S608 (names are the benchmark's own, values are parameters)
from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headrace.bench.environments import Environments
from headrace.bench.feast_rival import Finished, feast
from headrace.bench.latency import Latency, LatencyReport, Shape, Turn, here, in_turns
from headrace.bench.outputs import OutputsDifferError
from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra import CassandraSession
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.iceberg import IcebergTable
from headrace.features.load import load_views
from headrace.pipelines.local_run import run_locally
from headrace.pipelines.store_fill import fill_store
from headrace.registry.store import Registry
from headrace.runtime.online_store import OpenStore
from headrace.runtime.platform import Platform
from headrace.runtime.progress import Progress
from headrace.serving.cache import CachedTiles
from headrace.serving.online import OnlineStore

FEATURES = Path(__file__).with_name("views") / "customers.py"
OURS, CACHED, PLAIN = "headrace", "headrace, closed tiles kept for 60 s", "plain prepared read of finished values"
FEAST = "feast[cassandra], finished values"
#: How many times as long as ours a read of Feast should take.
GOALS = {FEAST: 5.0}
PLAIN_TABLE = "finished"
SEED = 7
#: Not on the boundary of a day or an hour, so that a read takes cells of every level.
AT = datetime(2025, 3, 1, 13, 35, tzinfo=UTC)
SPAN_US = 31 * 86_400_000_000
CACHE_AGE_S, CACHE_TILES = 60.0, 1_000_000
#: Requests of each side before the first that counts.
WARMING = 50
Values = list[tuple[Any, ...]]
Read = Callable[[Sequence[int]], Values]


@dataclass(frozen=True)
class Side:
    """What answers: `read` gives a row of values for each customer, `timed` tells how long it takes for requests.

    `settle` is what a service does once it is warm: what its process has by then is no garbage to look for.
    """

    read: Read
    timed: Callable[[Sequence[Sequence[int]]], Latency]
    settle: Callable[[], object]

    @classmethod
    def here(cls, read: Read) -> Side:
        """A side in this process."""
        return cls(read, lambda requests: here(lambda number: read(requests[number]))(0, len(requests)), _settle)


@dataclass(frozen=True)
class OnlineSizes:
    """How many customers with how many purchases each, and how many requests of either size are timed."""

    customers: int = 300
    purchases: int = 150
    requests: int = 2_000
    bulk_requests: int = 200


class OnlineBenchmark:
    """Fills Cassandra with tiles, compares what every side answers with DuckDB, and times requests.

    `environments`: where rivals in processes of their own run; without, there are none.
    """

    def __init__(
        self, platform: Platform, progress: Progress, sizes: OnlineSizes, environments: Environments | None = None
    ) -> None:
        self.platform, self.progress, self.sizes, self.environments = platform, progress, sizes, environments
        self.plan: ViewPlan = plan_view(load_views(FEATURES).views["customers"])
        self.names = [feature.name for feature in self.plan.features]

    def run(self) -> LatencyReport:
        """Fill, compare, measure."""
        with self.platform.cassandra.session() as session, ExitStack() as rivals:
            sides = self._sides(session)
            rivals.callback(gc.unfreeze)
            if self.environments is not None:
                sides[FEAST] = rivals.enter_context(self._feast(self.environments))
            with self.progress.step("compare what every side answers"):
                for name, side in sides.items():
                    self.compare(name, side.read)
                    side.settle()
            shapes = [self._shape(sides, 1, self.sizes.requests), self._shape(sides, 100, self.sizes.bulk_requests)]
        parameters = {**vars(self.sizes), "features": len(self.names), "seed": SEED}
        return LatencyReport("online", parameters, len(self.expected) * len(self.names), shapes)

    @cached_property
    def rows(self) -> pa.Table:
        """Purchases of all customers, spread over a month."""
        drawn, count = np.random.default_rng(SEED), self.sizes.customers * self.sizes.purchases
        end_us = int(AT.timestamp() * 1_000_000)
        return pa.table(
            {
                "customer": np.repeat(np.arange(self.sizes.customers), self.sizes.purchases),
                "cents": drawn.integers(50, 100_000, count),
                "at": pa.array(end_us - drawn.integers(1, SPAN_US, count), pa.timestamp("us", "UTC")),
            }
        )

    @cached_property
    def expected(self) -> dict[int, tuple[Any, ...]]:
        """Every customer's values as DuckDB computes them from the purchases."""
        with self._file() as file:
            (found,) = run_locally(self.plan, file, _no_table, as_of=AT, window_mode="tiled").tables
        columns = [found[name].to_pylist() for name in self.names]
        return dict(zip(found["customer"].to_pylist(), zip(*columns, strict=True), strict=True))

    def compare(self, name: str, read: Read) -> None:
        """Raises OutputsDifferError unless a side answers for every customer what DuckDB computes."""
        customers = list(self.expected)
        for customer, found in zip(customers, read(customers), strict=True):
            wrong = [index for index, value in enumerate(self.expected[customer]) if found[index] != value]
            if wrong:
                feature, wanted = self.names[wrong[0]], self.expected[customer][wrong[0]]
                msg = f"{name}: {feature} of customer {customer} is {found[wrong[0]]!r}, expected {wanted!r}"
                raise OutputsDifferError(msg)

    def _sides(self, session: CassandraSession) -> dict[str, Side]:
        """The sides in this process over their filled tables, ours first."""
        session.ensure_keyspace()
        registry, tiles = Registry("sqlite://"), CassandraTiles(session)
        with self.progress.step("write tiles and finished values"), self._file() as file:
            fill_store(self.plan, file, _no_table, OpenStore(tiles, registry), project="bench")
            plain = self._plain(session)
        kept = CachedTiles(tiles, CACHE_AGE_S, CACHE_TILES)
        return {
            OURS: Side.here(self._served(OnlineStore("bench", registry, tiles))),
            CACHED: Side.here(self._served(OnlineStore("bench", registry, kept))),
            PLAIN: Side.here(plain),
        }

    @contextmanager
    def _feast(self, environments: Environments) -> Iterator[Side]:
        """Feast over the finished values, which it has written into its own table."""
        columns = dict(zip(self.names, zip(*self.expected.values(), strict=True), strict=True))
        at = pa.array([AT] * len(self.expected), pa.timestamp("us", "UTC"))
        rows = pa.table({"customer": list(self.expected), "at": at, **columns})
        types = {feature.name: feature.type for feature in self.plan.features}
        finished = Finished("customers", rows, "customer", "at", types)
        with feast(environments, self.platform.cassandra, finished) as process:
            with self.progress.step("let Feast write finished values"):
                process.ask("materialize")
            yield Side(process.values, process.timed, lambda: process.ask("settle"))

    def _served(self, store: OnlineStore) -> Read:
        """Our side: values merged from tiles, with status and times, of which only the values are compared."""
        features = [f"customers:{name}" for name in self.names]

        def read(customers: Sequence[int]) -> Values:
            found = store.get_online_features(features, [{"customer": one} for one in customers], at=AT)
            return [tuple([value.value for value in row]) for row in found.rows]

        return read

    def _plain(self, session: CassandraSession) -> Read:
        """A table with a row of finished values for each customer, and its read."""
        table = f'"{session.connection.keyspace}"."{PLAIN_TABLE}"'
        types = {"int": "bigint", "float": "double"}
        columns = ", ".join(f"{feature.name} {types[feature.type]}" for feature in self.plan.features)
        session.execute(f"CREATE TABLE IF NOT EXISTS {table} (customer bigint PRIMARY KEY, {columns})")
        names, marks = ", ".join(self.names), ", ".join("?" for _ in self.names)
        insert = f"INSERT INTO {table} (customer, {names}) VALUES (?, {marks})"
        session.execute_many(insert, [(customer, *values) for customer, values in self.expected.items()])
        select = f"SELECT {names} FROM {table} WHERE customer = ?"
        return lambda customers: [rows[0] for rows in session.execute_many(select, [(one,) for one in customers])]

    def _shape(self, sides: Mapping[str, Side], entities: int, requests: int) -> Shape:
        """Requests for so many customers, the same for every side."""
        drawn, customers = random.Random(SEED), list(self.expected)  # noqa: S311 (no secret)
        asked = [drawn.choices(customers, k=entities) for _ in range(requests)]
        with self.progress.step(f"time {requests:,} requests of {entities} by {len(self.names)}"):
            for side in sides.values():
                side.timed(asked[:WARMING])
            turns = {name: _turn(side, asked) for name, side in sides.items()}
            return Shape(f"{entities} by {len(self.names)} features", in_turns(turns, requests), GOALS)

    @contextmanager
    def _file(self) -> Iterator[str]:
        """The purchases as a file."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "purchases.parquet"
            pq.write_table(self.rows, file)
            yield str(file)


def _turn(side: Side, asked: Sequence[Sequence[int]]) -> Turn:
    """Requests of a side, by number."""
    return lambda first, end: side.timed(asked[first:end])


def _settle() -> None:
    """Leave what this process has by now out of every collection of garbage from here on."""
    gc.collect()
    gc.freeze()


def _no_table(name: str) -> IcebergTable:
    raise AssertionError(name)
