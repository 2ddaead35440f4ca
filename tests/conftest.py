"""What tests of several rooms share: one real stack for the session, started by the first test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.runtime.settings import Settings, load_settings
from headrace.runtime.stack.stack import Stack


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
