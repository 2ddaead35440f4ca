"""`@udf`: a user's function of Arrow arrays, for what no expression says; the same code runs in both engines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import ibis

from headrace.errors import DefinitionError, UnsupportedError, did_you_mean
from headrace.features.function import DEAD_LETTER, ON_ERROR, UserFunction
from headrace.features.names import check_name
from headrace.features.needed_source import needed_statements
from headrace.features.operations.calls import FunctionCall
from headrace.features.place import Place, place_of_code
from headrace.features.scalar import BOOL, DATE, DATETIME, FLOAT, INT, STR
from headrace.features.stream import IBIS_TYPES

RETURNS = {int: INT, float: FLOAT, str: STR, bool: BOOL, datetime: DATETIME, date: DATE}


class Udf:
    """A user's function, to be called with columns: `risk(tx.amt, tx.merchant)` is a column too.

    What it wraps, to be called with arrays, is `risk.function`.
    """

    def __init__(self, function: Callable[..., Any], returns: type, on_error: str) -> None:
        where = place_of_code(function.__code__)
        self.function = function
        self.__doc__ = function.__doc__
        self.value = UserFunction(
            name=check_name(function.__name__, "function", where),
            returns=_type_name(returns, where),
            on_error=_policy(on_error, where),
            parameters=_parameters(function, where),
            file=where.path,
            statements=needed_statements(function),  # type: ignore[arg-type]
        )
        _check_source(self.value, where)

    def __repr__(self) -> str:
        return f"<udf {self.value.reference}>"

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The column of its values; DefinitionError for arguments that it does not take."""
        try:
            bound = inspect.signature(self.function).bind(*args, **named)
        except TypeError as error:
            msg = f"{self.value.name}({', '.join(self.value.parameters)}): {error}"
            raise DefinitionError(msg) from error
        result = ibis.dtype(IBIS_TYPES[self.value.returns])
        return FunctionCall(self.value, result, tuple(map(_node, bound.args))).to_expr()


def udf(*, returns: type, on_error: str = DEAD_LETTER) -> Callable[[Callable[..., Any]], Udf]:
    """Mark a function of Arrow arrays, of which it returns one as long as each: `@udf(returns=float)`.

    It must be deterministic and keep no state: each row for itself, batches of any size, and again after a failure.
    `returns` is int, float, str, bool, datetime or date. `on_error` says what becomes of a row on which it raises:
    `dead_letter`, or the job's `fail`.

    DefinitionError for what it cannot be; UnsupportedError for a function whose source cannot go to a worker.
    """

    def mark(function: Callable[..., Any]) -> Udf:
        return Udf(function, returns, on_error)

    return mark


def _node(value: Any) -> Any:
    """The ibis node of an argument, a constant included."""
    if value is None:
        msg = "a bare None has no type; leave the argument out of the function"
        raise DefinitionError(msg)
    return (value if isinstance(value, ibis.expr.types.Value) else ibis.literal(value)).op()


def _type_name(returns: Any, where: Place) -> str:
    """The language's name of a type."""
    if returns not in RETURNS:
        known = ", ".join(kind.__name__ for kind in RETURNS)
        msg = f"{where}: udf(returns={returns!r}): expected one of {known}"
        raise DefinitionError(msg)
    return RETURNS[returns]


def _check_source(function: UserFunction, where: Place) -> None:
    """UnsupportedError for statements that make no text without the rest of their lines."""
    try:
        compile(function.source, function.file, "exec", dont_inherit=True)
    except SyntaxError as error:
        msg = (
            f"{where}: function {function.name} and what it reads cannot stand apart from their file; put each "
            f"statement on lines of its own: line {error.lineno}: {error.msg}"
        )
        raise UnsupportedError(msg) from error


def _policy(on_error: str, where: Place) -> str:
    """A known policy."""
    if on_error not in ON_ERROR:
        msg = f"{where}: udf(on_error={on_error!r}) is unknown; {did_you_mean(str(on_error), ON_ERROR)}"
        raise DefinitionError(msg)
    return on_error


def _parameters(function: Callable[..., Any], where: Place) -> tuple[str, ...]:
    """The names of the arguments, each an array."""
    parameters = inspect.signature(function).parameters
    plain = [
        one.name for one in parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD and one.default is one.empty
    ]
    if not plain or len(plain) != len(parameters):
        msg = f"{where}: {function.__name__} must take arrays by name, at least one, without defaults, * or **"
        raise DefinitionError(msg)
    return tuple(plain)
