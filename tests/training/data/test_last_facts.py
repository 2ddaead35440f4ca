"""Facts that later ones superseded are told by the ids of the table, and never taken by accident."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.label_ids import LABEL_IDS, ids_to_note
from headrace.connectors.schema import Field
from headrace.errors import ConnectorError, DatasetError, UnknownColumnError
from headrace.training.data.changes import appended_between
from headrace.training.data.fact_conditions import CHOICES
from headrace.training.data.filters import Condition
from headrace.training.data.last_facts import chosen_facts, superseded
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot

FIELDS = [Field("request", "string"), Field("line", "bigint"), Field("label", "boolean")]
FIELDS += [Field("label_time", "timestamp"), Field("fact", "string"), Field("fact_number", "bigint")]

#: A fact: the id's two columns, and its number.
Fact = tuple[str, int, int]


def table_of(folder: Path, *commits: list[Fact], noted: dict[str, str] | None = None) -> IcebergTable:
    """A table of facts, a commit for each list."""
    properties = ids_to_note(["request", "line"]) if noted is None else noted
    table = IcebergCatalog.sqlite("house", folder / "lake").create_table("labels", "frauds", FIELDS, properties)
    for commit in commits:
        append(table, commit)
    return table


def append(table: IcebergTable, facts: list[Fact]) -> int:
    told = [
        {"request": request, "line": line, "label": number % 2 == 0, "fact": "any", "fact_number": number}
        for request, line, number in facts
    ]
    return table.append(pa.Table.from_pylist(told, table.table.schema().as_arrow()))


def taken(rows: PinnedRows) -> list[Fact]:
    found: list[dict[str, Any]] = pa.Table.from_batches(rows.batches(), rows.snapshot.schema).to_pylist()
    return sorted((one["request"], one["line"], one["fact_number"]) for one in found)


def last(facts: list[Fact]) -> list[Fact]:
    """The last fact of each id, by a loop."""
    newest: dict[tuple[str, int], int] = {}
    for request, line, number in facts:
        newest[request, line] = max(number, newest.get((request, line), 0))
    return sorted((*id_, number) for id_, number in newest.items())


def drawn(seed: int) -> list[Fact]:
    """Facts of ids of which neither column alone is one, in any order."""
    draw = random.Random(seed)
    ids = [(request, line) for request in "abcde" for line in range(20)]
    facts = [(*id_, number) for id_ in ids for number in range(1, draw.randint(1, 3) + 1)]
    return draw.sample(facts, len(facts))


def test_the_last_facts_are_those_of_a_loop_over_all_commits_of_a_pinned_snapshot(tmp_path: Path) -> None:
    facts = drawn(1)
    table = table_of(tmp_path, facts[:70], facts[70:])
    rows = chosen_facts(PinnedRows(Snapshot.of(table)), "last")
    append(table, [(request, line, 9) for request, line, _ in last(facts)])
    assert taken(rows) == last(facts)
    assert rows.count().kept == len(last(facts)) < len(facts)
    assert str(rows.count()).endswith(f"{len(facts) - len(last(facts))} that are not the last fact of their id")
    # A filter takes of the last facts; no earlier fact becomes the last one as the filter leaves the last out.
    small = chosen_facts(PinnedRows(Snapshot.of(table), (Condition("fact_number", "<", 3),)), "last")
    assert taken(small) == []
    assert str(small).startswith(f"{small.snapshot}, last facts where ")


def test_of_what_was_appended_a_fact_is_taken_that_supersedes_an_older_one(tmp_path: Path) -> None:
    table = table_of(tmp_path, [("a", 1, 1), ("b", 1, 1)])
    first = Snapshot.of(table)
    append(table, [("a", 1, 2), ("c", 1, 1)])
    append(table, [("a", 1, 3), ("c", 1, 2)])
    later = appended_between(table, first.snapshot_id, Snapshot.of(table))
    assert taken(chosen_facts(later, "last")) == [("a", 1, 3), ("c", 1, 2)]


def test_a_choice_that_a_row_alone_tells_is_a_filter(tmp_path: Path) -> None:
    facts = drawn(2)
    rows = PinnedRows(Snapshot.of(table_of(tmp_path, facts)))
    assert taken(chosen_facts(rows, "all")) == sorted(facts)
    first = chosen_facts(rows, "first")
    assert taken(first) == sorted(one for one in facts if one[2] == 1)
    assert chosen_facts(first, "first") == first
    assert taken(chosen_facts(rows, "labelled")) == []


def test_superseded_rows_are_refused_that_nobody_chose(tmp_path: Path) -> None:
    table = table_of(tmp_path, [("a", 1, 1), ("a", 1, 2), ("a", 1, 3), ("b", 1, 1), ("b", 1, 2), ("c", 1, 1)])
    rows = PinnedRows(Snapshot.of(table))
    told = 'training X: 2 ids of labels.frauds@.* have several facts.* and 3 of the rows are superseded.*"last".*"all"'
    with pytest.raises(DatasetError, match=told):
        chosen_facts(rows, None, "training X")
    with pytest.raises(DatasetError, match="2 of the rows are superseded"):
        chosen_facts(rows.where(Condition("fact_number", "==", 1)), None)
    assert chosen_facts(rows.where(Condition("request", "==", "c")), None).count().kept == 1


def test_ids_of_one_fact_each_need_no_choice(tmp_path: Path) -> None:
    rows = PinnedRows(Snapshot.of(table_of(tmp_path, [("a", 1, 1), ("a", 2, 1), ("b", 1, 1)])))
    assert chosen_facts(rows, None) == rows


def test_a_table_that_does_not_note_its_ids_is_refused_where_these_count(tmp_path: Path) -> None:
    table = table_of(tmp_path, [("a", 1, 1), ("a", 1, 2)], noted={})
    rows = PinnedRows(Snapshot.of(table))
    told = r"1 facts of labels.frauds@.* correct earlier ones"
    with pytest.raises(DatasetError, match=f'{told}.*: "first" or "all"; .* once the property {LABEL_IDS}'):
        chosen_facts(rows, None)
    with pytest.raises(DatasetError, match=f"set the table's property {LABEL_IDS}"):
        chosen_facts(rows, "last")
    table.set_properties(ids_to_note(["request", "line"]))
    assert taken(chosen_facts(PinnedRows(Snapshot.of(table)), "last")) == [("a", 1, 2)]


@pytest.mark.parametrize(
    ("noted", "error", "told"),
    [
        ("request", ConnectorError, "expected a list of columns in JSON.*found 'request'"),
        ('["reqest"]', UnknownColumnError, "did you mean 'request'"),
    ],
)
def test_ids_that_are_noted_wrongly_are_refused(tmp_path: Path, noted: str, error: type[Exception], told: str) -> None:
    table = table_of(tmp_path, [("a", 1, 1)], noted={LABEL_IDS: noted})
    with pytest.raises(error, match=told):
        chosen_facts(PinnedRows(Snapshot.of(table)), "last")


def test_an_id_that_was_used_again_has_no_last_fact_that_is_known(tmp_path: Path) -> None:
    table = table_of(tmp_path, [("a", 1, 1), ("a", 1, 2)], [("a", 1, 1)])
    with pytest.raises(DatasetError, match="1 ids have facts of one number twice: they were used again"):
        chosen_facts(PinnedRows(Snapshot.of(table)), "last")
    once = table_of(tmp_path / "once", [("a", 1, 1)], [("a", 1, 1)])
    assert taken(chosen_facts(PinnedRows(Snapshot.of(once)), "last")) == [("a", 1, 1), ("a", 1, 1)]


def test_superseded_facts_are_told_once_of_a_snapshot_however_often_its_table_is_opened(tmp_path: Path) -> None:
    table = table_of(tmp_path, [("a", 1, 1), ("a", 1, 2)])
    one, other = Snapshot.of(table), Snapshot.of(table.catalog.named(table.name))
    assert (one, hash(one)) == (other, hash(other))
    assert superseded(one) is superseded(other)


def test_facts_are_not_chosen_of_a_table_without_any(tmp_path: Path) -> None:
    other = IcebergCatalog.sqlite("house", tmp_path / "lake").create_table("raw", "trips", FIELDS[:4])
    other.append(pa.Table.from_pylist([{"request": "a"}], other.table.schema().as_arrow()))
    rows = PinnedRows(Snapshot.of(other))
    assert chosen_facts(rows, None) == rows
    for which in CHOICES:
        with pytest.raises(DatasetError, match="has none of a label join: it lacks fact, fact_number; leave it out"):
            chosen_facts(rows, which, "training X")
