"""What the demo asserts of the stores: online values equal the oracle's, and both stores hold the same tiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.connectors.cassandra import CassandraSession, TileTable
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.iceberg import IcebergTable
from headrace.examples.flights.oracle import expected_features
from headrace.serving.online import OnlineStore

# How many differences an error shows: enough to see a pattern.
SHOWN = 5
# The newest version of every tile in the log.
_NEWEST_TILES = "SELECT * FROM log QUALIFY row_number() OVER (PARTITION BY {tile} ORDER BY n DESC) = 1"
# Tiles that either store has.
_TILES = "SELECT count(*) FROM (SELECT {tile} FROM iceberg UNION SELECT {tile} FROM cassandra)"
# Tiles that one store has and the other has not, or not with these values; NULL equals NULL.
_UNEQUAL = """
SELECT 'Cassandra', * FROM (FROM cassandra EXCEPT ALL FROM iceberg)
UNION ALL SELECT 'Iceberg', * FROM (FROM iceberg EXCEPT ALL FROM cassandra)
ORDER BY {tile}
"""


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
    connection = in_utc()
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
    with duckdb.connect() as connection:
        _load_iceberg(connection, log, group)
        _load_cassandra(connection, session.tile_table(table, group))
        tile = ", ".join(map(_quoted, _tile_columns(group)))
        compared = connection.execute(_TILES.format(tile=tile)).fetchall()[0][0]
        wrong = connection.execute(_UNEQUAL.format(tile=tile)).fetchall()
    return Comparison(compared, len({row[1 : 3 + len(group.keys)] for row in wrong}), tuple(map(str, wrong[:SHOWN])))


def _load_iceberg(connection: duckdb.DuckDBPyConnection, log: IcebergTable, group: TileGroup) -> None:
    """The newest version of every tile in the log, as the table `iceberg`."""
    columns = ", ".join(map(_quoted, _tile_columns(group)))
    fields = ", ".join(f"cell.{_quoted(field.name)}" for field in group.cell)
    connection.register("log", log.refresh().relation(connection))
    newest = _NEWEST_TILES.format(tile=columns)
    connection.execute(f"CREATE TABLE iceberg AS SELECT {columns}, {fields} FROM ({newest})")  # noqa: S608


def _load_cassandra(connection: duckdb.DuckDBPyConnection, tiles: TileTable) -> None:
    """Every tile in Cassandra, as the table `cassandra` of the same columns."""
    connection.execute("CREATE TABLE cassandra AS FROM iceberg LIMIT 0")
    schema = connection.table("cassandra").to_arrow_table().schema
    for page in tiles.scan():
        columns = zip(schema, zip(*page, strict=True), strict=True)
        connection.register("page", pa.table([pa.array(found, one.type) for one, found in columns], schema=schema))
        connection.execute("INSERT INTO cassandra FROM page")


def _tile_columns(group: TileGroup) -> list[str]:
    """What names a tile."""
    return [*(key.name for key in group.keys), "level", "tile_start"]


def _quoted(name: str) -> str:
    return f'"{name}"'
