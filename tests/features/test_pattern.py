"""Patterns that engines read differently are refused at their place, by name."""

from __future__ import annotations

import re

import ibis
import pytest

from headrace.errors import DefinitionError, HeadraceError, UnsupportedError
from headrace.features.expression import to_scalar
from headrace.features.pattern import Pattern, pattern_of

TABLE = ibis.table({"s": "string", "t": "string", "i": "int64"}, name="tx")
REFUSED: tuple[tuple[str, int, type[HeadraceError], str], ...] = (
    (r"(a)\1", 4, UnsupportedError, "a reference to a group"),
    ("a(?=b)", 2, UnsupportedError, "look-ahead"),
    ("a(?!b)", 2, UnsupportedError, "look-ahead"),
    ("(?<=a)b", 1, UnsupportedError, "look-behind"),
    ("(?P<n>a)", 1, UnsupportedError, "groups are counted"),
    ("(?>a)", 1, UnsupportedError, "atomic groups"),
    ("(?i)a", 1, UnsupportedError, "flags are not supported; for both cases write x.lower()"),
    ("(?s:.)", 1, UnsupportedError, "flags"),
    ("a++", 3, UnsupportedError, "a repetition of a repetition"),
    ("a*{2}", 3, UnsupportedError, "a repetition of a repetition"),
    (r"\bfoo", 1, UnsupportedError, "a boundary of words"),
    (r"\Aa", 1, UnsupportedError, "write ^ for the beginning"),
    (r"a\Z", 2, UnsupportedError, "$ for its end"),
    (r"\pL", 1, UnsupportedError, "classes of Unicode"),
    (r"\x41", 1, UnsupportedError, "write the character itself"),
    (r"\v", 1, UnsupportedError, "means nothing, or not the same everywhere"),
    (r"\é", 1, UnsupportedError, "means nothing"),
    ("[[:alpha:]]", 2, UnsupportedError, "as of POSIX"),
    ("[a[b]", 3, UnsupportedError, "classes within classes"),
    ("(a*)*", 5, UnsupportedError, "a repetition of what may be empty"),
    ("(?:|a)+", 7, UnsupportedError, "a repetition of what may be empty"),
    ("^*", 2, UnsupportedError, "a repetition of what may be empty"),
    ("a{1001}", 1, UnsupportedError, "1,000 times at most"),
    ("(?:a{100}){11}", 1, UnsupportedError, "1,000 times at most"),
    ("(a", 1, DefinitionError, "the bracket is not closed"),
    ("a)", 2, DefinitionError, "a bracket closes that was not opened"),
    ("[a", 1, DefinitionError, "the class is not closed"),
    ("[]a]", 1, DefinitionError, "the class has no characters"),
    ("[b-a]", 2, DefinitionError, "b-a is no range"),
    (r"[a-\d]", 2, DefinitionError, "is no range"),
    ("[a-c-e]", 5, DefinitionError, r"write \- for the character"),
    ("*a", 1, DefinitionError, "nothing is there to repeat"),
    ("a|+", 3, DefinitionError, "nothing is there to repeat"),
    ("a{,3}", 2, DefinitionError, r"write \{ for the character"),
    ("a{3,2}", 2, DefinitionError, "the second number is below the first"),
    ("a]", 2, DefinitionError, r"write \] for the character"),
    ("a\\", 2, UnsupportedError, "means nothing"),
    ("(?", 1, UnsupportedError, "flags"),
)


@pytest.mark.parametrize(("pattern", "place", "kind", "message"), REFUSED, ids=[one[0] for one in REFUSED])
def test_what_engines_read_differently_is_refused_at_its_place(
    pattern: str, place: int, kind: type[HeadraceError], message: str
) -> None:
    with pytest.raises(kind, match=re.escape(f"pattern {pattern!r}, character {place}: ") + f".*{re.escape(message)}"):
        to_scalar(TABLE.s.re_search(pattern))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", Pattern(0, may_be_empty=True)),
        ("a?", Pattern(0, may_be_empty=True)),
        ("a|", Pattern(0, may_be_empty=True)),
        ("^$", Pattern(0, may_be_empty=True)),
        ("(a)(?:b)(c|(d))", Pattern(3, may_be_empty=False)),
        ("a{0}b{2,}", Pattern(0, may_be_empty=False)),
        (r"[\]^-]", Pattern(0, may_be_empty=False)),
        (r"[^-a\-\n\]]{2}?", Pattern(0, may_be_empty=False)),
        (r"\(\.\t/日", Pattern(0, may_be_empty=False)),
    ],
)
def test_a_pattern_tells_its_groups_and_whether_it_may_be_empty(pattern: str, expected: Pattern) -> None:
    assert pattern_of(pattern) == expected


@pytest.mark.parametrize(
    ("expression", "kind", "message"),
    [
        (lambda: TABLE.s.re_search(TABLE.t), UnsupportedError, "the pattern must be a constant"),
        (lambda: TABLE.s.re_search("a" * 1001), UnsupportedError, "at most 1,000 characters, found 1,001"),
        (lambda: TABLE.s.re_search("(" * 51 + ")" * 51), UnsupportedError, "character 51: groups within groups are 50"),
        (lambda: TABLE.s.re_extract("(a)", 2), DefinitionError, "there is no group 2; expected at most 1"),
        (lambda: TABLE.s.re_extract("(a)" * 10, 10), DefinitionError, "expected at most 9"),
        (lambda: TABLE.s.re_replace("a*", "b"), UnsupportedError, "may match nothing"),
        (lambda: TABLE.s.re_replace("a", r"\1"), DefinitionError, r"re_replace: \\1 in .*a backslash"),
        (lambda: TABLE.s.re_replace("(a)", r"\2"), DefinitionError, r"expected \\1 to \\1 for a group"),
        (lambda: TABLE.s.re_replace("a", r"\n"), DefinitionError, r"re_replace: \\n in"),
        (lambda: TABLE.s.re_replace("a", TABLE.t), UnsupportedError, "the replacement must be a constant"),
        (lambda: TABLE.s.re_split(","), UnsupportedError, "use re_extract"),
    ],
    ids=range(11),
)
def test_what_a_pattern_cannot_do_is_refused(expression: object, kind: type[HeadraceError], message: str) -> None:
    with pytest.raises(kind, match=message):
        to_scalar(expression())  # type: ignore[operator]
