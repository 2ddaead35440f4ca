"""Flink inside this process: what it needs of the machine, and where it logs."""

from __future__ import annotations

from headrace.errors import PreflightError
from headrace.runtime.session import FlinkSession
from headrace.runtime.settings import Settings
from headrace.runtime.stack.java import find_java, jars_in
from headrace.runtime.stack.preflight import find_pyflink

FLINK_JARS = "flink"


def local_session(settings: Settings) -> FlinkSession:
    """A session whose jobs run in this process: no server is needed, but Java, PyFlink and our JARs are.

    Raises:
        PreflightError: one of these is missing.
    """
    try:
        find_pyflink()
        find_java()
        jars_in(settings.jars / FLINK_JARS)
    except PreflightError as error:
        msg = f"Flink cannot run here: {error}; `headrace doctor` checks all that it needs"
        raise PreflightError(msg) from error
    return FlinkSession(settings.jars / FLINK_JARS, settings.home / "logs")
