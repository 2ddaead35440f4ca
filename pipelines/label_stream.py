"""`LabelStreamPipeline`: a label join as a job that goes on, over both histories and on into both topics."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from headrace.compiler.flink_label_join import LabelBindings, label_job
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.flink_tables import Legs
from headrace.compiler.label_join import LabelJoinPlan
from headrace.compiler.plan import SourcePlan
from headrace.connectors.foreign import ForeignVersion
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import CutoverError, DefinitionError
from headrace.features.duration import parse_duration
from headrace.features.source import SRC_TIMESTAMP
from headrace.pipelines.backfill import OFFSET_TILES_TABLE, create_ledger, new_run_id
from headrace.pipelines.configuration import MAX_PARALLELISM
from headrace.pipelines.flink_duration import flink_text
from headrace.pipelines.foreign import foreign_version, history_table
from headrace.pipelines.label_tables import FACTS, LETTERS, claim_tables, facts_table, letters_table, release_tables
from headrace.pipelines.lifecycle import keep_run
from headrace.registry.store import Run
from headrace.runtime.boundary import boundary_of, check_legs, history_leg, live_leg
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.cutover import Cutover
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.platform import Platform

#: The file of a run's folder that holds its plan.
PLAN_FILE = "label-join.json"
#: Facts are seen with the checkpoint that commits them; models that learn from labels are not in a hurry.
CHECKPOINT_INTERVAL = "10 s"
#: A topic that is in use is not silent for a minute, and a label that waits an hour can wait one more.
IDLE_AFTER = "1m"
#: Said instead of a duration: a partition in which nothing arrives holds back all missing labels.
NEVER = "never"


@dataclass(frozen=True)
class PreparedLabelRun:
    """A run that is ready to be submitted: everything is checked, created, pinned and compiled."""

    run_id: str
    plan: LabelJoinPlan
    cutover: Cutover
    sql: FlinkJob
    job: JobSpec


class LabelStreamPipeline:
    """Joins the labels of two sources, over history and on. Subclass it and override a step to change what it does.

    The steps, in order: `check_sources`, `create_tables`, `plan_cutover`, `build_job`, `compile`.

    Args:
        plan: the label join.
        platform: where everything is.
        checkpoint_interval: how often state is saved and facts become visible in Iceberg, as a Flink duration.
        idle_after: how long nothing is read from a partition until its watermark is that of the clock, such as `30s`,
            or `never`. By default a minute where rows arrive by Kafka's clock, and never where a column says when.

    Raises:
        DefinitionError: no source has a topic, or `idle_after` is no duration.
    """

    def __init__(
        self,
        plan: LabelJoinPlan,
        platform: Platform,
        *,
        checkpoint_interval: str = CHECKPOINT_INTERVAL,
        idle_after: str | None = None,
    ) -> None:
        self.plan = plan
        self.platform = platform
        self.checkpoint_interval = checkpoint_interval
        self.idle_us = None if idle_after in {None, NEVER} else parse_duration(str(idle_after))
        self.idle_after = idle_after
        self.run_id = new_run_id(plan.name)
        if all(source.live is None for source in self.sources):
            msg = (
                f"label join {plan.name}: neither source has a live leg, so nothing goes on; `headrace label-join run` "
            )
            raise DefinitionError(msg + "joins histories, as does LabelJoinPipeline on Flink")

    def prepare(self) -> PreparedLabelRun:
        """Take every step up to, but not including, submission; where one fails, no table refuses the next run.

        Raises:
            NotFoundError: a topic or table does not exist.
            SchemaMismatchError: history and the declared source differ, or a table of this join has other columns.
            UnsupportedError: a leg cannot be read with the meaning of the design.
            CutoverError: history and live do not meet.
            JobError: the tables are of another run, or Flink's planner refuses the job.
        """
        self.check_sources()
        tables = self.create_tables()
        try:
            cutover = self.plan_cutover()
            sql = self.build_job(cutover, *tables)
            return PreparedLabelRun(self.run_id, self.plan, cutover, sql, self.compile(sql))
        except BaseException:
            release_tables(self.platform, *tables)
            raise

    def check_sources(self) -> None:
        """All legs exist, with the declared columns and times by which the sources' rules can be judged."""
        for source in self.sources:
            check_legs(self.platform, source, self.foreign[source])

    def create_tables(self) -> tuple[IcebergTable, IcebergTable]:
        """The tables of facts and of dead letters, for this run alone, and that of the ledger, which all runs share."""
        create_ledger(self.platform.iceberg)
        return claim_tables(self.platform, self.plan, self.run_id)

    def plan_cutover(self) -> Cutover:
        """Pin and tag snapshots, and draw the boundary in every partition of both sources, logged rows first."""
        parts = [self.boundary(source) for source in self.sources]
        for source, part in zip(self.sources, parts, strict=True):
            if part.topic is None and part.snapshot_id is None:
                msg = (
                    f"label join {self.plan.name}: source {source.name} has an empty history and no live leg: nothing "
                )
                raise CutoverError(msg + "to read; fill its history first")
        return Cutover.over(parts)

    def boundary(self, source: SourcePlan) -> Cutover:
        """The boundary between history and topic of one source."""
        foreign = self.foreign[source]
        table = history_table(self.platform, source, foreign) if source.history is not None else None
        return boundary_of(self.platform, source, table, foreign, self.run_id)

    def build_job(self, cutover: Cutover, facts: IcebergTable, letters: IcebergTable) -> FlinkJob:
        """The job's SQL over this boundary."""
        logged, labels = (self.legs(*each) for each in zip(self.sources, cutover.parts, strict=True))
        ledger = self.platform.iceberg.flink_options(LEDGER_NAMESPACE, OFFSET_TILES_TABLE)
        lost, read = ({**options, "write-parallelism": "1"} for options in (letters.flink_options(), ledger))
        bindings = LabelBindings(self.run_id, logged, labels, facts.flink_options(), lost, None, read)
        return label_job(self.plan, bindings)

    def legs(self, source: SourcePlan, cutover: Cutover) -> Legs:
        """Where the job reads the rows of one source."""
        live = live_leg(self.platform, source, cutover, self.run_id)
        return Legs(
            history_leg(self.platform, cutover),
            None if live is None else {**live, **self.watermarks(source, cutover)},
        )

    def watermarks(self, source: SourcePlan, cutover: Cutover) -> dict[str, str]:
        """The options of a topic that say how its watermark comes to be.

        A subtask without a partition would have none for ever, so there are no more subtasks than partitions.
        """
        subtasks = min(self.platform.settings.flink.parallelism, len(cutover.partitions))
        idle_us = self.idle_us_of(source)
        idle = {} if idle_us is None else {"watermark.idle-after": flink_text(idle_us)}
        return {"scan.parallelism": str(subtasks), "watermark.delay": flink_text(source.max_delay_us), **idle}

    def idle_us_of(self, source: SourcePlan) -> int | None:
        """How long (µs) nothing is read of a partition of this source until its watermark is that of the clock."""
        if self.idle_after is not None:
            return self.idle_us
        return parse_duration(IDLE_AFTER) if source.arrival_time == SRC_TIMESTAMP else None

    def compile(self, sql: FlinkJob) -> JobSpec:
        """The job as Flink's compiled plan."""
        flink = self.platform.settings.flink
        checkpointing = Checkpointing(flink.checkpoint_dir, flink.savepoint_dir, self.checkpoint_interval)
        own = {"pipeline.max-parallelism": str(MAX_PARALLELISM), **flink.configuration}
        configuration = {**sql.config, **checkpointing.configuration, **own}
        options = {**configuration, "parallelism.default": str(flink.parallelism)}
        plan = self.platform.session.compile(sql.statements, sql.inserts, options)
        return JobSpec(self.run_id, plan, sql.statements, configuration, flink.parallelism)

    @property
    def sources(self) -> tuple[SourcePlan, SourcePlan]:
        """The source of the logged rows, and that of the labels."""
        return self.plan.logged, self.plan.labels

    @cached_property
    def foreign(self) -> dict[SourcePlan, ForeignVersion | None]:
        """By source the version of a foreign history that this run reads; None for an archive of ours."""
        return {source: foreign_version(self.platform, source) for source in self.sources}


def record_label_run(platform: Platform, prepared: PreparedLabelRun) -> Run:
    """Keep a prepared run: its plan, its tables, its boundary, and the job's files.

    Among runs it is of the view `labels.<name>`, a name that no view has, so that nothing is served from it.
    """
    plan, name = prepared.plan, facts_table(prepared.plan.name)
    run = Run(
        run=prepared.run_id,
        project=platform.settings.project,
        view=name,
        version=plan.version,
        cutover=json.loads(prepared.cutover.to_json()),
    )
    tables = {FACTS: name, LETTERS: letters_table(plan.name)}
    kept = keep_run(platform, run, tables, prepared.job, prepared.sql)
    (platform.run_folder(run.run) / PLAN_FILE).write_text(json.dumps(plan.to_dict(), indent=1), encoding="utf-8")
    return kept
