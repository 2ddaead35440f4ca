"""Cases of regular expressions. Python's `re` says what must come out, where it and RE2 read a pattern alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .case import Case

WORDS = (
    *("", "a", "ab", "aab", "b\n", "ab\n", "\nab", "12-34", "a1b22c333", "x@example.com", "no@", "ÄÖü", "日本", "😀é"),
    *("a.b", "$1", "\\", "[x]", "ab ab", "a\tb", "a\rb", "a\u2028b", "AB", "it's", "(a)", "a" * 300, "٣", "é_1"),
)
#: Tokens of a pattern: an escape, a class, and all else by itself.
_TOKENS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|.", re.DOTALL)


def in_python(pattern: str) -> re.Pattern[str]:
    """A pattern as Python reads it: classes of ASCII, and `$` the end, not what is before a last line feed."""
    parts = (r"\Z" if part == "$" else part for part in _TOKENS.findall(pattern))
    return re.compile("".join(parts), re.ASCII)


def extracted(pattern: str, text: str, group: int) -> str | None:
    """A group of the first match, empty where it took no part."""
    found = in_python(pattern).search(text)
    return None if found is None else found[group] or ""


def of_words(value: Callable[[str], Any]) -> tuple[tuple[Any, Any], ...]:
    """What Python says of each word, and NULL of none."""
    return (*((word, value(word)) for word in WORDS), (None, None))


def searched(operation: str, pattern: str, meaning: str) -> Case:
    """Whether a pattern is somewhere."""
    rows = of_words(lambda word: in_python(pattern).search(word) is not None)
    return Case(operation, f"tx.s.re_search({pattern!r})", meaning, "s", rows)


CASES = (
    searched("search", "a+b", "anywhere in the string; a pattern is a constant"),
    searched("search at the ends", "^a.*b$", "the whole string; $ is its end, not what is before a last line feed"),
    searched("search of any character", "a.b", "any but a line feed"),
    searched("search of digits", r"\d{2,3}", "of ASCII; \\w and \\s too"),
    searched("search of a class", r"[^\w\s.@-]", "classes and what is not in them"),
    searched("search of one of some", r"^(?:a|AB|日本)", "the first that fits, as in Python"),
    searched("search of the last line", "b$", "the end of the string alone"),
    searched("search of nothing", "", "is everywhere"),
    Case(
        "whitespace",
        r"tx.s.re_search('^\\s$')",
        "\\s is a space, tab, line feed, form feed or carriage return",
        "s",
        (*((one, True) for one in " \t\n\f\r"), ("\v", False), ("\u00a0", False), ("\u2003", False), (None, None)),
    ),
    Case(
        "extract",
        "tx.s.re_extract('[a-z]+', 0)",
        "the first match; NULL where there is none",
        "s",
        of_words(lambda word: extracted("[a-z]+", word, 0)),
    ),
    Case(
        "extract a group",
        r"tx.s.re_extract('(\\w+)(?:@(\\w+)[.]com)?', 2)",
        "empty where the group took no part",
        "s",
        of_words(lambda word: extracted(r"(\w+)(?:@(\w+)[.]com)?", word, 2)),
    ),
    Case(
        "extract the least",
        "tx.s.re_extract('a*?b', 0)",
        "*? and +? take as little as they can",
        "s",
        of_words(lambda word: extracted("a*?b", word, 0)),
    ),
    Case(
        "replace matches",
        r"tx.s.re_replace('([ab])(\\d+)|é', '<\\2\\1\\\\>')",
        "each, from left to right; in the replacement \\1 is a group and \\\\ a backslash",
        "s",
        of_words(lambda word: in_python(r"([ab])(\d+)|é").sub(r"<\2\1\\>", word)),
    ),
    Case(
        "replace characters",
        r"tx.s.re_replace('[^ -~]', '')",
        "a character is a code point",
        "s",
        of_words(lambda word: re.sub("[^ -~]", "", word)),
    ),
)
