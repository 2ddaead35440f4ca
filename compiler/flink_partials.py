"""What a partial takes of a row in Flink SQL, and how the halves of an exact sum become one, however they are kept."""

from __future__ import annotations

from headrace.compiler.plan import Partial, TileGroup
from headrace.compiler.scalar_sql import text_literal

#: An integer is summed as it is and by its upper half, which is its quotient by this: of fewer than 2^31 integers the
#: two tell whether their sum leaves BIGINT (`HrSumOf`).
HALF = 1 << 32


def argument(group: TileGroup, partial: Partial) -> str:
    """The column of the group's members that holds what a partial aggregates."""
    return f"`{group.argument_columns[partial.argument.text()]}`"


def halves(x: str) -> tuple[str, str]:
    """What is summed of an integer, in the order in which `sum_of` takes the sums.

    >>> halves("`x`")
    ('`x`', '`x` / CAST(4294967296 AS BIGINT)')
    """
    return x, f"{x} / {bigint(HALF)}"


def sum_of(summed: str, upper: str, label: str) -> str:
    """The sum of integers out of the sums of their halves; it fails, naming the label, where it leaves BIGINT.

    >>> sum_of("`low`", "`high`", "spent")
    "HR_SUM_OF(`low`, `high`, 'spent')"
    """
    return f"HR_SUM_OF({summed}, {upper}, {text_literal(label)})"


def bigint(number: int) -> str:
    """An integer whose type is BIGINT, however small it is.

    >>> bigint(0)
    'CAST(0 AS BIGINT)'
    """
    return f"CAST({number} AS BIGINT)"
