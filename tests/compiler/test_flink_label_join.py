"""Label joins on Flink: examples beside one another in one job, against the loop that a reader can check by eye."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from headrace.compiler.flink_label_join import WATERMARK, LabelBindings, facts_query, label_job, letters_query, told_of
from headrace.compiler.flink_tables import Legs, Options
from headrace.compiler.label_join import LabelJoinPlan

from .labelled import BASE, HOUR, PLAN, SECOND, Row, moved, numbered, random_example, told

pytestmark = pytest.mark.slow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = ("scored_at", "known_at", "_src_timestamp")
EXAMPLES, SEED = 200, 11
#: The instant of an example to which histories are complete: behind all labels, and within the wait of some rows.
COMPLETE = BASE + 9 * HOUR
#: Longer than all of an example and what an id is kept, so that the watermark ends one before the next begins.
APART = 60 * HOUR
BLACKHOLE = {"connector": "blackhole"}
FILES = {"connector": "filesystem", "path": "/rows", "format": "json"}


def as_json(row: Row) -> str:
    """A row for Flink's JSON format."""
    texts = {
        name: (EPOCH + timedelta(microseconds=row[name])).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for name in INSTANTS
        if name in row
    }
    return json.dumps({**row, **texts})


def file_of(rows: list[Row], file: Path) -> Options:
    file.write_text("\n".join(map(as_json, rows)))
    return {
        "connector": "filesystem",
        "path": file.as_uri(),
        "format": "json",
        "json.timestamp-format.standard": "ISO-8601",
    }


Example = tuple[list[Row], list[Row]]
Found = tuple[dict[int, list[tuple[Any, ...]]], dict[int, Counter[tuple[str, str]]]]


