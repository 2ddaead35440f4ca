"""Cases of strings. Upper and lower case are compared with Python's own tables, character by character."""

from __future__ import annotations

from collections.abc import Callable

from .case import Case

ASTRAL = "\U0001f600"
ACCENTED = "e\u0301"
TEXTS = ("", "a", "A", "Z", "b", "ab", "aa", "\x7f", "é", "\uffff", "\ufffd", "\ue000", ASTRAL, "\U00010348", "\u4e2d")
#: Where letters with two cases are, and much around them.
LETTERS = [*range(1, 0x3000), *range(0xA640, 0xAC00), *range(0xF900, 0x12000), *range(0x16000, 0x1F000)]
CHUNK = 2_000


def upper_of(letter: str) -> str:
    """One letter in upper case: Python's, unless that is several; then the title case, if that is one."""
    if letter == "ß":
        return "ẞ"
    return next((mapped for mapped in (letter.upper(), letter.title()) if len(mapped) == 1), letter)


def lower_of(letter: str) -> str:
    """One letter in lower case: Python's, but the Turkish capital loses its dot."""
    return letter.lower()[0]


def mapped(mapping: Callable[[str], str]) -> tuple[tuple[str, str], ...]:
    """All letters in long strings, with what becomes of them."""
    texts = ("".join(map(chr, LETTERS[start : start + CHUNK])) for start in range(0, len(LETTERS), CHUNK))
    return tuple((text, "".join(map(mapping, text))) for text in texts)


def ordered(holds: Callable[[str, str], bool]) -> tuple[tuple[str | None, str | None, bool | None], ...]:
    """A comparison of all pairs; Python orders strings by code points."""
    pairs = tuple((one, other, holds(one, other)) for one in TEXTS for other in TEXTS)
    return (*pairs, (None, "a", None), ("a", None, None))


