"""Which rows of a micro-batch a learner never sees, and why: refused by their source, or with a label of no time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.training.data.label_time import LabelTime


@dataclass(frozen=True, slots=True)
class Rules:
    """What keeps rows from a learner.

    Attributes:
        given: the columns that the learner is given; None: all.
        why: the column that says why its source refuses a row, NULL for a good one; None: no source judges rows.
        label_time: when labels were known; None: not said.
    """

    given: tuple[str, ...] | None = None
    why: str | None = None
    label_time: LabelTime | None = None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """The rules of plain values, as `asdict` and JSON have them."""
        given, times = found.get("given"), found.get("label_time")
        named = None if given is None else tuple(given)
        return cls(named, found.get("why"), None if times is None else LabelTime(**times))

    def reasons(self, rows: pa.RecordBatch, now_us: int) -> pa.Array:
        """For each row why the learner does not get it: the first reason; NULL where it does."""
        found = pa.nulls(rows.num_rows, pa.string()) if self.why is None else rows.column(self.why)
        for mask, why in [] if self.label_time is None else self.label_time.refused(rows, now_us):
            found = pc.if_else(pc.and_(mask, found.is_null()), why, found)
        return found

    def visible(self, rows: pa.RecordBatch, reasons: pa.Array) -> pa.RecordBatch:
        """What the learner gets: the rows without a reason, with its own columns."""
        kept = without(rows, reasons)
        return kept if self.given is None else kept.select(list(self.given))


def has_any(reasons: pa.Array) -> bool:
    """Whether there is a reason for any row."""
    return bool(reasons.null_count < len(reasons))


def without(rows: pa.RecordBatch, reasons: pa.Array) -> pa.RecordBatch:
    """The rows for which there is no reason, with all their columns."""
    return rows.filter(reasons.is_null()) if has_any(reasons) else rows


def first_of(reasons: pa.Array) -> str | None:
    """The first reason that there is.

    >>> first_of(pa.array([None, "too late", "unparsable"]))
    'too late'
    """
    found: str | None = reasons.drop_null()[0].as_py() if has_any(reasons) else None
    return found


def also(reasons: pa.Array, places: tuple[int, ...], why: str) -> pa.Array:
    """Reasons with those for more rows: the ones at these places among the rows that had none.

    >>> also(pa.array(["too late", None, None]), (1,), "no label").to_pylist()
    ['too late', None, 'no label']
    """
    if not places:
        return reasons
    left_out = np.zeros(len(reasons), dtype=bool)
    left_out[np.flatnonzero(reasons.is_null())[list(places)]] = True
    return pc.if_else(pa.array(left_out), why, reasons)
