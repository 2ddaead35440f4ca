"""Numbers counted by what they round to, as bytes: what HR_BUCKETS makes in Flink, read and made in plain Python.

A number rounds to seven binary digits, half away from zero, which moves it by 1/128 of itself at most; what rounds
alike is one bucket. A bucket that is 2^32 times smaller than the largest one counts as 0. So there are at most 4,097,
and which they are hangs on the numbers alone, neither on their order nor on how they were split and merged.

As bytes each bucket is its number (4 bytes) and its count (8 bytes), in ascending order, big-endian. The number of a
bucket is that of the leading bits of a double, as an integer, with the sign of what it holds.
"""

from __future__ import annotations

import math
import struct
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from headrace.features.fraction import MILLION

Counts = Mapping[int, int]
_ENTRY, _BITS, _DOUBLE = struct.Struct(">iq"), struct.Struct(">q"), struct.Struct(">d")
#: Of the 52 bits behind a double's first digit six are kept.
SHIFT = 46
#: What is nearer to zero has no first digit.
LEAST = sys.float_info.min
GREATEST_BUCKET = (2047 << 6) - 1
#: Buckets of each sign: of 32 powers of two, 64 each.
SPAN = 32 << 6


def bucket_of(number: float) -> int:
    """The number of a finite number's bucket.

    >>> [value_of(bucket_of(number)) for number in (127.0, 129.0, -0.1, 0.0, 1e-320)]
    [127.0, 130.0, -0.099609375, 0.0, 0.0]
    """
    if abs(number) < LEAST:
        return 0
    (bits,) = _BITS.unpack(_DOUBLE.pack(abs(number)))
    size: int = min((bits + (1 << (SHIFT - 1))) >> SHIFT, GREATEST_BUCKET)
    return size if number > 0 else -size


def value_of(bucket: int) -> float:
    """What the numbers of a bucket round to."""
    (size,) = _DOUBLE.unpack(_BITS.pack(abs(bucket) << SHIFT))
    return math.copysign(size, bucket)


def counted(numbers: Iterable[float]) -> Counts:
    """How many numbers are in each bucket."""
    return _bounded(Counter(map(bucket_of, numbers)))


def merged(parts: Iterable[Counts]) -> Counts:
    """The buckets of all parts together.

    >>> merged([{64: 1}, {64: 2, 65: 1}])
    {64: 3, 65: 1}
    """
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    return _bounded(total)


def packed(counts: Counts) -> bytes | None:
    """Buckets as bytes; None without any.

    >>> unpacked(packed({65: 3, -64: 2}))
    {-64: 2, 65: 3}
    """
    return b"".join(_ENTRY.pack(*entry) for entry in sorted(counts.items())) or None


def unpacked(data: bytes) -> Counts:
    """The buckets in some bytes."""
    return dict(_ENTRY.iter_unpack(data))


def quantiles(counts: Counts, per_million: Sequence[int]) -> list[float] | None:
    """For each share p, in millionths, the number of rank ceil(p n), at least 1, among n numbers; None without any.

    >>> quantiles(counted([3, 1, 2, 4]), [0, 500_000, 500_001, 1_000_000])
    [1.0, 2.0, 3.0, 4.0]
    """
    if not counts:
        return None
    buckets, totals = sorted(counts), list(accumulate(counts[bucket] for bucket in sorted(counts)))
    ranks = [max(1, -(-totals[-1] * share // MILLION)) for share in per_million]
    return [value_of(buckets[bisect_left(totals, rank)]) for rank in ranks]


def _bounded(counts: Counts) -> Counts:
    """Buckets with those that are too small beside the largest one counted as 0."""
    floor = max(map(abs, counts), default=0) - SPAN
    found: Counter[int] = Counter()
    for bucket, count in counts.items():
        found[0 if abs(bucket) <= floor else bucket] += count
    return dict(found)
