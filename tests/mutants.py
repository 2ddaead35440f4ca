"""`make mutants`: plants each fault in a copy of the tree and runs the test that must catch it.

A copy is whole before and after each fault, and each core has its own. First every named test must pass in one, or its
failing would say nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

from .planted import MUTANTS, Mutant
from .planting import Copy


def main(names: list[str]) -> int:
    """Plant the faults whose names contain one of `names`, or all; 1 when one is not caught."""
    chosen = [mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names)]
    with TemporaryDirectory(prefix="headrace-mutants-") as folder:
        copies = Copies(Path(folder), os.cpu_count() or 1)
        broken = copies.broken(sorted({mutant.caught_by for mutant in chosen}))
        for test in broken:
            print(f"fails without a fault: {test}")
        missed = 0 if broken else len(chosen) - sum(copies.caught(chosen))
    print(f"{0 if broken else len(chosen) - missed} caught, {missed} missed")
    return 1 if broken or missed or not chosen else 0


class Copies:
    """Copies of the tree, each of which is lent to one fault at a time."""

    def __init__(self, folder: Path, count: int) -> None:
        self._free: Queue[Copy] = Queue()
        self._count = count
        for number in range(count):
            self._free.put(Copy.of_tree(folder / str(number)))

    def broken(self, tests: Sequence[str]) -> list[str]:
        """The tests that fail without a fault. They are run together first, as they seldom do."""
        began = time.monotonic()
        with self._lent() as copy:
            fails = copy.fails(*tests)
            print(f"{len(tests)} tests without a fault ({time.monotonic() - began:.0f} s)", flush=True)
            return [test for test in tests if copy.fails(test)] if fails else []

    def caught(self, mutants: Sequence[Mutant]) -> Iterator[bool]:
        """Whether the test of each fault fails with it in, as many at once as there are copies."""
        with ThreadPoolExecutor(self._count) as pool:
            yield from pool.map(self._is_caught, mutants)

    def _is_caught(self, mutant: Mutant) -> bool:
        """Whether the test fails with the fault in; tells it."""
        began = time.monotonic()
        with self._lent() as copy, copy.planted(mutant):
            caught = copy.fails(mutant.caught_by)
        print(f"{'caught' if caught else 'MISSED':8}{mutant.name} ({time.monotonic() - began:.0f} s)", flush=True)
        return caught

    @contextmanager
    def _lent(self) -> Iterator[Copy]:
        copy = self._free.get()
        try:
            yield copy
        finally:
            self._free.put(copy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
