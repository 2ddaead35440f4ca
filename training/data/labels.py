"""`Label`: which column is learned. Labels that are none are refused, or their rows left out and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.errors import DatasetError, DefinitionError, did_you_mean
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
    """

    column: str
    low: float | None = None
    high: float | None = None
    bad: Policy = "refuse"

    def __post_init__(self) -> None:
        if self.bad not in get_args(Policy):
            msg = f"label {self.column!r}: no policy {self.bad!r}; {did_you_mean(self.bad, get_args(Policy))}"
            raise DefinitionError(msg)

    def check(self, type_: pa.DataType) -> None:
        """ColumnTypeError unless labels may be of a type."""
        check_kind(f"label {self.column!r}", type_, {*NUMBERS, BOOLEAN})

    def read(self, values: pa.Array, positions: npt.NDArray[np.int64]) -> Labels:
        """The labels of rows at some positions. DatasetError, naming the first bad one, when they are refused."""
        found = doubles(values)
        with np.errstate(over="ignore"):
            narrow = found.astype(np.float32)
        kept = np.isfinite(narrow) & self._within(found)
        if kept.all():
            return Labels(narrow, kept, dict.fromkeys((NULL, NOT_FINITE, OUT_OF_BOUNDS), 0))
        reasons = self._reasons(found, missing(values), np.isfinite(narrow))
        if self.bad == "refuse":
            self._refuse(reasons, values, positions)
        bad: Bools = np.logical_or.reduce(list(reasons.values()))
        return Labels(narrow, ~bad, {why: int(rows.sum()) for why, rows in reasons.items()})

    def _reasons(self, found: npt.NDArray[np.float64], null: Bools, finite: Bools) -> dict[str, Bools]:
        """For each reason the rows whose label is bad for it, one reason a row."""
        return {NULL: null, NOT_FINITE: ~null & ~finite, OUT_OF_BOUNDS: finite & ~self._within(found)}

    def _within(self, found: npt.NDArray[np.float64]) -> Bools:
        """Which labels are neither NaN nor out of bounds; NULL is NaN."""
        low, high = (-np.inf if self.low is None else self.low), (np.inf if self.high is None else self.high)
        within: Bools = (found >= low) & (found <= high)
        return within

    def _refuse(self, reasons: Mapping[str, Bools], values: pa.Array, positions: npt.NDArray[np.int64]) -> None:
        for why, rows in reasons.items():
            if rows.any():
                first = int(rows.argmax())
                msg = (
                    f"label {self.column!r}: {int(rows.sum()):,} of {len(values):,} rows are {why}{self._bounds(why)}, "
                    f"the first at position {positions[first]} with {values[first].as_py()!r}; clean them, or leave "
                    "them out by bad='leave_out'"
                )
                raise DatasetError(msg)

    def _bounds(self, why: str) -> str:
        return f" [{self.low}, {self.high}]" if why == OUT_OF_BOUNDS else ""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of some rows, which of them are kept, and how many are not for which reason."""

    values: Floats
    kept: Bools
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """The labels that were fitted on: how many, their range and mean, and how many rows were left out, by reason."""

    rows: int
    least: float
    greatest: float
    mean: float
    left_out: Mapping[str, int]


@dataclass
class LabelFit:
    """Looks at the labels of the training split."""

    label: Label
    rows: int = 0
    total: float = 0.0
    least: float = np.inf
    greatest: float = -np.inf
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, values: pa.Array, before: int) -> Labels:
        """Take in some labels, of rows that come behind so many others."""
        found = self.label.read(values, np.arange(before, before + len(values)))
        kept = found.values[found.kept].astype(np.float64)
        self.left_out.update(found.left_out)
        if kept.size:
            self.rows += kept.size
            self.total += float(kept.sum())
            self.least, self.greatest = min(self.least, float(kept.min())), max(self.greatest, float(kept.max()))
        return found

    def summary(self) -> LabelSummary:
        """What was found. Raises DatasetError when nothing can be learned: no label at all, or one value only."""
        reasons = {why: count for why, count in self.left_out.items() if count}
        if not self.rows:
            msg = f"label {self.label.column!r}: no row has one; left out: {reasons or 'none'}"
            raise DatasetError(msg)
        if self.least == self.greatest:
            msg = (
                f"label {self.label.column!r}: of one class only, all {self.rows:,} labels of the training split are "
                f"{self.least:g}; nothing can be learned: choose another split, or look at how the label was made"
            )
            raise DatasetError(msg)
        return LabelSummary(self.rows, self.least, self.greatest, self.total / self.rows, reasons)
