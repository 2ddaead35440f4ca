"""What an error that a body raised means for whoever wrote it: ibis and Python speak of values, not of features."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from ibis.common.annotations import ValidationError
from ibis.expr.types import Expr

from headrace.errors import ColumnTypeError, DefinitionError, UnknownColumnError
from headrace.features.fields import unknown_field
from headrace.features.integers import INT_RANGE, beyond_64_bits

#: What a stream, and not a column of it, has; with what to write.
OF_STREAMS = {
    **dict.fromkeys(("groupby", "group_by"), "group the rows and choose the column then: tx.groupby('key')['amt']"),
    "window": "group the rows first: tx.groupby('key')['amt'].window(wspec).mean()",
    **dict.fromkeys(("assign", "asof_join", "lookup"), "that is a verb of the rows, tx"),
}
_TRUTH = (
    "`and`, `or`, `not`, `if` and `1 < x < 9` ask whether a whole column is true; write & | ~ with parentheses, "
    "(tx.amt > 3) & (tx.status == 'ok'), and ibis.ifelse(condition, a, b) for `if`"
)

#: How Python says that a column of numbers took no integer beside it; by these operators ibis takes any of 64 bits.
_NOT_TAKEN = re.compile(
    r"(?:'[<>]=?' not supported between instances of|unsupported operand type\(s\) for (?:[-+/%*]|\*\*|//)=?[^:]*:) "
    r"(?:'(?:Integer|Floating)(?:Column|Scalar)' and 'int'|'int' and '(?:Integer|Floating)(?:Column|Scalar)')"
)
#: An integer of so many digits as those beyond 64 bits have, within what ibis says of arguments.
_INTEGER = re.compile(r"(?<![\w.'\"])-?\d{19,}(?![\w.'\"])")


def meaning_of(error: Exception) -> Exception:
    """The error that says what to write where it is known what was meant, or the error itself."""
    return unknown_field(error) or _truth(error) or _no_method(error) or _too_large(error) or error


def in_words(value: Any) -> str:
    """What a body has returned; ibis would print a table of nodes.

    >>> import ibis
    >>> in_words(ibis.table({"amt": "float64"}, name="t").amt), in_words(None)
    ('an expression over columns', 'None')
    """
    return "an expression over columns" if isinstance(value, Expr) else repr(value)


def _truth(error: Exception) -> ColumnTypeError | None:
    """That Python asked a column for one truth value."""
    is_asked = isinstance(error, TypeError | ValueError) and "truth value of an Ibis expression" in str(error)
    return ColumnTypeError(_TRUTH) if is_asked else None


def _no_method(error: Exception) -> UnknownColumnError | None:
    """That an expression has no such method."""
    if not isinstance(error, AttributeError) or not isinstance(error.obj, Expr):
        return None
    name = error.name or ""
    close = get_close_matches(name, dir(error.obj), n=1)
    hint = OF_STREAMS.get(name) or (f"did you mean {close[0]!r}?" if close else "docs/expressions.md lists all")
    return UnknownColumnError(f"a column has no {name!r}; {hint}")


def _too_large(error: Exception) -> DefinitionError | None:
    """That an integer is beyond 64 bits, of which ibis makes no constant; it does not always say which."""
    if not isinstance(error, TypeError | ValidationError):
        return None
    if _NOT_TAKEN.fullmatch(str(error)):
        return beyond_64_bits("an integer")
    large = [found for found in _INTEGER.findall(str(error)) if int(found) not in INT_RANGE]
    return beyond_64_bits(large[0]) if large else None
