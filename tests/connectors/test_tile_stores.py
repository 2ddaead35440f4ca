"""One suite for every online store: the same writes, in any order, are the same reads."""

from __future__ import annotations

import asyncio
import math
import random
import time
import uuid
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from headrace.compiler.plan import Column, Partial, TileGroup
from headrace.compiler.tiles import Slice
from headrace.connectors.cassandra import CassandraConnection
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.sqlite_tiles import SqliteTiles
from headrace.connectors.tile_store import NOTHING, Found, Key, Tile, TileRead, TileStore, fields_of
from headrace.errors import NotFoundError
from headrace.features.scalar import column
from headrace.runtime.settings import Settings

SECOND = 1_000_000
FINEST = 300 * SECOND
ALL = Slice(FINEST, -(1 << 62), 1 << 62)
GROUP = TileGroup(
    "0a1b2c3d",
    (Column("shop", "str"), Column("version", "int"), Column("open", "bool")),
    None,
    (FINEST, 12 * FINEST),
    (
        Partial("sum", "cents", column("cents", "int")),
        Partial("max", "weight", column("weight", "float")),
        Partial("min", "note", column("note", "str")),
        Partial("last", "express", column("express", "bool")),
        Partial("distinct", "buyer", column("buyer", "int")),
    ),
    None,
)
KEY: Key = ("a", 7, True)
TABLE = "shops_g1"


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteTiles]:
    with SqliteTiles(tmp_path / "new" / "online.db") as opened:
        yield opened


@pytest.fixture
def cassandra(request: pytest.FixtureRequest) -> Iterator[CassandraTiles]:
    settings: Settings = request.getfixturevalue("stack_settings")
    points, keyspace = ",".join(settings.cassandra.contact_points), f"test_{uuid.uuid4().hex[:8]}"
    with CassandraConnection(points, settings.cassandra.local_datacenter, keyspace).session() as session:
        session.ensure_keyspace()
        yield CassandraTiles(session)
        session.drop_keyspace()


@pytest.fixture(params=["sqlite", pytest.param("cassandra", marks=pytest.mark.stack)])
def store(request: pytest.FixtureRequest) -> TileStore:
    made: TileStore = request.getfixturevalue(request.param)
    made.create(TABLE, GROUP)
    made.create(TABLE, GROUP)
    return made


def tile(n: int, start: int = 0, key: Key = KEY, expires_us: int | None = None, **values: Any) -> Tile:
    cell = {"cents": n * 10, "weight": None, "note": None, "express": None, "buyer": None} | values
    last = (cell["express"], start + n, 0, n)
    return Tile(
        key,
        FINEST,
        start,
        (n, cell["cents"], cell["weight"], cell["note"], *last, cell["buyer"]),
        start + n,
        expires_us,
    )


def cells(found: Found, *fields: str) -> dict[int, tuple[Any, ...]]:
    places = [fields_of(GROUP).index(name) for name in fields]
    return {start: tuple(cell[place] for place in places) for start, cell in found.tiles.items()}


def read(store: TileStore, *keys: Key, part: Slice | None = ALL, newest_only: bool = False) -> list[Found]:
    (found,) = store.read([TileRead(TABLE, GROUP, keys, part, newest_only)])
    return found


def test_every_type_and_null_come_back_as_they_were_written(store: TileStore) -> None:
    full = tile(1, 0, cents=-(2**63), weight=-0.5, note='it\'s "ö"', express=False, buyer=b"\0\xff")
    store.write(TABLE, GROUP, [full, tile(2, FINEST, cents=None), tile(3, 2 * FINEST, buyer=b"")])
    (found,) = read(store, KEY)
    assert found.tiles[0] == full.values
    assert cells(found, "last_express")[0][0] is False
    assert cells(found, "sum_cents", "max_weight", "min_note", "last_express", "distinct_buyer")[FINEST] == (None,) * 5
    # No bytes at all are not NULL: of a tally they say that there were too many values.
    assert cells(found, "distinct_buyer")[2 * FINEST] == (b"",)


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_comes_back_as_none_and_not_as_null(store: TileStore, weight: float) -> None:
    """A NULL would be left out where tiles are merged, and the rest taken for the whole."""
    store.write(TABLE, GROUP, [tile(1, weight=weight)])
    ((value,),) = cells(read(store, KEY)[0], "max_weight").values()
    assert not math.isfinite(value)


