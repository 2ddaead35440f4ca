"""The ledger of a run: what was read and what became of it, checked against a recount of the archive.

It is drawn up from what the job committed, never from its counters: offset tiles, dead letters and tiles in Iceberg.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from headrace.compiler.copies import id_text
from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.compiler.verdict import Verdict
from headrace.connectors.iceberg import FlinkCommit, IcebergCatalog, IcebergTable
from headrace.connectors.prefix import TopicPartition
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import JobError, LedgerError
from headrace.pipelines.backfill import DEAD_LETTERS_TABLE, OFFSET_TILES_TABLE, TILES_NAMESPACE
from headrace.pipelines.followed_dimensions import is_followed, open_joined
from headrace.pipelines.ledger_checks import (
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
    place,
)
from headrace.pipelines.ledger_facts import VERDICTS, Archived, Block, Facts, TileFacts, opened, sums_of
from headrace.registry.store import Registry, Run
from headrace.runtime.cutover import Cutover, DimensionPin
from headrace.runtime.platform import Platform

#: Every row that was read has one of these verdicts.
EXCLUSIVE = ("accepted", "late", "dead_lettered", "duplicate")
#: Where rows have copies, it is not settled in which partition the one lies that counts, and with it these.
SHARED_BY_COPIES = frozenset({"accepted", "duplicate", "filtered", "folded"})


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One tile group: rows folded in by its finest tiles, and by the recount (None: there was none)."""

    group: str
    table: str
    folded: int
    recounted: int | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one run. `filtered` rows are among the accepted ones; `folded` counts (row, group) pairs.

    `joined`: which snapshots of dimensions its rows were joined to, in words.
    """

    run: str
    view: str
    version: str
    read: int
    accepted: int
    late: int
    dead_lettered: int
    duplicate: int
    filtered: int
    folded: int
    partitions: tuple[PartitionLine, ...]
    groups: tuple[GroupLine, ...]
    checks: tuple[Check, ...]
    joined: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(check for check in self.checks if not check.holds)

    def check(self, name: str) -> Check:
        """The check `name`; KeyError when there is none."""
        return {check.name: check for check in self.checks}[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with `holds`."""
        return {**asdict(self), "holds": self.holds}

    def to_json(self) -> str:
        """The ledger as JSON text."""
        return json.dumps(self.to_dict(), indent=1)

    def to_text(self) -> str:
        """The ledger as lines to read: sums, partitions, groups, checks."""
        return "\n".join(_lines(self)) + "\n"


def ledger_of(platform: Platform, run_id: str) -> Ledger:
    """The ledger of a recorded run; of a running one at its newest checkpoint but one.

    Raises:
        LedgerError: the run has committed nothing yet.
        NotFoundError: there is no such run, or a table of it is gone.
    """
    registry = platform.registry
    run = registry.run(run_id)
    plan = ViewPlan.from_dict(dict(registry.version(run.project, run.view, run.version).plan))
    tables = registry.materialization(run.project, run.view, run.version, run.generation).tables
    alone = not any(
        _shares_tables(registry, other, set(tables.values()))
        for other in registry.runs(run.project)
        if other.run != run.run
    )
    return draw_up(platform.iceberg, run, plan, tables, running=_checkpoint(platform, run), alone=alone)


def _shares_tables(registry: Registry, other: Run, tables: set[str]) -> bool:
    """Whether another run was submitted that writes to some of these tables: versions share tiles where they can."""
    made = registry.materialization(other.project, other.view, other.version, other.generation).tables
    return other.job_id is not None and not tables.isdisjoint(made.values())


def _checkpoint(platform: Platform, run: Run) -> int | None:
    """The newest completed checkpoint of a job that may still commit (0: none yet); None when it cannot.

    A cluster that does not answer has no running job.
    """
    if run.job_id is None or run.status != "running":
        return None
    try:
        running = any(job.job_id == run.job_id and not job.is_over for job in platform.flink.jobs())
        return platform.flink.checkpoints(run.job_id).newest_id if running else None
    except JobError:
        return None


