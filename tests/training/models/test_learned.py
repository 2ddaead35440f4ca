"""What a version has learned from, told by its lineage, and gates that do not take such rows for a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import DatasetError, NotFoundError
from headrace.registry.model_facts import ModelVersion
from headrace.training.data.changes import appended_between
from headrace.training.data.filters import RowFilter, before, from_
from headrace.training.data.rows import PinnedRows
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.increment import increment_of
from headrace.training.models.learned import Learned, learned_of, shared

from ..data.lake_changes import compact  # noqa: TID252 (commits that pyiceberg does not make)
from . import trips
from .desk import HELD_OUT, TRAIN, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A table that nobody changes."""
    return Desk(tmp_path_factory.mktemp("lone"))


def count(rows: PinnedRows) -> int:
    return rows.count().kept


def test_what_a_full_training_learned_is_counted_and_what_came_later_is_not(desk: Desk) -> None:
    made, there = desk.trained(), count(desk.rows(TRAIN))
    assert 150 < there < 300
    desk.arrive(2)
    then = made.facts.snapshots["raw.trips"]
    for rows in (desk.rows(), desk.rows(TRAIN), desk.rows(before("at", trips.DECEMBER)), desk.rows(at=then)):
        assert desk.learned(rows, made) == Learned({made.name: there})
    for rows in (desk.rows(HELD_OUT), desk.rows(from_("at", trips.DECEMBER))):
        assert desk.learned(rows, made) == Learned()
    # Files that were rewritten have the same rows.
    compact(desk.table.refresh())
    assert desk.learned(desk.rows(), made) == Learned({made.name: there})
    assert desk.learned(desk.rows(from_("at", trips.DECEMBER)), made) == Learned()


def test_what_ancestors_learned_counts_each_row_once(desk: Desk) -> None:
    line = [desk.trained()]
    for seed in (2, 3):
        desk.arrive(seed)
        line.append(desk.trained(line[-1]))
    desk.arrive(4)
    first = line[0].facts.snapshots["raw.trips"]
    learned = count(desk.rows(TRAIN, at=line[-1].facts.snapshots["raw.trips"]))
    assert desk.learned(desk.rows(), *line) == Learned({line[-1].name: learned})
    assert desk.learned(desk.rows(at=first), *line) == Learned({line[-1].name: count(desk.rows(TRAIN, at=first))})
    # The last alone, of which another went before: only what was appended between the two.
    own = learned - count(desk.rows(TRAIN, at=line[1].facts.snapshots["raw.trips"]))
    assert desk.learned(desk.rows(), line[0], line[2]).rows[line[2].name] == own
    # Nothing that came after the pinned rows was learned of them.
    assert desk.learned(desk.rows(at=first), line[2]) == Learned()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"training": {}}, "how it was trained is not recorded"),
        ({"snapshots": {"raw.other": 7}}, "it learned from raw.other, which may have the same rows as raw.trips"),
        ({"snapshots": {"raw.trips": 17}}, "no snapshot 17"),
        ({"overridden": ["fit", "rows"]}, "its class overrides rows, which is not recorded"),
    ],
)
def test_what_is_not_known_is_told_with_the_reason(desk: Desk, changed: dict[str, Any], why: str) -> None:
    facts = desk.trained().facts
    if "overridden" in changed:
        changed = {"training": {**facts.training, **changed}}
    found = learned_of(desk.rows(), desk.table, [("late_trips@1", replace(facts, **changed))])
    assert not found.rows
    assert why in found.unknown["late_trips@1"]


BY_HAND: dict[str, dict[str, Any]] = {
    "kind": {"kind": "mine"},
    "overridden": {"kind": "full"},
    "definition.splits.train": {"kind": "full", "overridden": [], "definition": {"splits": {}}},
    "after": {"kind": "learned_on", "overridden": [], "definition": {"splits": {"train": []}}},
    "source": {"kind": "stream"},
    "places": {"kind": "stream", "source": "raw.trips"},
    "places.partition": {"kind": "stream", "source": "raw.trips", "places": {"offset": "trip"}},
}


@pytest.mark.parametrize("missing", BY_HAND)
def test_what_somebody_wrote_by_hand_is_not_known_and_neither_stops_the_gate_nor_the_line(
    lone: Desk, missing: str
) -> None:
    then = lone.table.refresh().current_snapshot_id()
    facts = trips.facts(lone.store, trips.tuned(), snapshots={"raw.trips": then}, offsets={"raw.trips-0": (0, 9)})
    odd = replace(facts, training=BY_HAND[missing])
    full = {"kind": "full", "overridden": [], "definition": {"splits": {"train": []}}}
    later = replace(facts, training={**full, "kind": "learned_on", "after": then})
    line = [("a@1", replace(facts, training=full)), ("a@2", later), ("a@3", odd), ("a@4", odd)]
    found = learned_of(lone.rows(), lone.table, line)
    assert found.unknown.keys() == {"a@3", "a@4"}
    why = "how it was trained is not recorded"
    assert found.unknown["a@3"] == (why if missing == "kind" else f"{why}: its {missing} is missing")
    assert found.rows == {"a@2": 300}