def test_slices_of_many_entities_are_read_at_once(store: TileStore) -> None:
    other = ("a", 8, True)
    store.write(TABLE, GROUP, [tile(number + 1, number * FINEST, key) for number in range(4) for key in (KEY, other)])
    store.write(TABLE, GROUP, [tile(10)._replace(level_us=12 * FINEST)])
    middle, coarse = Slice(FINEST, FINEST, 3 * FINEST), Slice(12 * FINEST, 0, 12 * FINEST)
    found = store.read(
        [
            TileRead(TABLE, GROUP, (KEY, ("nobody", 0, False), other), middle),
            TileRead(TABLE, GROUP, (KEY,), middle, newest_only=True),
            TileRead(TABLE, GROUP, (KEY, other), coarse),
            TileRead(TABLE, GROUP, (other, ("nobody", 0, False)), None),
            TileRead(TABLE, GROUP, (), middle),
        ]
    )
    assert [[list(one.tiles) for one in answers] for answers in found] == [
        [[2 * FINEST, FINEST], [], [2 * FINEST, FINEST]],
        [[2 * FINEST]],
        [[0], []],
        [[], []],
        [],
    ]
    assert found[0][1] == found[2][1] == found[3][1] == NOTHING
    assert found[3][0].last_event_us == found[0][0].last_event_us == 3 * FINEST + 4


@pytest.mark.parametrize("seed", range(3))
def test_each_slice_holds_its_own_tiles_however_many_are_asked_at_once(store: TileStore, seed: int) -> None:
    randomly, coarse = random.Random(seed), 12 * FINEST
    starts = {FINEST: range(-40, 1_200), coarse: range(-4, 100)}
    places = [(level, number * level) for level, numbers in starts.items() for number in numbers]
    written = {place: number + 1 for number, place in enumerate(randomly.sample(places, 400))}
    store.write(TABLE, GROUP, [tile(n, start)._replace(level_us=level) for (level, start), n in written.items()])
    keys = randomly.choice([(KEY,), (KEY, ("nobody", 0, False))])
    # Apart from each other, as one request has them: of one level a few tiles each, of the other one after another.
    apart = [Slice(FINEST, number * 20 * FINEST, (number * 20 + number) * FINEST) for number in range(1, 9)]
    ends = sorted(randomly.sample(range(101), 7))
    apart += [Slice(coarse, begin * coarse, end * coarse) for begin, end in pairwise(ends)]
    reads = [TileRead(TABLE, GROUP, (*keys, ("b", 1, False)), part) for part in apart]
    for _ in range(12):
        level, width = randomly.choice([FINEST, coarse]), randomly.choice([0, 1, 5, 30, 200, 700])
        # Not on the edge of a tile, some over each other, and of some entities only the newest.
        begin = randomly.choice(starts[level]) * level - randomly.choice([0, 0, 0, 1])
        part = Slice(level, begin, begin + width * level)
        reads.append(TileRead(TABLE, GROUP, keys, part, newest_only=randomly.random() < 0.1))
    for read, answers in zip(reads, store.read(reads), strict=True):
        assert read.slice is not None
        level, begin, end = read.slice
        inside = {start: n for (its_level, start), n in written.items() if its_level == level and begin <= start < end}
        kept = {max(inside): inside[max(inside)]} if read.newest_only and inside else inside
        assert cells(answers[0], "n") == {start: (n,) for start, n in kept.items()}
        assert list(answers[0].tiles) == sorted(kept, reverse=True)
        assert answers[1:] == [NOTHING] * (len(read.keys) - 1)


