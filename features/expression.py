"""From ibis expressions to scalars: the allow-list of what a feature may compute, as tables of rules.

An operation is here only when both engines give it the same meaning (docs/expressions.md). What is missing is refused
by name.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.operations as ops

from headrace.errors import UnsupportedError
from headrace.features.coercion import type_of
from headrace.features.operations import (
    calls,
    casts,
    conditions,
    lookups,
    nested,
    numbers,
    patterns,
    strings,
    times,
    values,
)
from headrace.features.operations.refused import REFUSED
from headrace.features.operations.rule import Rule
from headrace.features.scalar import Scalar

RULES: dict[type, Rule] = {
    **values.RULES,
    **conditions.RULES,
    **numbers.RULES,
    **strings.RULES,
    **patterns.RULES,
    **times.RULES,
    **casts.RULES,
    **calls.RULES,
    **nested.RULES,
    **lookups.RULES,
}


def to_scalar(expression: Any) -> Scalar:
    """The scalar of an ibis expression; UnsupportedError or ColumnTypeError for what a feature may not compute.

    >>> import ibis
    >>> table = ibis.table({"amt": "int64"}, name="t")
    >>> to_scalar(table.amt / 2 > 1.5).text()
    'greater(divide(cast:float(amt), cast:float(2)), 1.5)'
    """
    return _scalar(expression.op())


def _scalar(node: Any) -> Scalar:
    """The scalar of an ibis node, by the table."""
    rule = RULES.get(type(node))
    if rule is None:
        raise UnsupportedError(_refusal(type(node)))
    type_ = [type_of(node.dtype)] if type(node) in nested.TYPED else []
    return rule(*(_argument(argument) for argument in node.args), *type_)


def _argument(argument: Any) -> Any:
    """What a rule gets for an argument of a node: the scalar of a value, anything else as it is."""
    if isinstance(argument, tuple):
        return tuple(_argument(part) for part in argument)
    return _scalar(argument) if isinstance(argument, ops.Value) else argument


def _refusal(kind: type) -> str:
    """Why an operation is refused, if there is more to say than that nobody asked for it yet."""
    reason = REFUSED.get(kind, "the page docs/expressions.md lists what is")
    return f"operation {kind.__name__!r} is not supported in features; {reason}"
