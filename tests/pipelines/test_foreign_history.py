"""Tables of other systems as history, on the real stack: values, ledger, versions, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
import pytest
from deltalake import DeltaTable, TableFeatures, write_deltalake

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.schema import Field, archive_fields
from headrace.errors import CutoverError, HeadraceError, NotFoundError, SchemaMismatchError, UnsupportedError
from headrace.features.load import load_views
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.ledger import Ledger, ledger_of
from headrace.pipelines.lifecycle import promote, record_run, resume, submit
from headrace.registry.store import Run
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings
from headrace.serving.online import OnlineStore

from .case import wait_until
from .rides import CITIES, COLUMNS, FEATURES, ICEBERG_TYPES, SCHEMA, TIMES, Oracle, rides, wrong

pytestmark = [pytest.mark.stack, pytest.mark.slow]

JUDGED = 'arrival_time = "reported_at"'


class Fleet:
    """A foreign table, views over it, and their runs: all of one test's own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        name = uuid4().hex[:8]
        changes = {
            "project": f"t{name}",
            "home": folder / "home",
            "cassandra": settings.cassandra.model_copy(update={"keyspace": f"k{name}"}),
            "flink": settings.flink.model_copy(update={"parallelism": 2}),
        }
        self.platform = Platform(settings.model_copy(update=changes))
        self.folder, self.delta, self.namespace = folder, str(folder / "a place" / "rides"), f"n{name}"

    def plan(self, options: str = JUDGED, history: str = "") -> ViewPlan:
        file = self.folder / "features.py"
        text = FEATURES.replace("{history}", history or f"DeltaTable({self.delta!r})").replace("{options}", options)
        file.write_text(text)
        return plan_view(load_views(file).views["city_rides"])

    def run(self, plan: ViewPlan, **options: Any) -> Run:
        """A whole run, from the first check to the end of its job."""
        prepared = BackfillPipeline(plan, self.platform, checkpoint_interval="1 s", **options).prepare()
        record_run(self.platform, prepared)
        return self.finish(submit(self.platform, prepared.run_id))

    def finish(self, run: Run) -> Run:
        job = str(run.job_id)
        wait_until(lambda: self.platform.flink.job(job).is_over)
        assert self.platform.flink.job(job).state == "FINISHED", self.platform.flink.root_exception(job)
        return run

    def online(self, at: datetime) -> dict[str, dict[str, Any]]:
        with self.platform.cassandra.session() as session:
            store = OnlineStore(self.platform.settings.project, self.platform.registry, CassandraTiles(session))
            features = [f"city_rides:{name}" for name in COLUMNS]
            answer = store.get_online_features(features, [{"city": city} for city in CITIES], at=at)
            rows = [[value.value for value in row] for row in answer.rows]
            return {city: dict(zip(COLUMNS, row, strict=True)) for city, row in zip(CITIES, rows, strict=True)}

    def assert_equal(self, run: Run, oracle: Oracle) -> Ledger:
        """Ledger and online values are those of the oracle."""
        ledger = ledger_of(self.platform, run.run)
        assert ledger.holds, ledger.to_text()
        found = {"accepted": ledger.accepted, "late": ledger.late, "dead_letter": ledger.dead_lettered}
        assert {name: rows for name, rows in found.items() if rows} == oracle.verdicts()
        for at in TIMES:
            assert self.online(at) == oracle.values(at)
        return ledger

    def close(self) -> None:
        with self.platform.cassandra.session() as session:
            session.drop_keyspace()


def files_of(uri: str, version: int) -> list[str]:
    """The data files of a version, by Delta's own list and not by ours."""
    table = DeltaTable(uri, version=version)
    root = Path(unquote(table.table_uri.removeprefix("file://")))
    return sorted(str(root / unquote(path)) for path in pa.table(table.get_add_actions())["path"].to_pylist())


@pytest.fixture
def fleet(stack_settings: Settings, tmp_path: Path) -> Iterator[Fleet]:
    """Three versions: two appends, then rows deleted whose files are still in the folder."""
    found = Fleet(stack_settings, tmp_path)
    write_deltalake(found.delta, rides(2_000, seed=1), partition_by=["city"])
    write_deltalake(found.delta, rides(2_000, seed=2), mode="append")
    write_deltalake(found.delta, wrong(), mode="append")
    DeltaTable(found.delta).delete("cents > 4000 AND city = 'ams'")
    try:
        yield found
    finally:
        found.close()


