"""Views that call functions, whole and in both engines: values, verdicts and ledgers, and what a bad row becomes."""

from __future__ import annotations

import logging
import os
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.connectors.duckdb_files import database
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import archive_fields
from headrace.errors import JobError, UserFunctionError
from headrace.features.load import load_views
from headrace.pipelines.configuration import function_configuration
from headrace.pipelines.engine_diff import EngineDiff, compare
from headrace.pipelines.flink_answers import flink_answers
from headrace.pipelines.flink_run import folded_input
from headrace.pipelines.flink_tiles import FlinkEngine, FlinkTiles, folded_by_flink
from headrace.pipelines.local_input import open_input
from headrace.pipelines.local_run import run_locally
from headrace.pipelines.spine import Spine
from headrace.pipelines.training_set import Pinned, PinnedHistory
from headrace.runtime.local_flink import local_session
from headrace.runtime.settings import load_settings
from headrace.serving.bulk import served_table

ROOT = Path(__file__).resolve().parents[2]
FEATURES = """
from datetime import datetime
import pyarrow as pa
import pyarrow.compute as pc
from headrace import FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation, udf

FEE = 3

class Payments(Source):
    history = IcebergTable("raw.payments")
    card: str
    cents: int | None
    weight: float | None
    ts: datetime = event_time()

@udf(returns=int, on_error="{on_error}")
def with_fee(cents):
    if {bad} in cents.to_pylist():
        raise ValueError("no such amount")
    return {returned}

@udf(returns=bool)
def is_large(cents: pa.Array) -> pa.Array:
    return pc.greater(cents, 500)

@udf(returns=float)
def root(weight: pa.Array) -> pa.Array:
    return pc.sqrt(weight)

@transformation
def called_sum(tx: Payments, wspec: WindowSpec):
    return tx.assign(total=with_fee(tx.cents)).groupby("card")["total"].window(wspec).sum()

@transformation
def written_sum(tx: Payments, wspec: WindowSpec):
    return tx.groupby("card")[tx.cents + 3].window(wspec).sum()

@transformation
def called_large(tx: Payments, wspec: WindowSpec):
    return tx[is_large(tx.cents)].groupby("card").window(wspec).count()

@transformation
def written_large(tx: Payments, wspec: WindowSpec):
    return tx[tx.cents > 500].groupby("card").window(wspec).count()

@transformation
def called_root(tx: Payments, wspec: WindowSpec):
    return tx.groupby("card")[root(tx.weight)].window(wspec).max()

@transformation
def written_root(tx: Payments, wspec: WindowSpec):
    return tx.groupby("card")[tx.weight.sqrt()].window(wspec).max()

@transformation
def called_distinct(tx: Payments, wspec: WindowSpec):
    return tx.groupby("card")[with_fee(tx.cents)].window(wspec).count_distinct()

@transformation
def written_distinct(tx: Payments, wspec: WindowSpec):
    return tx.groupby("card")[tx.cents + 3].window(wspec).count_distinct()

class Cards(FeaturePipeline):
    owner = "risk@example.com"
    features = [
        feature.over("1h", "6h")
        for feature in (called_sum, written_sum, called_large, written_large, called_root, written_root)
    ] + [called_distinct.over("6h"), written_distinct.over("6h")]
"""
GOOD = "pc.add(cents, FEE)"


def plan_of(folder: Path, bad: int = -1, on_error: str = "dead_letter", returned: str = GOOD) -> ViewPlan:
    file = folder / "user.py"
    text = FEATURES
    for name, value in {"bad": bad, "on_error": on_error, "returned": returned}.items():
        text = text.replace(f"{{{name}}}", str(value))
    file.write_text(text)
    return plan_view(load_views(file).views["cards"])


def csv_of(folder: Path, rows: list[tuple[Any, ...]]) -> str:
    file = folder / "rows.csv"
    lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
    file.write_text("\n".join(["card,cents,weight,ts", *lines]) + "\n")
    return str(file)


def payments(seed: int, count: int) -> list[tuple[Any, ...]]:
    """Random payments with NULLs, ties and a key that comes once."""
    chance = random.Random(seed)
    rows: list[tuple[Any, ...]] = [("once", 1, 1.0, "2026-01-01T03:00:00Z")]
    for _ in range(count):
        cents = chance.choice([None, chance.randrange(1, 1000), 2**53 + chance.randrange(9)])
        weight = chance.choice([None, -1.0, chance.random() * 9])
        minute = chance.randrange(600)
        rows.append((chance.choice("abcd"), cents, weight, f"2026-01-01T{minute // 60:02d}:{minute % 60:02d}:00Z"))
    return rows


class SeenError(Exception):
    """A job that was looked at, not run."""


def test_a_training_set_calls_functions_with_the_batches_of_a_views_job(tmp_path: Path) -> None:
    def look(job: FlinkJob) -> None:
        assert function_configuration().items() <= job.config.items()
        raise SeenError

    plan, catalog = plan_of(tmp_path), IcebergCatalog.sqlite("lake", tmp_path)
    history = PinnedHistory(catalog.create_table("raw", "payments", archive_fields(plan.source.columns)), 1, 0)
    asked = AskedFeature("called_sum_1h", plan.feature("called_sum_1h"), "last_write")
    spine = Spine(pa.table({"card": ["a"]}), "at", pa.chunked_array([[0]]))
    with pytest.raises(SeenError):
        flink_answers(key_sets(plan, (asked,)), spine, Pinned((history,), 0), catalog, look)


