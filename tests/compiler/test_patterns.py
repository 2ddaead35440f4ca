"""Random patterns over random strings: DuckDB, Flink's functions and Python's `re` find the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.flink_functions import create_functions
from headrace.compiler.flink_tables import create_table
from headrace.errors import HeadraceError
from headrace.features.expression import to_scalar
from headrace.features.pattern import pattern_of

from .expressions.case import TABLE
from .expressions.patterns import extracted, in_python

ALPHABET = "ab01 _-\n\ré😀]^.$"
META = set("]^.$-")
QUANTIFIERS = ("*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?", "??", "{1,2}?")
EXAMPLES = 1_500
#: In Flink they are the same each time, and a row takes its way through a cluster.
EXAMPLES_IN_FLINK = 500
REPLACEMENT = r"<\\>"


class Example(NamedTuple):
    """A pattern and a string."""

    pattern: str
    text: str

    @property
    def groups(self) -> range:
        """The groups that can be asked for."""
        return range(min(pattern_of(self.pattern).groups, 9) + 1)

    @property
    def replacement(self) -> str | None:
        """What matches are replaced by; None where the pattern cannot be replaced."""
        if pattern_of(self.pattern).may_be_empty:
            return None
        return REPLACEMENT + "".join(f"\\{group}" for group in self.groups[1:])

    def expected(self) -> list[Any]:
        """What Python finds: whether, each group, and all replaced."""
        found = [in_python(self.pattern).search(self.text) is not None]
        groups = [extracted(self.pattern, self.text, group) for group in self.groups]
        return [*found, *groups, self.replacement and in_python(self.pattern).sub(self.replacement, self.text)]


def quoted(character: str) -> str:
    return "\\" + character if character in META else character


def is_read(pattern: str) -> bool:
    try:
        pattern_of(pattern)
    except HeadraceError:
        return False
    return True


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Parts in brackets, beside each other, one of several, and repeated."""
    several = st.lists(inner, min_size=1, max_size=3)
    full = inner.filter(lambda part: not pattern_of(part).may_be_empty)
    return st.one_of(
        several.map("".join),
        several.map(lambda parts: f"({'|'.join(parts)})"),
        several.map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.builds("({}){}".format, full, st.sampled_from(QUANTIFIERS)),
        st.builds("(?:{}){}".format, full, st.sampled_from(QUANTIFIERS)),
    ).filter(is_read)


characters = st.sampled_from(ALPHABET).map(quoted)
members = st.lists(st.one_of(characters, st.sampled_from(["a-z", "0-9", r"\d", r"\w", r"\s"])), min_size=1, max_size=3)
classes = st.builds("[{}{}]".format, st.sampled_from(["", "^"]), members.map("".join))
escapes = st.sampled_from([".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S"])
patterns = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "^"]),
    st.recursive(st.one_of(characters, characters, classes, escapes), grown, max_leaves=8),
    st.sampled_from(["", "", "$"]),
).filter(is_read)
examples = st.builds(Example, patterns, st.text(ALPHABET + "x\u2028", max_size=12))


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def test_duckdb_finds_what_python_finds(duck: duckdb.DuckDBPyConnection) -> None:
    @settings(max_examples=EXAMPLES)
    @given(examples)
    def check(example: Example) -> None:
        pattern = example.pattern
        parts = [TABLE.s.re_search(pattern), *(TABLE.s.re_extract(pattern, group) for group in example.groups)]
        if example.replacement is not None:
            parts.append(TABLE.s.re_replace(pattern, example.replacement))
        columns = ", ".join(DUCKDB.emit(to_scalar(part)) for part in parts)
        # Of a table, or no function would see a row: constants are folded when the query is planned.
        found = duck.execute(f"SELECT {columns} FROM (SELECT unnest([?]) AS s)", [example.text]).fetchone()
        assert found is not None
        assert list(found) == example.expected()[: len(parts)]

    check()


def drawn(count: int) -> list[Example]:
    """Random examples, always the same."""
    found: list[Example] = []

    @settings(max_examples=count, derandomize=True, database=None)
    @given(examples)
    def keep(example: Example) -> None:
        found.append(example)

    keep()
    return found


@pytest.mark.slow
def test_flink_finds_what_python_finds_in_one_job(planner: Callable[[], Any], tmp_path: Path) -> None:
    asked = [
        {"n": n, "text": one.text, "pattern": one.pattern, "asked": group, "replacement": one.replacement}
        for n, one in enumerate(drawn(EXAMPLES_IN_FLINK))
        for group in one.groups
    ]
    file = tmp_path / "asked.json"
    file.write_text("\n".join(map(json.dumps, asked)))
    environment = planner()
    columns = ["`n` BIGINT", "`text` STRING", "`pattern` STRING", "`asked` INT", "`replacement` STRING"]
    options = {"connector": "filesystem", "path": file.as_uri(), "format": "json"}
    query = (
        "SELECT `n`, `asked`, HR_RE_SEARCH(`text`, `pattern`), HR_RE_EXTRACT(`text`, `pattern`, `asked`), "
        "HR_RE_REPLACE(`text`, `pattern`, `replacement`) FROM `asked`"
    )
    for statement in (*create_functions([query]), create_table("asked", columns, options)):
        environment.execute_sql(statement)
    with environment.execute_sql(query).collect() as results:
        found = {(n, group): values for n, group, *values in results}
    wrong = []
    for row in asked:
        is_there, *groups, replaced = Example(row["pattern"], row["text"]).expected()
        if found[row["n"], row["asked"]] != [is_there, groups[row["asked"]], replaced]:
            wrong.append((row, found[row["n"], row["asked"]], is_there, groups, replaced))
    assert not wrong
    assert len(found) == len(asked) > EXAMPLES_IN_FLINK


def test_a_long_string_neither_overflows_nor_hangs(duck: duckdb.DuckDBPyConnection) -> None:
    sql = DUCKDB.emit(to_scalar(TABLE.s.re_search("^(?:a|b)*(?:a+)+$")))
    assert duck.execute(f"SELECT {sql} FROM (SELECT repeat('ab', 50000) || 'c' AS s)").fetchall() == [(False,)]