def test_a_gate_over_rows_that_were_learned_from_fails_unless_the_set_allows_it(desk: Desk) -> None:
    parent = desk.trained()
    desk.arrive(2)
    made = desk.trained(parent)
    sets: Sequence[tuple[list[RowFilter], bool]] = [([], False), ([], True), ([HELD_OUT], False)]
    every, memory, apart = [
        desk.judged(made, EvaluationSet("recent", "raw.trips", filters, may_be_learned=allowed))
        for filters, allowed in sets
    ]
    assert [one.passed for one in (every, memory, apart)] == [False, True, True]
    assert "it has learned from these rows; judge it by others" in every.evidence["why"]
    assert every.evidence["learned_rows"] == memory.evidence["learned_rows"] == {made.name: count(desk.rows(TRAIN))}
    assert not {"learned_rows", "learned_unknown", "why"} & apart.evidence.keys()
    # What an ancestor learned of is no proof of its child either.
    before_it = EvaluationSet("recent", "raw.trips", [before("at", trips.DECEMBER)])
    assert not desk.judged(made, before_it).passed
    # Nor of one of another model that began with it.
    other = desk.store.register("other_trips", replace(made.facts, training={}, parent=made.name), trips.WHY)
    assert desk.judged(other, before_it).evidence["learned_rows"].keys() == {made.name}
    by_hand = desk.store.register("late_trips", replace(made.facts, training={}, parent=None), trips.WHY)
    found = desk.judged(by_hand, before_it)
    assert (found.passed, found.evidence["learned_unknown"]) == (
        True,
        {by_hand.name: "how it was trained is not recorded"},
    )


def test_what_a_version_was_told_since_the_champion_is_what_was_appended(desk: Desk) -> None:
    line = [desk.trained()]
    for seed in (2, 3):
        desk.arrive(seed)
        line.append(desk.trained(line[-1]))

    def told(version: ModelVersion, *champion: ModelVersion) -> int:
        mine = [one for one in desk.store.lineage(version.name).ancestors if one.number not in numbers(champion)]
        return told_by([*mine, version], *champion)

    def numbers(some: Sequence[ModelVersion]) -> set[int]:
        return {one.number for one in some}

    def told_by(versions: Sequence[ModelVersion], *champion: ModelVersion) -> int:
        facts, theirs = ([one.facts for one in some] for some in (versions, champion))
        return sum(count(part) for _, part in increment_of(facts, theirs, lambda _: desk.table.refresh()))

    first, second, third = line
    own = {one.name: count(desk.rows(TRAIN, at=one.facts.snapshots["raw.trips"])) for one in line}
    assert told(first) == own[first.name]
    assert told(third, first, second) == told_by([third]) == own[third.name] - own[second.name]
    # What an ancestor learned that is none of the champion's is in the version, whoever judged that one.
    assert told(third, first) == own[third.name] - own[first.name]
    assert told(third) == own[third.name]
    assert told(second, *line) == told(third, *line) == 0
    anew = desk.trained()
    assert told(anew, first) == own[third.name] - own[first.name]
    assert told(anew, first, second, third) == 0
    # Rows that the champion left out of its training are asked of it, whenever they came.
    split = {**first.facts.training["definition"], "splits": {"train": []}}
    other = replace(first, facts=replace(first.facts, training={**first.facts.training, "definition": split}))
    assert told(anew, other) == own[third.name]
    by_hand = replace(first, facts=replace(first.facts, training={}))
    assert told(anew, by_hand) == own[third.name]
    with pytest.raises(NotFoundError, match="how it was trained is not recorded"):
        told(by_hand)


def test_a_training_anew_after_labels_were_corrected_is_asked_all_its_rows(desk: Desk) -> None:
    first = desk.trained()
    desk.table.refresh().table.delete("speed < -1")
    desk.arrive(2)
    anew = desk.trained()

    def told(version: ModelVersion) -> int:
        parts = increment_of([version.facts], [first.facts], lambda _: desk.table.refresh())
        return sum(count(part) for _, part in parts)

    assert told(anew) == count(desk.rows(TRAIN)) > 0
    on = {**anew.facts.training, "kind": "learned_on", "after": first.facts.snapshots["raw.trips"]}
    with pytest.raises(DatasetError, match="rows were taken away or changed"):
        told(replace(anew, facts=replace(anew.facts, training=on)))


def test_rows_of_two_snapshots_are_shared_as_far_as_both_have_them(desk: Desk) -> None:
    table = desk.table.refresh()
    then = table.current_snapshot_id()
    assert then is not None
    desk.arrive(2)
    now = desk.rows()
    later = appended_between(desk.table.refresh(), then, now.snapshot)
    assert [shared(rows, now, table) for rows in (desk.rows(at=then), later, now)] == [300, 100, 400]
    assert [shared(rows, desk.rows(at=then), table) for rows in (desk.rows(at=then), later, now)] == [300, 0, 300]
    assert shared(now, desk.rows(from_("at", trips.DECEMBER)), table) == 100
