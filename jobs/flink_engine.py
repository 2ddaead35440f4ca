"""Flink in this process, as the commands use it: what computes, and what serves of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.jobs.options import Options
from headrace.jobs.output import progress
from headrace.jobs.sigterm import ended_by_sigterm
from headrace.pipelines.flink_tiles import FlinkEngine
from headrace.runtime.local_flink import local_session
from headrace.serving.bulk import served_table


@contextmanager
def flink_engine(options: Options) -> Iterator[FlinkEngine]:
    """The engine by the settings, within `ended_by_sigterm`; PreflightError when this machine lacks what it needs."""
    with ended_by_sigterm():
        yield FlinkEngine(local_session(options.settings()), served_table, progress)
