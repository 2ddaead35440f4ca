"""Tables of other systems as the rows of a local run: values and verdicts are those of SQL over their files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field, archive_fields
from headrace.errors import NotFoundError, RequestError, SchemaMismatchError
from headrace.features.load import load_views
from headrace.jobs.inputs import given_or_history
from headrace.jobs.notebook import run
from headrace.pipelines.local_run import LocalRun, run_locally
from headrace.pipelines.store_fill import fill_store
from headrace.runtime.online_store import memory_store
from headrace.runtime.settings import load_settings

from ..commands import headrace  # noqa: TID252
from .rides import COLUMNS, FEATURES, ICEBERG_TYPES, SCHEMA, TIMES, Oracle, rides, wrong

ROOT = Path(__file__).resolve().parents[2]
JUDGED = 'arrival_time = "reported_at"'
ROWS = 800


class Yard:
    """A folder with a feature file, a catalog, and tables that another system writes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file, self.delta = folder, folder / "features.py", folder / "a place" / "rides"
        self.catalog = IcebergCatalog.sqlite("lake", folder)

    def plan(self, history: str, options: str = JUDGED) -> ViewPlan:
        self.file.write_text(FEATURES.replace("{history}", history).replace("{options}", options))
        return plan_view(load_views(self.file).views["city_rides"])

    def iceberg(self, *parts: pa.Table) -> IcebergTable:
        fields = [Field(one.name, ICEBERG_TYPES[one.name]) for one in SCHEMA]
        table = self.catalog.create_table("lake", "rides", fields)
        for part in parts:
            table.append(part)
        return table.refresh()

    def in_iceberg(self) -> tuple[str, list[str]]:
        """History in Iceberg as a declaration, and its files."""
        files = self.iceberg(rides(ROWS, seed=3), wrong()).files()
        return 'IcebergTable("lake.rides")', [file.removeprefix("file://") for file in files]

    def in_delta(self) -> tuple[str, list[str]]:
        """The same in a Delta table's folder."""
        for part in (rides(ROWS, seed=3), wrong()):
            write_deltalake(str(self.delta), part, mode="append")
        return f"DeltaTable({str(self.delta)!r})", sorted(map(str, self.delta.glob("*.parquet")))

    def at_a_url(self) -> tuple[str, list[str]]:
        """The same by the table's URL."""
        return f"DeltaTable({self.delta.as_uri()!r})", self.in_delta()[1]

    def run(self, plan: ViewPlan, given: str | None = None, **options: Any) -> LocalRun:
        rows = given_or_history(plan, [given] if given else None)
        return run_locally(plan, rows, self.catalog.named, **options)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def values(found: LocalRun) -> dict[str, dict[str, Any]]:
    (table,) = found.tables
    return {row["city"]: {name: row[name] for name in COLUMNS} for row in table.to_pylist()}


@pytest.mark.parametrize("write", [Yard.in_iceberg, Yard.in_delta, Yard.at_a_url])
def test_a_run_reads_the_table_of_another_system(yard: Yard, write: Callable[[Yard], tuple[str, list[str]]]) -> None:
    history, files = write(yard)
    plan, oracle = yard.plan(history), Oracle(files, judged=True)
    for at in TIMES:
        found = yard.run(plan, as_of=at, window_mode="tiled")
        assert values(found) == oracle.values(at), at
    assert {name: count for name, count in found.verdicts.items() if count} == oracle.verdicts()
    assert (found.reasons["city is missing"], found.reasons["arrival time is missing"]) == (1, 1)


def test_where_no_column_is_of_arrivals_no_row_of_another_systems_table_is_late(yard: Yard) -> None:
    history, files = yard.in_iceberg()
    plan, oracle = yard.plan(history, ""), Oracle(files, judged=False)
    found = yard.run(plan, as_of=TIMES[-1])
    assert values(found) == oracle.values(TIMES[-1])
    assert found.verdicts == {"late": 0, **oracle.verdicts()}


