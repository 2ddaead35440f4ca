"""docs/expressions.md shows the cases that the tests run, and what is refused: all that stands after its mark."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from headrace.features.expression import RULES
from headrace.features.operations.casts import REASONS
from headrace.features.operations.refused import REFUSED
from headrace.features.sql.syntax import DIALECT
from headrace.features.sql.written import to_sql

from .expressions import GROUPS
from .expressions.case import Case

PAGE = Path(__file__).resolve().parents[2] / "docs/expressions.md"
MARK = "<!-- Below this line the page is written by tests/compiler/test_expressions_page.py. -->\n"
HEAD = ("operation", "in Python", "in SQL", "Flink", "DuckDB", "on edges")


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """A Markdown table; a bar within a cell would end it."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells])


def supported(cases: Sequence[Case]) -> Iterator[Sequence[str]]:
    """A row for each case. Each engine was compared with values written by hand, exactly or within a rounding."""
    for case in cases:
        agreement = f"to {case.within:g}" if case.within else "exact"
        sql = to_sql(case.expression()).sql(dialect=DIALECT)
        yield case.operation, f"`{case.write}`", f"`{sql}`", agreement, agreement, case.meaning


def refused() -> Iterator[Sequence[str]]:
    """A row for each operation and cast that is refused for a reason."""
    for kind, reason in REFUSED.items():
        yield kind.__name__, reason
    for (found, target), reason in REASONS.items():
        yield f"cast from {found} to {target}", reason


def generated() -> str:
    """The tables of the page."""
    parts = [f"## {name[0].upper()}{name[1:]}\n{table(HEAD, supported(cases))}\n" for name, cases in GROUPS.items()]
    return "\n".join([*parts, f"## Refused\n{table(('operation', 'why, and what to do'), refused())}\n"])


def test_the_page_shows_what_the_tests_run() -> None:
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert mark, f"{PAGE} has lost its mark: {MARK}"
    text = head + mark + generated()
    if os.environ.get("HEADRACE_UPDATE_GOLDEN"):
        PAGE.write_text(text, encoding="utf-8")
    assert text == PAGE.read_text(encoding="utf-8"), f"{PAGE} is stale; run with HEADRACE_UPDATE_GOLDEN=1"


def test_nothing_is_both_allowed_and_refused() -> None:
    assert not REFUSED.keys() & RULES.keys()
