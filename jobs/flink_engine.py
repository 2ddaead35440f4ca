"""Flink in this process, as the commands use it: what computes, and what serves of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from headrace.jobs.options import Options
from headrace.jobs.output import progress
from headrace.pipelines.flink_tiles import FlinkEngine
from headrace.runtime.local_flink import local_session
from headrace.serving.bulk import served_table

#: The exit status of a process that SIGTERM ended, as shells have it.
TERMINATED = 128 + signal.SIGTERM


@contextmanager
def flink_engine(options: Options) -> Iterator[FlinkEngine]:
    """The engine by the settings; PreflightError when this machine lacks what it needs.

    While the `with` lasts SIGTERM is an exit like any other, so that the job is cancelled and its folder removed.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield FlinkEngine(local_session(options.settings()), served_table, progress)
    finally:
        signal.signal(signal.SIGTERM, before)
