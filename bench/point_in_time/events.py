"""Generated readings of sensors and labels to join them to: seeded, in the order of time, keys alike or by a Zipf law.

No two events are of one instant and no label is of the instant of an event, so that `<` and `<=` ask the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.bench.zipf import shares

SEED = 20_130_102
SENSORS, VALUES = 50_000, 8
# 2025-01-01T00:00:00Z. Four million events at this pace are 60 days.
START_US, GAP_US = 1_735_689_600_000_000, 1_296_000
ARRIVAL_DELAY_US = 3_000_000
PARTITIONS = 4

Integers = npt.NDArray[np.int64]


def readings(rows: int, exponent: float) -> pa.Table:
    """So many events with the columns of an archive, times at even µs.

    >>> readings(3, 0.0).num_rows
    3
    """
    random, number = np.random.default_rng([SEED, 1]), np.arange(rows, dtype=np.int64)
    event_us = START_US + number * GAP_US + 2 * random.integers(0, GAP_US // 2, rows)
    columns = {
        "sensor": _sensors(random, rows, exponent),
        **{f"v{one}": random.integers(0, 100_000, rows) / 100 for one in range(VALUES)},
        "counted": random.integers(0, 1_000, rows),
        "ts": _instants(event_us),
        "_src_topic": pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), ["readings"]).cast("string"),
        "_src_partition": (number % PARTITIONS).astype(np.int32),
        "_src_offset": number // PARTITIONS,
        "_src_timestamp": _instants(event_us + ARRIVAL_DELAY_US),
        "_raw": pa.nulls(rows, pa.binary()),
        "_error": pa.nulls(rows, pa.string()),
    }
    return pa.table(columns)


def labels(rows: int, events: int, exponent: float) -> pa.Table:
    """So many labels within the time of the events, at odd µs, of the same sensors equally often, in no order."""
    random = np.random.default_rng([SEED, 2])
    asked_us = START_US + 2 * random.integers(0, events * GAP_US // 2, rows) + 1
    columns = {
        "label_id": np.arange(rows, dtype=np.int64),
        "sensor": _sensors(random, rows, exponent),
        "event_timestamp": _instants(asked_us),
        "failed": random.integers(0, 2, rows),
    }
    return pa.table(columns)


def _sensors(random: np.random.Generator, rows: int, exponent: float) -> Integers:
    """Which sensor each row is of; ranks are shuffled, so that the busiest is not the one with the least number."""
    shuffled: Integers = np.random.default_rng(SEED).permutation(SENSORS).astype(np.int64)
    return shuffled[np.searchsorted(shares(SENSORS, exponent), random.random(rows))]


def _instants(microseconds: Integers) -> pa.Array:
    return pa.array(microseconds, pa.timestamp("us", tz="UTC"))
