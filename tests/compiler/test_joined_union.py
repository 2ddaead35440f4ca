"""Unions of sources with structs and lists whose rows look up a dimension, on DuckDB, against a loop over all rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_lookups import relation_of
from headrace.compiler.duckdb_point_in_time import evidence_sql, point_in_time_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import judged_sql
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import DimensionOptions, JobBindings, Legs, TileOptions
from headrace.compiler.lookups import dimensions_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.compiler.verdict import Verdict, reason
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.foreign import arrow_type
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import archive_fields
from headrace.features.load import load_views
from headrace.pipelines.local_dimensions import make_known
from headrace.pipelines.source_rows import archives, unite

from . import joined_union
from .joined_union import BASE, HOUR, MINUTE, UNTIL, Row

FILE = Path(joined_union.__file__)
PLAN = plan_view(joined_union.CardSales.view)
CARDS = ("x", "y", "z", "nobody")
INSTANTS = (BASE, BASE - 20 * MINUTE, BASE - HOUR + 1)


def table(source: SourcePlan, rows: list[Row]) -> pa.Table:
    """Rows as the archive of a source."""
    schema = pa.schema([(field.name, arrow_type(field)) for field in archive_fields(source.columns)])
    return pa.Table.from_pylist(rows, schema=schema)


def opened(rows: list[Row], shops: list[Row]) -> duckdb.DuckDBPyConnection:
    """A database with the rows of both sources as `archive`, and the dimension."""
    connection = in_utc()
    for number, (name, part) in enumerate(zip(archives(PLAN.source), PLAN.source.parts, strict=True)):
        connection.register(name, table(part, [row for row in rows if row["_member"] == number]))
    unite(connection, PLAN.source)
    (dimension,) = dimensions_of(PLAN)
    connection.register(relation_of("Shops"), table(dimension, shops))
    make_known(connection, "Shops", UNTIL)
    return connection


@pytest.mark.parametrize("seed", range(4))
def test_each_row_is_judged_by_its_source_then_by_the_union_then_by_the_dimension(seed: int) -> None:
    rows = joined_union.rows(seed)
    query = f"SELECT _src_offset, _verdict, {DUCKDB.emit(reason(PLAN))} FROM ({judged_sql(PLAN, 'archive')})"
    found = opened(rows, joined_union.versions(seed)).execute(query).fetchall()
    assert {offset: why for offset, _, why in found} == {row["_src_offset"]: joined_union.reason(row) for row in rows}
    counts = Counter(Verdict(code).label for _, code, _ in found)
    assert counts == Counter(joined_union.verdicts(rows))


def test_every_fault_and_every_look_up_is_among_the_random_rows() -> None:
    rows = [row for seed in range(4) for row in joined_union.rows(seed)]
    shops = joined_union.versions(0)
    assert len({joined_union.reason(row) for row in rows}) == 6
    assert min(joined_union.verdicts(rows).values()) > 10
    for member in (joined_union.PAYMENTS, joined_union.ORDERS):
        own = [joined_union.filled(row) for row in joined_union.counting(rows) if row["_member"] == member]
        assert {None, "food", "fuel"} == {joined_union.seen(shops, row)["kind"] for row in own}


@pytest.mark.parametrize("seed", range(4))
def test_values_of_a_joined_union_equal_a_loop_over_its_rows(seed: int) -> None:
    rows, shops = joined_union.rows(seed), joined_union.versions(seed)
    connection = opened(rows, shops)
    asking = [(card, at_us) for card in CARDS for at_us in INSTANTS]
    spine = [{"_row": number, "_t": at_us, "card": card} for number, (card, at_us) in enumerate(asking)]
    connection.register("spine", pa.Table.from_pylist(spine))
    (keys,) = key_sets(PLAN, tuple(AskedFeature(one.name, one) for one in PLAN.features))
    found = connection.sql(point_in_time_sql(keys, "spine", "archive")).order("_row").to_arrow_table().to_pylist()
    assert [row["_row"] for row in found] == list(range(len(asking)))
    for row, (card, at_us) in zip(found, asking, strict=True):
        for name in joined_union.ORACLE:
            wanted = joined_union.expected(rows, shops, name, card, at_us)
            assert row[name] == wanted, (name, card, at_us)


def test_the_rows_behind_a_value_have_their_topic_and_what_they_looked_up() -> None:
    rows, shops = joined_union.rows(1), joined_union.versions(1)
    connection = opened(rows, shops)
    connection.register("spine", pa.Table.from_pylist([{"_row": 0, "_t": BASE, "card": "x"}]))
    (keys,) = key_sets(PLAN, (AskedFeature("meals_1h", PLAN.feature("meals_1h")),))
    behind = connection.sql(evidence_sql(keys, keys.asked[0], "spine", "archive")).to_arrow_table().to_pylist()
    assert len(behind) == joined_union.expected(rows, shops, "meals_1h", "x", BASE) > 0
    assert {row["Shops.kind(shop)"] for row in behind} == {"food"}
    assert {row["_src_topic"] for row in behind} == set(joined_union.TIMES)


def test_a_plan_of_a_joined_union_comes_back_from_json() -> None:
    assert ViewPlan.from_json(PLAN.to_json()) == replace(PLAN)


def kept(lake: IcebergCatalog, source: SourcePlan, rows: list[Row]) -> dict[str, str]:
    """The options of a table with these rows, pinned."""
    made = lake.create_table("raw", source.name.lower(), archive_fields(source.columns))
    return {**lake.flink_options("raw", source.name.lower()), "snapshot-id": str(made.append(table(source, rows)))}


@pytest.mark.slow
def test_flink_keeps_of_a_refused_row_what_its_own_source_had(planner: Callable[[], Any], tmp_path: Path) -> None:
    rows, shops = joined_union.rows(5), joined_union.versions(5)
    lake = IcebergCatalog.sqlite("lake", tmp_path)
    own = [[row for row in rows if row["_member"] == number] for number in (0, 1)]
    legs = [Legs(kept(lake, part, of), None) for part, of in zip(PLAN.source.parts, own, strict=True)]
    (dimension,) = dimensions_of(PLAN)
    dimensions = {"Shops": DimensionOptions(kept(lake, dimension, shops), UNTIL)}
    tiles = {group.fingerprint: TileOptions(None, None) for group in PLAN.groups}
    job = flink_job(PLAN, JobBindings("p", "r", legs, tiles, dimensions=dimensions))
    environment = planner()
    for key, value in job.config.items():
        environment.get_config().set(key, value)
    for statement in job.statements:
        environment.execute_sql(statement)
    query = f"SELECT `_src_offset`, `_verdict`, {FLINK.emit(reason(PLAN))}, DECODE(`_raw`, 'UTF-8') FROM `judged`"
    with environment.execute_sql(query).collect() as results:
        found = {offset: (verdict, why, raw) for offset, verdict, why, raw in results}
    assert {offset: why for offset, (_, why, _) in found.items()} == {
        row["_src_offset"]: joined_union.reason(row) for row in rows
    }
    counts = Counter(Verdict(verdict).label for verdict, *_ in found.values())
    assert counts == Counter(joined_union.verdicts(rows))
    of = {row["_src_offset"]: row for row in rows}
    for offset, (_, why, raw) in found.items():
        if why == "terminal.model is missing":
            assert json.loads(raw)["terminal"] == of[offset]["terminal"]
        if why == "lines[].shop is missing":
            assert json.loads(raw)["lines"] == of[offset]["lines"]
        if why is None and joined_union.verdict(of[offset]) == "accepted":
            assert raw is None


CHANGED: list[tuple[str, str, bool]] = [
    ("    model: str\n", "    model: str\n    color: str | None\n", True),
    ("    model: str\n", "    model: str\n    color: str\n", False),
    ("    card: str | None\n    lines", "    card: str | None\n    note: str | None\n    lines", True),
    ("tx.lines[0].cents", "tx.lines[1].cents", False),
    ('    delay = "1m"', '    delay = "2m"', False),
    ('    allowed_lateness = "2h"', '    allowed_lateness = "3h"', False),
]


@pytest.mark.parametrize(("old", "new", "kept"), CHANGED)
def test_what_decides_about_rows_of_any_source_makes_another_version(
    old: str, new: str, kept: bool, tmp_path: Path
) -> None:
    text = FILE.read_text()
    assert text.count(old) == 1
    versions: list[Any] = []
    for name, written in (("old", text), ("new", text.replace(old, new))):
        (tmp_path / f"{name}.py").write_text(written)
        versions.append(plan_view(load_views(tmp_path / f"{name}.py").views["card_sales"]).version)
    assert (versions[0] == versions[1]) is kept