@pytest.fixture(scope="module", params=["live", "history"])
def leg(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def examples(leg: str) -> list[Example]:
    """One after another on a stream; in histories, which have no watermark, beside one another."""
    random, apart = Random(SEED), APART if leg == "live" else 0
    drawn = [random_example(random) for _ in range(EXAMPLES)]
    return [
        (numbered(moved(logged, number * apart), number), numbered(moved(labels, number * apart), number))
        for number, (logged, labels) in enumerate(drawn)
    ]


def run(examples: list[Example], planner: Callable[[], Any], folder: Path, leg: str) -> Found:
    """Facts, in the order of their numbers, and dead letters of each example, by one job over a leg of both sources."""

    def legs(side: int) -> Legs:
        options = file_of([row for example in examples for row in example[side]], folder / f"{leg}{side}.json")
        return Legs(options, None) if leg == "history" else Legs(None, options)

    complete_us = COMPLETE if leg == "history" else None
    environment = declared(planner(), LabelBindings("run-1", legs(0), legs(1), BLACKHOLE, BLACKHOLE, complete_us))
    call = told_of(PLAN, complete_us)
    return facts_by_example(environment, call), letters_by_example(environment, call, examples)


def declared(environment: Any, bindings: LabelBindings, plan: LabelJoinPlan = PLAN) -> Any:
    """A table environment in which the tables and views of a job are."""
    job = label_job(plan, bindings)
    for key, value in {**job.config, "parallelism.default": "1"}.items():
        environment.get_config().set(key, value)
    for statement in job.statements:
        environment.execute_sql(statement)
    return environment


def collected(environment: Any, query: str) -> list[list[Any]]:
    with environment.execute_sql(query).collect() as results:
        return [list(row) for row in results]


def facts_by_example(environment: Any, call: str) -> dict[int, list[tuple[Any, ...]]]:
    times = "HR_MICROS(`scored_at`), `label`, HR_MICROS(`label_time`)"
    columns = f"`example`, `request`, `amount`, {times}, `fact`, `fact_number`"
    rows = collected(environment, f"SELECT {columns} FROM ({facts_query(PLAN, call)})")
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in sorted(rows, key=lambda row: row[-1]):
        found.setdefault(row[0], []).append(tuple(row[1:]))
    return found


def letters_by_example(environment: Any, call: str, examples: list[Example]) -> dict[int, Counter[tuple[str, str]]]:
    rows = collected(environment, f"SELECT `view`, `verdict`, `raw` FROM ({letters_query(PLAN, call, 'run-1')})")
    found: dict[int, Counter[tuple[str, str]]] = {number: Counter() for number, _ in enumerate(examples)}
    for view, verdict, raw in rows:
        found[json.loads(bytes(raw))["example"]][view.removeprefix("frauds."), verdict] += 1
    return found


def last_facts(facts: list[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """By id, what its last fact says: amount, time, label and the label's time."""
    return {fact[0]: fact[1:5] for fact in facts}


def is_plain(example: Example) -> bool:
    """Whether no id has two rows or two labels, so that no order of reading can matter but by the watermark."""
    logged, labels = (
        Counter(row[name] for row in rows) for rows, name in zip(example, ("request", "payment"), strict=True)
    )
    return max([*logged.values(), *labels.values()], default=0) < 2


@pytest.fixture(scope="module")
def found(leg: str, examples: list[Example], planner: Callable[[], Any], tmp_path_factory: Any) -> Found:
    return run(examples, planner, tmp_path_factory.mktemp("labels"), leg)


def wanted(leg: str, example: Example) -> tuple[list[tuple[Any, ...]], Counter[tuple[str, str]]]:
    return told(*example) if leg == "live" else told(*example, COMPLETE)


def test_the_last_fact_of_each_id_is_that_of_a_loop(leg: str, found: Found, examples: list[Example]) -> None:
    for number, example in enumerate(examples):
        facts, letters = wanted(leg, example)
        assert last_facts(found[0].get(number, [])) == last_facts(facts), number
        assert found[1][number] == letters, number


def test_some_waits_end_behind_the_histories(leg: str, examples: list[Example]) -> None:
    assert (leg == "live") == all(wanted(leg, example) == told(*example) for example in examples)


def test_facts_are_numbered_without_gaps_and_each_once(found: Found) -> None:
    for facts in found[0].values():
        numbers: dict[str, list[int]] = {}
        for id_, *_, number in facts:
            numbers.setdefault(id_, []).append(number)
        assert all(each == list(range(1, len(each) + 1)) for each in numbers.values())


def test_all_facts_of_a_history_are_those_of_a_loop_where_ids_are_unique(
    leg: str, found: Found, examples: list[Example]
) -> None:
    plain = [number for number, example in enumerate(examples) if is_plain(example)]
    assert len(plain) > EXAMPLES // 20
    if leg == "history":
        for number in plain:
            assert Counter(found[0].get(number, [])) == Counter(wanted(leg, examples[number])[0]), number


def test_one_call_serves_both_sinks_and_live_legs_alone_have_watermarks(planner: Callable[[], Any]) -> None:
    bindings = LabelBindings("run-1", Legs(FILES, FILES), Legs(FILES, None), BLACKHOLE, BLACKHOLE, None)
    statements = declared(planner(), bindings).create_statement_set()
    for insert in label_job(PLAN, bindings).inserts:
        statements.add_insert_sql(insert)
    plan = statements.explain().partition("== Optimized Execution Plan ==")[2]
    assert plan.count("ProcessTableFunction(") == 1
    assert plan.count("WatermarkAssigner(") == 1


def test_rows_without_a_time_that_counts_move_no_watermark(planner: Callable[[], Any], tmp_path: Path) -> None:
    """A clock that is a year ahead, and no time at all; the watermark of a good row is just behind it.

    A clock that is two hours ahead has good rows, but their watermark is that of their arrival.
    """
    plan = replace(PLAN, logged=replace(PLAN.logged, max_delay_us=5 * SECOND))
    good = {"request": "a", "amount": 1, "scored_at": BASE + 999, "_src_timestamp": BASE}
    rows = [good, {**good, "scored_at": BASE + 366 * 24 * HOUR}, {"request": "a", "_src_timestamp": BASE}]
    rows.append({**good, "scored_at": BASE + 2 * HOUR})
    live = Legs(None, file_of(rows, tmp_path / "rows.json"))
    environment = declared(planner(), LabelBindings("run-1", live, live, BLACKHOLE, BLACKHOLE, None), plan)
    found = collected(environment, f"SELECT HR_MICROS(`{WATERMARK}`) FROM `logged_live`")
    assert [us for (us,) in found] == [BASE - 5 * SECOND, -5 * SECOND, -5 * SECOND, BASE - 5 * SECOND]