SPACES = " \t\n\r\v\f"
CASES = (
    Case(
        "upper case",
        "tx.s.upper()",
        "letter by letter by Unicode 14, in no language; ß becomes ẞ",
        "s",
        (("Straße 1é", "STRAẞE 1É"), ("ŉ\ufb01ǆ", "ŉ\ufb01Ǆ"), ("", ""), (None, None), *mapped(upper_of)),
    ),
    Case(
        "lower case",
        "tx.s.lower()",
        "letter by letter by Unicode 14, in no language; Σ becomes σ everywhere, İ becomes i",
        "s",
        (("ÀΣΑΣ", "àσασ"), ("İI", "ii"), ("", ""), (None, None), *mapped(lower_of)),
    ),
    Case(
        "capitalize",
        "tx.s.capitalize()",
        "the first letter in upper case, the others in lower case",
        "s",
        (("hELLO wORLD", "Hello world"), (f"{ASTRAL}A", f"{ASTRAL}a"), ("", ""), (None, None)),
    ),
    Case(
        "strip",
        "tx.s.strip()",
        "space, tab, line feed, carriage return, vertical tab and form feed; no other space of Unicode",
        "s",
        ((f"{SPACES}a b{SPACES}", "a b"), ("\u00a0a\u2003", "\u00a0a\u2003"), (" \n", ""), ("", ""), (None, None)),
    ),
    Case("strip left", "tx.s.lstrip()", "the same characters", "s", ((" \ta ", "a "), ("\f", ""), (None, None))),
    Case("strip right", "tx.s.rstrip()", "the same characters", "s", ((" a \v\r\n", " a"), (" ", ""), (None, None))),
    Case(
        "length",
        "tx.s.length()",
        "code points",
        "s",
        (("", 0), (f"{ACCENTED}{ASTRAL}", 3), (None, None)),
    ),
    Case(
        "substring",
        "tx.s.substr(1, 2)",
        "code points from 0; constants that are not negative; what is beyond the end is not there",
        "s",
        ((f"a{ASTRAL}bc", f"{ASTRAL}b"), ("ab", "b"), ("a", ""), ("", ""), (None, None)),
    ),
    Case("slice", "tx.s[1:3]", "as substring", "s", ((f"a{ACCENTED}b", ACCENTED), ("a", ""), (None, None))),
    Case("slice to the end", "tx.s[2:]", "as substring", "s", ((f"a{ASTRAL}b", "b"), ("ab", ""), (None, None))),
    Case("slice of nothing", "tx.s[3:2]", "the empty string", "s", (("abcd", ""), (None, None))),
    Case(
        "one character", "tx.s[0]", "the empty string beyond the end", "s", ((ASTRAL, ASTRAL), ("", ""), (None, None))
    ),
    Case("left", "tx.s.left(2)", "code points", "s", ((f"{ASTRAL}ab", f"{ASTRAL}a"), ("a", "a"), (None, None))),
    Case(
        "right",
        "tx.s.right(2)",
        "code points",
        "s",
        ((f"ab{ASTRAL}", f"b{ASTRAL}"), ("a", "a"), ("", ""), (None, None)),
    ),
    Case("right of nothing", "tx.s.right(0)", "the empty string", "s", (("ab", ""), ("", ""), (None, None))),
    Case(
        "replace",
        "tx.s.replace('aa', '$1')",
        "every occurrence from left to right, to the letter; what is replaced is a constant that is not empty",
        "s",
        (("aaa", "$1a"), ("baab", "b$1b"), ("AA", "AA"), ("", ""), (None, None)),
    ),
    Case("remove", "tx.s.replace('.', '')", "to the letter", "s", (("1.000.", "1000"), ("a", "a"), (None, None))),
    Case(
        "replace by a column",
        "tx.s.replace('a', tx.t)",
        "NULL when either is",
        "s t",
        (("aba", "\\", "\\b\\"), ("a", "", ""), ("b", None, None), (None, "x", None)),
    ),
    Case(
        "contains",
        "tx.s.contains(tx.t)",
        "to the letter, case counts; every string contains the empty one",
        "s t",
        (
            (f"x{ASTRAL}y", ASTRAL, True),
            ("abc", "B", False),
            ("a%c", "%", True),
            ("abc", "%", False),
            ("", "", True),
            ("a", "", True),
            ("", "a", False),
            (None, "a", None),
            ("a", None, None),
        ),
    ),
    Case(
        "starts with",
        "tx.s.startswith(tx.t)",
        "as contains",
        "s t",
        (
            ("abc", "ab", True),
            ("abc", "b", False),
            ("a", "", True),
            ("", "a", False),
            (None, "", None),
            ("", None, None),
        ),
    ),
    Case(
        "ends with",
        "tx.s.endswith(tx.t)",
        "as contains",
        "s t",
        (
            ("abc", "bc", True),
            (f"é{ASTRAL}", ASTRAL, True),
            ("abc", "b", False),
            ("a", "", True),
            ("", "a", False),
            (None, "", None),
            ("", None, None),
        ),
    ),
    Case(
        "find",
        "tx.s.find(tx.t)",
        "code points from 0; -1 where it is not",
        "s t",
        ((f"{ASTRAL}ab", "b", 2), ("abab", "b", 1), ("a", "b", -1), ("a", "", 0), ("", "", 0), (None, "", None)),
    ),
    Case(
        "like",
        "tx.s.like('a_%b')",
        "% is any characters, _ is one code point, line feeds too; a constant, in which nothing escapes",
        "s",
        (
            ("axb", True),
            ("ab", False),
            (f"a{ASTRAL}b", True),
            ("a\nb", True),
            ("a\n\r\n..b", True),
            ("axbc", False),
            ("Axb", False),
            (None, None),
        ),
    ),
    Case(
        "like a prefix", "tx.s.like('a%')", "as like", "s", (("a", True), ("ab\n", True), ("ba", False), (None, None))
    ),
    Case("like an end", "tx.s.like('%a')", "as like", "s", (("a", True), ("\nba", True), ("ab", False), (None, None))),
    Case("like a part", "tx.s.like('%a%')", "as like", "s", (("a", True), ("\na\n", True), ("", False), (None, None))),
    Case(
        "like with signs",
        r"tx.s.like('.*\\_$')",
        "as like: backslashes, dots and stars are themselves",
        "s",
        ((".*\\x$", True), (".*_$", False), ("ab\\x$", False), (None, None)),
    ),
    Case(
        "like parts",
        "tx.s.like('a%a_%')",
        "as like",
        "s",
        (("aab", True), ("aa", False), ("a", False), ("abcab\n", True), (f"aaa{ASTRAL}", True), (None, None)),
    ),
    Case("like nothing", "tx.s.like('')", "the empty string alone", "s", (("", True), ("a", False), (None, None))),
    Case("before", "tx.s < tx.t", "by code points, which is the order of UTF-8 too", "s t", ordered(str.__lt__)),
    Case("before or equal", "tx.s <= tx.t", "by code points", "s t", ordered(str.__le__)),
    Case("after", "tx.s > tx.t", "by code points", "s t", ordered(str.__gt__)),
    Case("after or equal", "tx.s >= tx.t", "by code points", "s t", ordered(str.__ge__)),
    Case(
        "between strings",
        f"tx.s.between('\\ue000', '{ASTRAL}')",
        "by code points, both ends included",
        "s",
        (
            *((text, "\ue000" <= text <= ASTRAL) for text in TEXTS),
            ("\U0001f601", False),
            (None, None),
        ),
    ),
    Case(
        "equal strings",
        "tx.s == tx.t",
        "to the letter: neither trailing spaces nor ways to write an accent are equal",
        "s t",
        (("a", "a", True), ("a", "a ", False), ("é", ACCENTED, False), ("", None, None)),
    ),
    Case(
        "concatenate",
        "tx.s + '-' + tx.t",
        "NULL when one is",
        "s t",
        (("a", "b", "a-b"), ("", "", "-"), (None, "b", None), ("a", None, None)),
    ),
)
