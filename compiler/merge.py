"""Cells to values: how the partials of many tiles become one feature value, in plain Python.

A cell has the fields of `TileGroup.cell`. Merging is the same whatever the split into tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, reduce
from operator import add, itemgetter
from typing import Any

from headrace.compiler import buckets, tally
from headrace.compiler.cells import Cells
from headrace.compiler.newest import newest, unpacked
from headrace.compiler.plan import CELL_COUNT, PlannedFeature
from headrace.errors import NumericOverflowError
from headrace.features.instant import date_of, instant_of
from headrace.features.scalar import DATE, DATETIME, element_type

Cell = Mapping[str, Any]
MAX_BIGINT = 2**63 - 1
#: Theta sketches of 2^12 = 4,096 hashes: exact up to that many values, as in HR_DISTINCT.
LG_K = 12
_NO_ROW = (None, None)


def merge_feature(feature: PlannedFeature, cells: Iterable[Cell]) -> Any:
    """The value of an aggregate from the cells of its window, in any order; those of an empty window are none.

    Empty: 0 for counts, None for all else. Instants are datetimes in UTC, dates are dates. Floats that add up to no
    finite number are None; NumericOverflowError when an integer sum leaves BIGINT.

    >>> feature = PlannedFeature("revenue_1h", "sum", "0a1b2c3d", ("sum_cents",), "int")
    >>> merge_feature(feature, [{"sum_cents": 2}, {"sum_cents": 3}, {"sum_cents": None}])
    5
    """
    return merging(feature)(Cells(list(cells)))


def merging(feature: PlannedFeature) -> Callable[[Cells], Any]:
    """What makes a feature's value of cells, as `merge_feature` does; for many entities looked up once.

    >>> feature = PlannedFeature("clicks_1h", "count", "0a1b2c3d", (), "int")
    >>> merging(feature)(Cells([(2,), (3,)], {"n": 0}))
    5
    """
    merge = partial(MERGES[feature.function], feature)
    return partial(_of_integer, VALUES[feature.type], merge) if feature.type in VALUES else merge


def value_from(feature: PlannedFeature, parts: Sequence[Any]) -> Any:
    """A feature's value from the values of its parts: the only one, or the ratio of two."""
    return ratio_of(*parts) if feature.operands else parts[0]


def ratio_of(numerator: float | None, denominator: float | None) -> float | None:
    """One value by another; None when either is None, the denominator is 0, or the quotient is no finite number.

    >>> ratio_of(1, 4), ratio_of(1, 0), ratio_of(None, 4)
    (0.25, None, None)
    """
    if numerator is None or not denominator:
        return None
    return _finite(float(numerator) / float(denominator))


#: What makes a value again of the integer that it is kept as.
VALUES: dict[str, Callable[[int], Any]] = {DATETIME: instant_of, DATE: date_of}


def _finite(number: float) -> float | None:
    """A number that is finite; None for another: partials may be beyond the floats, and a value never is."""
    return number if math.isfinite(number) else None


def _of_integer(value_of: Callable[[int], Any], merge: Callable[[Cells], Any], cells: Cells) -> Any:
    """A value that is kept as an integer."""
    value = merge(cells)
    return None if value is None else value_of(value)


def _count(feature: PlannedFeature, cells: Cells) -> int:
    """Rows, or values of a column."""
    total: int = sum(cells.present(feature.partials[0] if feature.partials else CELL_COUNT))
    return total


def _sum(feature: PlannedFeature, cells: Cells) -> Any:
    """The sum; None without a value, and where floats add up to no finite number."""
    parts = cells.present(feature.partials[0])
    if not parts:
        return None
    # Integers add up to the same in any way, and floats in the order of the cells, from the first one on.
    total = sum(parts) if isinstance(parts[0], int) else reduce(add, parts)
    if isinstance(total, int) and not -MAX_BIGINT - 1 <= total <= MAX_BIGINT:
        msg = f"feature {feature.name}: the sum {total} is beyond BIGINT (±2^63); scale the column or cast it to float"
        raise NumericOverflowError(msg)
    return _finite(total)


def _mean(feature: PlannedFeature, cells: Cells) -> float | None:
    """Sum by count as float; an integer sum must still be a BIGINT, and one of floats finite, as in the engines."""
    total, count = _sum(feature, cells), sum(cells.present(feature.partials[1]))
    return None if total is None or count == 0 else float(total) / float(count)


