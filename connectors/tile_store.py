"""What an online store is: where tiles are kept for serving, behind one interface.

`connectors.cassandra_tiles` is the one that jobs write to; `connectors.sqlite_tiles` needs no server. One suite of
tests holds both to the same rules:

- Of two versions of a tile the one with more events (`n`) stays, whichever is written last.
- The newest event time of an entity only grows.
- A tile is gone once it has expired; what has expired already is not written.
- A NULL in a cell stays NULL; a cell is always replaced as a whole.
- An erased entity is unknown, and writing the erased versions again does not bring it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from headrace.compiler.plan import TileGroup
from headrace.compiler.tiles import Slice

Key = tuple[Any, ...]
#: The values of a cell's fields, in the order of `fields_of`.
Cell = Sequence[Any]


@dataclass(frozen=True, slots=True)
class TileRead:
    """One slice of the tiles of some entities of a table, or the newest tile in it, or (no slice) when they were seen.

    Each key is a value for each of the group's keys, and stands once.
    """

    table: str
    # The table names the group; comparing whole groups would cost more than a read.
    group: TileGroup = field(compare=False)
    keys: tuple[Key, ...]
    slice: Slice | None
    newest_only: bool = False


class Found(NamedTuple):
    """What a read found of one entity: the cell of each tile by its start (µs), and its newest event time (µs).

    A slice that holds no tile does not tell the newest event time; a read without slice tells that alone.
    """

    tiles: Mapping[int, Cell] = MappingProxyType({})
    last_event_us: int | None = None


#: No tile, and nothing known of the entity.
NOTHING = Found()


class Tile(NamedTuple):
    """A tile to be written.

    `values` are those of the cell's fields, in order, `n` first. `last_event_us` is the newest event that it folds.
    `expires_us` is when it may be deleted; None: never.
    """

    key: Key
    level_us: int
    start_us: int
    values: tuple[Any, ...]
    last_event_us: int
    expires_us: int | None = None

    @property
    def version_us(self) -> int:
        """The write time: it grows with the number of events, so that a fuller tile is never overwritten.

        >>> Tile(("a",), 300, 600, (3,), 650).version_us
        603
        """
        return int(self.start_us + self.values[0])


class TileReader(Protocol):
    """What servers need of an online store: to read tiles. Safe to share between threads.

    Both methods raise ConnectorError when the store fails, NotFoundError when there is no such table.
    """

    def read(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """For each read what was found of each of its keys, in order; all are read at once."""

    async def read_async(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """The same without holding up the event loop."""


class TileStore(TileReader, Protocol):
    """An online store: tile tables by physical name. Every method raises as those of `TileReader` do."""

    def create(self, table: str, group: TileGroup) -> None:
        """Create the table of a tile group unless it is there."""

    def write(self, table: str, group: TileGroup, tiles: Iterable[Tile]) -> int:
        """Write tiles by the rules above; returns how many had not expired yet."""

    def erase(self, table: str, group: TileGroup, keys: Sequence[Key]) -> None:
        """Delete all that is known of entities."""


def fields_of(group: TileGroup) -> tuple[str, ...]:
    """The names of a cell's fields, in order.

    >>> fields_of(TileGroup("0a1b2c3d", (), None, (300,), (), None))
    ('n',)
    """
    return tuple(column.name for column in group.cell)
