"""`Label`: which column is learned. Labels that are none are refused, or their rows left out and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.errors import BadLabelError, DatasetError, DefinitionError, did_you_mean
from headrace.training.data.columns import BOOLEAN, NUMBERS, Floats, check_kind, doubles, missing

Policy = Literal["refuse", "leave_out"]
Bools = npt.NDArray[np.bool_]
NULL, NOT_FINITE, OUT_OF_BOUNDS = "NULL", "not finite", "out of bounds"


@dataclass(frozen=True, slots=True)
class Label:
    """The column that is learned: a number or a boolean.

    Attributes:
        low, high: bounds, themselves included, beyond which a label is absurd.
        bad: what to do about rows whose label is NULL, not finite as float32, or out of bounds: `refuse` to go on, or
            `leave_out` those rows, counted by reason.

    Raises DefinitionError for bounds that are no numbers or that nothing is within, and for another policy.
    """

    column: str
    low: float | None = None
    high: float | None = None
    bad: Policy = "refuse"

    def __post_init__(self) -> None:
        if self.bad not in get_args(Policy):
            msg = f"label {self.column!r}: no policy {self.bad!r}; {did_you_mean(self.bad, get_args(Policy))}"
            raise DefinitionError(msg)
        if not (isinstance(self.column, str) and self.column):
            msg = f"label {self.column!r}: expected the name of a column"
            raise DefinitionError(msg)
        _check_bound(f"label {self.column!r}: low", self.low)
        _check_bound(f"label {self.column!r}: high", self.high)
        if self.low is not None and self.high is not None and self.low > self.high:
            msg = f"label {self.column!r}: low = {self.low!r} is above high = {self.high!r}, so that no label is within"
            raise DefinitionError(msg)

    def check(self, type_: pa.DataType) -> None:
        """ColumnTypeError unless labels may be of a type."""
        check_kind(f"label {self.column!r}", type_, {*NUMBERS, BOOLEAN})

    def read(self, values: pa.Array, positions: npt.NDArray[np.int64]) -> Labels:
        """The labels of rows at some positions. BadLabelError, naming the first bad one, when they are refused."""
        found = self.judged(values)
        if self.bad == "refuse" and not found.kept.all():
            bad = BadLabels(self)
            bad.add(found, values, positions)
            bad.refuse()
        return found

    def judged(self, values: pa.Array) -> Labels:
        """The labels of rows, whatever is to become of bad ones."""
        found = doubles(values)
        with np.errstate(over="ignore"):
            narrow = found.astype(np.float32)
        kept: Bools = np.isfinite(narrow)
        if self.low is not None or self.high is not None:
            kept &= self._within(found)
        if kept.all():
            return Labels(narrow, kept, {})
        reasons = self._reasons(found, missing(values), np.isfinite(narrow))
        bad: Bools = np.logical_or.reduce(list(reasons.values()))
        return Labels(narrow, ~bad, {why: rows for why, rows in reasons.items() if rows.any()})

    def bounds(self, why: str) -> str:
        """The bounds in words, where a label is bad for them."""
        return f" [{self.low}, {self.high}]" if why == OUT_OF_BOUNDS else ""

    def _reasons(self, found: npt.NDArray[np.float64], null: Bools, finite: Bools) -> dict[str, Bools]:
        """For each reason the rows whose label is bad for it, one reason a row."""
        return {NULL: null, NOT_FINITE: ~null & ~finite, OUT_OF_BOUNDS: finite & ~self._within(found)}

    def _within(self, found: npt.NDArray[np.float64]) -> Bools:
        """Which labels are neither NaN nor out of bounds; NULL is NaN."""
        low, high = (-np.inf if self.low is None else self.low), (np.inf if self.high is None else self.high)
        within: Bools = (found >= low) & (found <= high)
        return within


def _check_bound(what: str, bound: object) -> None:
    """DefinitionError for what bounds nothing."""
    if bound is None:
        return
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        msg = f"{what} = {bound!r}: expected a number; found {type(bound).__name__}"
        raise DefinitionError(msg)
    if np.isnan(bound):
        msg = f"{what} = {bound!r}: expected a number; found NaN, which bounds nothing"
        raise DefinitionError(msg)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of some rows, which of them are kept, and for each reason that there is the rows that are not."""

    values: Floats
    kept: Bools
    bad: Mapping[str, Bools]

    @property
    def left_out(self) -> dict[str, int]:
        """How many are not kept, by reason."""
        return {why: int(rows.sum()) for why, rows in self.bad.items()}


