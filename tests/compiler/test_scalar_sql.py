"""Scalars as SQL text, where both engines must agree to the letter."""

from __future__ import annotations

import pytest

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.scalar_sql import Dialect
from headrace.features.scalar import BOOL, STR, Scalar, column, literal

TRAPS = ("open WHEN paid", "it's", "a\nb", "CASE ELSE END")


@pytest.mark.parametrize("dialect", [FLINK, DUCKDB], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("text", TRAPS)
def test_a_constant_is_kept_to_the_letter_wherever_it_stands(dialect: Dialect, text: str) -> None:
    known = Scalar("equals", BOOL, (column("status", STR), literal(text)))
    sql = dialect.emit(Scalar("case", STR, (known, literal(text), literal("other"))))
    assert sql.count("'" + text.replace("'", "''") + "'") == 2


def test_both_engines_have_the_same_operations() -> None:
    assert FLINK.rules.keys() == DUCKDB.rules.keys()
