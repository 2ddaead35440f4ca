"""Regular expressions over strings: constant patterns that both engines read alike."""

from __future__ import annotations

import re

import ibis.expr.operations as ops

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.coercion import constant, constant_int, expect
from headrace.features.operations.rule import Rule
from headrace.features.operations.strings import TEXT
from headrace.features.pattern import Pattern, pattern_of
from headrace.features.scalar import BOOL, STR, Scalar, literal

#: DuckDB counts groups by one digit.
MOST_GROUPS = 9
#: In what replaces a match: a group, a backslash, and a backslash that is neither.
_REFERENCE = re.compile(r"\\(?:([1-9])|(\\)|(.?))", re.DOTALL)


def _read(arg: Scalar, pattern: Scalar, op: str) -> Pattern:
    """What is known of the pattern of an operation."""
    expect(arg, TEXT, op)
    return pattern_of(str(constant(expect(pattern, TEXT, op), f"{op}: the pattern")))


def _search(arg: Scalar, pattern: Scalar) -> Scalar:
    """Whether the pattern is somewhere in a string."""
    _read(arg, pattern, "re_search")
    return Scalar("re_search", BOOL, (arg, pattern))


def _extract(arg: Scalar, pattern: Scalar, index: Scalar) -> Scalar:
    """The first match, or a group of it: empty where the group took no part, NULL where nothing matches."""
    groups = _read(arg, pattern, "re_extract").groups
    group = constant_int(index, "re_extract: the group")
    if group > min(groups, MOST_GROUPS):
        msg = (
            f"re_extract: there is no group {group}; expected at most {min(groups, MOST_GROUPS)}, 0 is the whole match"
        )
        raise DefinitionError(msg)
    return Scalar("re_extract", STR, (arg, pattern, literal(group)))


def _replace(arg: Scalar, pattern: Scalar, replacement: Scalar) -> Scalar:
    """Every match, from left to right; in what replaces it, `\\1` is a group and `\\\\` a backslash."""
    found = _read(arg, pattern, "re_replace")
    if found.may_be_empty:
        msg = "re_replace of a pattern that may match nothing is not supported, for engines differ on where it does"
        raise UnsupportedError(msg)
    _check_replacement(str(constant(expect(replacement, TEXT, "re_replace"), "re_replace: the replacement")), found)
    return Scalar("re_replace", STR, (arg, pattern, replacement))


def _check_replacement(text: str, pattern: Pattern) -> None:
    """Refuse groups that are not there, and other backslashes."""
    for found in _REFERENCE.finditer(text):
        if found[3] is not None or (found[1] and int(found[1]) > pattern.groups):
            known = f"\\1 to \\{min(pattern.groups, MOST_GROUPS)} for a group, or " if pattern.groups else ""
            msg = f"re_replace: {found[0]} in {text!r}: expected {known}\\\\ for a backslash"
            raise DefinitionError(msg)


RULES: dict[type, Rule] = {
    ops.RegexSearch: _search,
    ops.RegexExtract: _extract,
    ops.RegexReplace: _replace,
}
