"""A few rows, the newest first, as bytes: what HR_LAST_N makes in Flink, read and made in plain Python.

Each row stands behind its length (4 bytes): its place (event time in µs, partition, offset: 8, 4 and 8 bytes), whether
there is a value (1 byte), and the value. All is big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from headrace.features.scalar import BOOL, FLOAT, INT, STR

Row = tuple[Any, int, int, int]
_PLACE, _LENGTH = struct.Struct(">qiq?"), struct.Struct(">i")

#: How a value of each type becomes bytes, and back.
CODECS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    STR: (str.encode, bytes.decode),
    INT: (lambda value: struct.pack(">q", value), lambda data: struct.unpack(">q", data)[0]),
    FLOAT: (lambda value: struct.pack(">d", value), lambda data: struct.unpack(">d", data)[0]),
    BOOL: (lambda value: struct.pack(">?", value), lambda data: struct.unpack(">?", data)[0]),
}


def newest(rows: Iterable[Row], size: int) -> list[Row]:
    """The newest rows (value, µs, partition, offset), so many at most, the newest first.

    >>> newest([("a", 1, 0, 0), ("c", 2, 1, 0), ("b", 2, 0, 5)], 2)
    [('c', 2, 1, 0), ('b', 2, 0, 5)]
    """
    return sorted(rows, key=lambda row: row[1:], reverse=True)[:size]


def packed(rows: Iterable[Row], type_: str) -> bytes:
    """Rows as bytes.

    >>> unpacked(packed([(None, 1, 0, 0), (7, 0, 0, 0)], "int"), "int")
    [(None, 1, 0, 0), (7, 0, 0, 0)]
    """
    encode = CODECS[type_][0]
    found = [
        _PLACE.pack(*place, value is not None) + (b"" if value is None else encode(value)) for value, *place in rows
    ]
    return b"".join(_LENGTH.pack(len(row)) + row for row in found)


def unpacked(data: bytes, type_: str) -> list[Row]:
    """The rows in some bytes."""
    return list(_rows(memoryview(data), CODECS[type_][1]))


def _rows(data: memoryview, decode: Callable[[bytes], Any]) -> Iterator[Row]:
    """Each row in turn."""
    while data:
        (length,) = _LENGTH.unpack_from(data)
        row, data = data[_LENGTH.size : _LENGTH.size + length], data[_LENGTH.size + length :]
        us, partition, offset, is_there = _PLACE.unpack_from(row)
        yield (decode(bytes(row[_PLACE.size :])) if is_there else None, us, partition, offset)
