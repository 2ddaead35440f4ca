"""From parent to child a model visits each row once: a run that would read what its line has learned is refused."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import CutoverError, NotFoundError
from headrace.registry.model_facts import ModelVersion
from headrace.runtime.legs import TOPIC_ID as ARCHIVED_ID
from headrace.training.streaming.table_rows import TableRows, rows_in
from headrace.training.streaming.topic_rows import TOPIC_ID, TopicRows, spans_of

#: Under which the training of a version keeps how many rows of its table, from the first on, it is behind, and the
#: condition that those meet.
BEHIND, WHERE = "behind", "where"
#: How rows are learned again where that is meant.
AGAIN = "--again to learn them again"


@dataclass(frozen=True, slots=True)
class Reached:
    """How far into a table a version has learned.

    Attributes:
        version: its name.
        rows: so many rows from the table's first on, in the order of commits; None where that is not known.
        where: the condition of the rows that are counted; empty: all are.
    """

    version: str
    rows: int | None
    where: str = ""


def refuse_learned(rows: TableRows | TopicRows, line: Sequence[ModelVersion]) -> None:
    """Refuse a run that begins before the end of what a version of its line, the root first, has learned.

    Of a table the counts of rows up to snapshots decide, of a topic the offsets; a topic's archive is the topic, too. A
    version of which it is not known how far it came stands against a run that is not told where to begin.

    Raises:
        CutoverError: it would learn rows again; the message says where to begin instead.
    """
    if isinstance(rows, TableRows):
        _refuse_table(rows.table(), rows.after, line)
        return
    _refuse_offsets(rows, line)
    asked, history = rows.beginning, rows.source.history
    if history is None or history.kind != "iceberg" or not any(_learned_from(one, history.name) for one in line):
        return
    archive = rows.platform.iceberg.named(history.name)
    if asked.offsets is None and asked.behind is None:
        _refuse_table(archive, asked.after, line)
    else:
        _refuse_archived(rows, archive, line)


def reached_by(version: ModelVersion, table: IcebergTable) -> Reached | None:
    """How far a version has learned of a table; None where it learned nothing of it."""
    if not _learned_from(version, table.name):
        return None
    training, snapshots = version.facts.training, version.facts.snapshots
    if BEHIND in training and training["source"] == table.name:
        return Reached(version.name, training[BEHIND], training[WHERE])
    known = table.name in snapshots
    return Reached(version.name, _rows_at(table, snapshots[table.name]) if known else None)


def _learned_from(version: ModelVersion, table: str) -> bool:
    training = version.facts.training
    return table in version.facts.snapshots or (training.get("source") == table and not training.get("topic"))


def _refuse_table(table: IcebergTable, after: int | None, line: Sequence[ModelVersion]) -> None:
    """The newest version of a line tells; what one before it has learned is most often less."""
    for found in filter(None, (reached_by(version, table) for version in reversed(line))):
        begins = 0 if after is None else rows_in(table, after, found.where)
        if found.rows is None and after is None:
            msg = f"{found.version} has learned from {table.name}, and how far is not known; this run begins with its "
            msg += "first row, and would learn rows again; give --after with the snapshot whose rows it has learned, "
            raise CutoverError(msg + "or " + AGAIN)
        if found.rows is not None and begins < found.rows:
            where = "its first row" if after is None else f"row {begins + 1:,}, after snapshot {after}"
            msg = f"{found.version} has learned the first {found.rows:,} rows of {table.name}, and this run begins "
            msg += f"with {where}: it would learn {found.rows - begins:,} of them again; "
            raise CutoverError(msg + _behind(table, found.rows, found.where) + AGAIN)


def _refuse_offsets(rows: TopicRows, line: Sequence[ModelVersion]) -> None:
    for version in reversed(line):
        noted = version.facts.training.get(TOPIC_ID)
        if version.facts.training.get("topic") is False or (noted and noted != rows.topic.topic_id):
            continue
        for partition, (first, end) in spans_of(version, rows.name).items():
            start = rows.starts.get(partition, end)
            if first < end and start < end:
                msg = f"{version.name} has learned topic {rows.name!r}, partition {partition}, up to offset {end}, and "
                msg += f"this run begins with {start}: it would learn records again; give --offsets parent to begin "
                raise CutoverError(msg + f"behind what {line[-1].name} has learned, or {AGAIN}")


def _refuse_archived(rows: TopicRows, archive: IcebergTable, line: Sequence[ModelVersion]) -> None:
    """Offsets before the end of what was learned of a topic's archive: of the newest snapshot that was learned whole.

    An archive of another topic, or one that does not say of which, has no offsets of this one.
    """
    found = max(filter(None, (reached_by(one, archive) for one in line)), key=lambda one: one.rows or 0, default=None)
    copied = archive.properties.get(ARCHIVED_ID)
    if found is None or not found.rows or copied is None or rows.topic.topic_id not in (copied, None):
        return
    commits = _commits(archive)
    whole = commits[: bisect_right(commits, found.rows, key=archive.row_count)][-1:]
    for snapshot_id in whole:
        for part in archive.prefix(snapshot_id):
            start = rows.starts.get(part.partition, part.next_offset)
            if part.topic == rows.name and start < part.next_offset:
                msg = f"{found.version} has learned {archive.name}, where {part.of} ends before offset "
                msg += f"{part.next_offset}, and this run begins with {start}: it would learn records again; give "
                raise CutoverError(msg + f"--after {snapshot_id} to begin behind the archive's, or {AGAIN}")


def _behind(table: IcebergTable, rows: int, where: str) -> str:
    """What to give to begin behind some rows: the oldest snapshot that has them all, where there is one."""
    commits = _commits(table)
    # Rows are appended only, so that counts rise: of many commits only a few are asked.
    place = bisect_left(commits, rows, key=lambda snapshot_id: rows_in(table, snapshot_id, where))
    return f"give --after {commits[place]} to begin behind them, or " if place < len(commits) else "give "


def _commits(table: IcebergTable) -> list[int]:
    """The newest snapshot and those before it, oldest first."""
    return [one.snapshot_id for one in table.ancestry()][::-1]


def _rows_at(table: IcebergTable, snapshot_id: int) -> int | None:
    """How many rows a snapshot has; None where it is gone."""
    try:
        return table.row_count(snapshot_id)
    except NotFoundError:
        return None