def draw_up(
    catalog: IcebergCatalog,
    run: Run,
    plan: ViewPlan,
    tables: Mapping[str, str],
    *,
    running: int | None = None,
    alone: bool = True,
) -> Ledger:
    """The ledger of a run.

    Args:
        catalog: where the run's tables are.
        run: the run's record.
        plan: the plan of its view.
        tables: physical name of each tile group's table, by fingerprint.
        running: the newest completed checkpoint of a job that may commit while this reads, so all tables are read at
            the newest checkpoint that every one of them has surely committed; None: at their newest snapshots.
        alone: no other run wrote to the same tile tables. Two runs over one generation agree in the end, but each
            begins again at n = 1, so the order of versions then says nothing.

    Raises:
        LedgerError: the run has committed nothing yet.
        NotFoundError: a table of the run does not exist.
    """
    cutover = Cutover.from_json(json.dumps(dict(run.cutover)))
    logs = {group.fingerprint: catalog.load(TILES_NAMESPACE, tables[group.fingerprint]) for group in plan.groups}
    shared = {name: catalog.load(LEDGER_NAMESPACE, name) for name in (OFFSET_TILES_TABLE, DEAD_LETTERS_TABLE)}
    job_id = None if running is None else run.job_id
    snapshots = consistent([*shared.values(), *logs.values()], job_id, acknowledged=running or 0)
    with opened(run.run, plan) as facts:
        for name, table in shared.items():
            facts.use(name, _relation(facts, table, snapshots[table.name]))
        blocks = facts.blocks()
        if not blocks:
            msg = f"run {run.run} has committed nothing yet; look again after its next checkpoint"
            raise LedgerError(msg)
        for table in logs.values():
            facts.use(table.name, _relation(facts, table, snapshots[table.name], ordered=True))
        tiles = {group.fingerprint: facts.tiles(logs[group.fingerprint].name, group) for group in plan.groups}
        open_joined(facts.connection, plan, catalog, cutover)
        archive = _use_archive(facts, catalog, cutover, blocks)
        return _Draft(run, plan, cutover, facts, blocks, tiles, tables, archive, alone, running is not None).ledger()


def _relation(facts: Facts, table: IcebergTable, snapshot: int | None, *, ordered: bool = False) -> Any:
    """A table at a snapshot; None: before its first."""
    rows = table.relation(facts.connection, snapshot, ordered=ordered)
    return rows if snapshot is not None else rows.limit(0)


def consistent(tables: Sequence[IcebergTable], job_id: str | None, *, acknowledged: int = 0) -> dict[str, int | None]:
    """For each table the snapshot at one and the same checkpoint of a running job; without a job the newest.

    A sink that acknowledged checkpoint c has committed all before it, so c - 1, c being the newest that any table has
    or that is known to be `acknowledged`, is everywhere. A table without rows in a checkpoint has no snapshot of it:
    then an older one holds the same.
    """
    if job_id is None:
        return {table.name: table.current_snapshot_id() for table in tables}
    commits = {table.name: table.flink_commits() for table in tables}
    own = [one.checkpoint_id for found in commits.values() for one in found if one.job_id == job_id]
    newest = max([acknowledged, *own])
    return {table.name: _before(table, commits[table.name], job_id, newest) for table in tables}


def _before(table: IcebergTable, commits: Sequence[FlinkCommit], job_id: str, checkpoint_id: int) -> int | None:
    """The table's snapshot before the job committed this checkpoint or a later one, whoever committed since."""
    later = (one for one in commits if one.job_id == job_id and one.checkpoint_id >= checkpoint_id)
    first = next(later, None)
    return table.current_snapshot_id() if first is None else first.parent_id


def _use_archive(
    facts: Facts, catalog: IcebergCatalog, cutover: Cutover, blocks: Sequence[Block]
) -> list[Archived] | None:
    """Count the archive within the run's offsets; None when the run, or one source of a union, has no archive."""
    tables = [part.table for part in cutover.parts]
    if not all(tables):
        return None
    facts.use_archive(catalog.named(name).relation(facts.connection) for name in tables if name)
    return facts.restrict({line.of: (line.first_offset, line.last_offset) for line in lines_of(blocks)})


