"""A streamed model made again: the same micro-batches in the same order, from what was told and from the source."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.connectors.iceberg import IcebergCatalog
from headrace.errors import ModelError
from headrace.training.data.filters import Condition
from headrace.training.data.rows import PinnedRows
from headrace.training.models.made_again import NO_POSITIONS
from headrace.training.streaming.finder import Finder, Places
from headrace.training.streaming.function import LearnerSpec
from headrace.training.streaming.kept_rows import kept_rows
from headrace.training.streaming.positions import PositionColumns, from_json, positions_of
from headrace.training.streaming.tables import STEPS, told_of
from headrace.training.streaming.told import LearnedStep


def replayed(
    catalog: IcebergCatalog,
    training: Mapping[str, Any],
    snapshots: Mapping[str, int],
    files: Mapping[str, bytes] | None,
    archive: str = "",
) -> dict[str, bytes]:
    """The files of a candidate, learned again.

    Args:
        training: how it was learned (`candidates.py`).
        snapshots: the snapshot of its source, where it was bounded; else the newest has its rows.
        files: of the version that it started from; None: from nothing.
        archive: the table that archives its topic; default: the one that its source declared.

    Raises:
        ModelError: its rows had no positions, or its topic has no archive; its steps are not all there.
        CutoverError: the archive is that of another topic of this name.
        NotFoundError: the source or its snapshot is gone, or rows of it.
        SettingsError: the learner cannot be imported, or an archive is named of what learned from a table.
    """
    kept = kept_rows(catalog, training, snapshots, archive)
    steps = _steps(catalog, training)
    learner = LearnerSpec(**training["learner"]).make(files)
    for rows in _micro_batches(kept, training, steps):
        learner.learn(rows)
    return dict(learner.artifact())


def _steps(catalog: IcebergCatalog, training: Mapping[str, Any]) -> list[LearnedStep]:
    """The steps up to the candidate's; those that the learner was asked of, it was asked of again."""
    run, last = training["run"], training["step"]
    told = [one for one in told_of(catalog, STEPS, run) if one.step <= last]
    if [one.step for one in told] != list(range(1, last + 1)):
        msg = f"run {run}: expected the steps 1 to {last} in {STEPS}, found {len(told)}; were they deleted?"
        raise ModelError(msg)
    asked = [one for one in told if one.row_positions]
    if not asked:
        msg = f"run {run}: {NO_POSITIONS}"
        raise ModelError(msg)
    return asked


def _micro_batches(kept: PinnedRows, training: Mapping[str, Any], steps: list[LearnedStep]) -> Iterator[pa.RecordBatch]:
    """The micro-batches as they were given."""
    places = PositionColumns(**training["places"])
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(training["schema"])))
    at = [positions_of(one.row_positions) for one in steps]
    given = schema.names if training["given"] is None else training["given"]
    read = pa.schema([schema.field(name) for name in dict.fromkeys([*given, places.partition, places.offset])])
    rows = _rows_between(kept, places, read, steps)
    found = Finder(str(kept.snapshot), _positions_in(rows, places), np.concatenate(at))
    for wanted in at:
        (batch,) = rows.select(given).take(pa.array(found.of(wanted))).combine_chunks().to_batches()
        yield batch


def _rows_between(kept: PinnedRows, places: PositionColumns, schema: pa.Schema, steps: list[LearnedStep]) -> pa.Table:
    """The rows within the offsets that were visited, with these columns."""
    spans = [span for one in steps for span in from_json(one.positions).values()]
    first, last = min(span.first for span in spans), max(span.last for span in spans)
    within = kept.where(Condition(places.offset, ">=", first), Condition(places.offset, "<=", last))
    found = list(within.batches(schema.names))
    return pa.Table.from_batches(found).cast(schema) if found else schema.empty_table()


def _positions_in(rows: pa.Table, places: PositionColumns) -> Places:
    """The positions [rows, 2] of rows; those without one are at no place that was visited."""
    columns = [rows[name].cast(pa.int64()).fill_null(-1).to_numpy() for name in (places.partition, places.offset)]
    return np.stack(columns, axis=1)
