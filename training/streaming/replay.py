"""A streamed model made again: the same micro-batches in the same order, from what was told and from the source."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.connectors.iceberg import IcebergCatalog
from headrace.errors import ModelError, NotFoundError
from headrace.training.data.filters import Condition
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.streaming.function import LearnerSpec
from headrace.training.streaming.positions import PositionColumns, from_json, positions_of
from headrace.training.streaming.tables import STEPS, told_of
from headrace.training.streaming.told import LearnedStep

Places = npt.NDArray[np.int64]


def replayed(
    catalog: IcebergCatalog,
    training: Mapping[str, Any],
    snapshots: Mapping[str, int],
    files: Mapping[str, bytes] | None,
) -> dict[str, bytes]:
    """The files of a candidate, learned again.

    Args:
        training: how it was learned (`candidates.py`).
        snapshots: the snapshot of its source, where it was bounded; else the newest has its rows.
        files: of the version that it started from; None: from nothing.

    Raises:
        ModelError: its rows had no positions, or were a topic's; its steps are not all there.
        NotFoundError: the source or its snapshot is gone, or a row of it.
        SettingsError: the learner cannot be imported.
    """
    _check_kept(training)
    steps = _steps(catalog, training)
    learner = LearnerSpec(**training["learner"]).make(files)
    for rows in _micro_batches(catalog, training, snapshots, steps):
        learner.learn(rows)
    return dict(learner.artifact())


def _check_kept(training: Mapping[str, Any]) -> None:
    """ModelError where nothing keeps the rows."""
    if training["topic"]:
        run, source = training["run"], training["source"]
        msg = f"run {run}: learned from topic {source}, whose records are not read again, as a broker drops them; "
        raise ModelError(msg + "to have versions that can be made again, archive the topic and follow its archive")


def _steps(catalog: IcebergCatalog, training: Mapping[str, Any]) -> list[LearnedStep]:
    """The steps up to the candidate's; those that the learner was asked of, it was asked of again."""
    run, last = training["run"], training["step"]
    told = [one for one in told_of(catalog, STEPS, run) if one.step <= last]
    if [one.step for one in told] != list(range(1, last + 1)):
        msg = f"run {run}: expected the steps 1 to {last} in {STEPS}, found {len(told)}; were they deleted?"
        raise ModelError(msg)
    asked = [one for one in told if one.row_positions]
    if training["places"] is None or not asked:
        msg = f"run {run}: its rows have no positions, so that no micro-batch can be given again; declare `places`, "
        raise ModelError(msg + "columns that say where a row came from, for the next run")
    return asked


def _micro_batches(
    catalog: IcebergCatalog, training: Mapping[str, Any], snapshots: Mapping[str, int], steps: list[LearnedStep]
) -> Iterator[pa.RecordBatch]:
    """The micro-batches as they were given."""
    source, places = training["source"], PositionColumns(**training["places"])
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(training["schema"])))
    at = [positions_of(one.row_positions) for one in steps]
    given = schema.names if training["given"] is None else training["given"]
    read = pa.schema([schema.field(name) for name in dict.fromkeys([*given, places.partition, places.offset])])
    rows = _source_rows(Snapshot.of(catalog.named(source), snapshots.get(source)), places, read, steps)
    found = _Finder(source, _positions_in(rows, places))
    for wanted in at:
        (batch,) = rows.select(given).take(pa.array(found.of(wanted))).combine_chunks().to_batches()
        yield batch


def _source_rows(snapshot: Snapshot, places: PositionColumns, schema: pa.Schema, steps: list[LearnedStep]) -> pa.Table:
    """The rows of the source within the offsets that were visited, with these columns."""
    spans = [span for one in steps for span in from_json(one.positions).values()]
    first, last = min(span.first for span in spans), max(span.last for span in spans)
    within = (Condition(places.offset, ">=", first), Condition(places.offset, "<=", last))
    found = list(PinnedRows(snapshot, within).batches(schema.names))
    if not found:
        msg = f"{snapshot}: no rows with {places.offset!r} from {first} to {last}; were they deleted?"
        raise NotFoundError(msg)
    return pa.Table.from_batches(found).cast(schema)


def _positions_in(rows: pa.Table, places: PositionColumns) -> Places:
    """The positions [rows, 2] of rows; those without one are at no place that was visited."""
    columns = [rows[name].cast(pa.int64()).fill_null(-1).to_numpy() for name in (places.partition, places.offset)]
    return np.stack(columns, axis=1)


class _Finder:
    """Finds rows by their positions. ModelError for a position that two rows have."""

    def __init__(self, source: str, positions: Places) -> None:
        self._source = source
        self._order = np.lexsort((positions[:, 1], positions[:, 0]))
        self._keys = _keys(positions[self._order])
        twice = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if len(twice):
            partition, offset = positions[self._order][twice[0]].tolist()
            msg = f"{source}: several rows at partition {partition}, offset {offset}, so that nothing tells which was "
            raise ModelError(msg + "learned")

    def of(self, wanted: Places) -> Places:
        """The place of each row with a position. NotFoundError, naming the position, for one that is gone."""
        keys = _keys(wanted)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        missing = np.flatnonzero(self._keys[at] != keys)
        if len(missing):
            partition, offset = wanted[missing[0]].tolist()
            msg = f"{self._source}: no row at partition {partition}, offset {offset}, which was learned from; "
            raise NotFoundError(msg + "was it deleted?")
        found: Places = self._order[at]
        return found


def _keys(positions: Places) -> npt.NDArray[Any]:
    """Positions as values that compare as pairs do."""
    pairs = np.ascontiguousarray(positions).view([("partition", np.int64), ("offset", np.int64)])
    return pairs.reshape(-1)