@dataclass(frozen=True, slots=True)
class _Draft:
    """All facts of a run, from which the ledger's checks follow."""

    run: Run
    plan: ViewPlan
    cutover: Cutover
    facts: Facts
    blocks: Sequence[Block]
    tiles: Mapping[str, TileFacts]
    tables: Mapping[str, str]
    archive: list[Archived] | None
    alone: bool
    running: bool

    def ledger(self) -> Ledger:
        """The ledger."""
        behind = self.behind()
        groups = self.facts.recount_groups() if self.archive is not None and not behind else {}
        checks = [*self.own_checks(), *self.archive_checks(behind), *self.tile_checks(groups), *self.letter_checks()]
        sums = sums_of(self.blocks)
        return Ledger(
            run=self.run.run,
            view=self.plan.name,
            version=self.plan.version,
            **sums,
            partitions=lines_of(self.blocks),
            groups=tuple(self.line(group, groups) for group in self.plan.groups),
            checks=tuple(checks),
            joined=tuple(map(self.pinned, self.cutover.dimensions)),
        )

    def pinned(self, pin: DimensionPin) -> str:
        """Which snapshot of a dimension the run began with, and whether it goes on to newer ones."""
        return f"{pin}{', then newer ones' if is_followed(self.plan, pin.name, self.cutover) else ''}"

    def line(self, group: TileGroup, recount: Mapping[str, int]) -> GroupLine:
        """What a group's tiles say beside the recount."""
        name = group.fingerprint
        return GroupLine(name, self.tables[name], self.folded(group), recount.get(name))

    def folded(self, group: TileGroup) -> int:
        """Rows folded into a group, by its finest tiles."""
        return self.tiles[group.fingerprint].sums.get(group.finest_us, 0)

    def own_checks(self) -> Iterator[Check]:
        """What offset tiles must satisfy by themselves and with the cutover."""
        sums = sums_of(self.blocks)
        yield equal("verdicts add up", sums["read"], sum(sums[name] for name in EXCLUSIVE))
        over = [place(block) for block in self.blocks if block.filtered > block.accepted]
        yield none_of("filtered rows are accepted ones", over)
        conflicts = [f"{of}, block {block}, n {n}" for of, block, n in self.facts.block_conflicts()]
        yield none_of("one version of a block", conflicts)
        yield from offset_checks(self.cutover, self.blocks)

    def behind(self) -> list[str]:
        """Partitions of which the archive does not reach the live leg yet."""
        if self.archive is None:
            return []
        return archived_less(self.blocks, {found.of: found.last_offset for found in self.archive})

    def missed(self) -> list[str]:
        """Partitions that the boundary does not have, with archived rows of which the run has read none."""
        unread = [(part, rows) for part, rows in self.facts.unread() if part not in self.cutover.starts]
        return [f"{part}: {rows} rows archived, none read" for part, rows in unread]

    def archive_checks(self, behind: list[str]) -> Iterator[Check]:
        """The recount, by partition and verdict, once the archive has all that the run has read."""
        if self.archive is None:
            return
        yield none_of("archive reaches the live leg", behind)
        if self.running:
            yield none_of("partitions added since planning are read", self.missed())
        if behind:
            return
        repeated = [
            f"{found.of}: {found.rows - found.distinct} rows" for found in self.archive if found.rows != found.distinct
        ]
        yield none_of("archive has each offset once", repeated)
        recount = self.facts.recount()
        for name in VERDICTS:
            yield self.recounted(name, {part: sums[name] for part, sums in recount.items()})
        if self.plan.source.unique_by is not None:
            different = [f"{id_text(self.plan.source, id_)}: {n} rows" for id_, n in self.facts.conflicts()]
            yield none_of("rows of one id are copies", different)

    def recounted(self, name: str, recount: Mapping[TopicPartition, int]) -> Check:
        """One verdict by partition, or over all where copies may lie in several, against the recount."""
        found: dict[TopicPartition, int] = dict.fromkeys(recount, 0)
        for block in self.blocks:
            found[block.of] = found.get(block.of, 0) + getattr(block, name)
        if self.plan.source.unique_by is not None and name in SHARED_BY_COPIES:
            return equal(f"recount: {name}", sum(recount.values()), sum(found.values()))
        wrong = [part for part in sorted(found) if found[part] != recount.get(part, 0)]
        return Check(f"recount: {name}", not wrong, by_part(recount, wrong), by_part(found, wrong))

    def tile_checks(self, recount: Mapping[str, int]) -> Iterator[Check]:
        """Each group's tiles among themselves and against the recount, and all groups against the offset tiles."""
        total = sum(self.folded(group) for group in self.plan.groups)
        yield equal("tiles: folded", sums_of(self.blocks)["folded"], total)
        for group in self.plan.groups:
            name, tiles = f"tiles {group.fingerprint}", self.tiles[group.fingerprint]
            if group.fingerprint in recount:
                yield equal(f"{name}: folded", recount[group.fingerprint], self.folded(group))
            unknown = [f"level {level}" for level in sorted(set(tiles.sums) - set(group.levels_us))]
            yield none_of(f"{name}: levels of the plan", unknown)
            sums = {level: tiles.sums.get(level, 0) for level in group.levels_us}
            unlike = [f"level {level}: {found}" for level, found in sums.items() if found != self.folded(group)]
            yield none_of(f"{name}: levels agree", unlike)
            if self.alone:
                yield equal(f"{name}: one value of a version", 0, tiles.conflicts)
                yield equal(f"{name}: versions never decrease", 0, tiles.decreases)

    def letter_checks(self) -> Iterator[Check]:
        """Dead letters against the counts of the offset tiles."""
        letters, sums = self.facts.dead_letters(), sums_of(self.blocks)
        for verdict, counted in ((Verdict.DEAD_LETTER, sums["dead_lettered"]), (Verdict.LATE, sums["late"])):
            yield equal(f"dead letters: {verdict.label} rows", counted, letters.rows.get(verdict.label, 0))
        yield equal("dead letters: each once", sum(letters.rows.values()), sum(letters.distinct.values()))


def _lines(ledger: Ledger) -> Iterator[str]:
    """The ledger's lines."""
    yield f"ledger of run {ledger.run}, view {ledger.view}, version {ledger.version}"
    for name in VERDICTS:
        yield f"  {name:<14}{getattr(ledger, name):>16,}"
    for line in ledger.partitions:
        yield partition_text(line)
    for group in ledger.groups:
        recounted = "not recounted" if group.recounted is None else f"recounted {group.recounted:,}"
        yield f"  tiles {group.table}: folded {group.folded:,}, {recounted}"
    yield from (f"  {one}" for one in ledger.joined)
    yield from check_texts(ledger.checks)
