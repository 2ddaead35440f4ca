"""Encoders that look at the training split first: means and deviations, and vocabularies. One pass, mergeable."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import DatasetError
from headrace.training.data.columns import INTEGER, NUMBERS, TEXT, doubles
from headrace.training.data.encoders import AnyOfItsKinds, Known, Standardized, at_least_one

#: Counts of values of so many batches' rows are merged at once, so that few rows are held beside the distinct values.
MERGED_AT = 1_000_000


@dataclass(frozen=True, slots=True)
class Standardize(AnyOfItsKinds):
    """A number less the mean, in units of the deviation of all rows that are fitted on; a constant becomes 0.

    `mask`: add a column that is 1 where the number is missing. A column with no number at all is a DatasetError.
    """

    takes: ClassVar[frozenset[str]] = NUMBERS
    name: ClassVar[str] = "standardize"
    mask: bool = True

    def fit(self) -> Moments:
        """Mean and deviation."""
        return Moments(self.mask)


@dataclass(frozen=True, slots=True)
class Vocabulary(AnyOfItsKinds):
    """A category as its index among the values seen, the most frequent first; 0 is missing, 1 is unseen.

    `max_size` values are kept at most, of those that were seen `min_count` times; of equally frequent ones the smaller.
    """

    takes: ClassVar[frozenset[str]] = frozenset({TEXT, INTEGER})
    name: ClassVar[str] = "vocabulary"
    max_size: int = 100_000
    min_count: int = 1

    def __post_init__(self) -> None:
        at_least_one(self, max_size=self.max_size, min_count=self.min_count)

    def fit(self) -> Counts:
        """How often each value is seen."""
        return Counts(self.max_size, self.min_count)


@dataclass
class Moments:
    """Count, mean and sum of squared differences of finite numbers, merged batch by batch.

    Chan, Golub, LeVeque: Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
    """

    mask: bool
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: pa.Array) -> None:
        """Merge some of a column."""
        found = doubles(values)
        found = found[np.isfinite(found)]
        if not found.size:
            return
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(found.mean())
            total, apart = self.count + found.size, mean - self.mean
            self.squares += float(np.square(found - mean).sum()) + apart * apart * self.count * found.size / total
            self.mean += apart * found.size / total
        self.count = total

    def fitted(self, column: str) -> Standardized:
        """The encoder. Raises DatasetError where there is no number, or their squares are beyond float64."""
        if not self.count:
            msg = f"column {column!r}: has no number in the training split to standardize by; leave it out, or use Raw"
            raise DatasetError(msg)
        if not math.isfinite(self.squares):
            msg = f"column {column!r}: has numbers too large to square in float64; clean it first"
            raise DatasetError(msg)
        return Standardized(self.mean, self._deviation, self.mask)

    @property
    def _deviation(self) -> float:
        """The deviation; 1 for what differs from a constant by rounding alone."""
        variance = self.squares / self.count
        rounding = (self.count * self.mean * float(np.finfo(np.float64).eps)) ** 2
        return math.sqrt(variance) if variance > rounding else 1.0


@dataclass
class Counts:
    """How often each value of a column was seen."""

    max_size: int
    min_count: int
    parts: list[pa.Table] = field(default_factory=list)

    def add(self, values: pa.Array) -> None:
        """Count some of a column."""
        plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        counted = plain.drop_null().value_counts()
        self.parts.append(pa.table({"value": counted.field(0), "count": counted.field(1)}))
        if sum(part.num_rows for part in self.parts) > MERGED_AT + self.parts[0].num_rows:
            self.parts = [self._merged()]

    def fitted(self, column: str) -> Known:
        """The encoder; no column has too few values for it."""
        merged = self._merged()
        kept = merged.filter(pc.greater_equal(merged["count"], self.min_count))
        ordered = kept.sort_by([("count", "descending"), ("value", "ascending")])
        values: Any = ordered["value"][: self.max_size].to_pylist()
        return Known(tuple(values))

    def _merged(self) -> pa.Table:
        """Each value once."""
        merged = pa.concat_tables(self.parts).group_by("value").aggregate([("count", "sum")])
        return merged.select(["value", "count_sum"]).rename_columns(["value", "count"])
