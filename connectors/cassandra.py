"""Cassandra: sessions, tile tables and their reads. The only file that imports cassandra-driver."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from types import TracebackType
from typing import Any

from cassandra import ConsistencyLevel, DriverException, InvalidRequest, OperationTimedOut, RequestExecutionException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, ResultSet, Session
from cassandra.concurrent import execute_concurrent
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import PreparedStatement, tuple_factory

from headrace.compiler.plan import TileGroup
from headrace.compiler.tiles import Slice
from headrace.connectors import cql
from headrace.connectors.secret import resolved, value_of
from headrace.errors import ConnectorError, NotFoundError, did_you_mean

DEFAULT_PORT = 9042
#: A first answer takes milliseconds; of the ten seconds until a clear error, five leave room for a second address.
CONNECT_TIMEOUT_S = 5.0
#: A read of a few dozen cells takes milliseconds; a schema change waits for every node.
REQUEST_TIMEOUT_S = 10.0
#: Reads under way at once: enough to keep a node's read threads (32 by default) busy, few enough not to overload it.
CONCURRENCY = 64
#: Rows in one page of a full scan: larger pages gain nothing, smaller ones pay for round trips (measured).
SCAN_PAGE_ROWS = 20_000
#: A full scan cuts the ring into this many ranges, two read at a time and few waiting: even progress, little memory.
SCAN_RANGES, SCAN_THREADS = 64, 2
UNREACHABLE = (NoHostAvailable, OperationTimedOut)
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CassandraConnection:
    """How to reach a cluster. `contact_points` are `host` or `host:port`, separated by commas.

    `properties` are opaque: the Java driver's own options, which Flink hands on untouched; `ssl.cafile`, `ssl.certfile`
    and `ssl.keyfile` (PEM) are for the Python driver. User name, password and properties may be references to secrets
    (`headrace.connectors.secret`): options for Flink hold them as they are, a session reads them. None is ever printed.

    >>> CassandraConnection("db1,db2:9043", "dc1", "features").flink_options("t")["contact-points"]
    'db1:9042,db2:9043'
    """

    contact_points: str
    local_datacenter: str
    keyspace: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of every contact point."""
        points = [point.strip().rpartition(":") for point in self.contact_points.split(",")]
        return tuple((host, int(port)) if host else (port, DEFAULT_PORT) for host, _, port in points)

    def flink_options(self, table: str) -> dict[str, str]:
        """Options of a Flink table that writes to this table."""
        login = {"username": self.username, "password": self.password}
        return {
            "connector": "headrace-cassandra",
            "contact-points": ",".join(f"{host}:{port}" for host, port in self.addresses),
            "local-datacenter": self.local_datacenter,
            "keyspace": self.keyspace,
            "table": table,
            **{name: value for name, value in login.items() if value is not None},
            **{
                f"driver.{name.removeprefix('driver.')}": value
                for name, value in self.properties.items()
                if not name.startswith("ssl.")
            },
        }

    def session(self) -> CassandraSession:
        """A connected session; use it in a `with`.

        Raises ConnectorError within ten seconds, SettingsError when a secret cannot be read.
        """
        return CassandraSession(self)


@dataclass(frozen=True, slots=True)
class TileRead:
    """One read of a tile table: the cells of an entity in a slice, or only the newest of them."""

    key: Key
    slice: Slice
    newest_only: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A tile as stored: its level and start (µs), and the values of its cell's fields by name."""

    level_us: int
    tile_start_us: int
    values: Mapping[str, Any]


