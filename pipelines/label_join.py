"""`LabelJoinPipeline`: labels joined with logged features by Flink, over both histories, into Iceberg."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from headrace.compiler.flink_label_join import LabelBindings, label_job
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.flink_tables import Legs
from headrace.compiler.label_join import LabelJoinPlan
from headrace.compiler.plan import SourcePlan
from headrace.connectors.iceberg import IcebergTable
from headrace.errors import JobError
from headrace.pipelines.flink_answers import LOCAL
from headrace.pipelines.label_tables import claim_tables, counts_in, release_tables
from headrace.pipelines.local_labels import LabelCounts
from headrace.pipelines.pinned import pinned_history
from headrace.pipelines.training_set import PinnedHistory
from headrace.runtime.legs import table_name_of
from headrace.runtime.local_flink import local_session
from headrace.runtime.platform import Platform


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
            JobError: the tables are of another run, something else wrote to them meanwhile, or the job fails; nothing
                of it is committed then.
        """
        logged, labels = self.pin(self.plan.logged), self.pin(self.plan.labels)
        facts, letters = self.create_tables()
        try:
            self.run_job(self.build_job(logged, labels, facts, letters))
        except BaseException:
            self.release(facts, letters)
            raise
        self.check_alone(facts, letters)
        read = (history.table.row_count(history.snapshot_id) for history in (logged, labels))
        counts = self.count(facts.refresh(), letters.refresh(), *read)
        return LabelTables(facts, letters, counts)

    def pin(self, source: SourcePlan) -> PinnedHistory:
        """A history at its newest snapshot."""
        return pinned_history(self.platform, source, f"label join {self.plan.name}")

    def create_tables(self) -> tuple[IcebergTable, IcebergTable]:
        """The tables of facts and of dead letters, created for this run alone: another one would tell each fact again.

        Of two runs at once one creates the first table, which then names it; the other finds a table of another run.
        """
        return claim_tables(self.platform, self.plan, uuid4().hex)

    def release(self, *tables: IcebergTable) -> None:
        """Drop the tables of a run that failed, unless something was committed to them."""
        release_tables(self.platform, *tables)

    def check_alone(self, *tables: IcebergTable) -> None:
        """Refuse tables to which anything but one job wrote.

        Raises:
            JobError: there is such a table.
        """
        for table in tables:
            commits = table.refresh().flink_commits()
            jobs, others = {commit.job_id for commit in commits}, len(table.table.snapshots()) - len(commits)
            if len(jobs) + others > 1:
                msg = (
                    f"table {table.name}: expected the rows of this run alone, found {len(commits)} commits of "
                    f"{len(jobs)} Flink jobs and {others} of others; facts may be told twice: drop both tables of "
                    "this label join and run again"
                )
                raise JobError(msg)

    def build_job(
        self, logged: PinnedHistory, labels: PinnedHistory, facts: IcebergTable, letters: IcebergTable
    ) -> FlinkJob:
        """The job's SQL."""
        ours, theirs = (Legs(history.flink_options(), None) for history in (logged, labels))
        told, lost = facts.flink_options(), letters.flink_options()
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
        return counts_in(self.plan, facts, letters, (logged_read, labels_read))
