"""`BackfillPipeline`: one view's job, over history and on into the live stream, with the seam at exact offsets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from headrace.compiler.flink_sql import FlinkJob, flink_job
from headrace.compiler.flink_tables import DimensionOptions, JobBindings, Legs, TileOptions
from headrace.compiler.lookups import dimensions_of
from headrace.compiler.plan import SourcePlan, TileGroup, ViewPlan, table_name
from headrace.connectors.foreign import ForeignVersion, shadow
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.iceberg_counts import sound_columns
from headrace.connectors.schema import (
    DEAD_LETTERS,
    LEDGER_NAMESPACE,
    OFFSET_TILES,
    fields_of,
    tile_fields,
)
from headrace.errors import CutoverError, SchemaMismatchError, UnsupportedError
from headrace.pipelines.configuration import view_configuration
from headrace.pipelines.flink_duration import flink_text
from headrace.pipelines.followed_dimensions import following, is_followed, refuse_unfollowed
from headrace.pipelines.foreign import foreign_version, refuse_other_version
from headrace.pipelines.pinned_dimensions import pinned_by_runs, pinned_dimensions, pins_of
from headrace.pipelines.tuning import FLUSH_INTERVAL, Tuning, knobs_for
from headrace.runtime.boundary import boundary_of, check_legs, history_leg, live_leg
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.cutover import Cutover, DimensionPin
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.legs import table_name_of
from headrace.runtime.platform import Platform

TILES_NAMESPACE = "tiles"
OFFSET_TILES_TABLE = "offset_tiles"
DEAD_LETTERS_TABLE = "dead_letters"
# Enough to keep two runs of one second apart.
RUN_SUFFIX_BYTES = 2


@dataclass(frozen=True)
class PreparedRun:
    """A run that is ready to be submitted: everything is checked, created, pinned and compiled."""

    run_id: str
    plan: ViewPlan
    generation: int
    tables: tuple[str, ...]
    cutover: Cutover
    sql: FlinkJob
    job: JobSpec


def create_ledger(iceberg: IcebergCatalog) -> None:
    """Create the tables of ledger and dead letters, which all runs share, unless they are there.

    Raises:
        SchemaMismatchError: another version of headrace made them, with other columns.
    """
    try:
        iceberg.create_table(LEDGER_NAMESPACE, OFFSET_TILES_TABLE, OFFSET_TILES)
        iceberg.create_table(LEDGER_NAMESPACE, DEAD_LETTERS_TABLE, DEAD_LETTERS)
    except SchemaMismatchError as error:
        msg = f"{error}; another version of headrace made this table: stop the runs that write to it, drop it, and "
        msg += "backfill their views with a higher --generation"
        raise SchemaMismatchError(msg) from error


class BackfillPipeline:
    """Runs one view over its history and on into its topic. Subclass it and override a step to change what it does.

    The steps, in order: `check_sources`, `create_tables`, `plan_cutover`, `build_job`, `compile`.

    Args:
        plan: the view.
        platform: where everything is.
        generation: which materialization of this definition; a higher one starts new tables beside the old.
        checkpoint_interval: how often state is saved and rows become visible in Iceberg, as a Flink duration; by
            default what the knobs come to.
        history_version: which version of a foreign table to read; by default the newest.

    Raises:
        SettingsError: the freshness cannot be met under the settings of Flink.
    """

    def __init__(
        self,
        plan: ViewPlan,
        platform: Platform,
        *,
        generation: int = 1,
        checkpoint_interval: str | None = None,
        history_version: int | None = None,
    ) -> None:
        self.plan = plan
        self.platform = platform
        self.generation = generation
        self.checkpoint_interval = checkpoint_interval
        self.history_version = history_version
        self.knobs = knobs_for(plan, platform.settings)
        self.run_id = new_run_id(plan.name)

    def prepare(self) -> PreparedRun:
        """Take every step up to, but not including, submission.

        Raises:
            NotFoundError: a topic, table or version does not exist.
            SchemaMismatchError: history and the declared source differ.
            UnsupportedError: a leg cannot be read with the meaning of the design, or a dimension not be followed.
            CutoverError: history and live do not meet, or the tables hold another version of a foreign history.
            JobError: Flink's planner refuses the job.
        """
        self.check_sources()
        self.create_tables()
        cutover = self.plan_cutover()
        sql = self.build_job(cutover)
        return PreparedRun(self.run_id, self.plan, self.generation, self.tables, cutover, sql, self.compile(sql))

    def check_sources(self) -> None:
        """All legs exist, with the declared columns and times by which the source's rules can be judged."""
        refuse_unfollowed(self.plan, self.platform.settings.flink.dimension_patience_s)
        for source, foreign in self.foreign.items():
            check_legs(self.platform, source, foreign)
            if foreign is not None:
                refuse_other_version(self.platform, self.tables, foreign.origin)

    def create_tables(self) -> None:
        """Keyspace, tile tables in both stores, and the tables of ledger and dead letters, unless they are there."""
        iceberg, cassandra = self.platform.iceberg, self.platform.cassandra
        create_ledger(iceberg)
        with cassandra.session() as store:
            store.ensure_keyspace()
            for group in self.plan.groups:
                store.create_tile_table(self.table(group), group)
        for group in self.plan.groups:
            iceberg.create_table(TILES_NAMESPACE, self.table(group), tile_fields(group.keys, group.cell))

    def plan_cutover(self) -> Cutover:
        """Pin and tag snapshots, and draw the boundary in every partition; over a union for each source."""
        boundaries = [self._boundary(part) for part in self.plan.source.parts]
        cutover = Cutover.over(boundaries, self._pin_dimensions())
        if all(part.topic is None and part.snapshot_id is None for part in cutover.parts):
            msg = f"view {self.plan.name}: history is empty and there is no live leg: nothing to read"
            raise CutoverError(msg)
        return cutover

    def build_job(self, cutover: Cutover) -> FlinkJob:
        """The job's SQL over this boundary."""
        iceberg = self.platform.iceberg
        bindings = JobBindings(
            project=self.platform.settings.project,
            run=self.run_id,
            legs=[self.legs(*each) for each in zip(self.plan.source.parts, cutover.parts, strict=True)],
            tiles={group.fingerprint: self.tile_options(group) for group in self.plan.groups},
            offset_tiles=iceberg.flink_options(LEDGER_NAMESPACE, OFFSET_TILES_TABLE) | {"write-parallelism": "1"},
            dead_letters=iceberg.flink_options(LEDGER_NAMESPACE, DEAD_LETTERS_TABLE) | {"write-parallelism": "1"},
            dimensions={pin.name: self.dimension_options(pin, cutover) for pin in cutover.dimensions},
        )
        return flink_job(self.plan, bindings)

    def compile(self, sql: FlinkJob) -> JobSpec:
        """The job as Flink's compiled plan."""
        flink = self.platform.settings.flink
        interval = self.checkpoint_interval or flink_text(self.tuning.checkpoint_us)
        checkpointing = Checkpointing(flink.checkpoint_dir, flink.savepoint_dir, interval)
        own = view_configuration(self.plan, checkpointing, self.tuning, flink.configuration)
        configuration = {**sql.config, **own}
        options = {**configuration, "parallelism.default": str(flink.parallelism)}
        plan = self.platform.session.compile(sql.statements, sql.inserts, options)
        return JobSpec(self.run_id, plan, sql.statements, configuration, flink.parallelism, self.knobs.recorded)

    def history_table(self, source: SourcePlan) -> IcebergTable | None:
        """The table that the job reads history from: the archive, or a shadow of the foreign version, made if needed.

        None without history.
        """
        foreign = self.foreign[source]
        if foreign is not None:
            return shadow(self.platform.iceberg, foreign, fields_of(source.columns), source.event_time)
        return self.platform.iceberg.load(*table_name_of(source)) if source.history is not None else None

    def legs(self, source: SourcePlan, cutover: Cutover) -> Legs:
        """Where the job reads the rows of one source, and which columns of its history are known to be sound."""
        return Legs(
            self.history_options(cutover), self.live_options(source, cutover), self.sound_columns(source, cutover)
        )

    def sound_columns(self, source: SourcePlan, cutover: Cutover) -> frozenset[str]:
        """The columns of which no value in the pinned snapshot breaks a rule: they are read for features alone."""
        if cutover.table is None or cutover.snapshot_id is None:
            return frozenset()
        return sound_columns(self.platform.iceberg.named(cutover.table), source.columns, cutover.snapshot_id)

    def history_options(self, cutover: Cutover) -> dict[str, str] | None:
        """The `WITH` options of history at the pinned snapshot; None when there is nothing archived."""
        return history_leg(self.platform, cutover)

    def dimension_options(self, pin: DimensionPin, cutover: Cutover) -> DimensionOptions:
        """The options of a dimension at its pinned snapshot; beside a live leg versions are followed from there on."""
        namespace, _, table = pin.table.rpartition(".")
        options = self.platform.iceberg.flink_options(namespace, table, pin.snapshot_id)
        dimension = next(one for one in dimensions_of(self.plan) if one.name == pin.name)
        followed = following(self.platform, dimension) if is_followed(self.plan, pin.name, cutover) else None
        return DimensionOptions(options, pin.until_us, self.platform.settings.flink.dimension_rows, followed)

    def live_options(self, source: SourcePlan, cutover: Cutover) -> dict[str, str] | None:
        """The `WITH` options of the topic from the boundary on; None without a live leg."""
        return live_leg(self.platform, source, cutover, self.run_id)

    def tile_options(self, group: TileGroup) -> TileOptions:
        """The `WITH` options of a group's tables in both stores."""
        name = self.table(group)
        return TileOptions(
            cassandra=self.platform.cassandra.flink_options(name) | {FLUSH_INTERVAL: flink_text(self.tuning.flush_us)},
            iceberg=self.platform.iceberg.flink_options(TILES_NAMESPACE, name),
        )

    def table(self, group: TileGroup) -> str:
        """The physical name of a group's tile table, the same in both stores."""
        return table_name(self.platform.settings.project, self.plan.name, group.fingerprint, self.generation)

    @property
    def tuning(self) -> Tuning:
        """What the knobs come to."""
        return self.knobs.tuning

    @property
    def tables(self) -> tuple[str, ...]:
        """The physical names of all tile tables, in the order of the plan's groups."""
        return tuple(self.table(group) for group in self.plan.groups)

    @cached_property
    def foreign(self) -> dict[SourcePlan, ForeignVersion | None]:
        """By source the version of a foreign history that this run reads, looked up once; None for an archive of ours.

        UnsupportedError where one version is named and the sources of a union are several.
        """
        parts, version = self.plan.source.parts, self.history_version
        if version is not None and len(parts) > 1:
            msg = f"view {self.plan.name}: version {version} of which history? {self.plan.source.name} is a union, of "
            msg += "which the newest are read"
            raise UnsupportedError(msg)
        return {part: foreign_version(self.platform, part, version) for part in parts}

    def _boundary(self, source: SourcePlan) -> Cutover:
        """The boundary between history and topic of one source."""
        return boundary_of(self.platform, source, self.history_table(source), self.foreign[source], self.run_id)

    def _pin_dimensions(self) -> tuple[DimensionPin, ...]:
        """The dimensions at their newest versions, or at those that this generation has; tagged."""
        found = pinned_by_runs(self.platform, self.tables) or pinned_dimensions(self.platform, self.plan)
        for name, pinned in found.items():
            pinned.table.tag(f"headrace-{self.run_id}-{name}", pinned.snapshot_id)
        return pins_of(found)


def new_run_id(view: str) -> str:
    """A new run's id: the view, the second in UTC (processing time), and four random hex digits."""
    return f"{view.replace('_', '-')}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(RUN_SUFFIX_BYTES)}"
