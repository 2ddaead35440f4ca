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
        if isinstance(excinfo.value, WrongFeatureError | HeadraceError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where the test is."""
        return self.path, None, f"{self.path.name}: {self.name}"
