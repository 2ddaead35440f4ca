"""A copy of the tree in which faults are planted, and the tests that are run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .link_tree import ROOT, link_tree
from .planted import Mutant

#: What a copy does not need: made by set-up and runs, or the history of the project.
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".build", ".headrace", ".typed", "target", "__pycache__", ".*_cache")
#: pytest's status when tests ran and some failed; any other tells of something else, such as a test that is not there.
TESTS_FAILED = 1
#: What `make setup` has built, which tests of jobs run with.
JARS = ".build/jars"


@dataclass(frozen=True)
class Copy:
    """A copy of the tree in a folder; `headrace` is imported from it."""

    tree: Path
    packages: Path

    @classmethod
    def of_tree(cls, folder: Path) -> Copy:
        """A copy in a folder that is empty or not there yet."""
        tree, packages = folder / "tree", folder / "packages"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        (tree / JARS).parent.mkdir()
        (tree / JARS).symlink_to(ROOT / JARS, target_is_directory=True)
        link_tree(tree, packages / "headrace")
        return cls(tree, packages)

    @contextmanager
    def planted(self, mutant: Mutant) -> Iterator[None]:
        """The copy with a fault in it. ValueError when the text that the fault is put for is not there once."""
        file = self.tree / mutant.file
        whole = file.read_text(encoding="utf-8")
        if whole.count(mutant.text) != 1:
            msg = f"{mutant.name}: {mutant.text!r} is {whole.count(mutant.text)} times in {mutant.file}"
            raise ValueError(msg)
        file.write_text(whole.replace(mutant.text, mutant.fault), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(whole, encoding="utf-8")

    def fails(self, *tests: str) -> bool:
        """Whether one of some tests fails. RuntimeError, with what was printed, when they do not run."""
        pytests = [test for test in tests if test.startswith("tests/")]
        junits = [test for test in tests if test not in pytests]
        return bool(pytests and self._pytest_fails(pytests)) or bool(junits and self._junit_fails(junits))

    def _pytest_fails(self, tests: Sequence[str]) -> bool:
        run = self._run([sys.executable, "-m", "pytest", "-x", *tests])
        if run.returncode not in (0, TESTS_FAILED):
            raise RuntimeError(run.stdout)
        return run.returncode == TESTS_FAILED

    def _junit_fails(self, tests: Sequence[str]) -> bool:
        module = ["-pl", "connectors/java", f"-Dmodule.build={self.packages.parent / 'java'}"]
        run = self._run(["mvn", "-q", "-B", *module, f"-Dtest={','.join(tests)}", "test"])
        if run.returncode and "There are test failures" not in run.stdout:
            raise RuntimeError(run.stdout)
        return run.returncode != 0

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """A command in the copy, without byte code: a fault may be as old, and as long, as what it stands for."""
        # Without the safe path the tree itself, which has a folder `headrace`, would come before the packages.
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.packages),
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            command,
            cwd=self.tree,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
