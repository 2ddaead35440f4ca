"""`make mutants`: plants each fault in a copy of the tree and runs the test that must catch it.

The copy is whole before and after each fault. First every named test must pass in it, or its failing would say nothing.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from .planted import MUTANTS, Mutant
from .planting import Copy


def main(names: list[str]) -> int:
    """Plant the faults whose names contain one of `names`, or all; 1 when one is not caught."""
    chosen = [mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names)]
    with TemporaryDirectory(prefix="headrace-mutants-") as folder:
        copy = Copy.of_tree(Path(folder))
        tests = sorted({mutant.caught_by for mutant in chosen})
        broken = [test for test in tests if copy.fails(test)]
        for test in broken:
            print(f"fails without a fault: {test}")
        missed = [] if broken else [mutant for mutant in chosen if not _is_caught(copy, mutant)]
    print(f"{len(chosen) - len(missed)} caught, {len(missed)} missed")
    return 1 if broken or missed or not chosen else 0


def _is_caught(copy: Copy, mutant: Mutant) -> bool:
    """Whether the test fails with the fault in; tells it."""
    began = time.monotonic()
    with copy.planted(mutant):
        caught = copy.fails(mutant.caught_by)
    print(f"{'caught' if caught else 'MISSED':8}{mutant.name} ({time.monotonic() - began:.0f} s)", flush=True)
    return caught


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
