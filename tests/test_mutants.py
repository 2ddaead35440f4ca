"""Planted faults: the list is true of the tree, and what plants them sees one that is caught and one that is not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from .link_tree import ROOT
from .planted import MUTANTS, Mutant
from .planting import Copy

#: The fault that is planted here; its test takes a second.
TAIL = next(mutant for mutant in MUTANTS if mutant.name == "the tail of a window is off by one tile")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_fault_has_its_place_and_a_test(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.text) == 1
    assert mutant.text != mutant.fault
    assert _is_there(mutant.caught_by)


def test_a_planted_fault_is_caught_and_the_tree_whole_again(tmp_path: Path) -> None:
    copy = Copy.of_tree(tmp_path)
    with copy.planted(TAIL):
        assert copy.fails(TAIL.caught_by)
    assert not copy.fails(TAIL.caught_by)


def test_a_fault_that_changes_nothing_is_not_caught(tmp_path: Path) -> None:
    copy = Copy.of_tree(tmp_path)
    with copy.planted(replace(TAIL, fault=f"{TAIL.text}  ")):
        assert not copy.fails(TAIL.caught_by)


def test_a_test_that_does_not_run_is_no_catch(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nothing_of_that_name"):
        Copy.of_tree(tmp_path).fails("tests/compiler/test_tiles.py::nothing_of_that_name")


def _is_there(test: str) -> bool:
    """Whether there is such a test, of pytest or of JUnit, or such a class or file of them."""
    path, _, name = test.partition("[")[0].replace("#", "::").partition("::")
    file = ROOT / path
    if not path.startswith("tests/"):
        (file,) = (ROOT / "connectors" / "java" / "src" / "test").rglob(f"{path}.java")
    found = re.findall(r"^ *(?:def|void) (\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    return name in found if name else bool(found)