def test_a_pinned_version_of_a_delta_table_is_history(fleet: Fleet) -> None:
    plan = fleet.plan()
    first = fleet.run(plan, history_version=2)
    assert first.cutover["origin"] == {
        "kind": "delta",
        "name": f"file://{fleet.delta}/".replace(" ", "%20"),
        "version": 2,
    }
    ledger = fleet.assert_equal(first, Oracle(files_of(fleet.delta, 2), judged=True))
    rows = 2 * rides(2_000, seed=1).num_rows + wrong().num_rows
    assert (ledger.read, ledger.dead_lettered, [line.history for line in ledger.partitions]) == (rows, 8, [rows])

    with pytest.raises(CutoverError, match=r"holds Delta table .* version 2 .* found .* version 3.*--generation 2"):
        fleet.run(plan)
    planned = BackfillPipeline(plan, fleet.platform, generation=2, history_version=2).prepare()
    record_run(fleet.platform, planned)
    second = fleet.run(plan, generation=2)
    with pytest.raises(CutoverError, match=r"generation 2 .* holds Delta table .* version 3 .* found .* version 2"):
        resume(fleet.platform, planned.run_id)
    promote(fleet.platform, "city_rides", plan.version, generation=2)
    newest = fleet.assert_equal(second, Oracle(files_of(fleet.delta, 3), judged=True))
    assert newest.read < ledger.read


def test_a_foreign_iceberg_table_is_history_and_without_arrival_times_nothing_is_late(fleet: Fleet) -> None:
    fields = [Field(one.name, ICEBERG_TYPES[one.name]) for one in SCHEMA]
    table = fleet.platform.iceberg.create_table(fleet.namespace, "rides", fields)
    first = table.append(rides(1_000, seed=3))
    table.append(wrong())
    plan = fleet.plan(options="", history=f'IcebergTable("{fleet.namespace}.rides")')
    newest = fleet.run(plan)
    ledger = fleet.assert_equal(newest, Oracle(local(table.files()), judged=False))
    assert (ledger.read, ledger.late, ledger.dead_lettered) == (rides(1_000, seed=3).num_rows + 8, 0, 7)
    assert newest.cutover["table"].startswith(f"shadows.{fleet.namespace}_rides_")

    older = fleet.run(plan, generation=2, history_version=first)
    promote(fleet.platform, "city_rides", plan.version, generation=2)
    fleet.assert_equal(older, Oracle(local(table.files(first)), judged=False))


def local(files: list[str]) -> list[str]:
    return [file.removeprefix("file://") for file in files]


def test_what_is_no_history_is_refused_by_name(fleet: Fleet, tmp_path: Path) -> None:
    def refused(error: type[HeadraceError], says: str, plan: ViewPlan, **options: Any) -> None:
        with pytest.raises(error, match=says):
            BackfillPipeline(plan, fleet.platform, **options).prepare()

    whole = fleet.plan()
    refused(NotFoundError, "no version 17; the newest is 3", whole, history_version=17)
    refused(NotFoundError, "no Delta table at /nowhere", fleet.plan(history="DeltaTable('/nowhere')"))
    live = f'{JUDGED}; live = KafkaTopic("rides")'
    refused(UnsupportedError, "history in Delta .* no offsets to meet the topic 'rides' at", fleet.plan(options=live))
    write_deltalake(str(tmp_path / "other"), rides(10, seed=1).drop(["cents", "weight"]))
    missing = "Delta table .*other/ version 0: column cents: expected bigint, found none; column weight: .* none"
    refused(SchemaMismatchError, missing, fleet.plan(history=f"DeltaTable({str(tmp_path / 'other')!r})"))
    write_deltalake(str(tmp_path / "empty"), rides(10, seed=1).slice(0, 0))
    refused(CutoverError, "nothing to read", fleet.plan(history=f"DeltaTable({str(tmp_path / 'empty')!r})"))
    DeltaTable(fleet.delta).alter.add_feature(TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)
    refused(UnsupportedError, "uses deletionVectors, which is not supported", fleet.plan())


def test_a_version_of_an_archive_cannot_be_chosen(fleet: Fleet) -> None:
    fields = archive_fields(fleet.plan().source.columns)
    fleet.platform.iceberg.create_table(fleet.namespace, "archive", fields)
    plan = fleet.plan(history=f'IcebergTable("{fleet.namespace}.archive")')
    with pytest.raises(UnsupportedError, match="version 3 cannot be chosen: its history is no foreign table"):
        BackfillPipeline(plan, fleet.platform, history_version=3).prepare()
    with pytest.raises(CutoverError, match="history is empty and there is no live leg"):
        BackfillPipeline(plan, fleet.platform).prepare()
