"""Flink in this process, as the commands use it: what computes, and what serves of it."""

from __future__ import annotations

from headrace.jobs.options import Options
from headrace.pipelines.flink_tiles import FlinkEngine
from headrace.runtime.local_flink import local_session
from headrace.serving.bulk import served_table


def flink_engine(options: Options) -> FlinkEngine:
    """The engine by the settings; PreflightError when this machine lacks what it needs."""
    return FlinkEngine(local_session(options.settings()), served_table)
