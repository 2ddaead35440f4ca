"""Expressions of SQL as ibis expressions: the same operations that a feature in Python is written with.

What an operation means, and whether a feature may have it, is said once, in `headrace.features.operations`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from typing import Any

from sqlglot import exp

from headrace.errors import ColumnTypeError, HeadraceError, UnknownColumnError, UnsupportedError, did_you_mean
from headrace.features.coercion import type_of
from headrace.features.expression import to_scalar
from headrace.features.fields import field_of
from headrace.features.sql.refused import REFUSED
from headrace.features.sql.rules import FUNCTION_NAMES, FUNCTIONS, RULES
from headrace.features.sql.rules.common import Rule, arguments, called, name_of
from headrace.features.sql.script import RefusalError, judged
from headrace.features.stream import Stream


class Reader:
    """Reads expressions over a stream, whose columns may be written with one of the `tables` names in front.

    Of dimensions in `joined` they must be, for that is what the stream calls them.
    """

    def __init__(self, stream: Stream, tables: Collection[str], joined: Collection[str] = ()) -> None:
        self._stream, self._tables, self._joined = stream, tables, joined

    def read(self, node: exp.Expr) -> Any:
        """The ibis expression of a node; RefusalError, at the innermost node, for what a feature may not compute."""
        return judged(node, lambda: self._checked(node))

    def all(self, nodes: Collection[exp.Expr]) -> list[Any]:
        """The ibis expressions of several nodes."""
        return [self.read(node) for node in nodes]

    def column(self, node: exp.Column) -> Any:
        """A column of the stream; SQL does not tell upper from lower case unless a name is quoted."""
        name, *fields = self.names(node)
        try:
            found = self._stream[name]
        except UnknownColumnError as error:
            if not fields:
                raise
            msg = f"{name!r} is not in FROM; {did_you_mean(name, self._tables)}; and {error}"
            raise UnknownColumnError(msg) from error
        return reduce(field_of, fields, found)

    def names(self, node: exp.Column) -> list[str]:
        """The name of a column and, where the column is a struct, of the fields down to the one that is meant."""
        parts = [part for part in node.parts if isinstance(part, exp.Identifier)]
        first, names = parts[0].name.lower(), [name_of(part) for part in parts]
        if len(parts) > 1 and first in self._joined:
            return [f"{first}.{names[1]}", *names[2:]]
        return names[len(parts) > 1 and first in self._tables :]

    def _checked(self, node: exp.Expr) -> Any:
        """The expression, after its own operation was allowed."""
        rule = _rule_of(node)
        try:
            value = rule(self, node)
        except (HeadraceError, RefusalError):
            raise
        except Exception as error:
            msg = f"{called(node)} of {self._types(node)} is not supported"
            raise ColumnTypeError(msg) from error
        to_scalar(value)
        return value

    def _types(self, node: exp.Expr) -> str:
        """The types of a node's operands, for an error."""
        return ", ".join(type_of(self.read(operand).type()) for operand in arguments(node)) or "nothing"


def _rule_of(node: exp.Expr) -> Rule:
    """The rule of a node; UnsupportedError by name, with a suggestion."""
    if isinstance(node, exp.Anonymous):
        return _function_of(called(node))
    if type(node) in RULES:
        return RULES[type(node)]
    name = called(node)
    msg = f"{name} is not supported in features; {REFUSED.get(name, 'docs/sql.md lists what is')}"
    raise UnsupportedError(msg)


def _function_of(name: str) -> Rule:
    """The rule of a function that only its name tells."""
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    hint = (
        REFUSED.get(name) or did_you_mean(name, FUNCTION_NAMES).partition("known: ")[0] or "docs/sql.md lists what is"
    )
    msg = f"function {name!r} is not supported in features; {hint}"
    raise UnsupportedError(msg)
