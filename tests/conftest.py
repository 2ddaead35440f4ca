"""What tests of several rooms share: one real stack for the session, started by the first test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from headrace.runtime.settings import Settings, load_settings
from headrace.runtime.stack.stack import Stack

ROOT = Path(__file__).resolve().parents[1]
#: Machines are shared: how long an example took says nothing of the code.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Where tests run in several processes, those of one file, which share what it sets up, run in one.

    All that need the stack run in one process, too: there is one stack.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "stack" if needs_stack(file) else file


@cache
def needs_stack(file: str) -> bool:
    """Whether tests of a file are marked as needing the stack."""
    path = ROOT / file
    return path.suffix == ".py" and "pytest.mark.stack" in path.read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Give tests to processes by file."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that has the stack and is not marked: it might run in another process, with a stack of its own."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and item.get_closest_marker("stack") is None:
            msg = f"{item.nodeid} needs the stack; mark it: @pytest.mark.stack"
            raise pytest.UsageError(msg)


def local_settings(home: Path) -> Settings:
    """Settings of a home of its own: nothing of the developer's environment or files gets in."""
    return load_settings(flags={"home": str(home), "stack": {"short_lived": True}}, environment={}, folder=home)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, Cassandra, Flink and an Iceberg catalog, on chosen ports; ends with the session, even a killed one."""
    running = Stack(local_settings(tmp_path_factory.mktemp("stack")), tied=True)
    try:
        running.up()
        yield running
    finally:
        running.down(erase=True)


@pytest.fixture(scope="session")
def stack_settings(stack: Stack) -> Settings:
    """The settings that reach the session's stack."""
    return stack.connected_settings()
