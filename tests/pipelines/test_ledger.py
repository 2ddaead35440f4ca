"""Ledgers over real Iceberg tables, into which every kind of error is planted: its named check must see it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import (
    DEAD_LETTERS,
    LEDGER_NAMESPACE,
    OFFSET_TILES,
    Field,
    archive_fields,
    tile_fields,
)
from headrace.errors import LedgerError, SchemaMismatchError
from headrace.features import load_views
from headrace.pipelines.backfill import create_ledger
from headrace.pipelines.ledger import Ledger, draw_up
from headrace.registry.store import Run
from headrace.runtime.cutover import PartitionCut

VIEW = '''
from datetime import datetime
from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation

class Orders(Source):
    """Orders of a shop."""
    history = IcebergTable("raw.orders")
    live = KafkaTopic("orders")
    allowed_lateness = "1h"
    shop: str
    cents: int
    ordered_at: datetime = event_time(max_delay="5s")

@transformation
def orders(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop").window(wspec).count()

@transformation
def dear(tx: Orders, wspec: WindowSpec):
    return tx[tx.cents > 50].groupby("shop")["cents"].window(wspec).sum()

class Shops(FeaturePipeline):
    """What a shop sells."""
    owner = "shop@example.com"
    features = [orders.over("1h", "3d"), dear.over("1h")]
'''
#: The same view of orders that may come more than once.
UNIQUE = VIEW.replace("    shop: str\n", '    unique_by = "number"\n    number: str\n    shop: str\n')
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ARROW = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Offsets below belong to history; both partitions reach into a second block of 65,536.
START = {0: 65_540, 1: 30}
ENDS = {0: 65_560, 1: 60}
FIRST = {0: 65_520, 1: 0}
# A partition that the topic got after planning.
ADDED = 2


@dataclass(frozen=True)
class Record:
    """One record of the topic, and its fate; `again`: the same was there before."""

    partition: int
    offset: int
    shop: str | None
    cents: int
    at: datetime
    arrived: datetime
    number: str = ""
    again: bool = False

    @property
    def leg(self) -> str:
        return "history" if self.offset < START.get(self.partition, 0) else "live"

    @property
    def verdict(self) -> str:
        if self.shop is None:
            return "dead_letter"
        if self.at < self.arrived - timedelta(hours=1):
            return "late"
        return "duplicate" if self.again else "accepted"

    def groups(self, plan: ViewPlan) -> list[str]:
        if self.verdict != "accepted":
            return []
        return [group.fingerprint for group in plan.groups if group.filter is None or self.cents > 50]


def record(partition: int, offset: int) -> Record:
    at = NOON + timedelta(minutes=offset % 200)
    arrived = at + (timedelta(hours=2) if offset % 7 == 0 else timedelta(seconds=1))
    shop = None if offset % 11 == 0 else f"s{offset % 3}"
    return Record(partition, offset, shop, offset % 100, at, arrived, f"{partition}/{offset}")


RECORDS = [record(partition, offset) for partition in FIRST for offset in range(FIRST[partition], ENDS[partition])]


def arrow(fields: Sequence[Field], rows: Iterable[dict[str, Any]]) -> pa.Table:
    listed = list(rows)
    return pa.table({one.name: pa.array([row[one.name] for row in listed], _type(one)) for one in fields})


def _type(one: Field) -> pa.DataType:
    inner = [(part.name, _type(part)) for part in one.fields]
    return pa.struct(inner) if one.type == "struct" else ARROW[one.type]


def archived(records: Iterable[Record]) -> list[dict[str, Any]]:
    return [
        {
            "number": one.number,
            "shop": one.shop,
            "cents": one.cents,
            "ordered_at": one.at,
            "_src_topic": "orders",
            "_src_partition": one.partition,
            "_src_offset": one.offset,
            "_src_timestamp": one.arrived,
            "_raw": None,
            "_error": None,
        }
        for one in records
    ]


def offset_tiles(plan: ViewPlan, read: Iterable[Record]) -> list[dict[str, Any]]:
    blocks: dict[tuple[str, int, int], list[Record]] = defaultdict(list)
    for one in read:
        blocks[one.leg, one.partition, one.offset // 65_536].append(one)
    return [_offset_tile(plan, *place, members) for place, members in blocks.items()]


def _offset_tile(plan: ViewPlan, leg: str, partition: int, block: int, members: list[Record]) -> dict[str, Any]:
    offsets, verdicts = [one.offset for one in members], Counter(one.verdict for one in members)
    folded = [len(one.groups(plan)) for one in members]
    names = {"run": "run-1", "view": plan.name, "leg": leg, "topic": "orders", "partition": partition, "block": block}
    return names | {
        "n": len(members),
        "min_offset": min(offsets),
        "max_offset": max(offsets),
        "sum_offset": sum(offsets),
        "sum_sq": sum((offset % 65_536) ** 2 for offset in offsets),
        "accepted": verdicts["accepted"],
        "late": verdicts["late"],
        "dead_lettered": verdicts["dead_letter"],
        "duplicate": verdicts["duplicate"],
        "filtered": sum(one.verdict == "accepted" and not one.groups(plan) for one in members),
        "folded": sum(folded),
    }


def dead_letters(plan: ViewPlan, read: Iterable[Record]) -> list[dict[str, Any]]:
    return [
        {
            "run": "run-1",
            "view": plan.name,
            "topic": "orders",
            "partition": one.partition,
            "offset": one.offset,
            "verdict": one.verdict,
            "reason": "because",
            "raw": b"{}",
            "arrival_time": one.arrived,
        }
        for one in read
        if one.verdict in {"late", "dead_letter"}
    ]


def tile_versions(plan: ViewPlan, read: Iterable[Record]) -> dict[str, list[dict[str, Any]]]:
    """Every version of every tile, in the order in which a job would append them."""
    cells: dict[tuple[Any, ...], tuple[int, int]] = defaultdict(lambda: (0, 0))
    logs: dict[str, list[dict[str, Any]]] = {group.fingerprint: [] for group in plan.groups}
    for one in read:
        for name in one.groups(plan):
            for level in plan.group(name).levels_us:
                start = (one.at - EPOCH) // timedelta(microseconds=1) // level * level
                n, cents = cells[name, one.shop, level, start]
                cells[name, one.shop, level, start] = n + 1, cents + one.cents
                cell = {"n": n + 1, "sum_cents": cents + one.cents, "count_cents": n + 1}
                held = {part.name: cell[part.name] for part in plan.group(name).cell}
                logs[name].append({"shop": one.shop, "level": level, "tile_start": start, "n": n + 1, "cell": held})
    return logs


@dataclass
class World:
    """What a run wrote; tests change it before it is stored."""

    plan: ViewPlan
    archive: list[dict[str, Any]]
    blocks: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    tiles: dict[str, list[dict[str, Any]]]
    cuts: list[PartitionCut]
    later: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    running: int | None = None

    def ledger(self, folder: Path) -> Ledger:
        catalog = IcebergCatalog.sqlite("house", folder)
        store(catalog, "raw", "orders", archive_fields(self.plan.source.columns), self.archive)
        store(catalog, "headrace", "offset_tiles", OFFSET_TILES, self.blocks)
        store(catalog, "headrace", "dead_letters", DEAD_LETTERS, self.letters)
        for group in self.plan.groups:
            fields = tile_fields(group.keys, group.cell)
            store(catalog, "tiles", group.fingerprint, fields, self.tiles[group.fingerprint])
            store(catalog, "tiles", group.fingerprint, fields, self.later.get(group.fingerprint, []))
        boundary = {"table": "raw.orders", "snapshot_id": 1, "tag": None, "topic": "orders", "topic_id": None}
        run = Run(
            "run-1", "demo", self.plan.name, self.plan.version, boundary | {"partitions": list(map(asdict, self.cuts))}
        )
        tables = {group.fingerprint: group.fingerprint for group in self.plan.groups}
        return draw_up(catalog, run, self.plan, tables, running=self.running)


def store(
    catalog: IcebergCatalog, namespace: str, name: str, fields: Sequence[Field], rows: list[dict[str, Any]]
) -> None:
    table = catalog.create_table(namespace, name, fields)
    if rows:
        table.append(arrow(fields, rows))


def world_of(plan: ViewPlan, read: Sequence[Record], archive: Sequence[Record] = RECORDS) -> World:
    cuts = [
        PartitionCut("orders", part, START[part] - FIRST[part], FIRST[part], START[part], FIRST[part], ENDS[part])
        for part in FIRST
    ]
    tiles = tile_versions(plan, read)
    return World(plan, archived(archive), offset_tiles(plan, read), dead_letters(plan, read), tiles, cuts)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ViewPlan:
    file = tmp_path_factory.mktemp("views") / "shops.py"
    file.write_text(VIEW)
    return plan_view(load_views(file).views["shops"])


@pytest.fixture(scope="module")
def unique(tmp_path_factory: pytest.TempPathFactory) -> ViewPlan:
    file = tmp_path_factory.mktemp("views") / "unique.py"
    file.write_text(UNIQUE)
    return plan_view(load_views(file).views["shops"])


@pytest.fixture
def world(plan: ViewPlan) -> World:
    return world_of(plan, RECORDS)


def names(ledger: Ledger) -> list[str]:
    return [check.name for check in ledger.failed]


def test_a_true_ledger_holds(world: World, tmp_path: Path) -> None:
    ledger = world.ledger(tmp_path)
    verdicts = Counter(one.verdict for one in RECORDS)
    assert ledger.holds, names(ledger)
    assert (ledger.read, ledger.accepted) == (len(RECORDS), verdicts["accepted"])
    assert (ledger.late, ledger.dead_lettered) == (verdicts["late"], verdicts["dead_letter"])
    assert [(line.history, line.live) for line in ledger.partitions] == [(20, 20), (30, 30)]
    assert [group.folded for group in ledger.groups] == [group.recounted for group in ledger.groups]
    assert sum(group.folded for group in ledger.groups) == ledger.folded


#: Rows of history and of live that come again in the live leg of the other partition.
AGAIN = [replace(record(1, 20), partition=0, offset=65_560, again=True)]
AGAIN += [replace(record(1, 40), partition=0, offset=65_561, again=True)]


def world_of_copies(plan: ViewPlan, records: Sequence[Record]) -> World:
    world = world_of(plan, records, records)
    world.cuts[0] = replace(world.cuts[0], log_end=max(one.offset for one in records) + 1)
    return world


def test_copies_are_counted_as_duplicates_across_the_seam_and_between_partitions(
    unique: ViewPlan, tmp_path: Path
) -> None:
    ledger = world_of_copies(unique, [*RECORDS, *AGAIN]).ledger(tmp_path)
    assert ledger.holds, ledger.to_text()
    assert (ledger.duplicate, ledger.read) == (2, len(RECORDS) + 2)
    assert "  duplicate                    2" in ledger.to_text()


def test_it_does_not_matter_which_of_the_copies_counts(unique: ViewPlan, tmp_path: Path) -> None:
    first = RECORDS.index(record(1, 40))
    other = [*RECORDS, AGAIN[0], replace(AGAIN[1], again=False)]
    other[first] = replace(other[first], again=True)
    assert world_of_copies(unique, other).ledger(tmp_path).holds


def test_a_duplicate_that_is_counted_as_accepted_is_seen(unique: ViewPlan, tmp_path: Path) -> None:
    ledger = world_of_copies(unique, [*RECORDS, AGAIN[0], replace(AGAIN[1], again=False)]).ledger(tmp_path)
    assert {"recount: accepted", "recount: duplicate", "recount: folded"} <= set(names(ledger))
    assert not {"verdicts add up", "no duplicates"} & set(names(ledger))


def test_different_rows_of_one_id_are_told(unique: ViewPlan, tmp_path: Path) -> None:
    different = replace(AGAIN[0], cents=1, again=False)
    ledger = world_of_copies(unique, [*RECORDS, different]).ledger(tmp_path)
    assert names(ledger) == ["rows of one id are copies"]
    assert ledger.check("rows of one id are copies").found == "number '1/20': 2 rows"


def test_a_ledger_speaks_and_reads_back(world: World, tmp_path: Path) -> None:
    ledger = world.ledger(tmp_path)
    assert "every check holds" in ledger.to_text()
    assert ledger.to_dict()["holds"] is True
    assert '"verdicts add up"' in ledger.to_json()


@pytest.mark.parametrize(("table", "columns"), [("offset_tiles", OFFSET_TILES), ("dead_letters", DEAD_LETTERS)])
def test_tables_of_another_version_are_refused_with_what_to_do(
    tmp_path: Path, table: str, columns: Sequence[Field]
) -> None:
    catalog = IcebergCatalog.sqlite("house", tmp_path)
    create_ledger(catalog)
    create_ledger(catalog)
    catalog = IcebergCatalog.sqlite("older", tmp_path)
    catalog.create_table(LEDGER_NAMESPACE, table, columns[:-1])
    lacking = f"headrace.{table}: column {columns[-1].name}: .*another version of headrace.*: stop the runs.*drop it"
    with pytest.raises(SchemaMismatchError, match=lacking):
        create_ledger(catalog)


def test_a_duplicate_is_seen(plan: ViewPlan, tmp_path: Path) -> None:
    ledger = world_of(plan, [*RECORDS, record(0, 65_550)]).ledger(tmp_path)
    assert "no duplicates" in names(ledger)
    assert (
        "live, topic 'orders', partition 0, offsets 65540 to 65559: 1 rows too many"
        in ledger.check("no duplicates").found
    )


def test_a_gap_is_seen(plan: ViewPlan, tmp_path: Path) -> None:
    ledger = world_of(plan, [one for one in RECORDS if (one.partition, one.offset) != (1, 45)]).ledger(tmp_path)
    assert {"no gaps", "recount: read"} <= set(names(ledger))
    assert "partition 1, offsets 30 to 59: 1 rows missing" in ledger.check("no gaps").found


def test_a_duplicate_that_hides_a_gap_is_seen(plan: ViewPlan, tmp_path: Path) -> None:
    # Two offsets twice and two missing, with the same number and the same sum: only the squares tell.
    missing = {(1, 40), (1, 45)}
    read = [one for one in RECORDS if (one.partition, one.offset) not in missing]
    ledger = world_of(plan, [*read, record(1, 41), record(1, 44)]).ledger(tmp_path)
    assert "no duplicate hides a gap" in names(ledger)
    assert not {"no duplicates", "no gaps", "recount: read"} & set(names(ledger))


def test_a_lost_block_is_seen_between_its_neighbours(world: World, tmp_path: Path) -> None:
    world.blocks = [row for row in world.blocks if (row["leg"], row["partition"], row["block"]) != ("history", 0, 1)]
    ledger = world.ledger(tmp_path)
    assert "topic 'orders', partition 0: offsets 65536 to 65539" in ledger.check("no gaps").found
    assert {"no gaps", "history complete", "boundary"} <= set(names(ledger))


def test_a_boundary_that_is_off_by_one_is_seen(world: World, tmp_path: Path) -> None:
    world.cuts[1] = replace(world.cuts[1], start_offset=31, archived=31)
    ledger = world.ledger(tmp_path)
    assert names(ledger) == ["history complete", "boundary"]
    assert "partition 1: start offset 31, history ends at 29, live begins at 30" in ledger.check("boundary").found


def test_a_row_read_by_both_legs_is_a_duplicate(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    live = next(row for row in world.blocks if (row["leg"], row["partition"]) == ("live", 1))
    again = [one for one in RECORDS if one.partition == 1 and one.offset >= 29]
    world.blocks[world.blocks.index(live)] = _offset_tile(plan, "live", 1, 0, again)
    assert {"no duplicates", "boundary", "recount: read"} <= set(names(world.ledger(tmp_path)))


def test_a_wrong_verdict_is_seen(world: World, tmp_path: Path) -> None:
    world.blocks[0]["late"] += 1
    world.blocks[0]["accepted"] -= 1
    failed = names(world.ledger(tmp_path))
    assert {"recount: accepted", "recount: late", "dead letters: late rows"} <= set(failed)
    assert "verdicts add up" not in failed


def test_verdicts_that_do_not_add_up_are_seen(world: World, tmp_path: Path) -> None:
    world.blocks[0]["accepted"] -= 1
    assert {"verdicts add up", "recount: accepted"} == set(names(world.ledger(tmp_path)))


def test_a_lost_row_of_the_tiles_is_seen(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    world.tiles = tile_versions(plan, RECORDS[:-1])
    failed = names(world.ledger(tmp_path))
    lost = [f"tiles {name}: folded" for name in RECORDS[-1].groups(plan)]
    assert {"tiles: folded", *lost} == set(failed)


def test_a_level_that_lost_a_tile_is_seen(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    group = next(group for group in plan.groups if len(group.levels_us) > 1)
    coarse = [row for row in world.tiles[group.fingerprint] if row["level"] == group.levels_us[-1]]
    world.tiles[group.fingerprint].remove(coarse[-1])
    assert names(world.ledger(tmp_path)) == [f"tiles {group.fingerprint}: levels agree"]


def test_an_older_version_after_a_newer_is_seen(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    name = plan.groups[0].fingerprint
    newest = max(world.tiles[name], key=lambda row: row["n"])
    world.later[name] = [{**newest, "n": newest["n"] - 1, "cell": {**newest["cell"], "n": newest["n"] - 1}}]
    assert f"tiles {name}: versions never decrease" in names(world.ledger(tmp_path))


def test_an_update_before_in_the_log_is_seen(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    name = plan.groups[0].fingerprint
    place = next(number for number, row in enumerate(world.tiles[name]) if row["n"] == 2)
    tile = {key: world.tiles[name][place][key] for key in ("shop", "level", "tile_start")}
    before = next(row for row in world.tiles[name] if tile.items() <= row.items() and row["n"] == 1)
    world.tiles[name].insert(place + 1, before)
    assert names(world.ledger(tmp_path)) == [f"tiles {name}: versions never decrease"]


def test_two_values_of_one_version_are_seen(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    group = next(group for group in plan.groups if group.partials)
    newest = max(world.tiles[group.fingerprint], key=lambda row: row["n"])
    world.later[group.fingerprint] = [{**newest, "cell": {**newest["cell"], "sum_cents": -1}}]
    assert names(world.ledger(tmp_path)) == [f"tiles {group.fingerprint}: one value of a version"]


def test_tiles_of_another_definition_are_seen(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    name = plan.groups[0].fingerprint
    world.tiles[name].append({**world.tiles[name][0], "level": 60_000_000, "tile_start": 0})
    assert names(world.ledger(tmp_path)) == [f"tiles {name}: levels of the plan"]


def test_a_partition_added_after_planning_begins_at_its_first_record(plan: ViewPlan, tmp_path: Path) -> None:
    added = [record(ADDED, offset) for offset in range(40)]
    assert world_of(plan, [*RECORDS, *added], [*RECORDS, *added]).ledger(tmp_path / "whole").holds
    ledger = world_of(plan, [*RECORDS, *added[3:]], [*RECORDS, *added]).ledger(tmp_path / "late")
    assert names(ledger) == ["boundary"]
    assert (
        ledger.check("boundary").found
        == "topic 'orders', partition 2: start offset 0, history ends at -1, live begins at 3"
    )


def test_a_partition_that_a_running_job_never_found_is_seen(plan: ViewPlan, tmp_path: Path) -> None:
    world = world_of(plan, RECORDS, [*RECORDS, *(record(ADDED, offset) for offset in range(40))])
    assert world.ledger(tmp_path / "stopped").holds
    world.running = 0
    ledger = world.ledger(tmp_path / "running")
    assert names(ledger) == ["partitions added since planning are read"]
    assert ledger.failed[0].found == "topic 'orders', partition 2: 40 rows archived, none read"


def test_a_lost_and_a_repeated_dead_letter_are_seen(world: World, tmp_path: Path) -> None:
    lost, repeated = world.letters[0], world.letters[1]
    world.letters = [*world.letters[1:], repeated]
    failed = names(world.ledger(tmp_path))
    assert "dead letters: each once" in failed
    assert (f"dead letters: {lost['verdict']} rows" in failed) is (lost["verdict"] != repeated["verdict"])


def test_only_the_newest_version_of_a_block_counts(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    world.blocks += offset_tiles(plan, RECORDS[:5])
    assert world.ledger(tmp_path).holds


def test_two_versions_of_a_block_with_one_n_are_seen(world: World, tmp_path: Path) -> None:
    world.blocks.append({**world.blocks[0], "late": 99})
    assert "one version of a block" in names(world.ledger(tmp_path))


def test_an_archive_that_lags_is_named_by_partition_and_offset(plan: ViewPlan, tmp_path: Path) -> None:
    archive = [one for one in RECORDS if one.partition == 0 or one.offset < 50]
    ledger = world_of(plan, RECORDS, archive).ledger(tmp_path)
    assert names(ledger) == ["archive reaches the live leg"]
    found = ledger.check("archive reaches the live leg").found
    assert found == "topic 'orders', partition 1: archived to offset 49, read to offset 59"
    assert "not recounted" in ledger.to_text()


def test_an_archive_with_a_repeated_offset_is_seen(world: World, tmp_path: Path) -> None:
    world.archive.append(world.archive[-1])
    assert "archive has each offset once" in names(world.ledger(tmp_path))


def test_a_run_that_wrote_nothing_says_so(world: World, tmp_path: Path) -> None:
    world.blocks = []
    with pytest.raises(LedgerError, match="committed nothing yet"):
        world.ledger(tmp_path)


def test_the_rows_of_other_runs_do_not_count(plan: ViewPlan, world: World, tmp_path: Path) -> None:
    world.blocks += [{**row, "run": "run-2", "n": row["n"] + 1} for row in world.blocks]
    world.letters += [{**row, "run": "run-2"} for row in world.letters]
    assert world.ledger(tmp_path).holds
