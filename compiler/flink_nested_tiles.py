"""Tiles within tiles in Flink SQL: those of five minutes and their hour are one entry of a job's state.

What a level costs is its entries, each a look-up and a write. Where all that is kept of a group are a few numbers for
each tile, HR_TILES keeps the narrower tiles of a wider one together, makes the wider one out of them when it is asked
for, and gives out what changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import NamedTuple

from headrace.compiler.flink_kept import Kept, kept_of
from headrace.compiler.flink_partials import argument, bigint
from headrace.compiler.flink_tables import LEVEL, TILE_START, quoted, tile_columns
from headrace.compiler.plan import Partial, TileGroup
from headrace.compiler.scalar_sql import text_literal

#: So many tiles of one level may be kept with one of the next: five minutes of an hour, hours of a day. An entry is
#: read and written whole; one of 60 tiles would cost a busy entity more than two entries.
MOST_IN_ONE = 24
#: HR_TILES has so many bits for what it keeps of a tile (`PackedTiles.MOST_VALUES`).
MOST_KEPT = 63
#: Words of 64 bits that HR_TILES keeps of each tile beside its values: start, events, newest, and which are there.
TILE_WORDS, WORD_BYTES = 4, 8
#: So many bytes an entry may come to, as it is read and written whole with every mini-batch of its entity: a page of
#: memory, so that 24 hours of a day may keep 17 values, and 12 times five minutes 38.
MOST_BYTES = 4_096


class Nesting(NamedTuple):
    """Widths in µs of two levels that share their state."""

    inner_us: int
    outer_us: int


def nesting_of(group: TileGroup) -> Nesting | None:
    """The finest levels of a group that can share their state; None where no two can.

    They can where HR_TILES keeps every partial, and one entry of the wider is not too many tiles or bytes. One that it
    does not keep holds off the others: the partials of a tile are one value, written whole, and those of two aggregates
    would have to be joined, which takes rows back and keeps all of them once more.
    """
    kept = [kept_of(partial) for partial in group.partials]
    size = sum(one.size for one in kept if one is not None)
    if None in kept or size > MOST_KEPT:
        return None
    most = min(MOST_IN_ONE, MOST_BYTES // (WORD_BYTES * (TILE_WORDS + size)))
    pairs = pairwise(group.rolling_levels_us)
    return next((Nesting(inner, outer) for inner, outer in pairs if outer <= most * inner), None)


def together(group: TileGroup, nesting: Nesting) -> str:
    """A row for each wider tile: what changed of it and of the tiles in it, as `_tiles`.

    A row takes none before it back: tiles that it does not name are as they were.
    """
    kept = _kept(group)
    letters = text_literal("".join(one.letters for _, one in kept))
    values = [value for partial, one in kept for value in one.brings(argument(group, partial))]
    inner, outer = _columns(group, nesting)
    keys = quoted([*(key.name for key in group.keys), outer])
    call = f"HR_TILES({', '.join([letters, f'`{inner}`', '`_event_us`', *values])})"
    return f"SELECT {keys}, {call} AS `_tiles`\nFROM `members_{group.fingerprint}`\nGROUP BY {keys}"


def apart(group: TileGroup, nesting: Nesting, nested: str, labels: Mapping[str, str]) -> str:
    """A row for each tile of both levels, with the fields of the cell, out of those of `together`: the view `nested`.

    `labels`: what an overflow names, by partial. Each sink unpacks for itself, as Flink shares nothing behind UNNEST;
    it does share what is before it, state included.
    """
    names = [f"`_x{number}`" for number in range(1, 1 + sum(one.size for _, one in _kept(group)))]
    outer = _columns(group, nesting)[1]
    keys = quoted(key.name for key in group.keys)
    level = f"CASE WHEN `_start` IS NULL THEN {bigint(nesting.outer_us)} ELSE {bigint(nesting.inner_us)} END"
    places = f"{keys}, {level} AS `{LEVEL.name}`, COALESCE(`_start`, `{outer}`) AS `{TILE_START.name}`"
    fields = _fields(group, iter(names), labels)
    columns = ",\n  ".join([places, "`_n` AS `n`", "`_newest` AS `_last_event_us`", *fields])
    unpacked = ", ".join([quoted(["_start", "_n", "_newest"]), *names])
    return f"SELECT {columns}\nFROM `{nested}` CROSS JOIN UNNEST(`_tiles`) AS `_t` ({unpacked})"


def _kept(group: TileGroup) -> list[tuple[Partial, Kept]]:
    """The partials of a group that has a nesting, each with how it is kept."""
    found = ((partial, kept_of(partial)) for partial in group.partials)
    return [(partial, kept) for partial, kept in found if kept is not None]


def _columns(group: TileGroup, nesting: Nesting) -> tuple[str, ...]:
    """The columns of the members with the start of the narrower tile and of the wider."""
    columns = {level: name for name, level in tile_columns(group).items()}
    return tuple(columns[level] for level in nesting)


def _fields(group: TileGroup, names: Iterator[str], labels: Mapping[str, str]) -> list[str]:
    """The fields of the cell out of what is kept, whose columns follow one another."""
    found: list[str] = []
    for partial, kept in _kept(group):
        values = kept.gives([*islice(names, kept.size)], labels[partial.name])
        found += [f"{value} AS `{field.name}`" for value, field in zip(values, partial.fields, strict=True)]
    return found
