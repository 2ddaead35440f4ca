"""A training set: the rows of a spine with feature values, and what it takes to make exactly them again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from headrace.compiler.plan import SourcePlan
from headrace.compiler.point_in_time import KnownBy, ValueMode
from headrace.compiler.tiles import WindowMode
from headrace.connectors.frame import html_table, nullable_frame
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import archive_fields
from headrace.errors import RequestError
from headrace.features.duration import format_duration
from headrace.pipelines.spine import OUTSIDE
from headrace.pipelines.stored_columns import LISTS

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from headrace.registry.training_sets import TrainingSetRecord


@dataclass(frozen=True, slots=True)
class TrainedFeature:
    """A column of a training set: the feature, the version of its view, and which instant its values are of."""

    name: str
    view: str
    feature: str
    version: str
    mode: ValueMode
    ttl_us: int | None
    window_mode: WindowMode

    @property
    def mode_text(self) -> str:
        """The mode as users write it, such as `ttl 1h`."""
        return self.mode if self.ttl_us is None else f"{self.mode} {format_duration(self.ttl_us)}"

    def __str__(self) -> str:
        of = f"{self.view}:{self.feature} (version {self.version})"
        return f"{self.name}: {of}, {self.mode_text}, {self.window_mode} windows"


@dataclass(frozen=True)
class PinnedHistory:
    """A table at one snapshot: a source's history, or a dimension.

    `until_us`: the instant (µs) to which it is complete. An archive of ours is so to its commit less the source's
    `max_delay`, as events may be so late; a table of another system to its version's commit; a dimension to what
    `complete_to` says. What a look-up table says holds at all times: of one it is the commit. `late_us`: how much
    earlier (µs) that is than the commit.
    """

    table: IcebergTable
    snapshot_id: int
    until_us: int
    late_us: int = 0

    def flink_options(self) -> dict[str, str]:
        """Options of a Flink table over it."""
        return self.table.flink_options(self.snapshot_id)

    def relation(self, connection: duckdb.DuckDBPyConnection, source: SourcePlan) -> duckdb.DuckDBPyRelation:
        """The rows, without what no value is made of."""
        columns = [field.name for field in archive_fields(source.columns) if field.name != "_raw"]
        return self.table.relation(connection, self.snapshot_id, columns)

    def __str__(self) -> str:
        return f"snapshot {self.snapshot_id} of {self.table.name}"


@dataclass(frozen=True)
class Pinned:
    """What the rows of a view are read of: the history of each of its source's parts, and the dimensions that it joins.

    `until_us`: the instant (µs) to which all of them are complete.
    """

    histories: tuple[PinnedHistory, ...]
    until_us: int
    dimensions: Mapping[str, PinnedHistory] = field(default_factory=dict)

    @property
    def committed_us(self) -> int:
        """The instant (µs) of the first of the commits of its histories: all that had arrived by then is there."""
        return min(one.until_us + one.late_us for one in self.histories)

    def __str__(self) -> str:
        return ", ".join([*map(str, self.histories), *(f"{name} at {one}" for name, one in self.dimensions.items())])


def all_reasons(by_view: Mapping[str, Mapping[int, str]]) -> dict[int, str]:
    """Why rows are outside of some view's history, by row; in the order of the views' names, whoever asks first.

    >>> all_reasons({"users": {0: "before users"}, "cards": {1: "after cards", 0: "before cards"}})
    {0: 'before cards; before users', 1: 'after cards'}
    """
    found: dict[int, list[str]] = {}
    for view in sorted(by_view):
        for row, why in by_view[view].items():
            found.setdefault(row, []).append(why)
    return {row: "; ".join(found[row]) for row in sorted(found)}


@dataclass(frozen=True)
class TrainingSet:
    """The rows of a spine in their order, each with the features as they were just before its time.

    Attributes:
        rows: the spine's columns, then the features; rows out are rows in.
        features: what each feature column is.
        histories: for each view the snapshots that it was read from.
        known_by: whether a row knows what had happened, or only what had arrived.
        outside: for rows that history does not cover, why; empty unless such rows were let in.
        engine: what computed the features, `duckdb` or `flink`.
        without_key: by key, how many rows have NULL for it; they name no entity, and the features by it are NULL.
    """

    rows: pa.Table
    event_time: str
    features: tuple[TrainedFeature, ...]
    histories: Mapping[str, Pinned]
    known_by: KnownBy
    outside: Mapping[int, str]
    engine: str
    explain_row: Callable[[int], dict[str, pa.Table]] = field(repr=False, compare=False)
    keep: Callable[[TrainingSet], TrainingSetRecord] = field(repr=False, compare=False)
    without_key: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Rows, as many as the spine had."""
        return int(self.rows.num_rows)

    @property
    def coverage(self) -> str:
        """How many rows there are, how many history does not cover, and how many name no entity, in words."""
        without = (f", {count:,} of them without {key} (NULL)" for key, count in self.without_key.items())
        return f"{len(self):,} rows, {len(self.outside):,} of them outside of history{''.join(without)}"

    def save(self) -> TrainingSetRecord:
        """Keep the set, spine included: rows in Iceberg, what they were made of in the registry; its `id` names it.

        `headrace training-set list`, `show` and `rebuild` know it by that, and `headrace train --rows`. The snapshots
        that it was made from do not expire. The same made again has the same id, and is kept once.

        Raises:
            RequestError: a column of the spine has a type that is not stored.
            NotFoundError: a snapshot that it was made from is gone.
            ConnectorError: the Iceberg table that the set's id names has another number of rows, or was changed by
                another writer while it was filled.
        """
        return self.keep(self)

    def explain(self, row: int) -> dict[str, pa.Table]:
        """For each feature the rows of history behind its value in one row of the set.

        Raises:
            RequestError: there is no such row.
        """
        if not 0 <= row < len(self):
            msg = f"row {row}: the training set has rows 0 to {len(self) - 1}"
            raise RequestError(msg)
        return self.explain_row(row)

    def to_arrow(self) -> pa.Table:
        """The rows; with a column `outside_history` where some are outside."""
        if not self.outside:
            return self.rows
        reasons = pa.array([self.outside.get(row) for row in range(len(self))], pa.string())
        return self.rows.append_column(OUTSIDE, reasons)

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a DataFrame with nullable types, so that NULL is neither NaN nor 0."""
        return nullable_frame(self.to_arrow())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of names, types and values, bit for bit."""
        return rows_fingerprint(self.rows)

    def _repr_html_(self) -> str:
        """The first rows and what each feature column is; nothing is computed."""
        return html_table(self.to_arrow(), f"{self.coverage}; {len(self.features)} features, by {self.engine}")


def rows_fingerprint(rows: pa.Table) -> str:
    """SHA-256 of names, types and values, bit for bit.

    >>> rows_fingerprint(pa.table({"a": [1, None]})) == rows_fingerprint(pa.table({"a": [1, 0]}))
    False
    """
    digest = hashlib.sha256()
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        digest.update(f"{name} {column.type} {len(column)}\0".encode())
        digest.update(_bits(column))
    return digest.hexdigest()


def _bits(column: pa.ChunkedArray) -> bytes:
    """A column's NULLs and values as bytes, of lists lengths and elements; what lies behind a NULL is left out."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if any(test(column.type) for test in LISTS):
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        return _buffer(column.is_null()) + _buffer(lengths) + _bits(pc.list_flatten(column))
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return _buffer(column.is_null()) + _buffer(pc.fill_null(column, 0))
    texts = [b"" if value is None else str(value).encode() for value in column.to_pylist()]
    return _buffer(column.is_null()) + _buffer(pa.chunked_array([[len(text) for text in texts]])) + b"".join(texts)


def _buffer(column: pa.ChunkedArray) -> bytes:
    """The values of a column without NULLs."""
    found: bytes = column.combine_chunks().to_numpy(zero_copy_only=False).tobytes()
    return found
