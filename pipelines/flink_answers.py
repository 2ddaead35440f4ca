"""Point-in-time values by Flink: a spine and its answers in tables of a scratch catalog, and one job between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from headrace.compiler.flink_point_in_time import (
    ANSWERING,
    ASKING,
    PointInTimeBindings,
    cell_names,
    point_in_time_job,
)
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.flink_tables import DimensionOptions
from headrace.compiler.merge import Cell, merge_feature, value_from
from headrace.compiler.point_in_time import AskedFeature, KeySet, Place
from headrace.connectors.arrow_types import arrow_type
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field, fields_of
from headrace.errors import JobError, NumericOverflowError
from headrace.pipelines.configuration import calling
from headrace.pipelines.spine import Spine
from headrace.pipelines.training_set import Pinned

#: Where spines and answers are in the scratch catalog.
NAMESPACE = "point_in_time"
#: What our functions say of an integer beyond 64 bits.
OVERFLOW = "does not fit into a BIGINT"
#: A job of its own process: what fails would fail again, and nothing of it need be found afterwards. State lies on
#: disk, because all events are in it before the first answer.
LOCAL: Mapping[str, str] = {
    "parallelism.default": "1",
    "restart-strategy.type": "disable",
    "state.backend.type": "rocksdb",
}


def flink_answers(
    sets: Sequence[KeySet],
    spine: Spine,
    history: Pinned,
    scratch: IcebergCatalog,
    run: Callable[[FlinkJob], None],
    most_rows: int | None = None,
) -> dict[str, pa.ChunkedArray]:
    """The features of some key sets of one view, a value for each row of the spine, in order.

    Args:
        sets: what is asked, all of one view; where it is nothing, there is no job.
        spine: the rows; the keys of each set are among their columns.
        history: the pinned history of the view's source, of a union that of each source, and its dimensions.
        scratch: an empty catalog for spines and answers.
        run: runs the job to its end.
        most_rows: how many rows of a dimension may be held in memory; None: any number.

    Raises:
        RequestError: the spine lacks a key, or has another type of it.
        UnsupportedError: DuckDB alone answers what is asked.
        NumericOverflowError: an integer is beyond BIGINT.
        JobError: the job fails otherwise, or leaves a row without an answer.
    """
    spines = [_spine_table(keys, spine, scratch, number) for number, keys in enumerate(sets)]
    answers = [_answer_table(keys, scratch, number) for number, keys in enumerate(sets)]
    if sets and spine.rows.num_rows:
        dimensions = {
            name: DimensionOptions(one.flink_options(), one.until_us, most_rows)
            for name, one in history.dimensions.items()
        }
        histories = [one.flink_options() for one in history.histories]
        bindings = PointInTimeBindings(
            histories, [one.flink_options() for one in spines], [one.flink_options() for one in answers], dimensions
        )
        job = point_in_time_job(sets, bindings)
        _run(replace(job, config={**job.config, **calling(sets[0].plan)}), run)
    found: dict[str, pa.ChunkedArray] = {}
    for keys, answer in zip(sets, answers, strict=True):
        found |= _columns(keys, spine, _answered(answer, spine))
    return found


def _spine_table(keys: KeySet, spine: Spine, scratch: IcebergCatalog, number: int) -> IcebergTable:
    """A table with what the rows of the spine ask of one kind of entity."""
    table = scratch.create_table(NAMESPACE, f"spine_{number}", fields_of((*ASKING, *keys.keys)))
    table.fill([spine.asking(keys.keys)])
    return table


def _answer_table(keys: KeySet, scratch: IcebergCatalog, number: int) -> IcebergTable:
    """An empty table for the answers."""
    groups = zip(cell_names(keys), keys.cells.values(), strict=True)
    cells = [Field(name, "struct", fields_of(group.cell)) for name, group in groups]
    return scratch.create_table(NAMESPACE, f"answer_{number}", [*fields_of(ANSWERING), *cells])


def _run(job: FlinkJob, run: Callable[[FlinkJob], None]) -> None:
    try:
        run(job)
    except JobError as error:
        if OVERFLOW in str(error):
            raise NumericOverflowError(str(error)) from error
        raise


def _answered(table: IcebergTable, spine: Spine) -> pa.Table:
    """The answers, in the order of the spine."""
    answers = table.refresh().arrow().sort_by("_row")
    if answers["_row"].to_pylist() != list(range(spine.rows.num_rows)):
        msg = f"expected an answer for each of {spine.rows.num_rows:,} rows, found {answers.num_rows:,} of the job"
        raise JobError(msg)
    return answers


def _columns(keys: KeySet, spine: Spine, answers: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The values of all features, from their cells."""
    names = zip(keys.cells, cell_names(keys), strict=True)
    cells = {place: answers[name].to_pylist() for place, name in names}
    known = list(zip(answers["_seen_us"].to_pylist(), spine.times_us.to_pylist(), strict=True))
    return {
        asked.name: pa.chunked_array([pa.array(_values(keys, asked, known, cells), arrow_type(asked.feature.type))])
        for asked in keys.asked
    }


def _values(
    keys: KeySet,
    asked: AskedFeature,
    known: Sequence[tuple[int | None, int]],
    cells: Mapping[Place, Sequence[Cell]],
) -> Iterator[Any]:
    """The values of a feature: NULL of an entity that is not known, or whose newest event is too old."""
    columns = [cells[keys.place(part)] for part in asked.parts]
    oldest_us = asked.ttl_us if asked.mode == "ttl" and asked.ttl_us is not None else math.inf
    for (seen_us, at_us), *row in zip(known, *columns, strict=True):
        if seen_us is None or seen_us < at_us - oldest_us:
            yield None
        else:
            values = (merge_feature(part.feature, [cell]) for part, cell in zip(asked.parts, row, strict=True))
            yield value_from(asked.feature, list(values))
