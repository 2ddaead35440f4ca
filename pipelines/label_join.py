"""`LabelJoinPipeline`: labels joined with logged features by Flink, over both histories, into Iceberg."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.compiler.duckdb_label_join import counts_sql
from headrace.compiler.flink_label_join import LabelBindings, label_job, letters_of
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.flink_tables import Legs, Options
from headrace.compiler.label_join import LOGGED, LabelJoinPlan
from headrace.compiler.plan import SourcePlan
from headrace.connectors.duckdb_files import database
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import DEAD_LETTERS, fields_of
from headrace.errors import JobError
from headrace.pipelines.flink_answers import LOCAL
from headrace.pipelines.legs import table_name_of
from headrace.pipelines.local_labels import LabelCounts
from headrace.pipelines.pinned import pinned_history
from headrace.pipelines.training_set import PinnedHistory
from headrace.runtime.local_flink import local_session
from headrace.runtime.platform import Platform

#: Where the tables of label joins are.
NAMESPACE = "labels"


@dataclass(frozen=True)
class LabelTables:
    """What a run wrote: `labels.<name>` with the facts, `labels.<name>_dead_letters`, and what became of every row."""

    facts: IcebergTable
    dead_letters: IcebergTable
    counts: LabelCounts


class LabelJoinPipeline:
    """Joins the labels of two histories. Subclass it and override a step to change where or how the job runs.

    Args:
        plan: the label join.
        platform: where its tables are.

    Raises:
        DefinitionError: a source has no history in Iceberg.
    """

    def __init__(self, plan: LabelJoinPlan, platform: Platform) -> None:
        for source in (plan.logged, plan.labels):
            table_name_of(source)
        self.plan = plan
        self.platform = platform

    def run(self) -> LabelTables:
        """Join both histories as they are now, to their ends.

        Of a row whose wait is not over at the instant to which both are complete, no missing label is told.

        Raises:
            NotFoundError: there is no such history, or it was never written.
            SchemaMismatchError: a history or a table of this join has other columns.
            JobError: the tables hold a run already, or the job fails; nothing of it is committed then.
        """
        logged, labels = self.pin(self.plan.logged), self.pin(self.plan.labels)
        facts, letters = self.create_tables()
        self.run_job(self.build_job(logged, labels, facts, letters))
        read = (history.table.row_count(history.snapshot_id) for history in (logged, labels))
        counts = self.count(facts.refresh(), letters.refresh(), *read)
        return LabelTables(facts, letters, counts)

    def pin(self, source: SourcePlan) -> PinnedHistory:
        """A history at its newest snapshot."""
        return pinned_history(self.platform, source, f"label join {self.plan.name}")

    def create_tables(self) -> tuple[IcebergTable, IcebergTable]:
        """The tables of facts and of dead letters, empty: a second run would tell each fact again."""
        catalog = self.platform.iceberg
        facts = catalog.create_table(NAMESPACE, self.plan.name, fields_of(self.plan.facts))
        letters = catalog.create_table(NAMESPACE, f"{self.plan.name}_dead_letters", DEAD_LETTERS)
        for table in (facts, letters):
            if table.row_count():
                msg = f"table {table.name} holds {table.row_count():,} rows of an earlier run, which another one would "
                msg += "tell again; drop it, or give the label join another name"
                raise JobError(msg)
        return facts, letters

    def build_job(
        self, logged: PinnedHistory, labels: PinnedHistory, facts: IcebergTable, letters: IcebergTable
    ) -> FlinkJob:
        """The job's SQL."""
        ours, theirs = (
            Legs({**_options(history.table), "snapshot-id": str(history.snapshot_id)}, None)
            for history in (logged, labels)
        )
        told, lost = _options(facts), _options(letters)
        complete_us = min(logged.until_us, labels.until_us)
        return label_job(self.plan, LabelBindings(self.plan.name, ours, theirs, told, lost, complete_us))

    def run_job(self, job: FlinkJob) -> None:
        """Run the job to its end, in this process; a subclass may submit it and wait.

        Raises:
            PreflightError: this machine lacks what Flink needs.
            JobError: the job fails.
        """
        local_session(self.platform.settings).run(job.statements, job.inserts, {**job.config, **LOCAL})

    def count(self, facts: IcebergTable, letters: IcebergTable, logged_read: int, labels_read: int) -> LabelCounts:
        """What became of all rows, by the tables that were written."""
        ours = letters_of(self.plan, LOGGED)
        with database(f"label join {self.plan.name}") as connection:
            facts.relation(connection).create_view("facts")
            source = f"CASE view WHEN '{ours}' THEN 'logged' ELSE 'labels' END AS source, verdict"
            letters.relation(connection).project(source).create_view("letters")
            counts = connection.sql(counts_sql(self.plan, "facts", "letters"))
            (found,) = counts.to_arrow_table().to_pylist()
        return LabelCounts(logged_read=logged_read, labels_read=labels_read, **found)


def _options(table: IcebergTable) -> Options:
    """`WITH` options of a table."""
    namespace, _, name = table.name.rpartition(".")
    return table.catalog.flink_options(namespace, name)
