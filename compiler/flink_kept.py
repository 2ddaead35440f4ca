"""What HR_TILES keeps of a partial: its letters, what a row brings of it, and the fields of the cell out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from headrace.compiler.flink_partials import bigint, halves, sum_of
from headrace.compiler.plan import Partial
from headrace.features.scalar import BOOL, FLOAT, INT

Sql = Callable[[str], str]
#: The place of a row among the events, as integers; the oldest has the greatest of the opposites.
PLACE = ("`_event_us`", "CAST(`_src_partition` AS BIGINT)", "`_src_offset`")


class Kept(NamedTuple):
    """How a partial is kept: letters of HR_TILES, and SQL before it and behind it.

    `brings`: from the argument's column, what a row brings, each a BIGINT or a DOUBLE of the type that is kept.
    `gives`: from the columns with what is kept and the label of an overflow, the fields of the cell.
    """

    letters: str
    brings: Callable[[str], Sequence[str]]
    gives: Callable[[Sequence[str], str], Sequence[str]]

    @property
    def size(self) -> int:
        """So many values are kept of each tile.

        >>> from headrace.features.scalar import column
        >>> kept_of(Partial("sum", "cents", column("cents", "int"))).size
        2
        """
        return len(self.brings("x"))


def kept_of(partial: Partial) -> Kept | None:
    """How HR_TILES keeps a partial; None where it keeps more than a few numbers.

    >>> from headrace.features.scalar import column
    >>> kept_of(Partial("max", "name", column("name", "str"))) is None
    True
    """
    return COUNT if partial.kind == "count" else KEPT.get((partial.kind, partial.value_type))


def _as_it_is(letter: str) -> Kept:
    """One number, which is what a row brings and what a cell has."""
    return Kept(letter, lambda x: (x,), lambda kept, label: kept)


def _same(x: str) -> str:
    return x


def _one(x: str) -> str:
    """1 where there is a value, else 0."""
    return f"CASE WHEN {x} IS NULL THEN {bigint(0)} ELSE {bigint(1)} END"


def _bit(x: str) -> str:
    """A boolean as a number."""
    return f"CASE WHEN {x} THEN {bigint(1)} WHEN NOT {x} THEN {bigint(0)} END"


def _of_bit(x: str) -> str:
    """The boolean that `_bit` made a number of."""
    return f"{x} = {bigint(1)}"


def _end(letter: str, sign: str, held: Sql = _same, value: Sql = _same) -> Kept:
    """The value of the row whose place with the sign is the greatest; `held` as a number, of which `value` makes it."""
    return Kept(
        letter,
        lambda x: (held(x), *(f"{sign}{part}" for part in PLACE)),
        lambda kept, label: (value(kept[0]), *(f"{sign}{part}" for part in kept[1:])),
    )


def _ends(kind: str, sign: str) -> dict[tuple[str, str], Kept]:
    """The first or last row, whatever its value is, by the types of values that are as long as any other."""
    kept = {INT: _end("n", sign), FLOAT: _end("N", sign), BOOL: _end("n", sign, _bit, _of_bit)}
    return {(kind, type_): end for type_, end in kept.items()}


#: A count is 0 without a value, not NULL.
COUNT = Kept("s", lambda x: (_one(x),), lambda kept, label: kept)
#: By the kind of a partial and the type of its values. Of a sum of integers two are kept, as `sum_of` takes them; the
#: moments of a tile without a value have a count of 0, as a cell has it.
KEPT: Mapping[tuple[str, str], Kept] = {
    ("sum", INT): Kept("ss", halves, lambda kept, label: (sum_of(kept[0], kept[1], label),)),
    ("sum", FLOAT): _as_it_is("S"),
    ("min", INT): _as_it_is("l"),
    ("min", FLOAT): _as_it_is("L"),
    ("max", INT): _as_it_is("g"),
    ("max", FLOAT): _as_it_is("G"),
    ("moments", FLOAT): Kept(
        "M",
        lambda x: (_one(x), x, "CAST(0 AS DOUBLE)"),
        lambda kept, label: (f"COALESCE({kept[0]}, {bigint(0)})", *kept[1:]),
    ),
    **_ends("first", "-"),
    **_ends("last", ""),
}
