"""What an archive holds of each Kafka partition: the facts from which a cutover is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import duckdb

PREFIX_COLUMNS = ("_src_topic", "_src_partition", "_src_offset")
PREFIX_SQL = """
SELECT _src_topic, _src_partition, count(*), count(DISTINCT _src_offset), min(_src_offset), max(_src_offset)
FROM archive GROUP BY ALL ORDER BY ALL
"""


class TopicPartition(NamedTuple):
    """A partition by its topic: what offsets count within.

    >>> str(TopicPartition("clicks", 0))
    "topic 'clicks', partition 0"
    """

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"topic {self.topic!r}, partition {self.partition}"


@dataclass(frozen=True, slots=True)
class PartitionPrefix:
    """One partition's records in a snapshot of an archive: how many, how many distinct offsets, and between which.

    >>> PartitionPrefix("clicks", 0, rows=5, distinct=4, min_offset=10, max_offset=14).missing
    1
    """

    topic: str
    partition: int
    rows: int
    distinct: int
    min_offset: int
    max_offset: int

    @property
    def of(self) -> TopicPartition:
        """Which partition it is."""
        return TopicPartition(self.topic, self.partition)

    @property
    def duplicates(self) -> int:
        """How many rows repeat an offset."""
        return self.rows - self.distinct

    @property
    def missing(self) -> int:
        """How many offsets between the smallest and the greatest have no row."""
        return self.max_offset - self.min_offset + 1 - self.distinct

    @property
    def next_offset(self) -> int:
        """Where the live leg begins: the offset after the last archived record."""
        return self.max_offset + 1


def prefix_of(archive: duckdb.DuckDBPyRelation) -> tuple[PartitionPrefix, ...]:
    """The prefix of every topic and partition in a relation with `PREFIX_COLUMNS`."""
    found = archive.query("archive", PREFIX_SQL)
    return tuple(PartitionPrefix(*row) for row in found.fetchall()) if found is not None else ()
