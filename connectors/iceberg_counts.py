"""Which columns of a snapshot are sound in every row, from what its files' metadata counts: no row is read."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from headrace.compiler.plan import Column
from headrace.connectors.iceberg import IcebergTable
from headrace.features.scalar import BOOL, DATETIME, FLOAT, INT, STR

#: Types whose values can be wrong in two ways alone, and files count both: missing, and no finite number.
COUNTED = frozenset({INT, FLOAT, STR, BOOL, DATETIME})
ERROR = "_error"
#: How a bound of doubles is written, by Iceberg's specification (Appendix D): 8 bytes, little-endian.
DOUBLE = struct.Struct("<d")


def sound_columns(table: IcebergTable, columns: Iterable[Column], snapshot_id: int) -> frozenset[str]:
    """The columns of which no row of an archive's snapshot breaks a rule, but for rows that were not parsed.

    An unparsable row is NULL in all columns and has an `_error`. So a column that is NULL as often as there are errors
    is NULL in no other row. What a file's writer did not count is not taken for sound, nor is a column with a rule
    that counts do not tell of, nor one that the table lacks; of a table that is no archive nothing is known.
    NotFoundError when the snapshot is gone.
    """
    files = [task.file for task in table._scan(snapshot_id, None, None).plan_files()]
    ids = {field.name: field.field_id for field in table.table.schema().fields}
    if ERROR not in ids:
        return frozenset()
    errors = _present(files, ids[ERROR])
    return frozenset(
        one.name
        for one in columns
        if one.name in ids and one.type in COUNTED and not one.choices and _is_sound(files, one, ids[one.name], errors)
    )


def _is_sound(files: Sequence[Any], one: Column, id_: int, errors: int | None) -> bool:
    """Whether no value of a column breaks a rule."""
    nulls = _counted(files, "null_value_counts", id_)
    there = one.optional or (nulls is not None and nulls == errors)
    return there and (one.type != FLOAT or all(_is_finite(file, id_) for file in files))


def _present(files: Sequence[Any], id_: int) -> int | None:
    """How many rows have a value in a column; None where a file does not tell."""
    nulls = _counted(files, "null_value_counts", id_)
    return None if nulls is None else sum(file.record_count for file in files) - nulls


def _counted(files: Sequence[Any], counts: str, id_: int) -> int | None:
    """The sum of a count over all files; None where one does not have it."""
    found = [(getattr(file, counts) or {}).get(id_) for file in files]
    told = [int(count) for count in found if count is not None]
    return sum(told) if len(told) == len(found) else None


def _is_finite(file: Any, id_: int) -> bool:
    """Whether a file tells that all floats of a column are finite: it has no NaN, and its least and greatest are."""
    if (file.null_value_counts or {}).get(id_) == file.record_count:
        return True
    bounds = [(getattr(file, name) or {}).get(id_) for name in ("lower_bounds", "upper_bounds")]
    no_nan = (file.nan_value_counts or {}).get(id_) == 0
    return no_nan and all(bound is not None and _is_finite_bound(bound) for bound in bounds)


def _is_finite_bound(bound: bytes) -> bool:
    """Whether a bound is a finite double; one of 4 bytes is a float's, of before the column was promoted: not known."""
    return len(bound) == DOUBLE.size and math.isfinite(*DOUBLE.unpack(bound))
