"""The Flink options of a job: what a pipeline's knobs resolve to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.compiler.tiles import DAY_US

if TYPE_CHECKING:
    from headrace.compiler.plan import ViewPlan

#: How often a job saves its state, as a Flink duration: rows become visible in Iceberg so often, and so much is read
#: again after a failure.
CHECKPOINT_INTERVAL = "10 s"
# How long a job may lie still, or lag, before its state could have lost a tile that a late row still belongs to.
PERMITTED_LAG_US = DAY_US
# Flink's largest parallelism without a change of state layout; 128 divides well and is the default up to 85 subtasks.
MAX_PARALLELISM = 128
# A tile is written at most this often however many events it gets: the price is this much latency.
MINI_BATCH_LATENCY = "2 s"
# Rows that a mini-batch may hold; measured best for tiles on two cores among 5,000, 20,000 and 50,000.
MINI_BATCH_ROWS = 50_000
# A failed checkpoint is retried; a job whose storage is gone must not run for ever on an old one.
TOLERABLE_FAILED_CHECKPOINTS = 5


@dataclass(frozen=True)
class Checkpointing:
    """Where and how often a job's state is saved. `interval` is a Flink duration such as `10 s`."""

    folder: str
    savepoints: str
    interval: str

    @property
    def configuration(self) -> dict[str, str]:
        """As Flink options: exactly once, kept when the job is cancelled, so that it can be resumed."""
        return {
            "execution.checkpointing.dir": self.folder,
            "execution.checkpointing.savepoint-dir": self.savepoints,
            "execution.checkpointing.interval": self.interval,
            "execution.checkpointing.mode": "EXACTLY_ONCE",
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.tolerable-failed-checkpoints": str(TOLERABLE_FAILED_CHECKPOINTS),
        }


def archive_configuration(checkpointing: Checkpointing) -> dict[str, str]:
    """The options of an archive job."""
    return {**checkpointing.configuration, "pipeline.max-parallelism": str(MAX_PARALLELISM)}


def view_configuration(
    plan: ViewPlan, checkpointing: Checkpointing, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The options of a view's job; `extra` comes from the settings and wins."""
    return {
        **checkpointing.configuration,
        "pipeline.max-parallelism": str(MAX_PARALLELISM),
        # Most tiles are new when they are looked up: without the filter each costs a search of the files on disk, and a
        # backfill a quarter more processor time.
        "state.backend.rocksdb.use-bloom-filter": "true",
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": MINI_BATCH_LATENCY,
        "table.exec.mini-batch.size": str(MINI_BATCH_ROWS),
        "table.exec.state.ttl": f"{state_ttl_us(plan) // 1000} ms",
        **(extra or {}),
    }


def state_ttl_us(plan: ViewPlan) -> int:
    """How long a tile outlives its last event in state (processing time, µs), so that no late row finds it gone.

    Tiles of a lifetime, which stay open for years, have a time to live of their own in the job's SQL.
    """
    widest = max(group.rolling_levels_us[-1] for group in plan.groups)
    return widest + plan.allowed_lateness_us + PERMITTED_LAG_US
