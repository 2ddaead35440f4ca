"""Columns of dimensions: of the version that is in effect at a row's event time, or of a look-up table's row."""

from __future__ import annotations

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.rules as rlz
from ibis.common.typing import VarTuple

from headrace.features.coercion import type_of
from headrace.features.dimension_table import DimensionTable
from headrace.features.operations.rule import Rule
from headrace.features.scalar import Scalar


class Lookup(ops.Value):  # type: ignore[misc]  # ibis tells mypy nothing
    """An ibis node: a dimension's column, by columns of the source."""

    dimension: DimensionTable
    looked_up: str
    result: dt.DataType
    keys: VarTuple[ops.Value]

    shape = rlz.shape_like("keys")

    @property
    def dtype(self) -> dt.DataType:
        """The column's type."""
        return self.result


def _looked_up(dimension: DimensionTable, name: str, result: dt.DataType, keys: tuple[Scalar, ...]) -> Scalar:
    return Scalar("lookup", type_of(result), keys, value=name, dimension=dimension)


RULES: dict[type, Rule] = {Lookup: _looked_up}
