"""Rows found by where they came from, each position once; what is missing is named by ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.errors import ModelError, NotFoundError

#: Positions [rows, 2]: partition and offset.
Places = npt.NDArray[np.int64]
#: So many ranges of missing rows are named; the rest is counted.
MOST_NAMED = 5


class Finder:
    """Finds rows by their positions.

    Args:
        source: the rows, for messages.
        positions: where each of them came from.
        wanted: the positions that will be asked for.

    Raises:
        NotFoundError: a wanted row is not there; names the ranges of offsets that are missing.
        ModelError: several rows are at one wanted position.

    >>> rows = np.array([[0, 5], [1, 5], [0, 4]])
    >>> Finder("raw.rides@7", rows, rows).of(np.array([[0, 4], [0, 5]])).tolist()
    [2, 0]
    >>> Finder("raw.rides@7", rows, np.array([[0, 4], [0, 6], [0, 8], [1, 5]]))
    Traceback (most recent call last):
    headrace.errors.NotFoundError: raw.rides@7: 2 rows that were learned from are not there: partition 0, offsets 6 to 8
    """

    def __init__(self, source: str, positions: Places, wanted: Places) -> None:
        self._order = np.lexsort((positions[:, 1], positions[:, 0]))
        self._keys = _keys(positions[self._order])
        asked = np.unique(wanted, axis=0)
        found = np.searchsorted(self._keys, _keys(asked), "right") - np.searchsorted(self._keys, _keys(asked))
        _check_there(source, asked, found == 0)
        _check_once(source, asked, found > 1)

    def of(self, wanted: Places) -> npt.NDArray[np.int64]:
        """The index of each row among those that there are."""
        at: npt.NDArray[np.int64] = self._order[np.searchsorted(self._keys, _keys(wanted))]
        return at


def _check_there(source: str, asked: Places, missing: npt.NDArray[np.bool_]) -> None:
    if not missing.any():
        return
    ranges = _ranges(asked, missing)
    more = f", and {len(ranges) - MOST_NAMED:,} ranges more" if len(ranges) > MOST_NAMED else ""
    msg = f"{source}: {int(missing.sum()):,} rows that were learned from are not there: "
    raise NotFoundError(msg + "; ".join(ranges[:MOST_NAMED]) + more)


def _check_once(source: str, asked: Places, twice: npt.NDArray[np.bool_]) -> None:
    if twice.any():
        partition, offset = asked[twice][0].tolist()
        msg = f"{source}: several rows at partition {partition}, offset {offset}, so that nothing tells which was "
        raise ModelError(msg + "learned")


def _ranges(asked: Places, missing: npt.NDArray[np.bool_]) -> list[str]:
    """The positions that are missing, those beside each other among all that were asked for as one range."""
    before = np.concatenate(([False], missing[:-1] & (asked[:-1, 0] == asked[1:, 0])))
    after = np.concatenate((missing[1:] & (asked[:-1, 0] == asked[1:, 0]), [False]))
    firsts, lasts = asked[missing & ~before].tolist(), asked[missing & ~after].tolist()
    return [_range(partition, first, last) for (partition, first), (_, last) in zip(firsts, lasts, strict=True)]


def _range(partition: int, first: int, last: int) -> str:
    return f"partition {partition}, " + (f"offset {first}" if first == last else f"offsets {first} to {last}")


def _keys(positions: Places) -> npt.NDArray[Any]:
    """Positions as values that compare as pairs do."""
    pairs = np.ascontiguousarray(positions).view([("partition", np.int64), ("offset", np.int64)])
    return pairs.reshape(-1)
