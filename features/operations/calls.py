"""Calls of users' functions: the last resort, for what no operation says."""

from __future__ import annotations

from collections.abc import Sequence

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.rules as rlz
from ibis.common.typing import VarTuple

from headrace.errors import ColumnTypeError, UnsupportedError
from headrace.features.coercion import expect, finite
from headrace.features.function import UserFunction
from headrace.features.operations.rule import Rule
from headrace.features.scalar import BOOL, DATE, DATETIME, FLOAT, INT, STR, Scalar

#: The types that arrays of a function may have.
ARRAYS = frozenset({INT, FLOAT, STR, BOOL, DATETIME, DATE})


class FunctionCall(ops.Value):  # type: ignore[misc]  # ibis tells mypy nothing
    """An ibis node: a user's function over columns."""

    function: UserFunction
    result: dt.DataType
    arguments: VarTuple[ops.Value]

    shape = rlz.shape_like("arguments")

    @property
    def dtype(self) -> dt.DataType:
        """The type of the function's values."""
        return self.result


def _called(function: UserFunction, result: dt.DataType, arguments: Sequence[Scalar]) -> Scalar:
    """A call; a float that is no finite number reaches the function as NULL."""
    args = tuple(finite(expect(arg, ARRAYS, f"an argument of {function.name}()")) for arg in arguments)
    for arg in args:
        if arg.value is None and not any(arg.columns()):
            msg = f"{function.name}(): {arg.text()} reads no column; pass a column, or a constant that is not NULL"
            raise UnsupportedError(msg)
    if all(arg.op == "literal" for arg in args):
        msg = f"{function.name}() needs a column among its arguments, found constants alone"
        raise ColumnTypeError(msg)
    return Scalar("call", function.returns, args, function=function)


RULES: dict[type, Rule] = {FunctionCall: _called}
