from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from headrace.compiler.plan import Column, Partial, TileGroup
from headrace.connectors.cassandra import CassandraConnection, CassandraSession, TileTable
from headrace.errors import ConnectorError, NotFoundError, SettingsError
from headrace.features.scalar import column
from headrace.runtime.settings import Settings

MINUTES = 60_000_000
FINEST = 5 * MINUTES
GROUP = TileGroup(
    "0a1b2c3d",
    (Column("shop", "str"), Column("customer", "int")),
    None,
    (FINEST, 12 * FINEST),
    (Partial("sum", "cents", column("cents", "int")), Partial("last", "weight", column("weight", "float"))),
    None,
)
KEY = ("a", 7)
COLUMNS = "shop, customer, level, tile_start, cell"


def test_an_unreachable_cluster_is_named_within_ten_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(ConnectorError, match=r"127\.0\.0\.1:9 \(datacenter 'dc1'\) did not answer"):
        CassandraConnection("127.0.0.1:9", "dc1", "features").session()
    assert time.monotonic() - began < 10


def test_options_for_flink_carry_the_login_and_repr_does_not() -> None:
    connection = CassandraConnection("db", "dc1", "k", "user", "file:/run/pw", {"basic.request.timeout": "5 s"})
    options = connection.flink_options("t")
    assert (options["password"], options["driver.basic.request.timeout"]) == ("file:/run/pw", "5 s")
    assert "/run/pw" not in repr(connection)


def test_a_session_without_its_secret_names_it() -> None:
    connection = CassandraConnection("127.0.0.1:9", "dc1", "k", "user", "env:HEADRACE_NOT_SET")
    with pytest.raises(SettingsError, match="secret env:HEADRACE_NOT_SET"):
        connection.session()


@pytest.fixture
def session(stack_settings: Settings) -> Iterator[CassandraSession]:
    settings = stack_settings.cassandra
    keyspace = f"test_{uuid.uuid4().hex[:8]}"
    connection = CassandraConnection(",".join(settings.contact_points), settings.local_datacenter, keyspace)
    with connection.session() as opened:
        opened.ensure_keyspace()
        yield opened
        opened.drop_keyspace()


@pytest.fixture
def table(session: CassandraSession) -> TileTable:
    session.create_tile_table("shops_g1", GROUP)
    return session.create_tile_table("shops_g1", GROUP)


def write(
    table: TileTable, start: int, n: int, cents: int | None, level: int = FINEST, key: tuple[str, int] = KEY
) -> None:
    keyspace = table.session.connection.keyspace
    text = f'INSERT INTO "{keyspace}"."{table.name}" ({COLUMNS}) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?'
    table.session.execute(text, [*key, level, start, (n, cents, 0.5, start, 0, n), start + n])


@pytest.mark.stack
def test_a_scan_sees_every_tile_once(table: TileTable) -> None:
    expected = set()
    for number in range(300):
        write(table, number % 5 * FINEST, 1, number, key=("s", number))
        expected.add(("s", number, FINEST, number % 5 * FINEST, number))
    rows = [row for page in table.scan() for row in page]
    assert {row[:4] + row[5:6] for row in rows} == expected
    assert len(rows) == 300
    assert table.scan_columns()[:6] == ("shop", "customer", "level", "tile_start", "n", "sum_cents")


@pytest.mark.stack
def test_what_is_missing_is_named(session: CassandraSession, table: TileTable) -> None:
    with pytest.raises(NotFoundError, match="did you mean 'shops_g1'"):
        session.tile_table("shops_g2", GROUP)
    session.drop_tile_table("shops_g1")
    session.drop_tile_table("shops_g1")
    assert session.tables() == []
    with pytest.raises(NotFoundError, match="shops_g1"):
        table.count()


@pytest.mark.stack
def test_a_wrong_datacenter_is_named(session: CassandraSession) -> None:
    wrong = CassandraConnection(session.connection.contact_points, "elsewhere", "k")
    with pytest.raises(ConnectorError, match="elsewhere"):
        wrong.session()
