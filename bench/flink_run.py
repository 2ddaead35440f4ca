"""Runs a bounded job on the stack's session cluster, to its end or to a limit, and measures it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from headrace.bench.measure import Measured, Meter, Watch, cpu_s
from headrace.bench.profile import Profile, sample
from headrace.errors import JobError
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.platform import Platform
from headrace.runtime.progress import Pace, Progress, bounded

# Often enough not to add to a run of seconds, seldom enough not to be a load.
POLL_S = 0.2
# The longest measured run takes about two minutes; one that takes ten is stuck.
STUCK_S = 600.0
#: A job whose sink keeps nothing has nothing to commit at its end: it need not wait for one more checkpoint, which
#: would add up to a whole interval to a run.
NO_LAST_CHECKPOINT = {"execution.checkpointing.checkpoints-after-tasks-finish.enabled": "false"}


@dataclass(frozen=True)
class FlinkRunner:
    """Compiles rivals as the product compiles its own jobs, runs both, and measures."""

    platform: Platform
    meter: Meter
    progress: Progress

    def compile(
        self, name: str, statements: Sequence[str], inserts: Sequence[str], configuration: Mapping[str, str]
    ) -> JobSpec:
        """SQL as a job, by the same road as a view's.

        Raises:
            JobError: the planner refuses it.
        """
        parallelism = self.platform.settings.flink.parallelism
        options = {**configuration, "parallelism.default": str(parallelism)}
        plan = self.platform.session.compile(statements, inserts, options)
        return JobSpec(name, plan, tuple(statements), configuration, parallelism)

    def run(self, spec: JobSpec, rows: int) -> Measured:
        """Run a job to its end.

        Raises:
            JobError: it failed, or is stuck.
        """
        return self.started(lambda: self.platform.session.submit(spec), spec.name, rows)

    def started(self, start: Callable[[], str], name: str, rows: int) -> Measured:
        """`run` of a job that is started otherwise: `start` gives Flink's id of it, `name` is for people."""
        found = self.started_within(start, name, rows, STUCK_S)
        if found is None:
            msg = f"job {name} did not end within {STUCK_S:.0f} s; see `headrace stack logs flink`"
            raise JobError(msg)
        return found

    def run_within(self, spec: JobSpec, rows: int, limit_s: float) -> Measured | None:
        """Run a job; None when it takes more than so many seconds, and it is cancelled then.

        The wall-clock seconds are those of the job as the job manager counts them: without planning and submission.
        """
        return self.started_within(lambda: self.platform.session.submit(spec), spec.name, rows, limit_s)

    def started_within(self, start: Callable[[], str], name: str, rows: int, limit_s: float) -> Measured | None:
        """`run_within` of a job that is started otherwise: `start` gives Flink's id of it, `name` is for people."""
        flink, cassandra_s = Watch(self.meter.flink), cpu_s(self.meter.cassandra)
        flink_s = flink.cpu_s()
        job, begun, pace = start(), time.monotonic(), Pace()
        while not (status := self.platform.flink.job(job)).is_over:
            self._tell(name, job, rows, pace)
            flink.cpu_s()  # while Python's workers are there
            if time.monotonic() - begun > limit_s:
                self._end(job)
                return None
            time.sleep(POLL_S)
        if status.state != "FINISHED":
            msg = f"job {name} is {status.state}: {self.platform.flink.root_exception(job)}"
            raise JobError(msg)
        wall_s = status.duration_ms / 1000
        if wall_s > limit_s:
            return None
        return Measured(rows, wall_s, flink.cpu_s() - flink_s, cpu_s(self.meter.cassandra) - cassandra_s)

    def _tell(self, name: str, job: str, rows: int, pace: Pace) -> None:
        read = max((vertex.rows_in for vertex in self.platform.flink.progress(job)[:1]), default=0)
        self.progress.update(f"  {name}: {bounded(min(read, rows), rows, pace.of(read))}")

    def sampled(self, spec: JobSpec, after_s: float) -> Profile | None:
        """Run a job for so many seconds, sample it, and end it; None when it ended before."""
        job = self.platform.session.submit(spec)
        try:
            time.sleep(after_s)
            return sample(self.platform.flink, job, self.meter.flink)
        finally:
            self._end(job)

    def _end(self, job: str) -> None:
        """Cancel a job unless it is over, and wait until it is."""
        flink = self.platform.flink
        if not flink.job(job).is_over:
            flink.cancel(job)
        while not flink.job(job).is_over:
            time.sleep(POLL_S)


def keeping_nothing(spec: JobSpec) -> JobSpec:
    """The job without a checkpoint at its end, for sinks that need none."""
    return replace(spec, configuration={**spec.configuration, **NO_LAST_CHECKPOINT})
