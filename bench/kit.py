"""What all sides of the backfill benchmark share: the view, the table of transactions, and how jobs are compiled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from headrace.bench.flink_run import keeping_nothing
from headrace.bench.rivals import Script
from headrace.bench.stack import Workbench
from headrace.bench.transactions import append
from headrace.compiler.build import plan_view
from headrace.compiler.flink_sql import CONFIG
from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import Field, archive_fields
from headrace.features.load import load_views
from headrace.pipelines.configuration import view_configuration
from headrace.pipelines.flink_duration import flink_text
from headrace.pipelines.tuning import tuned
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.legs import table_name_of

FEATURES = Path(__file__).with_name("views") / "cards.py"
#: Where the benchmark keeps Iceberg tables that are not the product's.
NAMESPACE = "bench"
# Often enough that a small job which keeps its output soon ends.
KEPT_INTERVAL = "1 s"


class CardsKit:
    """The view over card transactions, planned from its file, and the table that its history is in."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.platform = bench.platform
        self.plan: ViewPlan = plan_view(load_views(FEATURES).views["card_features"])

    @property
    def group(self) -> TileGroup:
        """The one tile group of the view."""
        (group,) = self.plan.groups
        return group

    @cached_property
    def history(self) -> IcebergTable:
        """The archive of transactions, created empty."""
        return self.platform.iceberg.create_table(*table_name_of(self.plan.source), self._columns)

    def grow(self, rows: int) -> None:
        """Append transactions until the archive has so many."""
        with self.bench.progress.step(f"write transactions up to {rows:,}"):
            for written in append(self.history, self.history.row_count(), rows):
                self.bench.progress.update(f"  {written:,} of {rows:,} rows")

    def prefix(self, rows: int) -> IcebergTable:
        """The first transactions as a table of their own, made on first use."""
        table = self.platform.iceberg.create_table(NAMESPACE, f"transactions_{rows}", self._columns)
        for _ in append(table, table.row_count(), rows):
            continue
        return table

    def output(self, name: str, columns: str) -> IcebergTable:
        """A table for a rival's output, all its columns whole numbers; the names are separated by commas."""
        return self.platform.iceberg.create_table(
            NAMESPACE, name, [Field(column, "bigint") for column in columns.split(", ")]
        )

    def options(self, table: IcebergTable) -> dict[str, str]:
        """The `WITH` options of a table at its newest snapshot."""
        return table.flink_options(table.refresh().current_snapshot_id())

    def measured_job(self, name: str, script: Script, options: Mapping[str, str] | None = None) -> JobSpec:
        """A rival's job under the options of a view's job, state saved as often, its output not kept by any commit.

        `options` are further ones.
        """
        return keeping_nothing(self._job(name, script, flink_text(tuned().checkpoint_us), options))

    def kept_job(self, name: str, script: Script, options: Mapping[str, str] | None = None) -> JobSpec:
        """A rival's job whose output is committed."""
        return self._job(name, script, KEPT_INTERVAL, options)

    @property
    def _columns(self) -> tuple[Field, ...]:
        return archive_fields(self.plan.source.columns)

    def _job(self, name: str, script: Script, interval: str, options: Mapping[str, str] | None) -> JobSpec:
        configuration = {**CONFIG, **self._configuration(interval), **(options or {})}
        return self.bench.runner.compile(name, script.statements, script.inserts, configuration)

    def _configuration(self, interval: str) -> Mapping[str, str]:
        flink = self.platform.settings.flink
        checkpointing = Checkpointing(flink.checkpoint_dir, flink.savepoint_dir, interval)
        return view_configuration(self.plan, checkpointing, tuned(), flink.configuration)
