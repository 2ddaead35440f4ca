"""A look at the labels of pinned rows, before anything is learned from them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from headrace.errors import DatasetError
from headrace.training.data.columns import one_array
from headrace.training.data.filters import check_columns
from headrace.training.data.label_time import LabelTime
from headrace.training.data.labels import BadLabels, Label
from headrace.training.data.row_groups import Integers
from headrace.training.data.rows import PinnedRows


def check_labels(
    rows: PinnedRows, label: Label, times: LabelTime | None, now_us: int, *, any_: bool = False
) -> int | None:
    """Look at the labels of all rows before anything is learned from them; the newest time of one (µs since the epoch).

    Rows whose label is left out have no time to be looked at. None where no column of times is declared, or no row has
    a label; with `any_` one has to.

    Raises:
        UnknownColumnError, ColumnTypeError: a column is not there, or of a type that it cannot have.
        DatasetError: labels are refused, or the time of one is missing, before its event or yet to come; how many, and
            the position of the first. Or no row has a label, and what left them out.
    """
    schema = rows.snapshot.schema
    if times is not None:
        times.check(str(rows.snapshot), schema)
    check_columns(f"{rows.snapshot}: label", [label.column], schema)
    look = _Look(rows, label, times, now_us)
    newest = look.newest_us()
    if any_ and not look.labelled:
        msg = f"{rows.snapshot}: no row has a label, {rows.count()}{look.without}; look at the split's filters"
        raise DatasetError(msg)
    return newest


class _Look:
    """One pass over the columns of labels and times."""

    def __init__(self, rows: PinnedRows, label: Label, times: LabelTime | None, now_us: int) -> None:
        self._rows, self._label, self._times, self._now_us = rows, label, times, now_us
        self.labelled = 0
        self._bad = BadLabels(label)
        # For each rule that is broken by how many rows, and the position of the first.
        self._broken: dict[str, tuple[int, int]] = {}

    @property
    def without(self) -> str:
        """Of how many rows the label is left out, by reason, in words."""
        return "".join(f"; {count:,} whose label is {why}" for why, count in self._bad.counts.items())

    def newest_us(self) -> int | None:
        """The newest time of a label that counts; raises what is wrong when all are counted."""
        times = () if self._times is None else self._times.columns
        newest: int | None = None
        for block in self._rows.blocks(list(dict.fromkeys((self._label.column, *times)))):
            values = one_array(block.rows[self._label.column])
            found = self._label.judged(values)
            self._bad.add(found, values, block.positions)
            self.labelled += int(found.kept.sum())
            if self._times is not None:
                kept = block.rows.filter(pa.array(found.kept))
                self._judge(self._times, kept, block.positions[found.kept])
                newest = max((one for one in (newest, self._times.newest_us(kept)) if one is not None), default=None)
        self._bad.refuse()
        self._refuse()
        return newest

    def _judge(self, times: LabelTime, rows: pa.Table, positions: Integers) -> None:
        for mask, why in times.refused(rows, self._now_us):
            places = np.flatnonzero(mask)
            if places.size:
                count, first = self._broken.get(why, (0, int(positions[places[0]])))
                self._broken[why] = count + int(places.size), first

    def _refuse(self) -> None:
        for why, (count, first) in self._broken.items():
            msg = (
                f"{self._rows.snapshot}: {why}: {count:,} of {self._bad.rows:,} rows, the first at position {first:,}; "
            )
            msg += "look at the columns of times, or leave such rows out by the split's filters"
            raise DatasetError(msg)