def test_awaited_reads_find_the_same(store: TileStore) -> None:
    store.write(TABLE, GROUP, [tile(3), tile(1, FINEST)])
    reads = [TileRead(TABLE, GROUP, (KEY,), ALL), TileRead(TABLE, GROUP, (KEY,), None)]

    async def both() -> list[list[list[Found]]]:
        return list(await asyncio.gather(store.read_async(reads), store.read_async(reads)))

    assert asyncio.run(both()) == [store.read(reads)] * 2


@pytest.mark.parametrize("seed", range(3))
def test_the_fuller_tile_stays_whatever_the_order_of_writes(store: TileStore, seed: int) -> None:
    random_ = random.Random(seed)
    written = [tile(random_.randrange(1, 9), random_.randrange(3) * FINEST) for _ in range(30)]
    for one in written:
        store.write(TABLE, GROUP, [one])
    fullest = {start: max(one.values[0] for one in written if one.start_us == start) for start in (0, FINEST)}
    (found,) = read(store, KEY, part=Slice(FINEST, 0, 2 * FINEST))
    assert cells(found, "n", "sum_cents") == {start: (n, n * 10) for start, n in fullest.items()}
    assert found.last_event_us == max(one.last_event_us for one in written)


def test_a_fuller_tile_replaces_the_whole_cell(store: TileStore) -> None:
    store.write(TABLE, GROUP, [tile(1, note="x", weight=1.0)])
    store.write(TABLE, GROUP, [tile(2, weight=2.0)])
    (found,) = read(store, KEY)
    assert cells(found, "n", "min_note", "max_weight") == {0: (2, None, 2.0)}


def test_a_tile_is_gone_when_it_has_expired_and_its_entity_is_still_known(store: TileStore) -> None:
    now = time.time_ns() // 1000
    lasting, short, past = tile(1, expires_us=now + 900 * SECOND), tile(2, FINEST, expires_us=now + 2 * SECOND), now
    assert store.write(TABLE, GROUP, [lasting, short, tile(3, 2 * FINEST, expires_us=past)]) == 2
    (before,) = read(store, KEY)
    assert set(before.tiles) == {0, FINEST}
    time.sleep(3.1)
    (after,) = read(store, KEY)
    assert set(after.tiles) == {0}
    assert after.last_event_us == 2 * FINEST + 3


def test_an_erased_entity_is_unknown_and_the_same_tiles_do_not_bring_it_back(store: TileStore) -> None:
    other, tiles = ("a", 8, True), [tile(3), tile(5, FINEST)]
    store.write(TABLE, GROUP, [*tiles, tile(4, 0, other)])
    store.erase(TABLE, GROUP, [KEY, ("nobody", 0, False)])
    store.write(TABLE, GROUP, [*tiles, tile(2)])
    assert read(store, KEY, part=None) == read(store, KEY) == [NOTHING]
    assert cells(read(store, other)[0], "n") == {0: (4,)}
    store.write(TABLE, GROUP, [tile(9, FINEST)])
    (found,) = read(store, KEY)
    assert (cells(found, "n"), found.last_event_us) == ({FINEST: (9,)}, FINEST + 9)


def test_a_table_that_is_missing_is_named(store: TileStore) -> None:
    with pytest.raises(NotFoundError, match="shops_g2"):
        store.read([TileRead("shops_g2", GROUP, (KEY,), ALL)])
    with pytest.raises(NotFoundError, match="shops_g2"):
        store.write("shops_g2", GROUP, [tile(1)])


def test_more_rows_than_a_page_are_all_read(store: TileStore) -> None:
    store.write(TABLE, GROUP, [tile(1, number * FINEST) for number in range(6_000)])
    (found,) = read(store, KEY)
    assert len(found.tiles) == 6_000


def test_a_file_is_shared_and_lasts(tmp_path: Path) -> None:
    with SqliteTiles(tmp_path / "online.db") as first, SqliteTiles(tmp_path / "online.db") as second:
        first.create(TABLE, GROUP)
        second.write(TABLE, GROUP, [tile(2)])
        first.write(TABLE, GROUP, [tile(1)])
        assert read(first, KEY) == read(second, KEY)
    with SqliteTiles(tmp_path / "online.db") as again:
        assert cells(read(again, KEY)[0], "n") == {0: (2,)}
