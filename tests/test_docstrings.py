"""Every `>>>` example of the installed package is executed, found by walking the package and never by path."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import headrace

from .test_architecture import ROOMS

# The gate would be empty if the walk broke: the package has at least this many examples.
LEAST_EXAMPLES = 40


def modules() -> Iterator[str]:
    yield "headrace"
    for room in (f"headrace.{name}" for name in ROOMS):
        package = importlib.import_module(room)
        yield room
        for found in pkgutil.walk_packages(package.__path__, prefix=f"{room}."):
            yield found.name


@pytest.mark.parametrize("name", sorted(set(modules())))
def test_examples_of_module_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = sum(len(test.examples) for name in set(modules()) for test in finder.find(importlib.import_module(name)))
    assert found >= LEAST_EXAMPLES
    assert headrace.__doc__
