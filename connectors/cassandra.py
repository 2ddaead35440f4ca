"""Cassandra: sessions, tile tables and their reads. The only file that imports cassandra-driver."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from cassandra import ConsistencyLevel, DriverException, InvalidRequest, OperationTimedOut, RequestExecutionException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, ResultSet, Session
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import BoundStatement, PreparedStatement, tuple_factory

from headrace.compiler.plan import TileGroup
from headrace.connectors import cql
from headrace.connectors.closing import Closing
from headrace.connectors.secret import resolved, value_of
from headrace.connectors.wave import Response, Row, Wave
from headrace.errors import ConnectorError, NotFoundError, did_you_mean

DEFAULT_PORT = 9042
#: A first answer takes milliseconds; of the ten seconds until a clear error, five leave room for a second address.
CONNECT_TIMEOUT_S = 5.0
#: A read of a few dozen cells takes milliseconds; a schema change waits for every node.
REQUEST_TIMEOUT_S = 10.0
#: Reads under way at once: enough to keep a node's read threads (32 by default) busy, few enough not to overload it.
CONCURRENCY = 128
#: Rows in one page of a full scan: larger pages gain nothing, smaller ones pay for round trips (measured).
SCAN_PAGE_ROWS = 20_000
#: A full scan cuts the ring into this many ranges, two read at a time and few waiting: even progress, little memory.
SCAN_RANGES, SCAN_THREADS = 64, 2
#: A request of more than 4 KiB leaves the driver in pieces, of which the last would wait 40 ms for an acknowledgement.
AT_ONCE = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
UNREACHABLE = (NoHostAvailable, OperationTimedOut, TimeoutError)
T = TypeVar("T")


class Statement(NamedTuple):
    """The text of a statement and its values; `encoded` are those after them, in the bytes of the protocol already."""

    text: str
    values: Sequence[Any]
    encoded: tuple[bytes, ...] = ()


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


class CassandraSession(Closing):
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
        self._prepared: dict[str, PreparedStatement] = {}

    def close(self) -> None:
        """Close all connections."""
        self._cluster.shutdown()

    def execute(self, text: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, prepared when it has parameters, and return its rows."""
        if parameters:
            return self.execute_many(text, [parameters])[0]
        with self._translated():
            return list(self._session.execute(text))

    def execute_many(self, text: str, parameters: Sequence[Sequence[Any]]) -> list[list[Row]]:
        """Run one prepared statement for many parameters at once; returns the rows of each, in order."""
        return self.wave([Statement(text, values) for values in parameters])

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

    def wave(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run many prepared statements at once, at most `CONCURRENCY` under way; rows of each, in order."""
        return self.taking(statements, lambda _, rows: rows)

    def taking(self, statements: Sequence[Statement], take: Callable[[int, list[Row]], T]) -> list[T]:
        """The same, with what `take` makes of a statement's number and its rows in their place.

        It is called on the driver's own thread, as soon as the rows are there.
        """
        with self._translated():
            self._prepare(self._unprepared(statements))
            return self._start(statements, take).wait(REQUEST_TIMEOUT_S)

    async def taking_async(self, statements: Sequence[Statement], take: Callable[[int, list[Row]], T]) -> list[T]:
        """The same without holding up the event loop."""
        with self._translated():
            if unprepared := self._unprepared(statements):
                await asyncio.to_thread(self._prepare, unprepared)
            return await self._start(statements, take).wait_async(REQUEST_TIMEOUT_S)

    def _unprepared(self, statements: Sequence[Statement]) -> set[str]:
        """The texts that are not prepared yet."""
        return {statement.text for statement in statements} - self._prepared.keys()

    def _prepare(self, texts: Iterable[str]) -> None:
        """Prepare each text once a session: twice costs a round trip and a warning."""
        for text in texts:
            self._prepared[text] = self._session.prepare(text)

    def _start(self, statements: Sequence[Statement], take: Callable[[int, list[Row]], T]) -> Wave[T]:
        """Prepared statements on their way.

        They are prepared and bound before the first is sent: to prepare one on the driver's own thread would block that
        for ever, and what it binds there no answer can be read meanwhile.
        """
        bound = [self._bound(statement) for statement in statements]

        def send(number: int) -> Response:
            response: Response = self._session.execute_async(bound[number], timeout=None)
            return response

        return Wave(send, take, len(bound), CONCURRENCY)

    def _bound(self, statement: Statement) -> BoundStatement:
        """A prepared statement with its values."""
        bound: BoundStatement = self._prepared[statement.text].bind(statement.values)
        if statement.encoded:
            # The driver has marked them as not set.
            bound.values[len(statement.values) :] = statement.encoded
        return bound

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
    """The tile table of one group, read as a whole: for comparisons. `cassandra_tiles` serves from it.

    Cells are read field by field: the driver decodes plain columns in C, but a user-defined type in Python.
    """

    def __init__(self, session: CassandraSession, name: str, group: TileGroup) -> None:
        self.session = session
        self.name = name
        self.group = group
        self.fields = tuple(column.name for column in group.cell)
        self._statements = cql.TileStatements.of(session.connection.keyspace, name, group)

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
        sockopts=AT_ONCE,
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
