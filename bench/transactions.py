"""Generated card transactions: seeded, in the order of a log, and any prefix of more is all of fewer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.bench.zipf import shares
from headrace.connectors.iceberg import IcebergTable

SEED = 20_130_101
CARDS, MERCHANTS = 50_000, 5_000
# The busiest card makes 14 % of all payments: the skew of the anchors that these figures are read beside.
ZIPF_EXPONENT = 1.1
# 2025-01-01T00:00:00Z. Five million rows at this pace are 60 days.
START_US, GAP_US = 1_735_689_600_000_000, 1_036_800
# Events swap places in the log by up to this much, within the source's `max_delay`.
JITTER_US = 2_000_000
ARRIVAL_DELAY_US = 3_000_000
LEAST_CENTS, MOST_CENTS = 50, 100_000
FIRST_CARD = 4_000_000_000_000_000
PARTITIONS = 4
# Rows drawn from one seed, and in one file of the table: a little more than a day of them.
CHUNK = 100_000

Integers = npt.NDArray[np.int64]


def transactions(first: int, last: int) -> pa.Table:
    """The rows `first <= tid < last` with the columns of an archive.

    >>> transactions(3, 5).equals(transactions(0, 9).slice(3, 2))
    True
    """
    chunks = range(first // CHUNK, -(-last // CHUNK))
    parts = [_chunk(chunk).slice(max(0, first - chunk * CHUNK), last - max(first, chunk * CHUNK)) for chunk in chunks]
    return pa.concat_tables(parts)


def append(table: IcebergTable, first: int, last: int) -> Iterator[int]:
    """Append the rows `first <= tid < last` to an archive, a file for each chunk; yields how many are in."""
    while first < last:
        upto = min(last, (first // CHUNK + 1) * CHUNK)
        table.append(transactions(first, upto))
        yield upto
        first = upto


def _chunk(number: int) -> pa.Table:
    """One chunk of rows."""
    random = np.random.default_rng([SEED, number])
    tid = np.arange(number * CHUNK, (number + 1) * CHUNK, dtype=np.int64)
    event_us = START_US + tid * GAP_US + random.integers(-JITTER_US, JITTER_US, CHUNK)
    ranks = np.searchsorted(shares(CARDS, ZIPF_EXPONENT), random.random(CHUNK))
    columns = {
        "tid": tid,
        "cc_num": FIRST_CARD + _shuffled()[ranks],
        "merchant": _merchants().take(pa.array(random.integers(0, MERCHANTS, CHUNK))),
        "cents": random.integers(LEAST_CENTS, MOST_CENTS, CHUNK),
        "ts": _instants(event_us),
    }
    return pa.table({**columns, **_position(tid, event_us)})


def _position(tid: Integers, event_us: Integers) -> dict[str, pa.Array]:
    """Where each row lay in the log that it is said to come from."""
    return {
        "_src_topic": pa.DictionaryArray.from_arrays(pa.array(np.zeros(CHUNK, np.int32)), ["cards"]).cast(pa.string()),
        "_src_partition": pa.array((tid % PARTITIONS).astype(np.int32)),
        "_src_offset": pa.array(tid // PARTITIONS),
        "_src_timestamp": _instants(event_us + ARRIVAL_DELAY_US),
        "_raw": pa.nulls(CHUNK, pa.binary()),
        "_error": pa.nulls(CHUNK, pa.string()),
    }


def _instants(microseconds: Integers) -> pa.Array:
    return pa.array(microseconds, pa.timestamp("us", tz="UTC"))


@cache
def _shuffled() -> Integers:
    """Which card has which rank: not the one with the smallest number first."""
    return np.random.default_rng(SEED).permutation(CARDS).astype(np.int64)


@cache
def _merchants() -> pa.Array:
    return pa.array([f"m{number:04}" for number in range(MERCHANTS)])
