"""The ledger of a label join: what was read of both sources, what was told of it, and that it could be told then.

It is drawn up from what the job committed: offsets, facts and dead letters, beside a recount of both archives.
"""

# ruff: noqa: S608 (the only name that is put into SQL is which of two sources it is)
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from headrace.compiler.duckdb_label_ledger import (
    against_rules_sql,
    leaked_sql,
    left_out_sql,
    told_twice_sql,
    unlogged_sql,
    verdicts_sql,
)
from headrace.compiler.flink_label_join import letters_of
from headrace.compiler.label_join import LABELS, LOGGED
from headrace.compiler.plan import SourcePlan
from headrace.compiler.verdict import Verdict
from headrace.connectors.duckdb_files import database
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_snapshot import commit_times
from headrace.connectors.prefix import TopicPartition
from headrace.errors import LedgerError
from headrace.features.instant import instant_us
from headrace.pipelines.label_runs import run_of
from headrace.pipelines.label_status import Committed, committed_by
from headrace.pipelines.ledger_checks import (
    SHOWN,
    Check,
    PartitionLine,
    archived_less,
    by_part,
    check_texts,
    equal,
    lines_of,
    none_of,
    offset_checks,
    partition_text,
)
from headrace.pipelines.ledger_facts import Block
from headrace.pipelines.local_labels import LabelCounts
from headrace.runtime.cutover import Cutover
from headrace.runtime.platform import Platform

#: The sources of a label join, in the order of the parts of its boundary.
SIDES = (LOGGED, LABELS)
#: What the offset tiles and the recount both count.
RECOUNTED = ("accepted", "late", "dead_lettered")
_LETTERS = """
SELECT view, verdict, count(*), count(*) - count(DISTINCT (topic, partition, "offset")) FROM letters GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class LabelLedger:
    """The ledger of one run of a label join."""

    run: str
    join: str
    counts: LabelCounts
    partitions: tuple[PartitionLine, ...]
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(check for check in self.checks if not check.holds)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with `holds`."""
        return {**asdict(self), "holds": self.holds}

    def to_json(self) -> str:
        """The ledger as JSON text."""
        return json.dumps(self.to_dict(), indent=1)

    def to_text(self) -> str:
        """The ledger as lines to read: counts, partitions, checks."""
        return "\n".join(_lines(self)) + "\n"


def label_ledger_of(platform: Platform, run_id: str) -> LabelLedger:
    """The ledger of a run of a label join; of a running one at its newest checkpoint but one.

    Raises:
        LedgerError: the run has committed nothing yet.
        NotFoundError: there is no such run of a label join, or a table of it is gone.
    """
    run = run_of(platform, run_id)
    committed = committed_by(platform, run)
    blocks = [block for side in committed.blocks.values() for block in side]
    if not blocks:
        msg = f"run {run_id} has committed nothing yet; look again after its next checkpoint"
        raise LedgerError(msg)
    with database(f"label join {committed.plan.name}") as connection:
        draft = _Draft(platform, connection, committed, Cutover.from_dict(run.cutover), blocks)
        checks = tuple(draft.checks())
    return LabelLedger(run_id, committed.plan.name, committed.counts(), lines_of(blocks), checks)


