"""docs/sql.md shows the names of aggregates and what is refused, as the code has them: all that stands below a mark."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from inspect import Parameter, signature
from pathlib import Path

from sqlglot import exp

from headrace.features.aggregate import FUNCTIONS as AGGREGATES
from headrace.features.sql import aggregates
from headrace.features.sql.refused import REFUSED
from headrace.features.sql.rules import FUNCTIONS, RULES
from headrace.features.sql.rules.common import called
from headrace.features.stream import Grouped

PAGE = Path(__file__).resolve().parents[2] / "docs/sql.md"
MARK = "<!-- Below this line the page is written by tests/features/test_sql_page.py. -->\n"


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """A Markdown table; a bar within a cell would end it."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells])


def constants(function: str) -> list[str]:
    """What an aggregate is called with."""
    parameters = list(signature(getattr(Grouped, function)).parameters.values())[1:]
    return [parameter.name for parameter in parameters if parameter.kind is not Parameter.KEYWORD_ONLY]


def call(function: str) -> exp.Expr:
    """An aggregate's call as it is printed."""
    return aggregates.call_of(function, exp.column("x"), [1 for _ in constants(function)])


def names() -> Iterator[Sequence[str]]:
    """Each aggregate of the language, and what SQL may call it."""
    for function in AGGREGATES:
        numbers = constants(function)
        printed = call(function).sql("duckdb").lower().replace("distinct", "DISTINCT")
        others = [f"{name}({', '.join(['x', *numbers])})" for name in (*aggregates.NAMES.get(function, ()), function)]
        calls = dict.fromkeys(
            [*(["count(*)"] if function == "count" else []), *([] if numbers else [printed]), *others]
        )
        yield f"`{function}({', '.join(numbers)})`", ", ".join(f"`{call}`" for call in calls)


def refused() -> Iterator[Sequence[str]]:
    """Each word that is refused for a reason."""
    for word, reason in {**aggregates.REFUSED, **REFUSED}.items():
        yield f"`{word}`", reason


def generated() -> str:
    """The tables of the page."""
    parts = [
        f"## Aggregates\n{table(('Python', 'SQL'), names())}\n",
        f"## Refused words\n{table(('word', 'why, and what to write'), refused())}\n",
    ]
    return "\n".join(parts)


def test_the_page_shows_what_the_code_has() -> None:
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert mark, f"{PAGE} has lost its mark: {MARK}"
    text = head + mark + generated()
    if os.environ.get("HEADRACE_UPDATE_GOLDEN"):
        PAGE.write_text(text, encoding="utf-8")
    assert text == PAGE.read_text(encoding="utf-8"), f"{PAGE} is stale; run with HEADRACE_UPDATE_GOLDEN=1"


def test_nothing_is_both_read_and_refused() -> None:
    assert not REFUSED.keys() & FUNCTIONS.keys()
    assert not REFUSED.keys() & {called(kind()) for kind in RULES}
    assert not aggregates.REFUSED.keys() & {*AGGREGATES, *aggregates.ALIASES}


def test_every_name_of_an_aggregate_is_read() -> None:
    for alias, function in aggregates.ALIASES.items():
        numbers = [exp.Literal.number(1) for _ in constants(function)]
        assert aggregates.function_of(exp.func(alias, exp.column("x"), *numbers, dialect="duckdb")) == function
