"""Label joins on DuckDB: whatever the delays, duplicates and gaps, facts and dead letters are those of a loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.connectors.duckdb_files import in_utc
from headrace.errors import RequestError
from headrace.pipelines.local_labels import LabelRun, join_in

from .labelled import (
    BASE,
    HOUR,
    LABELS,
    LOGS,
    OFFSETS,
    PLAN,
    WAIT,
    Row,
    has_what_was_logged,
    newest,
    numbered,
    told,
    told_at,
)

PATIENT = settings(max_examples=30, suppress_health_check=list(HealthCheck))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = pa.timestamp("us", "UTC")
POSITION = [("_src_partition", pa.int32()), ("_src_offset", pa.int64()), ("_src_timestamp", INSTANT)]
FEATURES = [("amount", pa.int64()), ("share", pa.float64())]
SCORED = pa.schema([("example", pa.int64()), ("request", pa.string()), *FEATURES, ("scored_at", INSTANT)])
OUTCOMES = pa.schema([("example", pa.int64()), ("payment", pa.string()), ("fraud", pa.bool_()), ("known_at", INSTANT)])


def relation(rows: Sequence[Row], own: pa.Schema) -> pa.Table:
    """Rows as an archive has them."""
    schema = pa.schema([*own, *POSITION, ("_raw", pa.binary()), ("_error", pa.string())])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)


def joined(logged: Sequence[Row], labels: Sequence[Row], until_us: int | None = None) -> LabelRun:
    with in_utc() as connection:
        connection.register("logged", relation(logged, SCORED))
        connection.register("labels", relation(labels, OUTCOMES))
        return join_in(connection, PLAN, until=None if until_us is None else EPOCH + timedelta(microseconds=until_us))


def us(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - EPOCH) // timedelta(microseconds=1)


def facts_of(table: pa.Table) -> Counter[tuple[Any, ...]]:
    names = ("request", "amount", "scored_at", "label", "label_time", "fact", "fact_number")
    rows = (tuple(row[name] for name in names) for row in table.to_pylist())
    return Counter((id_, amount, us(at), label, us(known), *rest) for id_, amount, at, label, known, *rest in rows)


def letters_of(run: LabelRun) -> Counter[tuple[str, str]]:
    return Counter((row["source"], row["verdict"]) for row in run.letters.to_pylist())


@PATIENT
@given(logged=LOGS, labels=LABELS)
def test_facts_and_dead_letters_are_those_of_a_loop(logged: list[Row], labels: list[Row]) -> None:
    logged, labels = numbered(logged), numbered(labels)
    run = joined(logged, labels)
    facts, letters = told(logged, labels, newest(logged, labels))
    assert facts_of(run.facts) == Counter(facts)
    assert letters_of(run) == letters
    last = {fact[0]: fact for fact in facts}
    assert facts_of(run.final) == Counter(last.values())


@PATIENT
@given(logged=LOGS, labels=LABELS)
def test_features_of_each_fact_are_those_that_were_logged_to_the_last_bit(logged: list[Row], labels: list[Row]) -> None:
    facts = joined(numbered(logged), numbered(labels)).facts.to_pylist()
    assert all(has_what_was_logged(fact["share"], us(fact["scored_at"]) or 0) for fact in facts)


@PATIENT
@given(logged=LOGS, labels=LABELS)
def test_every_row_is_counted_once(logged: list[Row], labels: list[Row]) -> None:
    logged, labels = numbered(logged), numbered(labels)
    counts = joined(logged, labels).counts
    facts, letters = told(logged, labels, newest(logged, labels))
    everything, _ = told(logged, labels)
    assert (counts.logged_read, counts.labels_read) == (len(logged), len(labels))
    assert counts.logged_open == len({fact[0] for fact in everything}) - len({fact[0] for fact in facts})
    assert counts.labels_open == sum(fact[5] == "corrected" for fact in set(everything) - set(facts))
    by_kind = Counter(fact[5] for fact in facts)
    found = (counts.labelled, counts.corrected, counts.never_labelled)
    assert found == (by_kind["labelled"], by_kind["corrected"], by_kind["waited"] - by_kind["corrected"])
    assert counts.orphan == letters["labels", "orphan"]


@PATIENT
@given(logged=LOGS, labels=LABELS, until=OFFSETS)
def test_no_fact_is_told_before_its_time(logged: list[Row], labels: list[Row], until: int) -> None:
    logged, labels = numbered(logged), numbered(labels)
    facts, _ = told(logged, labels, BASE + until)
    known = Counter(fact for fact in facts if told_at(fact, logged, labels) <= BASE + until)
    assert facts_of(joined(logged, labels, BASE + until).facts) == known


@PATIENT
@given(logged=LOGS, labels=LABELS, until=OFFSETS)
def test_dead_letters_and_counts_are_of_what_was_known_by_then(
    logged: list[Row], labels: list[Row], until: int
) -> None:
    logged, labels = numbered(logged), numbered(labels)
    run, whole = joined(logged, labels, BASE + until), joined(logged, labels)
    for rows, time, read in (
        (logged, "scored_at", run.counts.logged_read),
        (labels, "known_at", run.counts.labels_read),
    ):
        assert read == sum(max(row[time], row["_src_timestamp"]) <= BASE + until for row in rows)
    assert letters_of(run) <= letters_of(whole)
    assert run.counts.logged_open >= 0 <= run.counts.labels_open


@PATIENT
@given(logged=LOGS, labels=LABELS, data=st.data())
def test_the_order_in_which_rows_are_stored_changes_nothing(
    logged: list[Row], labels: list[Row], data: st.DataObject
) -> None:
    logged, labels = numbered(logged), numbered(labels)
    other = joined(data.draw(st.permutations(logged)), data.draw(st.permutations(labels)))
    assert facts_of(other.facts) == facts_of(joined(logged, labels).facts)


def row(at: int, **columns: Any) -> Row:
    return {"request": "a", "amount": 5, "scored_at": BASE + at, **columns, **arrived(at)}


def outcome(at: int, **columns: Any) -> Row:
    return {"payment": "a", "fraud": True, "known_at": BASE + at, **columns, **arrived(at)}


def arrived(at: int) -> Row:
    return {"_src_partition": 0, "_src_timestamp": BASE + at}


def test_a_late_positive_is_a_negative_first_and_then_corrected() -> None:
    """W2 of the acceptance list: a label at +3 h with a wait of 1 h."""
    run = joined(numbered([row(0)]), numbered([outcome(3 * HOUR)]))
    told = [(row["fact"], row["label"], row["fact_number"]) for row in run.facts.to_pylist()]
    assert sorted(told, key=lambda fact: fact[2]) == [("waited", False, 1), ("corrected", True, 2)]
    assert [(row["label"], us(row["label_time"])) for row in run.final.to_pylist()] == [(True, BASE + 3 * HOUR)]


def test_a_label_is_known_when_it_has_arrived() -> None:
    logged, labels = numbered([row(0)]), numbered([{**outcome(5), "_src_timestamp": BASE + 2 * HOUR}])
    before, then = (joined(logged, labels, BASE + 2 * HOUR - 1 + after) for after in (0, 1))
    assert (before.facts.num_rows, before.counts.logged_open, before.counts.labels_read) == (0, 1, 0)
    assert (then.facts["fact"].to_pylist(), then.counts.logged_open, then.counts.labels_read) == (["labelled"], 0, 1)


def test_a_row_repeats_another_when_that_has_arrived() -> None:
    logged = numbered([row(5), {**row(0), "_src_timestamp": BASE + 9}])
    assert letters_of(joined(logged, [], BASE + 8)) == Counter()
    assert letters_of(joined(logged, [], BASE + 9)) == Counter({("logged", "repeated"): 1})


@pytest.mark.parametrize(("end", "open_"), [(60_000_000, 1), (WAIT - 1, 1), (WAIT, 0)])
def test_nothing_is_told_of_a_row_whose_wait_ends_behind_what_is_there(end: int, open_: int) -> None:
    run = joined(numbered([row(0)]), numbered([outcome(end, payment="b")]))
    assert [found["fact"] for found in run.facts.to_pylist()] == ["waited"] * (1 - open_)
    assert (run.counts.logged_open, us(run.complete)) == (open_, BASE + end)


@pytest.mark.parametrize(("at", "facts"), [(WAIT - 1, ["labelled"]), (WAIT, ["waited", "corrected"])])
def test_a_microsecond_decides_whether_a_label_is_in_time(at: int, facts: list[str]) -> None:
    run = joined(numbered([row(0)]), numbered([outcome(at)]), BASE + 2 * WAIT)
    assert [found["fact"] for found in run.facts.to_pylist()] == facts


def test_a_label_that_was_known_before_its_row_is_told_with_both_times_for_who_learns_to_refuse() -> None:
    (fact,) = joined(numbered([row(HOUR)]), numbered([outcome(HOUR - 1)])).facts.to_pylist()
    assert (fact["fact"], fact["label"]) == ("labelled", True)
    assert (us(fact["scored_at"]), us(fact["label_time"])) == (BASE + HOUR, BASE + HOUR - 1)


def test_an_instant_without_zone_is_refused() -> None:
    connection = duckdb.connect()
    with pytest.raises(RequestError, match="until=2023-01-01T00:00:00: has no time zone"):
        join_in(connection, PLAN, until=datetime(2023, 1, 1))  # noqa: DTZ001
    connection.close()