def test_a_named_table_of_another_system_is_read_in_place_of_history(yard: Yard) -> None:
    (_, files), (delta, more) = yard.in_iceberg(), yard.at_a_url()
    plan = yard.plan('IcebergTable("lake.nothing")')
    for given, oracle in (("lake.rides", Oracle(files, judged=True)), (yard.delta.as_uri(), Oracle(more, judged=True))):
        assert values(yard.run(plan, given, as_of=TIMES[1])) == oracle.values(TIMES[1]), given
    assert yard.run(yard.plan(delta), "lake.rides", sample=7).verdicts["accepted"] <= 7


def test_a_sample_is_of_the_first_rows_of_all_files(yard: Yard) -> None:
    yard.iceberg(*(rides(4, seed=7).slice(0, 4) for _ in range(3)), wrong())
    plan = yard.plan('IcebergTable("lake.rides")', "")
    for sample in (1, 6, 12):
        assert sum(yard.run(plan, sample=sample).verdicts.values()) == sample
    assert yard.run(plan, sample=12).verdicts["dead_letter"] == 0
    assert yard.run(plan, sample=100).verdicts["dead_letter"] == 7


def test_a_store_is_filled_from_the_table_of_another_system(yard: Yard) -> None:
    history, files = yard.in_iceberg()
    with memory_store() as store:
        filled = fill_store(yard.plan(history), "lake.rides", yard.catalog.named, store, project="p")
    assert {name: count for name, count in filled.verdicts.items() if count} == Oracle(files, judged=True).verdicts()


def test_the_command_takes_history_that_another_system_writes(yard: Yard) -> None:
    history, files = yard.in_iceberg()
    yard.plan(history)
    iceberg = {"catalog": yard.catalog.name, "properties": dict(yard.catalog.properties)}
    (yard.folder / "headrace.yaml").write_text(json.dumps({"iceberg": iceberg}))
    shown = headrace("--format", "json", "run", "features.py", "--as-of", TIMES[1].isoformat(), folder=yard.folder)
    counts = {row["city"]: row["express_1d"] for row in json.loads(shown.stdout)}
    oracle = Oracle(files, judged=True)
    assert counts == {city: row["express_1d"] for city, row in oracle.values(TIMES[1]).items()}
    assert f"{oracle.verdicts()['dead_letter']} dead_letter (arrival time is missing" in shown.stderr


@pytest.mark.slow
def test_flink_reads_the_table_of_another_system(yard: Yard) -> None:
    history, files = yard.in_iceberg()
    yard.plan(history)
    iceberg = {"catalog": yard.catalog.name, "properties": dict(yard.catalog.properties)}
    flags = {"home": str(yard.folder / "home"), "jars": str(ROOT / ".build/jars"), "iceberg": iceberg}
    settings, oracle = load_settings(flags=flags, environment={}), Oracle(files, judged=True)
    found = run(yard.file, engine="flink", as_of=TIMES[1], settings=settings)
    assert values(found) == oracle.values(TIMES[1])
    assert found.verdicts == oracle.verdicts()


def test_what_is_no_table_of_the_source_is_refused_by_name(yard: Yard) -> None:
    plan = yard.plan('IcebergTable("lake.rides")')
    yard.iceberg()
    with pytest.raises(NotFoundError, match=r"Rides: Iceberg table lake\.rides is empty: nothing to read"):
        yard.run(plan)
    write_deltalake(str(yard.folder / "none"), rides(10, seed=1).slice(0, 0))
    with pytest.raises(RequestError, match="no row of Rides is accepted"):
        yard.run(plan, str(yard.folder / "none"))
    write_deltalake(str(yard.folder / "other"), rides(10, seed=1).drop(["cents", "weight"]))
    missing = "Delta table .*other/ version 0: column cents: expected bigint, found none; column weight: .* none"
    with pytest.raises(SchemaMismatchError, match=missing):
        yard.run(plan, str(yard.folder / "other"))
    with pytest.raises(NotFoundError, match="no Delta table at /nowhere"):
        yard.run(yard.plan("DeltaTable('/nowhere')"))
    position = archive_fields(plan.source.columns)[-6:]
    yard.catalog.create_table("lake", "half", position)
    with pytest.raises(SchemaMismatchError, match=r"Iceberg table lake\.half: column ride_id: .* found none"):
        yard.run(plan, "lake.half")