class CassandraSession:
    """A connected session. Every method raises ConnectorError, with the addresses, when the cluster fails."""

    def __init__(self, connection: CassandraConnection) -> None:
        self.connection = connection
        self._cluster = _cluster_of(connection)
        with self._translated():
            try:
                self._session: Session = self._cluster.connect()
            except BaseException:
                self._cluster.shutdown()
                raise
        # The same text is prepared once a session: preparing twice costs a round trip and a warning.
        self._prepared = lru_cache(maxsize=512)(self._session.prepare)

    def __enter__(self) -> CassandraSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._cluster.shutdown()

    def execute(self, text: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, prepared when it has parameters, and return its rows."""
        with self._translated():
            statement = self._prepared(text) if parameters else text
            return list(self._session.execute(statement, tuple(parameters) or None))

    def execute_many(
        self, text: str, parameters: Sequence[Sequence[Any]], concurrency: int = CONCURRENCY
    ) -> list[list[tuple[Any, ...]]]:
        """Run one prepared statement for many parameters at once; returns the rows of each, in order."""
        return self.wave([(text, values) for values in parameters], concurrency)

    def ensure_keyspace(self, replication: int = 1) -> None:
        """Create the connection's keyspace unless it is there, with `replication` copies in the local datacenter."""
        name, datacenter = cql.quote(self.connection.keyspace), self.connection.local_datacenter
        strategy = f"{{'class': 'NetworkTopologyStrategy', {cql.literal(datacenter)}: {replication}}}"
        self.execute(f"CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {strategy}")

    def drop_keyspace(self) -> None:
        """Drop the connection's keyspace with all that is in it, if it is there."""
        self.execute(f"DROP KEYSPACE IF EXISTS {cql.quote(self.connection.keyspace)}")

    def tables(self) -> list[str]:
        """The names of the keyspace's tables."""
        found = self.execute(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", [self.connection.keyspace]
        )
        return sorted(row[0] for row in found)

    def create_tile_table(self, table: str, group: TileGroup) -> TileTable:
        """Create the table of a tile group, and the type of its cell, unless they are there."""
        for statement in cql.create_tile_table(self.connection.keyspace, table, group):
            self.execute(statement)
        return TileTable(self, table, group)

    def tile_table(self, table: str, group: TileGroup) -> TileTable:
        """An existing tile table; NotFoundError with a suggestion when there is none."""
        known = self.tables()
        if table not in known:
            where = f"keyspace {self.connection.keyspace!r} at {self.connection.contact_points}"
            msg = f"no Cassandra table {table!r} in {where}; {did_you_mean(table, known)}"
            raise NotFoundError(msg)
        return TileTable(self, table, group)

    def drop_tile_table(self, table: str) -> None:
        """Drop a tile table and its type, if they are there."""
        for statement in cql.drop_tile_table(self.connection.keyspace, table):
            self.execute(statement)

    def wave(
        self, statements: Sequence[tuple[str, Sequence[Any]]], concurrency: int = CONCURRENCY
    ) -> list[list[tuple[Any, ...]]]:
        """Run many prepared statements at once, at most `concurrency` under way; rows of each, in order."""
        with self._translated():
            bound = [(self._prepared(text), tuple(values)) for text, values in statements]
            results = execute_concurrent(self._session, bound, concurrency=concurrency, raise_on_first_error=True)
            return [list(result.result_or_exc) for result in results]

    def _pages(self, text: str, parameters: Sequence[Any]) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of one statement, page by page."""
        with self._translated():
            statement: PreparedStatement = self._session.prepare(text)
            statement.fetch_size = SCAN_PAGE_ROWS
            result: ResultSet = self._session.execute(statement, tuple(parameters))
            yield result.current_rows
            while result.has_more_pages:
                result.fetch_next_page()
                yield result.current_rows

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of the driver as ours, naming the cluster."""
        where = f"Cassandra at {self.connection.contact_points} (datacenter {self.connection.local_datacenter!r})"
        try:
            yield
        except UNREACHABLE as error:
            msg = f"{where} did not answer: {_reason(error)}; is it running, are address, datacenter and login right?"
            raise ConnectorError(msg) from error
        except InvalidRequest as error:
            kind = NotFoundError if "does not exist" in str(error) or "unconfigured" in str(error) else ConnectorError
            msg = f"{where}: {_reason(error)}"
            raise kind(msg) from error
        except (DriverException, RequestExecutionException) as error:
            msg = f"{where}: {type(error).__name__}: {_reason(error)}"
            raise ConnectorError(msg) from error


class TileTable:
    """The tile table of one group: reads for serving, and the full scan for comparisons.

    Cells are read field by field: the driver decodes plain columns in C, but a user-defined type in Python.
    """

    def __init__(self, session: CassandraSession, name: str, group: TileGroup) -> None:
        self.session = session
        self.name = name
        self.group = group
        self.fields = tuple(column.name for column in group.cell)
        self._statements = cql.TileStatements.of(session.connection.keyspace, name, group)

    def read(self, reads: Sequence[TileRead], concurrency: int = CONCURRENCY) -> list[list[Cell]]:
        """The cells of each read, in order, all in one concurrent wave. See `read_together` for several tables."""
        return read_together([(self, one) for one in reads], concurrency)

    def last_event_times(self, keys: Sequence[Key]) -> list[int | None]:
        """The newest event time (µs) of each entity; None for an entity that was never seen."""
        found = self.session.execute_many(self._statements.last_event_time, keys)
        return [rows[0][0] if rows else None for rows in found]

    def scan(self) -> Iterator[list[tuple[Any, ...]]]:
        """All tiles, in pages of rows `(keys..., level, tile_start, fields of the cell...)`, in no order."""
        with ThreadPoolExecutor(SCAN_THREADS) as threads:
            waiting: deque[Future[list[list[tuple[Any, ...]]]]] = deque()
            for ends in cql.token_ranges(SCAN_RANGES):
                waiting.append(threads.submit(self._range, ends))
                if len(waiting) > 2 * SCAN_THREADS:
                    yield from waiting.popleft().result()
            yield from chain.from_iterable(part.result() for part in waiting)

    def scan_columns(self) -> tuple[str, ...]:
        """The names of a scanned row's values."""
        return (*(key.name for key in self.group.keys), "level", "tile_start", *self.fields)

    def count(self) -> int:
        """How many tiles there are; reads them all."""
        return sum(map(len, self.scan()))

    def _range(self, ends: tuple[int, int]) -> list[list[tuple[Any, ...]]]:
        """The pages of one token range; a partition with only its static value gives no tile."""
        level = len(self.group.keys)
        pages = self.session._pages(self._statements.scan, ends)
        tiles = [[row for row in page if row[level] is not None] for page in pages]
        return [page for page in tiles if page]

    def statement(self, read: TileRead) -> tuple[str, Sequence[Any]]:
        """The statement and parameters of one read, for a `wave` over several tables."""
        level, start, end = read.slice
        if read.newest_only:
            return self._statements.newest, (*read.key, level, start, end)
        return self._statements.slice, (*read.key, level, start, end)

    def seen_statement(self, key: Key) -> tuple[str, Sequence[Any]]:
        """The statement and parameters that ask for an entity's newest event time."""
        return self._statements.last_event_time, key

    def cells(self, read: TileRead, rows: Sequence[tuple[Any, ...]]) -> list[Cell]:
        """The cells in the rows of one read's statement."""
        level = read.slice.level_us
        return [Cell(level, start, dict(zip(self.fields, values, strict=True))) for start, _, *values in rows]

    @staticmethod
    def last_event_us(rows: Sequence[tuple[Any, ...]]) -> int | None:
        """The entity's newest event time (µs) in the rows of one read's statement; None when there is no row."""
        return rows[0][1] if rows else None


def read_together(reads: Sequence[tuple[TileTable, TileRead]], concurrency: int = CONCURRENCY) -> list[list[Cell]]:
    """The cells of reads from several tables of one session, in order, all in one concurrent wave."""
    if not reads:
        return []
    found = reads[0][0].session.wave([table.statement(read) for table, read in reads], concurrency)
    return [table.cells(read, rows) for (table, read), rows in zip(reads, found, strict=True)]


def _cluster_of(connection: CassandraConnection) -> Cluster:
    """The driver's cluster: local datacenter only, LOCAL_QUORUM, bounded times."""
    policy = TokenAwarePolicy(DCAwareRoundRobinPolicy(connection.local_datacenter))
    profile = ExecutionProfile(
        load_balancing_policy=policy,
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=REQUEST_TIMEOUT_S,
        row_factory=tuple_factory,
    )
    return Cluster(
        connection.addresses,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        auth_provider=_login(connection),
        ssl_context=_tls(resolved(connection.properties)),
        connect_timeout=CONNECT_TIMEOUT_S,
        control_connection_timeout=CONNECT_TIMEOUT_S,
        protocol_version=5,
    )


def _login(connection: CassandraConnection) -> PlainTextAuthProvider | None:
    """The login, when there is one, its secrets read now."""
    if connection.username is None:
        return None
    return PlainTextAuthProvider(value_of(connection.username), value_of(connection.password or ""))


def _tls(properties: Mapping[str, str]) -> ssl.SSLContext | None:
    """TLS with the given authority and certificate, host names checked; None without `ssl.cafile`."""
    if "ssl.cafile" not in properties:
        return None
    context = ssl.create_default_context(cafile=properties["ssl.cafile"])
    if "ssl.certfile" in properties:
        context.load_cert_chain(properties["ssl.certfile"], properties.get("ssl.keyfile"))
    return context


def _reason(error: Exception) -> str:
    """The driver's message, or what each address said."""
    answers = getattr(error, "errors", None)
    if isinstance(answers, dict) and answers:
        return "; ".join(f"{host}: {answer}" for host, answer in answers.items())
    return str(error)
