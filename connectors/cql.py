"""The CQL of tile tables: text only, imports no driver. Names are quoted, values are parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.compiler.plan import Column, TileGroup

#: Cassandra's type of each type of the language. Instants are µs in BIGINT, as Cassandra's own timestamp holds only
#: ms; dates are days.
CQL_TYPES = {
    "str": "text",
    "int": "bigint",
    "int32": "int",
    "float": "double",
    "bool": "boolean",
    "datetime": "bigint",
    "date": "bigint",
    "bytes": "blob",
}
#: The range of Murmur3 tokens.
FIRST_TOKEN, LAST_TOKEN = -(1 << 63), (1 << 63) - 1


def quote(name: str) -> str:
    """A name as an identifier.

    >>> quote('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def create_tile_table(keyspace: str, table: str, group: TileGroup) -> tuple[str, str]:
    """The statements that make the type of a group's cell and its table, each only if not there."""
    space, cell_type = quote(keyspace), quote(f"{table}_cell")
    keys = ", ".join(quote(key.name) for key in group.keys)
    return (
        f"CREATE TYPE IF NOT EXISTS {space}.{cell_type} ({_declared(group.cell)})",
        f"CREATE TABLE IF NOT EXISTS {space}.{quote(table)} ({_declared(group.keys)}, level bigint, tile_start bigint, "
        f"cell frozen<{cell_type}>, last_event_time bigint STATIC, PRIMARY KEY (({keys}), level, tile_start)) "
        "WITH CLUSTERING ORDER BY (level ASC, tile_start DESC)",
    )


def drop_tile_table(keyspace: str, table: str) -> tuple[str, str]:
    """The statements that drop a tile table and its type."""
    space = quote(keyspace)
    return (
        f"DROP TABLE IF EXISTS {space}.{quote(table)}",
        f"DROP TYPE IF EXISTS {space}.{quote(f'{table}_cell')}",
    )


@dataclass(frozen=True, slots=True)
class TileStatements:
    """The statements of one tile table; each is prepared once a session.

    `slice` and `newest` take the key, the level, and the tile starts `from <= tile_start < to`, and give tile start,
    last event time and cell; `newest` gives one row: the clustering order is descending, so the first is the newest.
    `tiles` takes the key and a list of (level, tile start), and gives the level too.
    `scan` takes a token range, `versions` a key. `insert` and
    `insert_seen` end with the write time, `insert` then with the TTL in seconds (0: none); a delete begins with it.
    """

    slice: str
    newest: str
    tiles: str
    last_event_time: str
    scan: str
    versions: str
    insert: str
    insert_seen: str
    delete: str
    delete_seen: str

    @classmethod
    def of(cls, keyspace: str, table: str, group: TileGroup) -> TileStatements:
        """The statements for one table."""
        name = f"{quote(keyspace)}.{quote(table)}"
        keys = ", ".join(quote(key.name) for key in group.keys)
        where, token = " AND ".join(f"{quote(key.name)} = ?" for key in group.keys), f"token({keys})"
        fields = ", ".join(f"cell.{quote(column.name)}" for column in group.cell)
        marks = ", ".join("?" for _ in group.keys)
        span = "level = ? AND tile_start >= ? AND tile_start < ?"
        columns = f"tile_start, last_event_time, {fields}"
        some = f"SELECT {columns} FROM {name} WHERE {where} AND {span}"  # noqa: S608 (names are quoted)
        return cls(
            slice=some,
            newest=f"{some} LIMIT 1",
            tiles=f"SELECT level, {columns} FROM {name} WHERE {where} AND (level, tile_start) IN ?",  # noqa: S608
            last_event_time=f"SELECT last_event_time FROM {name} WHERE {where} LIMIT 1",  # noqa: S608
            scan=f"SELECT {keys}, level, tile_start, {fields} FROM {name} "  # noqa: S608
            f"WHERE {token} >= ? AND {token} <= ?",
            versions=f"SELECT level, tile_start, writetime(cell), writetime(last_event_time) FROM {name} WHERE {where}",  # noqa: S608
            insert=f"INSERT INTO {name} ({keys}, level, tile_start, cell) VALUES ({marks}, ?, ?, ?) "  # noqa: S608
            "USING TIMESTAMP ? AND TTL ?",
            insert_seen=f"INSERT INTO {name} ({keys}, last_event_time) VALUES ({marks}, ?) USING TIMESTAMP ?",  # noqa: S608
            delete=f"DELETE FROM {name} USING TIMESTAMP ? WHERE {where} AND level = ? AND tile_start = ?",  # noqa: S608
            delete_seen=f"DELETE last_event_time FROM {name} USING TIMESTAMP ? WHERE {where}",
        )


def token_ranges(count: int) -> list[tuple[int, int]]:
    """The ring in `count` ranges, both ends included.

    >>> token_ranges(2)
    [(-9223372036854775808, -1), (0, 9223372036854775807)]
    """
    width = (LAST_TOKEN - FIRST_TOKEN + 1) // count
    starts = [FIRST_TOKEN + width * index for index in range(count)]
    return [*((start, start + width - 1) for start in starts[:-1]), (starts[-1], LAST_TOKEN)]


def _declared(columns: Iterable[Column]) -> str:
    """Columns with their types."""
    return ", ".join(f"{quote(column.name)} {CQL_TYPES[column.type]}" for column in columns)
