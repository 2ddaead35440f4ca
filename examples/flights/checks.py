"""What the demo asserts of the stores: online values equal the oracle's, and both stores hold the same tiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pandas as pd

from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.connectors.cassandra import CassandraSession
from headrace.connectors.iceberg import IcebergTable
from headrace.examples.flights.oracle import expected_features
from headrace.serving.online import OnlineStore

# How many differences an error shows: enough to see a pattern.
SHOWN = 5
# The newest version of every tile in the log.
_NEWEST_TILES = "SELECT * FROM log QUALIFY row_number() OVER (PARTITION BY {tile} ORDER BY n DESC) = 1"


@dataclass(frozen=True)
class Comparison:
    """How many things were compared, and the first of those that differ, in words."""

    compared: int
    differing: int
    examples: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.compared > 0 and self.differing == 0

    def __str__(self) -> str:
        shown = "".join(f"\n    {example}" for example in self.examples)
        return f"{self.compared:,} compared, {self.differing:,} differing{shown}"


def oracle(events: pd.DataFrame, positions: Mapping[int, tuple[int, int]]) -> duckdb.DuckDBPyConnection:
    """A database with the relation `events` that the oracle's SQL reads.

    Args:
        events: all events of the year.
        positions: partition and offset of each event's record, by the event's row number.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    placed = pd.DataFrame([positions[row] for row in range(len(events))], columns=["partition", "position"])
    connection.register("placed", pd.concat([events.reset_index(drop=True), placed], axis=1))
    connection.execute("CREATE TABLE events AS SELECT * FROM placed")
    return connection


def online_against_oracle(
    store: OnlineStore, plan: ViewPlan, database: duckdb.DuckDBPyConnection, at: datetime
) -> Comparison:
    """Every feature of every entity at one instant: as served, against the oracle."""
    expected = expected_features(database, at.isoformat())
    differences: list[str] = []
    compared = 0
    for group in plan.groups:
        features = [feature.name for feature in plan.features_of(group)]
        entities = list(expected[features[0]])
        for feature, entity, served in _served(store, plan.name, group, features, entities, at):
            compared += 1
            if served != expected[feature][entity]:
                differences.append(f"{feature} of {entity}: served {served!r}, expected {expected[feature][entity]!r}")
    return Comparison(compared, len(differences), tuple(differences[:SHOWN]))


def _served(
    store: OnlineStore,
    view: str,
    group: TileGroup,
    features: Sequence[str],
    entities: Sequence[tuple[str, ...]],
    at: datetime,
) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    names = [key.name for key in group.keys]
    rows = [dict(zip(names, entity, strict=True)) for entity in entities]
    answer = store.get_online_features([f"{view}:{feature}" for feature in features], rows, at=at)
    for entity, values in zip(entities, answer.rows, strict=True):
        for feature, found in zip(features, values, strict=True):
            yield feature, entity, found.value


def stores_against_each_other(session: CassandraSession, group: TileGroup, table: str, log: IcebergTable) -> Comparison:
    """Every tile of a group in Cassandra against the newest version of it in Iceberg, field by field."""
    cassandra = _cassandra_tiles(session, group, table)
    iceberg = _iceberg_tiles(log, group)
    wrong = [tile for tile in cassandra.keys() | iceberg.keys() if cassandra.get(tile) != iceberg.get(tile)]
    examples = [f"{tile}: Cassandra {cassandra.get(tile)!r}, Iceberg {iceberg.get(tile)!r}" for tile in wrong[:SHOWN]]
    return Comparison(len(cassandra.keys() | iceberg.keys()), len(wrong), tuple(examples))


def _cassandra_tiles(session: CassandraSession, group: TileGroup, table: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    width = len(group.keys) + 2
    pages = session.tile_table(table, group).scan()
    return {tuple(row[:width]): tuple(row[width:]) for page in pages for row in page}


def _iceberg_tiles(log: IcebergTable, group: TileGroup) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    tile = [*(key.name for key in group.keys), "level", "tile_start"]
    fields = [f"cell.{_quoted(field.name)}" for field in group.cell]
    with duckdb.connect() as connection:
        connection.register("log", log.refresh().relation(connection))
        columns = ", ".join(map(_quoted, tile))
        newest = _NEWEST_TILES.format(tile=columns)
        rows = connection.execute(f"SELECT {columns}, {', '.join(fields)} FROM ({newest})").fetchall()  # noqa: S608
    return {row[: len(tile)]: row[len(tile) :] for row in rows}


def _quoted(name: str) -> str:
    return f'"{name}"'
