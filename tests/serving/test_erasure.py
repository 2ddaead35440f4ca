"""Deletion of an entity: from every table that may hold it, in either store, and of no other entity."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra import CassandraConnection
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.tile_store import TileStore
from headrace.errors import NotFoundError, RequestError, SettingsError
from headrace.registry.store import Materialization, Registry, ViewVersion
from headrace.runtime.settings import Settings
from headrace.serving.erasure import Known, entity_tables, erase, known_of
from headrace.serving.online import OnlineStore

from .conftest import CountedTiles, Order, fill
from .test_online import HOUR, MINUTE, NOON

ENTITY = {"shop": "a", "customer": 7}


@pytest.fixture
def cassandra(stack_settings: Settings) -> Iterator[CassandraTiles]:
    settings = stack_settings.cassandra
    points, keyspace = ",".join(settings.contact_points), f"test_{uuid.uuid4().hex[:8]}"
    with CassandraConnection(points, settings.local_datacenter, keyspace).session() as opened:
        opened.ensure_keyspace()
        yield CassandraTiles(opened)
        opened.drop_keyspace()


@pytest.fixture(params=["tiles", pytest.param("cassandra", marks=pytest.mark.stack)])
def kept(request: pytest.FixtureRequest, plans: dict[str, ViewPlan]) -> TileStore:
    """A store in which two entities of each kind were seen."""
    made: TileStore = request.getfixturevalue(request.param)
    orders = [Order(shop, customer, 2_000, 1.0, NOON - MINUTE) for shop in "ab" for customer in (1, 2)]
    fill(made, plans["shops"], orders)
    return made


def test_an_erased_entity_is_unknown_and_others_keep_their_values(
    kept: TileStore, registry: Registry, plans: dict[str, ViewPlan], at: Callable[[int], datetime]
) -> None:
    plan, online = plans["shops"], OnlineStore("demo", registry, kept)
    names = [feature.name for feature in plan.features if [key.name for key in plan.keys_of(feature)] == ["shop"]]
    features, rows = [f"shops:{name}" for name in names], [{"shop": "a"}, {"shop": "b"}]
    before = online.get_online_features(features, rows, at=at(NOON)).rows
    tables = entity_tables(registry, "demo", "shops", {"shop": "a"})
    assert {table.name for table in tables} == {
        group.fingerprint for group in plan.groups if [key.name for key in group.keys] == ["shop"]
    }
    assert [known.last_event for known in known_of(kept, tables)] == [at(NOON - MINUTE)] * len(tables)
    erase(kept, tables)
    assert known_of(kept, tables) == [Known()] * len(tables)
    erased, other = online.get_online_features(features, rows, at=at(NOON)).rows
    assert {value.status.value for value in erased} == {"unknown_entity"}
    assert other == before[1]


def test_what_a_late_event_brings_back_is_known_and_erased_again(
    kept: TileStore, registry: Registry, plans: dict[str, ViewPlan], at: Callable[[int], datetime]
) -> None:
    """Of a tile before the erased ones nothing was deleted, and an older event is not the entity's newest."""
    tables, late = entity_tables(registry, "demo", "shops", {"shop": "a"}), NOON - 50 * HOUR
    erase(kept, tables)
    fill(kept, plans["shops"], [Order("a", 1, 2_000, 1.0, late)])
    assert [(known.last_event, known.newest_tile) for known in known_of(kept, tables)] == [
        (None, at(late // table.group.finest_us * table.group.finest_us)) for table in tables
    ]
    erase(kept, tables)
    assert known_of(kept, tables) == [Known()] * len(tables)


def test_tables_of_every_generation_are_meant_and_keys_of_two_columns(
    tiles: CountedTiles, registry: Registry, plans: dict[str, ViewPlan]
) -> None:
    plan = plans["shops"]
    again = {group.fingerprint: f"{group.fingerprint}_g2" for group in plan.groups}
    registry.add_materialization(Materialization("demo", "shops", plan.version, again, 2))
    both = entity_tables(registry, "demo", "shops", {"customer": "7", "shop": "a"})
    assert {table.name for table in both} == {
        name
        for group in plan.groups
        if {key.name for key in group.keys} == {"shop", "customer"}
        for name in (group.fingerprint, again[group.fingerprint])
    }
    assert all(dict(zip([key.name for key in table.group.keys], table.key, strict=True)) == ENTITY for table in both)


def test_tables_of_a_version_that_another_headrace_planned_are_meant_too(
    registry: Registry, plans: dict[str, ViewPlan]
) -> None:
    plan = {**plans["shops"].to_dict(), "more": 1}
    tables = {group.fingerprint: f"{group.fingerprint}_other" for group in plans["shops"].groups}
    registry.add_version(ViewVersion("demo", "shops", "0a1b2c3d", plan))
    registry.add_materialization(Materialization("demo", "shops", "0a1b2c3d", tables))
    names = {table.name for table in entity_tables(registry, "demo", "shops", {"shop": "a"})}
    assert {name for name in names if name.endswith("_other")} == {f"{name}_other" for name in names & tables.keys()}
    registry.add_version(ViewVersion("demo", "shops", "4e5f6071", {**plan, "groups": [{"more": 1}]}))
    registry.add_materialization(Materialization("demo", "shops", "4e5f6071", tables))
    with pytest.raises(SettingsError, match="version 4e5f6071: its tables are of another version of headrace"):
        entity_tables(registry, "demo", "shops", {"shop": "a"})


@pytest.mark.parametrize(
    ("view", "texts", "error", "why"),
    [
        ("shop", {"shop": "a"}, NotFoundError, "did you mean 'shops'"),
        ("shops", {"shops": "a"}, RequestError, "no features of an entity with keys shops; found "),
        ("shops", {"shop": "a", "customer": "x"}, RequestError, "key 'customer' is 'x'"),
    ],
)
def test_what_cannot_be_erased_is_refused(
    registry: Registry, view: str, texts: dict[str, str], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        entity_tables(registry, "demo", view, texts)
