"""The rows from which a version learned and the champion has not: what it was told since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import DatasetError, NotFoundError
from headrace.registry.model_facts import Facts
from headrace.training.data.changes import appended_between
from headrace.training.data.fact_conditions import LAST
from headrace.training.data.filters import RowFilter, before
from headrace.training.data.last_facts import chosen_facts
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.models.learned import GONE, UNRECORDED, facts_chosen, filters_of, of_offsets, recorded, table_of
from headrace.training.models.made_again import FULL, LEARNED_ON, STREAM
from headrace.training.streaming.learned_before import WHERE

Span = tuple[int, int]


def increment_of(
    line: Sequence[Facts], champion: Sequence[Facts], table: Callable[[str], IcebergTable]
) -> list[tuple[Facts, PinnedRows]]:
    """The rows that versions of a line learned, each once and beside who did, without those that a champion's line did.

    Of streams they are told by offsets and their condition, of trainings by what was appended: what was learned by
    another split, or by another condition than all facts, or the one from a snapshot and the other from a stream, is
    not taken out.

    Args:
        line: the facts of a version behind those of its ancestors that the champion does not come from, too: whether
            these were judged or refused, what they learned is in the version.
        champion: the facts of the champion and of the versions that it comes from.
        table: gives the table of a name.

    Raises:
        NotFoundError: it is not known what one of the line learned, or the rows are gone.
        DatasetError: rows were taken away or changed since.
    """
    found: list[tuple[Facts, PinnedRows]] = []
    for place, facts in enumerate(line):
        found += [(facts, rows) for rows in _learned_by(facts, [*champion, *line[:place]], table)]
    return found


def let_through(facts: Facts, rows: PinnedRows, label_time: str) -> PinnedRows:
    """Of the rows between the first and the last that a version learned those whose label had a time by then.

    A stream whose rows say when their labels were known refuses one without a time, or that is yet to come. What else
    learned took its rows with or without.
    """
    cutoff = facts.label_cutoff
    if facts.training.get("kind") != STREAM or cutoff is None:
        return rows
    return rows.where(before(label_time, cutoff + timedelta(microseconds=1)))


def outside(span: Span, taken: Iterable[Span]) -> list[Span]:
    """What is left of offsets, from the first to before the end, without others.

    >>> outside((0, 10), [(2, 4), (8, 20)])
    [(0, 2), (4, 8)]
    """
    left = [span]
    for first, end in taken:
        parts = [part for a, b in left for part in ((a, min(b, first)), (max(a, end), b))]
        left = [(a, b) for a, b in parts if a < b]
    return left


def _learned_by(facts: Facts, earlier: Sequence[Facts], table: Callable[[str], IcebergTable]) -> Iterator[PinnedRows]:
    """The rows that one version learned itself, without those that others learned."""
    kind = facts.training.get("kind")
    if kind == STREAM:
        return _of_stream(facts, earlier, table)
    if kind in (FULL, LEARNED_ON):
        return _appended(facts, earlier, table)
    raise NotFoundError(UNRECORDED)


def _of_stream(facts: Facts, earlier: Sequence[Facts], table: Callable[[str], IcebergTable]) -> Iterator[PinnedRows]:
    """The rows at the offsets that a stream had and others had not, which left no rows of its condition out."""
    rows = PinnedRows(Snapshot.of(table(table_of(facts.training))))
    like = [one for one in earlier if _condition(one) in ("", _condition(facts))]
    for name, span in facts.offsets.items():
        for part in outside(span, [one.offsets[name] for one in like if name in one.offsets]):
            yield from of_offsets(rows, replace(facts, offsets={name: part}))


def _condition(facts: Facts) -> str:
    """The condition of the rows that a stream had; empty: it had all of them."""
    return str(facts.training.get(WHERE, ""))


def _appended(facts: Facts, earlier: Sequence[Facts], table: Callable[[str], IcebergTable]) -> Iterator[PinnedRows]:
    """The rows of a training that were not there yet when it, or a like one before it, began."""
    filters, chosen = filters_of(facts.training), facts_chosen(facts.training)
    like = [one for one in earlier if _chosen_by(one) == (filters, chosen)]
    for name, snapshot_id in facts.snapshots.items():
        known = {one.snapshots[name] for one in like if name in one.snapshots}
        if facts.training["kind"] == LEARNED_ON:
            known.add(recorded(facts.training, "after"))
        if snapshot_id not in known:
            there = table(name)
            # Whoever trains anew after a correction learns all rows, and all are asked of it.
            passes = (NotFoundError, DatasetError) if facts.training["kind"] == FULL else (NotFoundError,)
            rows = _since(there, Snapshot.of(there, snapshot_id), known, passes).where(*filters)
            yield chosen_facts(rows, LAST) if chosen == LAST else rows


def _chosen_by(facts: Facts) -> tuple[list[RowFilter], str] | None:
    """The filters of a training's rows, and its choice among facts; None where they are not known."""
    training = facts.training
    try:
        return (filters_of(training), facts_chosen(training)) if training.get("kind") in (FULL, LEARNED_ON) else None
    except GONE:
        return None


def _since(
    table: IcebergTable, snapshot: Snapshot, known: Iterable[int], passes: tuple[type[Exception], ...]
) -> PinnedRows:
    """What a snapshot has that none of some others had; one of which that cannot be told says nothing, if it passes."""
    found = [PinnedRows(snapshot)]
    for one in known:
        try:
            found.append(appended_between(table, one, snapshot))
        except passes:
            continue
    return min(found, key=lambda rows: rows.snapshot.rows)
