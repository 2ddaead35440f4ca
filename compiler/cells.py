"""The cells of a window, field by field, as merging reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Cells:
    """The cells of some tiles: each field is read out of them once, however many features merge it.

    Args:
        rows: the cells, as mappings of their fields, or as sequences.
        places: of sequences, where each field stands.

    >>> cells = Cells([(2, 5), (1, None)], {"n": 0, "sum_cents": 1})
    >>> len(cells), cells["sum_cents"], cells.present("sum_cents")
    (2, [5, None], [5])
    """

    __slots__ = ("_present", "places", "rows")

    def __init__(self, rows: Sequence[Any], places: Mapping[str, int] | None = None) -> None:
        self.rows, self.places = rows, places
        self._present: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, field: str) -> list[Any]:
        """The values of a field, one for each cell."""
        place = self._place(field)
        return [row[place] for row in self.rows]

    def present(self, field: str) -> list[Any]:
        """The values of a field that are not NULL."""
        found = self._present.get(field)
        if found is None:
            place = self._place(field)
            found = self._present[field] = [value for row in self.rows if (value := row[place]) is not None]
        return found

    def _place(self, field: str) -> Any:
        return field if self.places is None else self.places[field]
