"""`History`: rows as tensors, in the order in which they happened, each with the time at which its label came."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from headrace.errors import ColumnTypeError, DatasetError, TrainingError
from headrace.features.instant import instant_of
from headrace.training.data.columns import one_array
from headrace.training.data.encoding import Fitted
from headrace.training.data.filters import Present, TimeRange, check_columns
from headrace.training.data.label_time import LabelTime
from headrace.training.data.rows import PinnedRows
from headrace.training.data.tensors import TensorBatch
from headrace.training.learning.metrics import Floats

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Times:
    """The columns that say when a row happened, and when its label came: instants, or bigint µs; empty: not said."""

    event: str = ""
    label: str = ""


@dataclass(frozen=True, eq=False)
class History:
    """Rows that have a label, in the order of event time; those of one instant in the order of their positions.

    Attributes:
        batch: the rows.
        event_us, label_us: int64 [rows], when each happened, and when its label came.
        start_us: where the replay begins: later rows are tested, and labels before it known from the start.

    Raises DatasetError for a label that came before its own row, and where no row is to be tested.
    """

    batch: TensorBatch
    event_us: Integers
    label_us: Integers
    start_us: int

    def __post_init__(self) -> None:
        early = self.label_us < self.event_us
        if early.any():
            row = int(early.argmax())
            msg = f"history: {int(early.sum()):,} labels came before their rows, the first at position "
            msg += f"{int(self.batch.positions[row])}: row {_said(self.event_us[row])}, label "
            raise DatasetError(msg + f"{_said(self.label_us[row])}; look at the two columns of times")
        if self.first == len(self.event_us):
            msg = f"history: no row is at {_said(self.start_us)} or later, where the replay begins; begin earlier"
            raise DatasetError(msg)

    @cached_property
    def first(self) -> int:
        """The place of the first row that is tested."""
        return int(np.searchsorted(self.event_us, self.start_us))

    @cached_property
    def labels(self) -> Floats:
        """The labels [rows]."""
        if self.batch.label is None:
            msg = "history: its rows have no labels"
            raise DatasetError(msg)
        return self.batch.label.numpy().astype(np.float64)

    @cached_property
    def by_label(self) -> Integers:
        """The places of the rows, in the order in which their labels came."""
        return np.argsort(self.label_us, kind="stable")

    def known(self, after_us: int | None, before_us: int) -> Integers:
        """The places of rows whose label came from one instant on, None being the first of all, and before another."""
        came = self.label_us[self.by_label]
        first = 0 if after_us is None else int(np.searchsorted(came, after_us))
        return self.by_label[first : int(np.searchsorted(came, before_us))]

    def learnable(self, places: Integers, clock_us: int) -> TensorBatch:
        """The rows at some places, to be learned from at an instant.

        Everything that learns gets its rows here. Raises TrainingError for a row whose label had not come by then.
        """
        early = self.label_us[places] >= clock_us
        if early.any():
            row = int(places[int(early.argmax())])
            msg = f"leak: at {_said(clock_us)} {int(early.sum()):,} rows were to be learned from whose labels had not "
            msg += f"come, the first at position {int(self.batch.positions[row])}, label at {_said(self.label_us[row])}"
            raise TrainingError(msg)
        return self.batch.taken(_index(places))


def labelled(rows: PinnedRows, times: Times, label: str) -> PinnedRows:
    """Of pinned rows those that have both times and a label: a label that is missing never came.

    Raises UnknownColumnError or ColumnTypeError for columns that are not there, or hold no times.
    """
    check_columns(str(rows.snapshot), [times.event, times.label, label], rows.snapshot.schema)
    # No dates: a label that came on a day was not known as the day began.
    LabelTime(times.label, times.event).check(str(rows.snapshot), rows.snapshot.schema)
    return rows.where(Present(times.event), Present(times.label), Present(label))


def known_by(rows: PinnedRows, times: Times, instant_us: int) -> PinnedRows:
    """Of pinned rows those whose label came before an instant."""
    return rows.where(TimeRange(times.label, None, instant_us))


def event_times(rows: PinnedRows, times: Times) -> Integers:
    """When each row happened, ascending."""
    found = [_micros(batch.column(0), times.event) for batch in rows.batches([times.event])]
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)


def read_history(rows: PinnedRows, times: Times, fitted: Fitted, start_us: int) -> History:
    """The rows of `labelled`, in memory.

    Raises DatasetError for labels that the encoding refuses, and as `History` does.
    """
    columns = list(dict.fromkeys([*fitted.encoding.columns, times.event, times.label]))
    blocks = list(rows.blocks(columns))
    table = pa.concat_tables([block.rows for block in blocks])
    positions = np.concatenate([block.positions for block in blocks])
    batch = fitted.encode(table, positions)
    kept = np.searchsorted(positions, batch.positions.numpy())
    event, label = (_micros(one_array(table[name]), name)[kept] for name in (times.event, times.label))
    order = np.argsort(event, kind="stable")
    return History(batch.taken(_index(order)), event[order], label[order], start_us)


def _index(places: Integers) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(places))


def _micros(column: pa.Array, name: str) -> Integers:
    """Times in µs; ColumnTypeError for those that cannot be said in µs exactly."""
    try:
        whole = column if pa.types.is_integer(column.type) else column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    except pa.ArrowInvalid as error:
        msg = f"column {name!r}: {column.type} in whole µs: {error}"
        raise ColumnTypeError(msg) from error
    found: Integers = whole.to_numpy(zero_copy_only=False)
    return found


def _said(us: int | np.int64) -> str:
    return instant_of(int(us)).isoformat()
