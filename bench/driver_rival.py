"""`cassandra-driver`, the rival of our sink: prepared statements one by one, and in batches of one partition."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import BatchStatement, BatchType, PreparedStatement, tuple_factory

from headrace.bench.measure import Measured, Meter
from headrace.connectors.cassandra import CassandraConnection

# The best of 16 to 256 under way at once, for rows and for batches.
ROWS_UNDER_WAY, BATCHES_UNDER_WAY = 64, 128
# The most rows in one batch, as in our sink; 200 were no faster.
BATCH_ROWS = 50
REQUEST_TIMEOUT_S = 30.0

Row = tuple[int, ...]
Statement = tuple[Any, Any]


@contextmanager
def connected(connection: CassandraConnection) -> Iterator[Session]:
    """A session with the driver's best settings: libev where it is built, token-aware, rows as tuples."""
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(connection.local_datacenter)),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=REQUEST_TIMEOUT_S,
        row_factory=tuple_factory,
    )
    cluster = Cluster(connection.addresses, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, protocol_version=5)
    try:
        yield cluster.connect(connection.keyspace)
    finally:
        cluster.shutdown()


Method = Callable[[Session, PreparedStatement, Sequence[Row]], None]


def one_by_one(session: Session, insert: PreparedStatement, rows: Sequence[Row]) -> None:
    """Each row as a request of its own, many under way; results are not kept, which is faster by a third."""
    results = execute_concurrent_with_args(
        session, insert, rows, concurrency=ROWS_UNDER_WAY, raise_on_first_error=True, results_generator=True
    )
    for _ in results:
        continue


def by_partition(session: Session, insert: PreparedStatement, rows: Sequence[Row]) -> None:
    """Rows of one partition together in unlogged batches, many under way. The partition key is the first column.

    All rows are grouped at once, which a stream could not do: among 10,000 at a time it is half as fast.
    """
    execute_concurrent(session, _requests(insert, rows), concurrency=BATCHES_UNDER_WAY, raise_on_first_error=True)


def measured_write(method: Method, session: Session, cql: str, rows: Sequence[Row], meter: Meter) -> Measured:
    """Write rows that are ready in memory, by one method; the client is this process, connected and prepared before."""
    insert = session.prepare(cql)
    _, cassandra_s = meter.read()
    wall, cpu = time.monotonic(), time.process_time()
    method(session, insert, rows)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return Measured(len(rows), wall, cpu, meter.read()[1] - cassandra_s)


def _requests(insert: PreparedStatement, rows: Sequence[Row]) -> list[Statement]:
    """The rows as requests: batches, and single rows where a partition has only one."""
    partitions: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        partitions[row[0]].append(row)
    return [
        _request(insert, mates[first : first + BATCH_ROWS])
        for mates in partitions.values()
        for first in range(0, len(mates), BATCH_ROWS)
    ]


def _request(insert: PreparedStatement, rows: Sequence[Row]) -> Statement:
    if len(rows) == 1:
        return insert, rows[0]
    batch = BatchStatement(BatchType.UNLOGGED)
    for row in rows:
        batch.add(insert, row)
    return batch, None
