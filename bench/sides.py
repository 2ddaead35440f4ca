"""Our side: the product's own backfill, with the sinks that a measurement asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from headrace.bench.flink_run import keeping_nothing
from headrace.compiler.flink_sql import FlinkJob, flink_job
from headrace.compiler.flink_tables import JobBindings, Options, TileOptions
from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.pipelines.backfill import BackfillPipeline
from headrace.runtime.cutover import Cutover
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.platform import Platform

BLACKHOLE: Options = {"connector": "blackhole"}
Sinks = Callable[[TileGroup], TileOptions]


class BackfillInto(BackfillPipeline):
    """A backfill whose tiles go to the given sinks, and whose ledger and dead letters are made, into blackholes.

    Args:
        plan: the view.
        platform: where everything is.
        sinks: the sinks of a tile group.
    """

    def __init__(self, plan: ViewPlan, platform: Platform, sinks: Sinks) -> None:
        super().__init__(plan, platform)
        self.sinks = sinks

    def create_tables(self) -> None:
        """The table of each group in Cassandra; whether it is written to is for the sinks to say."""
        with self.platform.cassandra.session() as store:
            store.ensure_keyspace()
            for group in self.plan.groups:
                store.create_tile_table(self.table(group), group)

    def build_job(self, cutover: Cutover) -> FlinkJob:
        """The job's SQL over the pinned snapshot."""
        bindings = JobBindings(
            project=self.platform.settings.project,
            run=self.run_id,
            legs=[replace(self.legs(self.plan.source, cutover), live=None)],
            tiles={group.fingerprint: self.sinks(group) for group in self.plan.groups},
            offset_tiles=BLACKHOLE,
            dead_letters=BLACKHOLE,
        )
        return flink_job(self.plan, bindings)

    def compile(self, sql: FlinkJob) -> JobSpec:
        """As the product compiles it, without a checkpoint at the end."""
        return keeping_nothing(super().compile(sql))


def into_blackhole(plan: ViewPlan, platform: Platform) -> BackfillInto:
    """Tiles go to the log's sink, behind which nothing is kept."""
    return BackfillInto(plan, platform, lambda group: TileOptions(None, BLACKHOLE))


def into_cassandra(plan: ViewPlan, platform: Platform) -> BackfillInto:
    """Tiles and each card's last event time go to Cassandra only."""

    def sinks(group: TileGroup) -> TileOptions:
        return TileOptions(platform.cassandra.flink_options(pipeline.table(group)), None)

    pipeline = BackfillInto(plan, platform, sinks)
    return pipeline
