"""As-of joins on random payments and versions, on DuckDB and on Flink itself, each against a loop over all versions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_lookups import relation_of
from headrace.compiler.duckdb_point_in_time import evidence_sql, point_in_time_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import judged_columns, judged_sql
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import DimensionOptions, Following, JobBindings, Legs, TileOptions
from headrace.compiler.lookups import dimensions_of, joins_of
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.compiler.scalar_sql import Dialect
from headrace.compiler.verdict import Verdict, reason
from headrace.connectors.duckdb_functions import create_functions
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import Field
from headrace.features.load import load_views
from headrace.pipelines.local_dimensions import make_known

from . import as_of
from .as_of import BASE, DAY, MERCHANTS, PAYMENTS, REGIONS, UNTIL, Row
from .test_flink_planner import BLACKHOLE, CASSANDRA, DATAGEN, explained

FILE = Path(__file__).parent / "as_of.py"
PLAN = plan_view(load_views(FILE).views["as_of"])
SHOPS = as_of.merchants(random.Random(1), 120)
PLACES = as_of.regions(random.Random(2), 60)
ROWS = as_of.payments(random.Random(3), 800)
Found = dict[int, tuple[Any, ...]]


def queries(dialect: Dialect) -> dict[str, str]:
    """By the feature's transformation, the SQL of what it makes of a row."""
    found = {}
    for feature in PLAN.features:
        group = PLAN.group(feature.group)
        scalar = group.partial(feature.partials[0]).argument if feature.partials else group.filter
        assert scalar is not None
        found[feature.transformation] = dialect.emit(scalar, "a label")
    return found


def select(dialect: Dialect, source: str) -> str:
    """Offset, verdict, reason and all values of each row."""
    columns = ["_src_offset", "_verdict"]
    values = [*(dialect.identifier(name) for name in columns), dialect.emit(reason(PLAN)), *queries(dialect).values()]
    return f"SELECT {', '.join(values)} FROM {source}"


def table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table of an archive."""
    return pa.Table.from_pylist(rows, schema)


def opened(rows: list[Row], shops: list[Row], places: list[Row]) -> duckdb.DuckDBPyConnection:
    """DuckDB with payments as `archive`, and both dimensions."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    create_functions(connection, PLAN)
    connection.register("archive", table(rows, PAYMENTS))
    for name, versions in {"Merchants": table(shops, MERCHANTS), "Regions": table(places, REGIONS)}.items():
        connection.register(relation_of(name), versions)
        make_known(connection, name, UNTIL[name])
    return connection


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with opened(ROWS, SHOPS, PLACES) as connection:
        yield connection


def assert_as_meant(found: Found) -> None:
    """Each row is there once, with its verdict, its reason, and what it sees."""
    assert len(found) == len(ROWS)
    names = list(queries(DUCKDB))
    for row in ROWS:
        verdict, why, *values = found[row["_src_offset"]]
        assert why == as_of.reason(row)
        assert verdict == (Verdict.ACCEPTED if why is None else Verdict.DEAD_LETTER)
        if why is None:
            assert dict(zip(names, values, strict=True)) == as_of.meant(row, SHOPS, PLACES), row


def test_the_events_meet_every_edge() -> None:
    """Versions of one time, in effect that very µs, one µs too late, and never; keys missing and unknown."""
    accepted = [row for row in ROWS if as_of.reason(row) is None]
    sights = [(row, as_of.meant(row, SHOPS, PLACES)) for row in accepted]
    edges = [row["ts"] - sight["valid_from"] - as_of.DELAY for row, sight in sights if sight["valid_from"] is not None]
    assert 0 in edges
    assert {version["valid_from"] for version in SHOPS} & {row["ts"] - as_of.DELAY + 1 for row in accepted}
    assert len({(one["merchant"], one["valid_from"]) for one in SHOPS}) < len(SHOPS)
    assert any(row["merchant"] and sight["valid_from"] is None for row, sight in sights)
    assert {"nobody", None} <= {row["merchant"] for row in accepted}
    assert len({as_of.reason(row) for row in ROWS}) == 4


def test_duckdb_sees_the_version_in_effect(duck: duckdb.DuckDBPyConnection) -> None:
    found = duck.execute(select(DUCKDB, f"({judged_sql(PLAN, 'archive')})")).fetchall()
    assert_as_meant({row[0]: tuple(row[1:]) for row in found})


