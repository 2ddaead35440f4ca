"""Faults that are planted in `testing`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a test of features joins no versions",
        "testing/rows.py",
        "open_versions(connection, plan, inputs.dimensions)",
        "open_versions(connection, plan, {name: () for name in inputs.dimensions})",
        "tests/testing/test_test_kit.py::test_rows_see_the_versions_of_a_test",
    ),
    Mutant(
        "what follows the end of a source is read",
        "testing/rows.py",
        "        elif number + 1 < len(rows):",
        "        elif number + 2 < len(rows):",
        "tests/testing/test_test_kit.py::test_nothing_follows_the_end_of_a_source",
    ),
)
