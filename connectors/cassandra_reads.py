"""Reads of tiles as requests to Cassandra: which of them share a statement, and what its rows say of each.

A request costs the client some 60 µs whatever it asks for, and the server as much. So the slices of an entity go into
one statement that names their tiles, unless these are very many. Pure: imports no driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from headrace.compiler.tiles import Slice, ceil_to, cell_count
from headrace.connectors.cql import TileStatements
from headrace.connectors.tile_store import NOTHING, Cell, Found, Key, TileRead
from headrace.connectors.wave import Row

#: Tiles that one statement names at most: 28 bytes of a request each, and a look-up each for the server.
MOST_NAMED = 512
#: Sets of names that are kept: until the finest tile is over, requests for the same features name the same tiles.
KEPT_NAMES = 64
#: A list as the protocol has it: its length, then of each name the bytes, and in these level and start with theirs.
_LENGTH, _NAME = Struct(">i"), Struct(">iiqiq")
_BYTES = (_NAME.size - _LENGTH.size, 8, 8)

#: Makes of a statement's rows what was found, for each read that it serves.
Taker = Callable[[list[Row]], list[Found]]


class Request(NamedTuple):
    """A statement for each of some keys: its values are a key, then `values`, then `names`, bytes of the protocol.

    `numbers` are those of the reads that it serves, in the order of what `take` finds.
    """

    numbers: tuple[int, ...]
    text: str
    keys: tuple[Key, ...]
    take: Taker
    values: tuple[int, ...] = ()
    names: tuple[bytes, ...] = ()


def requests_of(reads: Sequence[TileRead], statements: Callable[[TileRead], TileStatements]) -> list[Request]:
    """What serves all reads: slices of the same entities together, all else by itself."""
    alike: dict[object, list[int]] = {}
    for number, read in enumerate(reads):
        alike.setdefault((read.table, read.keys) if _is_named(read) else number, []).append(number)
    parts = [part for numbers in alike.values() for part in _parts(reads, numbers)]
    return [one for part in parts for one in _requests(reads, part, statements(reads[part[0]]))]


def by_read(reads: Sequence[TileRead], requests: Sequence[Request], found: Sequence[list[Found]]) -> list[list[Found]]:
    """What was found of each key of each read; `found` has the answers to all requests, key after key."""
    answers: dict[int, Sequence[Found]] = {}
    each = iter(found)
    for request in requests:
        by_key = [next(each) for _ in request.keys]
        answers.update(zip(request.numbers, zip(*by_key, strict=True), strict=bool(by_key)))
    return [list(answers.get(number, ())) for number in range(len(reads))]


class _Names(NamedTuple):
    """The tiles of some slices: as bytes, and by level and start the slice that each is in."""

    encoded: bytes
    slices: Mapping[tuple[int, int], int]


def _is_named(read: TileRead) -> bool:
    """Whether its tiles may be named one by one."""
    return read.slice is not None and not read.newest_only and cell_count([read.slice]) <= MOST_NAMED


def _parts(reads: Sequence[TileRead], numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Reads that may go together, in parts of at most `MOST_NAMED` tiles."""
    part: list[int] = []
    named = 0
    for number in numbers:
        slice_ = reads[number].slice
        count = 0 if slice_ is None else cell_count([slice_])
        if part and named + count > MOST_NAMED:
            yield tuple(part)
            part, named = [], 0
        part.append(number)
        named += count
    yield tuple(part)


def _requests(reads: Sequence[TileRead], numbers: tuple[int, ...], text: TileStatements) -> list[Request]:
    """One request for several slices, unless these overlap; else one for each read."""
    slices = tuple([part for number in numbers if (part := reads[number].slice) is not None])
    names = _names(slices) if len(slices) > 1 else None
    if names is None:
        return [_single(number, reads[number], text) for number in numbers]
    take = _told_apart(names.slices, len(slices))
    return [Request(numbers, text.tiles, reads[numbers[0]].keys, take, names=(names.encoded,))]


def _single(number: int, read: TileRead, text: TileStatements) -> Request:
    if read.slice is None:
        return Request((number,), text.last_event_time, read.keys, _last_event_time)
    statement = text.newest if read.newest_only else text.slice
    return Request((number,), statement, read.keys, _slice, values=tuple(read.slice))


@lru_cache(KEPT_NAMES)
def _names(slices: tuple[Slice, ...]) -> _Names | None:
    """The names of all tiles in slices; None where one is in two of them."""
    starts = [range(ceil_to(part.from_us, part.level_us), part.to_us, part.level_us) for part in slices]
    found = {(part.level_us, start): number for number, part in enumerate(slices) for start in starts[number]}
    if len(found) < sum(map(len, starts)):
        return None
    tuple_bytes, level_bytes, start_bytes = _BYTES
    encoded = [_NAME.pack(tuple_bytes, level_bytes, level, start_bytes, start) for level, start in found]
    return _Names(_LENGTH.pack(len(encoded)) + b"".join(encoded), found)


def _told_apart(slices: Mapping[tuple[int, int], int], count: int) -> Taker:
    """What tells the rows of named tiles apart by slice."""

    def take(rows: list[Row]) -> list[Found]:
        tiles: list[dict[int, Cell]] = [{} for _ in range(count)]
        for row in rows:
            tiles[slices[row[0], row[1]]][row[1]] = row[3:]
        return [Found(one, rows[0][2]) if one else NOTHING for one in tiles]

    return take


def _slice(rows: list[Row]) -> list[Found]:
    """The tiles of one slice."""
    return [Found({row[0]: row[2:] for row in rows}, rows[0][1]) if rows else NOTHING]


def _last_event_time(rows: list[Row]) -> list[Found]:
    """When an entity was seen."""
    return [Found(last_event_us=rows[0][0]) if rows else NOTHING]
