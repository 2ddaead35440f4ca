"""What an error that a body raised means for whoever wrote it: ibis and Python speak of values, not of features."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from ibis.expr.types import Expr

from headrace.errors import ColumnTypeError, UnknownColumnError
from headrace.features.fields import unknown_field

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


def meaning_of(error: Exception) -> Exception:
    """The error that says what to write where it is known what was meant, or the error itself."""
    return unknown_field(error) or _truth(error) or _no_method(error) or error


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