def never(name: str) -> Any:
    raise AssertionError(name)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FlinkEngine:
    flags = {"home": str(tmp_path_factory.mktemp("home")), "jars": str(ROOT / ".build/jars")}
    return FlinkEngine(local_session(load_settings(flags=flags, environment={})), served_table)


Both = tuple[list[dict[str, Any]], EngineDiff, FlinkTiles, list[tuple[Any, ...]]]


def this_process() -> tuple[Any, ...]:
    """What a worker within this process would change."""
    return dict(os.environ), Path.cwd(), list(sys.path), list(logging.getLogger().handlers)


@pytest.fixture(scope="module")
def both(engine: FlinkEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Random payments, two of which the function does not take, on both engines: Flink's values, the difference.

    And what this process was before the job and after it.
    """
    folder = tmp_path_factory.mktemp("both")
    engine.session.start()
    processes = [this_process()]
    plan, rows = plan_of(folder, bad=-1), payments(7, 3_000)
    for place in (37, 2_000):
        rows[place] = ("a", -1, 2.0, "2026-01-01T09:59:00Z")
    opened = folded_input(
        plan, csv_of(folder, rows), never, engine, features=(), as_of=None, sample=None, dimensions={}
    )
    with opened as (connection, tiles, _):
        processes.append(this_process())
        difference = compare(connection, plan, tiles)
        entities = [{"card": card} for card in ("a", "b", "c", "d", "once")]
        values = tiles.values([one.name for one in plan.features], entities, difference.as_of)
        yield values.to_pylist(), difference, tiles, processes


@pytest.mark.slow
def test_both_engines_give_the_same_values(both: Both) -> None:
    difference = both[1]
    assert difference.lines() == []
    assert difference.values == 5 * 14


@pytest.mark.slow
def test_a_function_gives_what_the_same_expression_gives_but_for_the_rows_it_does_not_take(both: Both) -> None:
    for values in both[0]:
        called = {name.removeprefix("called_"): value for name, value in values.items() if name.startswith("called")}
        written = {name.removeprefix("written_"): value for name, value in values.items() if name.startswith("written")}
        assert called == written
    assert None not in both[0][0].values()


@pytest.mark.slow
def test_rows_on_which_it_raised_are_dead_letters_and_the_ledger_adds_up(both: Both) -> None:
    assert both[2].verdicts == {"accepted": 2_999, "late": 0, "dead_letter": 2}


@pytest.mark.slow
def test_a_job_with_functions_leaves_this_process_as_it_was(both: Both) -> None:
    before, after = both[3]
    assert before == after


ROWS = [("a", i, 1.0, f"2026-01-01T00:{i % 60:02d}:00Z") for i in range(100)]
FAILING = [
    (
        {"bad": 37, "on_error": "fail"},
        r"partition 0, offset 37: with_fee\(cents=37\): ValueError: no such amount \(.*user.py:{line}\)",
    ),
    ({"returned": "pa.array([1])"}, r"user.py:\d+: with_fee must return \d+ values, as many as rows; found 1"),
    (
        {"returned": "pc.cast(cents, pa.float64())"},
        r"user.py:\d+: with_fee must return a pyarrow.Array of int64; found DoubleArray",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), FAILING)
def test_duckdb_fails_with_the_row_and_the_line(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    plan, given = plan_of(tmp_path, **wrong), csv_of(tmp_path, ROWS)
    with pytest.raises(UserFunctionError, match=r"^view cards: .*" + at_the_line(message)):
        run_locally(plan, given, never)


@pytest.mark.slow
@pytest.mark.parametrize(("wrong", "message"), FAILING)
def test_flink_fails_with_the_row_and_the_line(
    engine: FlinkEngine, tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    plan, given = plan_of(tmp_path, **wrong), csv_of(tmp_path, ROWS)
    with database("rows") as connection:
        open_input(connection, plan.source, given, never)
        with pytest.raises(JobError, match=at_the_line(message)), folded_by_flink(connection, plan, engine):
            pass


def at_the_line(message: str) -> str:
    """The message with the line on which the function raises."""
    return message.replace("{line}", str(FEATURES.splitlines().index('        raise ValueError("no such amount")') + 1))


def test_a_dead_letter_leaves_all_other_rows_as_they_are(tmp_path: Path) -> None:
    plan, given = plan_of(tmp_path, bad=37), csv_of(tmp_path, ROWS)
    found = run_locally(plan, given, never, features=["called_sum_6h", "called_large_6h"])
    assert found.verdicts == {"accepted": 99, "late": 0, "dead_letter": 1}
    (reason,) = found.reasons
    assert re.fullmatch(at_the_line(r"with_fee\(cents=37\): ValueError: no such amount \(.*user.py:{line}\)"), reason)
    assert found.read.endswith(f"1 dead_letter ({reason} (partition 0, offset 37))")
    (row,) = found.tables[0].to_pylist()
    assert row["called_sum_6h"] == sum(i + 3 for i in range(100) if i != 37)
