"""Rows to cells in plain Python: the twin of what Flink folds, for tests and for prototypes without an engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from string import digits
from typing import Any

from headrace.compiler import buckets, tally
from headrace.compiler.merge import LG_K, chan
from headrace.compiler.newest import newest, packed
from headrace.compiler.plan import CELL_COUNT, PlannedFeature
from headrace.features.scalar import element_type

#: DataSketches ignores an empty string, which SQL counts: HR_DISTINCT hashes it as this integer.
EMPTY_STRING = -1
Rows = list[tuple[Any, int, int, int]]
_NO_ROW = (None, None, None, None)


def fold(feature: PlannedFeature, values: Iterable[tuple[Any, int, int, int]]) -> dict[str, Any]:
    """The cell of (value, µs, partition, offset) rows, as far as one feature reads it.

    >>> feature = PlannedFeature("revenue_1h", "sum", "0a1b2c3d", ("sum_cents",), "int")
    >>> fold(feature, [(2, 0, 0, 0), (None, 1, 0, 1)])
    {'n': 2, 'sum_cents': 2}
    """
    rows = list(values)
    cell: dict[str, Any] = {CELL_COUNT: len(rows)}
    for name in feature.partials:
        cell.update(FOLDS[name.split("_", 1)[0].rstrip(digits)](feature, name, rows))
    return cell


def sketch_of(values: Iterable[Any] | None) -> bytes | None:
    """A compact Theta sketch of values that are not NULL; None without any.

    >>> sketch_of([]), sketch_of(None)
    (None, None)
    """
    from datasketches import update_theta_sketch

    sketch = update_theta_sketch(LG_K)
    for value in values or ():
        sketch.update(EMPTY_STRING if value == "" else int(value) if isinstance(value, bool) else value)
    return None if sketch.is_empty() else bytes(sketch.compact().serialize())


def _values(rows: Rows) -> list[Any]:
    """The values that are not NULL."""
    return [row[0] for row in rows if row[0] is not None]


def _fold_sum(feature: PlannedFeature, name: str, rows: Rows) -> dict[str, Any]:
    """The sum of values, or None."""
    values = _values(rows)
    return {name: reduce(add, values) if values else None}


def _fold_moments(feature: PlannedFeature, name: str, rows: Rows) -> dict[str, Any]:
    """Count, mean and squared deviations, one value at a time."""
    n, mean, m2 = reduce(chan, [(1, float(value), 0.0) for value in _values(rows)], (0, 0.0, 0.0))
    return {f"{name}_n": n, f"{name}_mean": mean if n else None, f"{name}_m2": m2 if n else None}


def _fold_first(feature: PlannedFeature, name: str, rows: Rows) -> dict[str, Any]:
    """The oldest row."""
    return _placed(name, min(rows, key=_place, default=_NO_ROW))


def _fold_last(feature: PlannedFeature, name: str, rows: Rows) -> dict[str, Any]:
    """The newest row."""
    return _placed(name, max(rows, key=_place, default=_NO_ROW))


def _fold_newest(feature: PlannedFeature, name: str, rows: Rows) -> dict[str, Any]:
    """The newest rows as bytes, or None."""
    return {name: packed(newest(rows, feature.size), element_type(feature.type)) if rows else None}


def _place(row: tuple[Any, int, int, int]) -> tuple[int, int, int]:
    """Where a row stands among the events."""
    return row[1:]


def _placed(name: str, row: tuple[Any, int | None, int | None, int | None]) -> dict[str, Any]:
    """A row as the fields of a cell."""
    value, us, partition, offset = row
    return {name: value, f"{name}_us": us, f"{name}_partition": partition, f"{name}_offset": offset}


def _fold_distinct(feature: PlannedFeature, name: str, rows: Rows) -> dict[str, Any]:
    """A compact Theta sketch of the values, or None."""
    return {name: sketch_of(_values(rows))}


def _fold_buckets(feature: PlannedFeature, name: str, rows: Rows) -> dict[str, Any]:
    """How many values round alike, or None."""
    return {name: buckets.packed(buckets.counted(_values(rows)))}


def _fold_tally(feature: PlannedFeature, name: str, rows: Rows) -> dict[str, Any]:
    """How often each value occurs, or None."""
    type_ = element_type(feature.type)
    return {name: tally.packed(tally.merged([Counter(_values(rows))], type_), type_)}


FOLDS: dict[str, Callable[[PlannedFeature, str, Rows], dict[str, Any]]] = {
    "count": lambda feature, name, rows: {name: len(_values(rows))},
    "sum": _fold_sum,
    "min": lambda feature, name, rows: {name: min(_values(rows), default=None)},
    "max": lambda feature, name, rows: {name: max(_values(rows), default=None)},
    "moments": _fold_moments,
    "first": _fold_first,
    "last": _fold_last,
    "distinct": _fold_distinct,
    "buckets": _fold_buckets,
    "newest": _fold_newest,
    "tally": _fold_tally,
}
