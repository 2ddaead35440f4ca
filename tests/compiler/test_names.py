"""Names that users may give, and that emitted SQL has words or names of its own for: they mean nothing there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from headrace import FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation
from headrace.compiler.build import plan_view
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import JobBindings, Legs, TileOptions
from headrace.testing import Evaluation, evaluate


class Part:
    """Fields with names of words of SQL, and of what lists are walked with."""

    order: int
    end: str | None
    element: int | None


class Rows(Source):
    """Columns with names of words of SQL, of aliases, and of what evidence adds."""

    history = IcebergTable("raw.rows")
    us: int
    select: str
    arrival: int
    r: Part
    e: Part
    s: list[Part]
    m: list[int | None]
    element: list[str]
    n: int
    at: datetime = event_time()


@transformation
def parts(tx: Rows, wspec: WindowSpec) -> Any:
    return tx[tx.r.end == "x"].groupby("us")[tx.r.order + tx.e.order + tx.s[0].element].window(wspec).sum()


@transformation
def newest(tx: Rows) -> Any:
    return tx.groupby(["us", "select"])["arrival"].last()


@transformation
def elements(tx: Rows, wspec: WindowSpec) -> Any:
    return tx[tx.m.contains(3)].groupby("us")[tx.element.length() + tx.n].window(wspec).max()


class Named(FeaturePipeline):
    """Whatever is named like something of ours."""

    owner = "tests@headrace.test"
    features = [parts.over("1h"), newest, elements.over("1h")]  # noqa: RUF012 (as users write it)


ROW: dict[str, Any] = {
    "us": 7,
    "select": "a",
    "arrival": 5,
    "r": {"order": 1, "end": "x", "element": None},
    "e": {"order": 20, "end": None, "element": None},
    "s": [{"order": 0, "end": None, "element": 300}],
    "m": [None, 3],
    "element": ["p", "q"],
    "n": 40,
    "at": "2026-01-01T10:00:00Z",
}


@cache
def evaluated() -> Evaluation:
    return evaluate(Named, [ROW], "2026-01-01T10:30:00Z")


def test_names_of_words_and_aliases_give_the_values_of_any_others() -> None:
    values = {name: evaluated().value(name, {"us": 7}) for name in ("parts_1h", "elements_1h")}
    assert values == {"parts_1h": 321, "elements_1h": 42}
    assert evaluated().value("newest", {"us": 7, "select": "a"}) == 5


def test_a_column_named_arrival_is_shown_beside_when_the_row_arrived() -> None:
    (shown,) = evaluated().rows_behind("newest", {"us": 7, "select": "a"})
    assert (shown["arrival"], shown["_arrival"].isoformat()) == (5, "2026-01-01T10:00:00+00:00")


@pytest.mark.slow
def test_names_of_words_mean_nothing_to_flink(planner: Callable[[], Any], tmp_path: Path) -> None:
    plan, file, environment = plan_view(Named.view), tmp_path / "rows.json", planner()
    file.write_text(json.dumps({**ROW, "_src_partition": 0, "_src_offset": 0, "_src_timestamp": ROW["at"]}))
    form = {"format": "json", "json.timestamp-format.standard": "ISO-8601"}
    history = {"connector": "filesystem", "path": file.as_uri(), **form}
    tiles = {group.fingerprint: TileOptions(None, None) for group in plan.groups}
    for statement in flink_job(plan, JobBindings("p", "r", [Legs(history, None)], tiles)).statements:
        environment.execute_sql(statement)
    with environment.execute_sql("SELECT `us`, `_verdict`, `r`.`order`, `arrival` FROM `judged`").collect() as found:
        assert list(map(tuple, found)) == [(7, 0, 1, 5)]