def _least(feature: PlannedFeature, cells: Cells) -> Any:
    """The least value."""
    return min(cells.present(feature.partials[0]), default=None)


def _greatest(feature: PlannedFeature, cells: Cells) -> Any:
    """The greatest value."""
    return max(cells.present(feature.partials[0]), default=None)


def _var(feature: PlannedFeature, cells: Cells) -> float | None:
    """The sample variance; None below two values, and where it is no finite number."""
    name = feature.partials[0]
    parts = zip(cells[f"{name}_n"], cells[f"{name}_mean"], cells[f"{name}_m2"], strict=True)
    n, _, m2 = reduce(chan, (part for part in parts if part[0]), (0, 0.0, 0.0))
    return _finite(m2 / (n - 1)) if n > 1 else None


def _std(feature: PlannedFeature, cells: Cells) -> float | None:
    """The sample deviation; None where there is no variance."""
    variance = _var(feature, cells)
    return None if variance is None else math.sqrt(variance)


Moments = tuple[int, float, float]


def chan(left: Moments, right: Moments) -> Moments:
    """Moments (count, mean, sum of squared deviations) of two sets together, by Chan's formula.

    >>> chan((1, 1.0, 0.0), (1, 3.0, 0.0))
    (2, 2.0, 2.0)
    """
    if not left[0] or not right[0]:
        return left if left[0] else right
    n = left[0] + right[0]
    delta, share = right[1] - left[1], right[0] / n
    return n, left[1] + delta * share, left[2] + right[2] + delta * delta * left[0] * share


def _placed(feature: PlannedFeature, cells: Cells) -> list[tuple[tuple[int, int, int], Any]]:
    """The values of cells that hold one, behind their place: (event time, partition, offset)."""
    name = feature.partials[0]
    places = zip(cells[f"{name}_us"], cells[f"{name}_partition"], cells[f"{name}_offset"], cells[name], strict=True)
    return [((us, partition, offset), value) for us, partition, offset, value in places if us is not None]


def _first(feature: PlannedFeature, cells: Cells) -> Any:
    """The value of the oldest row; it may be None."""
    return min(_placed(feature, cells), key=itemgetter(0), default=_NO_ROW)[1]


def _last(feature: PlannedFeature, cells: Cells) -> Any:
    """The value of the newest row; it may be None."""
    return max(_placed(feature, cells), key=itemgetter(0), default=_NO_ROW)[1]


def _last_n(feature: PlannedFeature, cells: Cells) -> list[Any] | None:
    """The values of the newest rows, the newest first; they may be None. None without a row."""
    type_ = element_type(feature.type)
    rows = [row for data in cells.present(feature.partials[0]) for row in unpacked(data, type_)]
    return [row[0] for row in newest(rows, feature.size)] or None


def _count_distinct(feature: PlannedFeature, cells: Cells) -> int:
    """How many different values: exact to 4,096."""
    sketches = cells.present(feature.partials[0])
    return distinct_of(sketches) if sketches else 0


def distinct_of(sketches: Iterable[bytes]) -> int:
    """The size of the union of compact Theta sketches."""
    from datasketches import compact_theta_sketch, theta_union

    union = theta_union(LG_K)
    for sketch in sketches:
        union.update(compact_theta_sketch.deserialize(bytes(sketch)))
    estimate: float = union.get_result().get_estimate()
    return round(estimate)


def _quantiles(feature: PlannedFeature, cells: Cells) -> list[float] | None:
    """Quantiles in the order asked; None without a value."""
    counts = buckets.merged(map(buckets.unpacked, cells.present(feature.partials[0])))
    return buckets.quantiles(counts, feature.per_million)


def _quantile(feature: PlannedFeature, cells: Cells) -> float | None:
    """One quantile; None without a value."""
    found = _quantiles(feature, cells)
    return found[0] if found else None


def _top_k(feature: PlannedFeature, cells: Cells) -> list[Any] | None:
    """The most frequent values; None without any, and where they are too many."""
    type_ = element_type(feature.type)
    parts = [tally.unpacked(data, type_) for data in cells.present(feature.partials[0])]
    return tally.top(tally.merged(parts, type_), feature.size)


MERGES: dict[str, Callable[[PlannedFeature, Cells], Any]] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "min": _least,
    "max": _greatest,
    "std": _std,
    "var": _var,
    "first": _first,
    "last": _last,
    "last_n": _last_n,
    "count_distinct": _count_distinct,
    "quantile": _quantile,
    "quantiles": _quantiles,
    "top_k": _top_k,
}
