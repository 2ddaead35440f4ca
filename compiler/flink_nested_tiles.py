"""Tiles within tiles in Flink SQL: those of five minutes and their hour are one entry of a job's state.

What a level costs is its entries, each a look-up and a write. Where all that is kept of a group are counts, sums and
extremes of numbers, HR_TILES keeps the narrower tiles of a wider one together, makes the wider one out of them when it
is asked for, and gives out what changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from headrace.compiler.flink_partials import argument, bigint, halves, sum_of
from headrace.compiler.flink_tables import LEVEL, TILE_START, quoted, tile_columns
from headrace.compiler.plan import Partial, TileGroup
from headrace.compiler.scalar_sql import text_literal
from headrace.features.scalar import FLOAT, INT

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
#: Letters of HR_TILES for each kind of partial, of integers and of floats. A sum of integers is two, as `HR_SUM_OF`
#: takes them.
OPERATIONS: Mapping[str, tuple[str, str]] = {
    "count": ("s", "s"),
    "sum": ("ss", "S"),
    "min": ("l", "L"),
    "max": ("g", "G"),
}


class Nesting(NamedTuple):
    """Widths in µs of two levels that share their state."""

    inner_us: int
    outer_us: int


def nesting_of(group: TileGroup) -> Nesting | None:
    """The finest levels of a group that can share their state; None where no two can.

    They can where the group keeps numbers alone, and one entry of the wider is not too many tiles or bytes.
    """
    if not all(one.kind == "count" or _is_number(one) for one in group.partials):
        return None
    kept = sum(len(_operations(one)) for one in group.partials)
    most = min(MOST_IN_ONE, MOST_BYTES // (WORD_BYTES * (TILE_WORDS + kept))) if kept <= MOST_KEPT else 0
    pairs = pairwise(group.rolling_levels_us)
    return next((Nesting(inner, outer) for inner, outer in pairs if outer <= most * inner), None)


def together(group: TileGroup, nesting: Nesting) -> str:
    """A row for each wider tile: what changed of it and of the tiles in it, as `_tiles`.

    A row takes none before it back: tiles that it does not name are as they were.
    """
    operations = text_literal("".join(map(_operations, group.partials)))
    values = [value for partial in group.partials for value in _values(group, partial)]
    inner, outer = _columns(group, nesting)
    keys = quoted([*(key.name for key in group.keys), outer])
    call = f"HR_TILES({', '.join([operations, f'`{inner}`', '`_event_us`', *values])})"
    return f"SELECT {keys}, {call} AS `_tiles`\nFROM `members_{group.fingerprint}`\nGROUP BY {keys}"


def apart(group: TileGroup, nesting: Nesting, nested: str, labels: Mapping[str, str]) -> str:
    """A row for each tile of both levels, out of those of `together`, which are the view `nested`.

    `labels`: what an overflow names, by partial. Each sink unpacks for itself, as Flink shares nothing behind UNNEST;
    it does share what is before it, state included.
    """
    names = iter(_kept_names(group))
    values = [_value(one, [next(names) for _ in _operations(one)], labels[one.name]) for one in group.partials]
    outer = _columns(group, nesting)[1]
    keys = quoted(key.name for key in group.keys)
    level = f"CASE WHEN `_start` IS NULL THEN {bigint(nesting.outer_us)} ELSE {bigint(nesting.inner_us)} END"
    places = f"{keys}, {level} AS `{LEVEL.name}`, COALESCE(`_start`, `{outer}`) AS `{TILE_START.name}`"
    columns = ",\n  ".join([places, "`_n` AS `n`", "`_newest` AS `_last_event_us`", *values])
    unpacked = quoted(["_start", "_n", "_newest", *_kept_names(group)])
    return f"SELECT {columns}\nFROM `{nested}` CROSS JOIN UNNEST(`_tiles`) AS `_t` ({unpacked})"


def _is_number(partial: Partial) -> bool:
    """Whether all that is kept are numbers of 64 bits, whose type is the argument's."""
    return partial.kind in OPERATIONS and partial.value_type in (INT, FLOAT)


def _operations(partial: Partial) -> str:
    """The letters of what is kept for a partial."""
    of_integers, of_floats = OPERATIONS[partial.kind]
    return of_floats if partial.value_type == FLOAT else of_integers


def _kept_names(group: TileGroup) -> list[str]:
    """The columns of all that is kept, in order."""
    return [f"_x{number}" for number in range(1, 1 + sum(len(_operations(one)) for one in group.partials))]


def _columns(group: TileGroup, nesting: Nesting) -> tuple[str, ...]:
    """The columns of the members with the start of the narrower tile and of the wider."""
    columns = {level: name for name, level in tile_columns(group).items()}
    return tuple(columns[level] for level in nesting)


def _values(group: TileGroup, partial: Partial) -> list[str]:
    """What HR_TILES takes of a row for a partial, one for each letter."""
    x = argument(group, partial)
    if partial.kind == "count":
        return [f"CASE WHEN {x} IS NULL THEN {bigint(0)} ELSE {bigint(1)} END"]
    return [*halves(x)] if len(_operations(partial)) > 1 else [x]


def _value(partial: Partial, names: list[str], label: str) -> str:
    """A partial out of what is kept for it."""
    kept = [f"`{name}`" for name in names]
    return f"{sum_of(*kept, label) if len(kept) > 1 else kept[0]} AS `{partial.name}`"