@dataclass(frozen=True)
class _Draft:
    """All that a run committed, in a database, from which the checks follow."""

    platform: Platform
    connection: duckdb.DuckDBPyConnection
    committed: Committed
    cutover: Cutover
    blocks: Sequence[Block]

    def checks(self) -> Iterator[Check]:
        """All checks."""
        yield from offset_checks(self.cutover, self.blocks)
        self.open_facts()
        self.open_letters()
        plan = self.committed.plan
        yield self.none("each fact is told once", told_twice_sql(plan))
        yield self.none("no fact is left out", left_out_sql(plan))
        yield self.none("facts are of their kind", against_rules_sql(plan))
        yield from self.letter_checks()
        counts = self.committed.counts()
        told = min(counts.logged_open, counts.labels_open)
        yield Check("every row has one place", told >= 0, "open rows, 0 or more", f"{told:,}")
        yield from self.archive_checks()

    def letter_checks(self) -> Iterator[Check]:
        """Dead letters among themselves, and against the verdicts of the offset tiles."""
        found = {(view, verdict): (n, more) for view, verdict, n, more in self.connection.execute(_LETTERS).fetchall()}
        yield equal("dead letters: each once", 0, sum(more for _, more in found.values()))
        for side in SIDES:
            blocks, view = self.committed.blocks[side], letters_of(self.committed.plan, side)
            for verdict, name in ((Verdict.DEAD_LETTER, "dead_lettered"), (Verdict.LATE, "late")):
                counted = sum(getattr(block, name) for block in blocks)
                yield equal(
                    f"dead letters: {side}, {verdict.label}", counted, found.get((view, verdict.label), (0, 0))[0]
                )

    def archive_checks(self) -> Iterator[Check]:
        """The recount of both archives, and what facts say beside them, once they have all that was read.

        That of a table of another system is the copy that was read.
        """
        names = [part.table for part in self.cutover.parts]
        if not all(names):
            return
        archives = {side: self.platform.iceberg.named(str(name)) for side, name in zip(SIDES, names, strict=True)}
        behind = [place for side, archive in archives.items() for place in self.behind(side, archive)]
        yield none_of("archives reach the live legs", behind)
        if behind:
            return
        plan = self.committed.plan
        for (side, archive), source in zip(archives.items(), (plan.logged, plan.labels), strict=True):
            archive.relation(self.connection).create_view(side)
            yield from self.recounts(side, source)
        yield self.none("features are those that were logged", unlogged_sql(plan))
        yield self.none("no label is told before it has arrived", leaked_sql(plan))

    def behind(self, side: str, archive: IcebergTable) -> list[str]:
        """Partitions of a source that were read further than they are archived."""
        ends = {TopicPartition(one.topic, one.partition): one.max_offset for one in archive.prefix()}
        return archived_less(self.committed.blocks[side], ends)

    def recounts(self, side: str, source: SourcePlan) -> Iterator[Check]:
        """The verdicts of one source by partition, against its archive within what was read."""
        self.connection.execute("CREATE OR REPLACE TEMP TABLE ranges (t TEXT, p INT, first BIGINT, last BIGINT)")
        blocks = self.committed.blocks[side]
        for line in lines_of(blocks):
            ends = [*line.of, line.first_offset, line.last_offset]
            self.connection.execute("INSERT INTO ranges VALUES (?, ?, ?, ?)", ends)
        within = f"(SELECT * FROM {side} SEMI JOIN ranges ON _src_topic = t AND _src_partition = p"
        within += " AND _src_offset BETWEEN first AND last)"
        rows = self.connection.execute(verdicts_sql(source, within)).fetchall()
        recount = {TopicPartition(*row[:2]): dict(zip(RECOUNTED, row[2:], strict=True)) for row in rows}
        for name in RECOUNTED:
            again = {of: counts[name] for of, counts in recount.items()}
            found = {of: sum(getattr(one, name) for one in blocks if one.of == of) for of in again}
            wrong = [of for of in sorted(again) if again[of] != found[of]]
            yield Check(f"recount: {side}, {name}", not wrong, by_part(again, wrong), by_part(found, wrong))

    def none(self, name: str, query: str) -> Check:
        """A check that a query gives no ids."""
        rows = self.connection.execute(f"{query} LIMIT {SHOWN + 1}").fetchall()
        return none_of(name, [", ".join(map(repr, row)) for row in rows])

    def open_facts(self) -> None:
        """Let `facts` be the facts, each with when it was committed."""
        table = self.committed.facts
        snapshot = self.committed.snapshots[table.name]
        times = [] if snapshot is None else commit_times(table, snapshot)
        rows = table.relation(self.connection, snapshot, ordered=True)
        known = ", ".join("NULL" if at is None else str(instant_us(at)) for at in times)
        at = f"CAST(list_extract([{known}], _file) AS BIGINT) AS _committed_us"
        (rows if snapshot is not None else rows.limit(0)).project(f"* EXCLUDE (_file, _row), {at}").create_view("facts")

    def open_letters(self) -> None:
        """Let `letters` be the dead letters."""
        table = self.committed.letters
        snapshot = self.committed.snapshots[table.name]
        rows = table.relation(self.connection, snapshot, ("view", "verdict", "topic", "partition", "offset"))
        (rows if snapshot is not None else rows.limit(0)).create_view("letters")


def _lines(ledger: LabelLedger) -> Iterator[str]:
    """The ledger's lines."""
    yield f"ledger of run {ledger.run}, label join {ledger.join}"
    counts = asdict(ledger.counts)
    counts |= {"logged_open": ledger.counts.logged_open, "labels_open": ledger.counts.labels_open}
    for name, count in counts.items():
        yield f"  {name:<16}{count:>14,}"
    yield from map(partition_text, ledger.partitions)
    yield from check_texts(ledger.checks)
