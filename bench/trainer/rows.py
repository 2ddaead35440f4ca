"""Generated rows to learn from, in the files that each side reads: log-odds of a label, linear in ten numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEED = 20_261_123
NUMBERS = tuple(f"v{one}" for one in range(10))
LABEL = "failed"
#: The truth: log-odds = BIAS + SLOPES . numbers.
BIAS = -0.5
SLOPES = np.linspace(-1.0, 1.0, len(NUMBERS))
#: Numbers have so many decimals, so that as text they are short, and the same numbers.
DECIMALS = 4


def drawn_rows(rows: int) -> NDArray[np.float64]:
    """So many rows [rows, 11]: the numbers, then the label, 0 or 1.

    >>> drawn_rows(2).shape
    (2, 11)
    """
    random = np.random.default_rng(SEED)
    numbers = random.normal(size=(rows, len(NUMBERS))).round(DECIMALS)
    chance = 1 / (1 + np.exp(-(BIAS + numbers @ SLOPES)))
    return np.column_stack([numbers, random.random(rows) < chance])


def write_rows(rows: NDArray[np.float64], array: Path, text: Path) -> None:
    """The rows as an array of NumPy, and as lines of Vowpal Wabbit."""
    np.save(array, rows)
    with text.open("w", encoding="utf-8") as lines:
        lines.writelines(vowpal_line(row) for row in rows.tolist())


def vowpal_line(row: list[float]) -> str:
    """One row as Vowpal Wabbit reads it, its labels -1 and 1.

    >>> vowpal_line([0.5, -1.25, 1.0])
    '1 | v0:0.5 v1:-1.25\\n'
    """
    *numbers, label = row
    named = " ".join(f"v{place}:{number:g}" for place, number in enumerate(numbers))
    return f"{1 if label else -1} | {named}\n"