@pytest.fixture(scope="module")
def on_flink(planner: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> Found:
    """All joins in one job, over dimensions in Iceberg."""
    lake = IcebergCatalog.sqlite("lake", tmp_path_factory.mktemp("as_of"))
    shops, places = kept(lake, "merchants", table(SHOPS, MERCHANTS)), kept(lake, "regions", table(PLACES, REGIONS))
    dimensions = {
        name: DimensionOptions(options, UNTIL[name], most_rows=len(SHOPS))
        for name, options in (("Merchants", shops), ("Regions", places))
    }
    return judged_by_flink(planner, lake, dimensions)


def judged_by_flink(planner: Callable[[], Any], lake: IcebergCatalog, dimensions: dict[str, DimensionOptions]) -> Found:
    """What a job of Flink makes of each payment."""
    archive = kept(lake, "payments", table(ROWS, PAYMENTS))
    tiles = {group.fingerprint: TileOptions(None, None) for group in PLAN.groups}
    job = flink_job(PLAN, JobBindings("p", "r", [Legs(archive, None)], tiles, dimensions=dimensions))
    environment = planner()
    environment.get_config().set("parallelism.default", "2")
    for key, value in job.config.items():
        environment.get_config().set(key, value)
    for statement in job.statements:
        environment.execute_sql(statement)
    with environment.execute_sql(select(FLINK, "`judged`")).collect() as results:
        return {row[0]: tuple(row)[1:] for row in results}


def kept(lake: IcebergCatalog, name: str, rows: pa.Table) -> dict[str, str]:
    """The options of a table with these rows, pinned; one file for each half of them."""
    types = {
        pa.string(): "string",
        pa.int64(): "bigint",
        pa.int32(): "int",
        pa.float64(): "double",
        pa.bool_(): "boolean",
    }
    types |= {pa.binary(): "binary", pa.date32(): "date", as_of.INSTANT: "timestamp"}
    made = lake.create_table("ref", name, [Field(one.name, types[one.type]) for one in rows.schema])
    for half in (rows.slice(0, rows.num_rows // 2), rows.slice(rows.num_rows // 2)):
        made.append(half)
    return {**lake.flink_options("ref", name), "snapshot-id": str(made.refresh().current_snapshot_id())}


@pytest.mark.slow
def test_flink_sees_the_version_in_effect(on_flink: Found) -> None:
    assert_as_meant(on_flink)


def followed(lake: IcebergCatalog, name: str, versions: list[Row], schema: pa.Schema) -> DimensionOptions:
    """A dimension in a table of others: pinned as an archive of the versions until a time, followed beyond it."""
    time, until = ("since" if "since" in schema.names else "valid_from"), BASE + DAY
    by_then = [one for one in versions if one[time] is not None and one[time] <= until]
    pinned = kept(lake, f"{name}_pinned", table(by_then, schema))
    sound = sorted(
        (one for one in versions if one["_error"] is None), key=lambda one: (one["_src_partition"], one["_src_offset"])
    )
    own = kept(lake, name, table(sound, schema).drop_columns([one for one, _ in as_of.POSITION]))
    del own["snapshot-id"]
    return DimensionOptions(pinned, until, following=Following(own, patience_s=60))


@pytest.mark.slow
def test_flink_sees_in_tables_that_it_follows_what_it_sees_in_archives(
    planner: Callable[[], Any], tmp_path: Path
) -> None:
    lake = IcebergCatalog.sqlite("lake", tmp_path)
    dimensions = {
        "Merchants": followed(lake, "merchants", SHOPS, MERCHANTS),
        "Regions": followed(lake, "regions", PLACES, REGIONS),
    }
    found = judged_by_flink(planner, lake, dimensions)
    names = list(queries(DUCKDB))
    assert len(found) == len(ROWS)
    for row in (row for row in ROWS if row["ts"] is not None):
        verdict, why, *values = found[row["_src_offset"]]
        assert (verdict, why) == (Verdict.ACCEPTED, None)
        assert dict(zip(names, values, strict=True)) == as_of.meant(row, SHOPS, PLACES), row


@pytest.mark.slow
def test_flink_looks_up_without_a_join_of_its_own(planner: Callable[[], Any]) -> None:
    tiles = {group.fingerprint: TileOptions(CASSANDRA, BLACKHOLE) for group in PLAN.groups}
    dimensions = dict.fromkeys(UNTIL, DimensionOptions({}))
    bindings = JobBindings("p", "r", [Legs(DATAGEN, None)], tiles, BLACKHOLE, BLACKHOLE, dimensions)
    text = explained(planner, flink_job(PLAN, bindings))
    assert "HR_AS_OF(" in text
    assert "Join(" not in text


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_and_versions_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    shuffled = [chance.sample(rows, len(rows)) for rows in (ROWS, SHOPS, PLACES)]
    with opened(*shuffled) as connection:
        found = connection.execute(select(DUCKDB, f"({judged_sql(PLAN, 'archive')})")).fetchall()
    assert_as_meant({row[0]: tuple(row[1:]) for row in found})


def test_features_and_their_evidence_see_the_same(duck: duckdb.DuckDBPyConnection) -> None:
    """Each payment is an entity, so what it adds is its value an instant later."""
    accepted = [row for row in ROWS if as_of.reason(row) is None]
    asking = {
        "_row": pa.array(range(len(accepted)), pa.int64()),
        "_t": pa.array([row["ts"] + 1 for row in accepted], pa.int64()),
        "id": pa.array([row["id"] for row in accepted], pa.int64()),
    }
    duck.register("spine", pa.table(asking))
    asked = tuple(AskedFeature(name, PLAN.feature(name)) for name in ("category_9d", "tier_9d"))
    (keys,) = key_sets(PLAN, asked)
    found = duck.sql(point_in_time_sql(keys, "spine", "archive")).order("_row").to_arrow_table()
    meant = [as_of.meant(row, SHOPS, PLACES) for row in accepted]
    assert found["category_9d"].to_pylist() == [one["category"] for one in meant]
    assert found["tier_9d"].to_pylist() == [one["tier"] for one in meant]
    behind = duck.sql(evidence_sql(keys, asked[0], "spine", "archive")).to_arrow_table()
    assert behind["Merchants.category(merchant)"].to_pylist() == [one["category"] for one in meant]


def test_a_join_is_made_once_for_each_key_whatever_reads_it() -> None:
    joins = {", ".join(key.text() for key in join.keys): join for join in joins_of(PLAN)}
    names = {by: join.dimension.name for by, join in joins.items()}
    assert names == {"merchant": "Merchants", "partner": "Merchants", "zip, country": "Regions"}
    assert judged_sql(PLAN, "archive").count("ASOF LEFT JOIN") == len(joins_of(PLAN)) == 3
    read = {lookup.value for lookup in joins["merchant"].lookups}
    assert read == {"category", "risk", "limit_cents", "valid_from", "open", "listed"}


def test_a_dimension_is_read_for_what_features_need() -> None:
    merchants, regions = sorted(dimensions_of(PLAN), key=lambda one: one.name)
    assert [one.name for one in merchants.columns] == [
        "category",
        "limit_cents",
        "listed",
        "merchant",
        "open",
        "risk",
        "valid_from",
    ]
    assert [one.name for one in regions.columns] == ["code", "land", "since", "tier"]


def test_a_plan_read_back_joins_the_same() -> None:
    assert ViewPlan.from_json(PLAN.to_json()) == PLAN


def test_what_judging_adds_can_be_taken_away_to_judge_again(duck: duckdb.DuckDBPyConnection) -> None:
    judged = f"(SELECT * EXCLUDE ({', '.join(judged_columns(PLAN))}) FROM ({judged_sql(PLAN, 'archive')}))"
    assert duck.sql(f"FROM {judged}").columns == duck.table("archive").columns


def test_an_event_at_the_end_of_what_is_known_is_answered_and_one_later_is_not() -> None:
    edge = BASE + 3 * DAY - 1
    rows = [as_of.payment(random.Random(late), late, edge + late) for late in range(3)]
    with opened(rows, SHOPS, PLACES) as connection:
        found = connection.execute(select(DUCKDB, f"({judged_sql(PLAN, 'archive')})")).fetchall()
    beyond = "event time is beyond what dimension {} is complete to"
    assert {row[0]: row[2] for row in found} == {0: None, 1: beyond.format("Regions"), 2: beyond.format("Merchants")}


def test_a_dimension_that_is_complete_to_every_time_answers_every_event() -> None:
    with opened(ROWS, SHOPS, PLACES) as connection:
        for name in UNTIL:
            make_known(connection, name, None)
        found = connection.execute(f"SELECT DISTINCT _verdict FROM ({judged_sql(PLAN, 'archive')})").fetchall()
    assert sorted(found) == [(Verdict.ACCEPTED,), (Verdict.DEAD_LETTER,)], "without a time a row is nothing still"