@dataclass
class BadLabels:
    """Gathers the labels that are bad, of rows read in parts.

    Attributes:
        rows: how many were looked at.
        counts: how many are bad, by reason; `first` the first such position and what is there.
    """

    label: Label
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, object]] = field(default_factory=dict)

    def add(self, found: Labels, values: pa.Array, positions: npt.NDArray[np.int64]) -> None:
        """Take in some labels, of rows at these positions."""
        self.rows += len(values)
        for why, rows in found.bad.items():
            place = int(rows.argmax())
            self.counts[why] += int(rows.sum())
            self.first.setdefault(why, (int(positions[place]), values[place].as_py()))

    def refuse(self) -> None:
        """BadLabelError when any label is bad, unless such rows are left out."""
        for why in (NULL, NOT_FINITE, OUT_OF_BOUNDS) if self.label.bad == "refuse" else ():
            if self.counts[why]:
                position, value = self.first[why]
                msg = (
                    f"label {self.label.column!r}: {self.counts[why]:,} of {self.rows:,} rows are "
                    f"{why}{self.label.bounds(why)}, the first at position {position:,} with {value!r}; clean them, or "
                    "leave them out by bad='leave_out'"
                )
                error = BadLabelError(msg)
                error.position = position
                raise error


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """The labels that were fitted on: how many, their range and mean, and how many rows were left out, by reason."""

    rows: int
    least: float
    greatest: float
    mean: float
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LabelRange:
    """The least and the greatest of some labels; of none infinities, which any label takes the place of.

    >>> LabelRange().joined(LabelRange(0.0, 0.25)).joined(LabelRange(0.5, 0.5))
    LabelRange(least=0.0, greatest=0.5)
    """

    least: float = np.inf
    greatest: float = -np.inf

    @property
    def are_alike(self) -> bool:
        """Whether all labels are one value, of which nothing can be learned; of none at all they are not.

        >>> [one.are_alike for one in (LabelRange(), LabelRange(0.25, 0.25), LabelRange(0.0, 0.25))]
        [False, True, False]
        """
        return self.least == self.greatest

    def joined(self, other: LabelRange) -> LabelRange:
        """The range of these labels and others."""
        return LabelRange(min(self.least, other.least), max(self.greatest, other.greatest))


class LabelFit:
    """Looks at the labels of the training split."""

    def __init__(self, label: Label) -> None:
        self.label = label
        self._bad = BadLabels(label)
        self._rows, self._total, self._range = 0, 0.0, LabelRange()

    def add(self, values: pa.Array, positions: npt.NDArray[np.int64]) -> Labels:
        """Take in some labels, of rows at these positions."""
        found = self.label.judged(values)
        self._bad.add(found, values, positions)
        kept = found.values[found.kept].astype(np.float64)
        if kept.size:
            self._rows += kept.size
            self._total += float(kept.sum())
            self._range = self._range.joined(LabelRange(float(kept.min()), float(kept.max())))
        return found

    def summary(self) -> LabelSummary:
        """What was found.

        Raises DatasetError for labels that are refused, and when nothing can be learned: no label, or one value only.
        """
        self._bad.refuse()
        reasons = dict(self._bad.counts)
        if not self._rows:
            msg = f"label {self.label.column!r}: no row has one; left out: {reasons or 'none'}"
            raise DatasetError(msg)
        if self._range.are_alike:
            found = f"all {self._rows:,} labels of the training split are {self._range.least:g}"
            msg = f"label {self.label.column!r}: {found}; nothing can be learned: choose another split, or look at how "
            raise DatasetError(msg + "the label was made")
        return LabelSummary(self._rows, self._range.least, self._range.greatest, self._total / self._rows, reasons)
