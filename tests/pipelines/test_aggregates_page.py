"""docs/aggregates.md shows what the tests compare with a loop over all events: the table after its mark."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from headrace.features.aggregate import FUNCTIONS, RATIO, Aggregate, Ratio
from headrace.features.sql.text import call_sql
from headrace.features.view import Feature

from ..compiler.events import SPECS  # noqa: TID252
from ..compiler.test_expressions_page import table  # noqa: TID252
from . import test_engine_diff as served
from . import test_flink_answers as sets_on_flink
from .test_flink_answers import SHOP, WRITTEN

PAGE = Path(__file__).resolve().parents[2] / "docs/aggregates.md"
MARK = "<!-- Below this line the page is written by tests/pipelines/test_aggregates_page.py. -->\n"
#: Of each column of the page the features that its test compares, by name.
COMPARED: dict[str, Collection[str]] = {
    "`headrace run`, DuckDB": SPECS,
    "online, of Flink's tiles": served.ORACLE,
    "training sets, DuckDB": SPECS,
    "training sets, Flink": sets_on_flink.NAMES,
}
#: What a function without an argument counts.
ROWS = "rows"


def function_of(feature: Feature) -> str:
    return RATIO if isinstance(feature.aggregate, Ratio) else feature.aggregate.function


def argument_of(part: Aggregate) -> str:
    return ROWS if part.argument is None else part.argument.type


def in_python(feature: Feature) -> str:
    """How the first part of a feature is written."""
    if isinstance(feature.aggregate, Ratio):
        return "`a / b`"
    return f"`.{feature.aggregate.function}({', '.join(map(str, feature.aggregate.constants))})`"


def arguments(features: Sequence[Feature], compared: Collection[str]) -> str:
    """What the features that a test compares are of: the types of their arguments."""
    found = [feature.aggregate.parts for feature in features if feature.name in compared]
    return ", ".join(sorted({" / ".join(map(argument_of, parts)) for parts in found}))


def supported() -> Iterator[Sequence[str]]:
    """A row for each function of the language, with what was compared of it by each test."""
    for function in [*FUNCTIONS, RATIO]:
        features = [one for one in WRITTEN.features if function_of(one) == function]
        sql = " / ".join(call_sql(part) for part in features[0].aggregate.parts)
        yield in_python(features[0]), f"`{sql}`", *(arguments(features, names) for names in COMPARED.values())


def test_every_function_is_compared_by_each_test() -> None:
    for row in supported():
        assert all(row), f"{row[0]}: {dict(zip(COMPARED, row[2:], strict=True))}"


def test_what_is_compared_is_what_the_tests_compute() -> None:
    planned = {one.name for one in SHOP.features}
    assert all(set(names) <= planned for names in COMPARED.values())


def test_the_page_shows_what_the_tests_compare() -> None:
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert mark, f"{PAGE} has lost its mark: {MARK}"
    text = head + mark + table(("in Python", "in SQL", *COMPARED), supported()) + "\n"
    if os.environ.get("HEADRACE_UPDATE_GOLDEN"):
        PAGE.write_text(text, encoding="utf-8")
    assert text == PAGE.read_text(encoding="utf-8"), f"{PAGE} is stale; run with HEADRACE_UPDATE_GOLDEN=1"
