"""How often each value occurs, as bytes: what HR_TALLY makes in Flink, read and made in plain Python.

All is exact, as long as it fits: each value is its length (4 bytes), its count (8 bytes, big-endian) and its bytes, in
the order of the bytes, and all together are 32 KiB at most. Values that do not fit are no bytes at all, and None here;
whether they fit hangs on the values alone, neither on their order nor on how they were split and merged.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headrace.compiler.newest import CODECS

#: None: too many to be kept.
Counts = Mapping[Any, int] | None
_HEAD = struct.Struct(">iq")
#: Of a value's bytes, those that stand before it.
HEAD_BYTES = _HEAD.size
BOUND = 32 * 1024


def merged(parts: Iterable[Counts], type_: str) -> Counts:
    """The counts of all parts together; None where they do not fit.

    >>> merged([{"a": 1}, {"a": 2, "b": 1}], "str"), merged([{"a": 1}, None], "str")
    ({'a': 3, 'b': 1}, None)
    """
    total: Counter[Any] = Counter()
    for part in parts:
        if part is None:
            return None
        total.update(part)
    encode = CODECS[type_][0]
    return dict(total) if sum(HEAD_BYTES + len(encode(value)) for value in total) <= BOUND else None


def packed(counts: Counts, type_: str) -> bytes | None:
    """Counts as bytes; None without any.

    >>> unpacked(packed({"a": 3, "b": 1}, "str"), "str"), packed(None, "str"), packed({}, "str")
    ({'a': 3, 'b': 1}, b'', None)
    """
    if counts is None:
        return b""
    encode = CODECS[type_][0]
    found = sorted((encode(value), count) for value, count in counts.items())
    return b"".join(_HEAD.pack(len(data), count) + data for data, count in found) or None


def unpacked(data: bytes, type_: str) -> Counts:
    """The counts in some bytes."""
    return dict(_entries(data, type_)) if data else None


def top(counts: Counts, size: int) -> list[Any] | None:
    """The most frequent values, so many at most, of equally frequent ones the least first; None without any.

    >>> top({"b": 2, "a": 2, "c": 3}, 2), top(None, 2)
    (['c', 'a'], None)
    """
    return sorted(counts, key=lambda value: (-counts[value], value))[:size] if counts else None


def _entries(data: bytes, type_: str) -> Iterator[tuple[Any, int]]:
    """Each value with its count."""
    decode, at = CODECS[type_][1], 0
    while at < len(data):
        length, count = _HEAD.unpack_from(data, at)
        end = at + HEAD_BYTES + length
        yield decode(bytes(data[at + HEAD_BYTES : end])), count
        at = end
