"""The pytest plugin: each expectation of a file `*.features.yaml` is a test.

Nothing but pytest is imported until there is such a file: every pytest run on a machine with headrace loads this.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.features.view import View
    from headrace.testing.tables import Expectation, FeatureTable
SUFFIX = ".features.yaml"
ENGINES = ("duckdb", "flink")
OPTION = "--headrace-engine"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that repeats tests of features on Flink."""
    help_ = "duckdb computes features; flink: Flink does too, in this process, and both must have the same values"
    parser.getgroup("headrace").addoption(OPTION, choices=ENGINES, default=ENGINES[0], help=help_)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to repeat tests on Flink, if that is asked for, until pytest ends."""
    if config.getoption(OPTION) == "duckdb":
        return
    from headrace.testing.on_flink import repeat_on_flink

    try:
        config.add_cleanup(repeat_on_flink())
    except HeadraceError as error:
        msg = f"{OPTION} flink: {error}"
        raise pytest.UsageError(msg) from error


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the tables of a view share a job."""
    tables = [item for item in session.items if isinstance(item, FeatureItem)]
    if not tables or session.config.getoption(OPTION) == "duckdb":
        return
    from headrace.compiler.build import plan_view
    from headrace.testing.repetition import repetitions

    for repetition in repetitions():
        for item in tables:
            repetition.announce(plan_view(item.view), item.table.inputs)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what another engine has done."""
    if config.getoption(OPTION) == "duckdb":
        return
    from headrace.testing.repetition import repetitions

    for repetition in repetitions():
        terminalreporter.write_line(repetition.summary())


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the tables of features."""
    return FeatureFile.from_parent(parent, path=file_path) if file_path.name.endswith(SUFFIX) else None


class WrongFeatureError(AssertionError):
    """A feature has another value than a table says; the message tells all."""


class FeatureFile(pytest.File):
    """A file with a table."""

    def collect(self) -> Iterator[FeatureItem]:
        """One test for each expectation."""
        from headrace.testing.tables import read_table, view_of

        try:
            table = read_table(self.path)
            view = view_of(self.path, table)
        except HeadraceError as error:
            raise self.CollectError(str(error)) from error
        for number, expectation in enumerate(table.expect):
            name = f"{number}-{expectation.at.isoformat()}"
            yield FeatureItem.from_parent(self, name=name, view=view, table=table, expectation=expectation)


class FeatureItem(pytest.Item):
    """One expectation of a table."""

    def __init__(self, view: View, table: FeatureTable, expectation: Expectation, **rest: Any) -> None:
        super().__init__(**rest)
        self.view = view
        self.table = table
        self.expectation = expectation

    def runtest(self) -> None:
        """Compute the view and compare."""
        from headrace.testing.tables import differences

        found = differences(self.view, self.table, self.expectation)
        if found:
            raise WrongFeatureError("\n".join(found))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Ours in words alone: a traceback through the test kit tells a user nothing."""
        if isinstance(excinfo.value, AssertionError | HeadraceError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where the test is."""
        return self.path, None, f"{self.path.name}: {self.name}"
