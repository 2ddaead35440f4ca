"""Strings: characters are code points, and whitespace is the six characters of ASCII."""

from __future__ import annotations

import ibis.expr.operations as ops

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.coercion import constant, constant_int, expect
from headrace.features.operations.rule import Rule
from headrace.features.scalar import BOOL, INT, STR, Scalar, literal

TEXT = frozenset({STR})
#: Operations on strings alone, with the type of their value.
OF_STRINGS: dict[type, tuple[str, str]] = {
    ops.StringLength: ("length", INT),
    ops.Uppercase: ("upper", STR),
    ops.Lowercase: ("lower", STR),
    ops.Strip: ("strip", STR),
    ops.LStrip: ("lstrip", STR),
    ops.RStrip: ("rstrip", STR),
    ops.StringContains: ("contains", BOOL),
    ops.StartsWith: ("starts_with", BOOL),
    ops.EndsWith: ("ends_with", BOOL),
}


def _of_strings(op: str, type_: str) -> Rule:
    """An operation whose arguments are all strings."""
    return lambda *args: Scalar(op, type_, tuple(expect(arg, TEXT, op) for arg in args))


def _concat(args: tuple[Scalar, ...]) -> Scalar:
    """Strings one after the other; NULL when one of them is. How they are bracketed makes no difference."""
    parts = [part for arg in args for part in (arg.args if arg.op == "concat" else (arg,))]
    return _of_strings("concat", STR)(*parts)


def _substring(arg: Scalar, start: Scalar, length: Scalar | None = None) -> Scalar:
    """From the character `start`, counted from 0, at most `length` of them or all."""
    first = literal(constant_int(start, "substr: the start") + 1)
    rest = () if length is None else (literal(constant_int(length, "substr: the length")),)
    return Scalar("substring", STR, (expect(arg, TEXT, "substr"), first, *rest))


def _slice(arg: Scalar, start: Scalar | None, end: Scalar | None) -> Scalar:
    """`s[start:end]`."""
    first = 0 if start is None else constant_int(start, "[:]: the start")
    if end is None:
        return _substring(arg, literal(first))
    return _substring(arg, literal(first), literal(max(0, constant_int(end, "[:]: the end") - first)))


def _right(arg: Scalar, length: Scalar) -> Scalar:
    """The last characters."""
    count = literal(constant_int(length, "right: the number of characters"))
    return Scalar("right", STR, (expect(arg, TEXT, "right"), count))


def _capitalize(arg: Scalar) -> Scalar:
    """The first character in upper case, the others in lower case."""
    first, rest = _substring(arg, literal(0), literal(1)), _substring(arg, literal(1))
    return Scalar("concat", STR, (Scalar("upper", STR, (first,)), Scalar("lower", STR, (rest,))))


def _replace(arg: Scalar, pattern: Scalar, replacement: Scalar) -> Scalar:
    """Every occurrence of a constant, from left to right."""
    if not constant(pattern, "replace: what is replaced"):
        msg = "replace of the empty string is not supported; name the characters to replace"
        raise DefinitionError(msg)
    return _of_strings("replace", STR)(arg, pattern, replacement)


def _find(arg: Scalar, sought: Scalar, start: Scalar | None, end: Scalar | None) -> Scalar:
    """Where a string first occurs, counted from 0; -1 where it does not."""
    if start is not None or end is not None:
        msg = "find within a part of a string is not supported; write x[2:].find('a')"
        raise UnsupportedError(msg)
    return _of_strings("find", INT)(arg, sought)


def _like(arg: Scalar, pattern: Scalar, escape: str | None) -> Scalar:
    """SQL's LIKE: `%` stands for any characters, `_` for one; nothing escapes them."""
    constant(pattern, "like: the pattern")
    if escape is not None:
        msg = "like with an escape character is not supported; use contains, startswith or endswith"
        raise UnsupportedError(msg)
    return _of_strings("like", BOOL)(arg, pattern)


RULES: dict[type, Rule] = {
    **{kind: _of_strings(op, type_) for kind, (op, type_) in OF_STRINGS.items()},
    ops.StringConcat: _concat,
    ops.Substring: _substring,
    ops.StringSlice: _slice,
    ops.StrRight: _right,
    ops.Capitalize: _capitalize,
    ops.StringReplace: _replace,
    ops.StringFind: _find,
    ops.StringSQLLike: _like,
}
