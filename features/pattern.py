r"""Regular expressions: those that every engine reads alike, told apart by their text.

Both engines match by RE2 (DuckDB the original, Flink its twin in Java), in time that grows with the text alone. What
RE2 lacks, what depends on its version, and what Python and SQL read in another way is refused at its place.

A pattern has characters, `.` (any but a line feed), classes such as `[^a-z]`, the classes `\d \D \w \W \s \S` of ASCII,
groups `(...)` and `(?:...)`, `|`, the repetitions `* + ? {m} {m,} {m,n}` and the same with `?` behind them, which take
as little as they can, and `^` and `$`, the beginning and the end of the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from headrace.errors import DefinitionError, UnsupportedError

#: RE2 repeats no part more often, those within repeated parts multiplied.
MOST_REPEATS = 1_000
MOST_CHARACTERS = 1_000
#: Groups within groups: engines stop at 1,000, and Python's stack, which is the user's too, before that.
MOST_NESTED = 50
#: Escapes that stand for a class or a character.
CLASSES, CONTROLS = frozenset("dDwWsS"), frozenset("tnrf")
#: What each other escape is, and what to write.
ESCAPES = {
    **dict.fromkeys("bB", "a boundary of words is not supported; write what may stand beside the word, (^|[^a-z])"),
    **dict.fromkeys("123456789", "a reference to a group is not supported; RE2 has none"),
    **dict.fromkeys("AzZ", "write ^ for the beginning of the text and $ for its end"),
    **dict.fromkeys("pP", "classes of Unicode differ between versions; name the characters"),
    "x": "write the character itself",
    "u": "write the character itself",
}
#: What stands behind `(?`, and what is to be said of it.
GROUPS = {
    "=": "look-ahead is not supported",
    "!": "look-ahead is not supported",
    "<": "look-behind and names of groups are not supported; groups are counted",
    "P": "names of groups are not supported; groups are counted",
    ">": "atomic groups are not supported",
}
_FLAGS = "flags are not supported; for both cases write x.lower(), for lines take what is between line feeds: [^\\n]"
_REPEAT = re.compile(r"[*+?]|\{([0-9]+)(,?)([0-9]*)\}")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class Pattern(NamedTuple):
    """What is known of a pattern: how many groups it has, and whether it can match where there is nothing."""

    groups: int
    may_be_empty: bool


class _Part(NamedTuple):
    """A part of a pattern: whether it can match nothing, and how often its innermost part is repeated at most."""

    may_be_empty: bool
    repeats: int


def pattern_of(text: str) -> Pattern:
    r"""The pattern that a text is.

    Raises:
        DefinitionError: it is none.
        UnsupportedError: engines differ on it; the message says where and what.

    >>> pattern_of(r"^(\d{4})-\d\d$")
    Pattern(groups=1, may_be_empty=False)
    """
    return _Reader(text).pattern()


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._groups, self._nested = text, 0, 0, 0

    def pattern(self) -> Pattern:
        """The whole text."""
        if len(self._text) > MOST_CHARACTERS:
            msg = f"a pattern has at most {MOST_CHARACTERS:,} characters, found {len(self._text):,}"
            raise UnsupportedError(msg)
        part = self._choices()
        if self._at < len(self._text):
            raise self._wrong(self._at, "a bracket closes that was not opened; write \\)")
        return Pattern(self._groups, part.may_be_empty)

    @property
    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, count: int = 1) -> str:
        self._at += count
        return self._text[self._at - count : self._at]

    def _choices(self) -> _Part:
        """Parts between `|`."""
        parts = [self._sequence()]
        while self._next == "|":
            self._take()
            parts.append(self._sequence())
        return _Part(any(part.may_be_empty for part in parts), max(part.repeats for part in parts))

    def _sequence(self) -> _Part:
        """Parts one after the other."""
        parts = [_Part(may_be_empty=True, repeats=1)]
        while self._next and self._next not in "|)":
            parts.append(self._repeated())
        return _Part(all(part.may_be_empty for part in parts), max(part.repeats for part in parts))

    def _repeated(self) -> _Part:
        """A part and how often it is there."""
        start = self._at
        part = self._single()
        found = _REPEAT.match(self._text, self._at)
        if found is None:
            return part
        least, most = self._counts(found)
        if part.may_be_empty:
            raise self._refused(self._at, "a repetition of what may be empty is not supported; engines count it apart")
        self._take(len(found[0]) + (self._text[found.end() : found.end() + 1] == "?"))
        if _REPEAT.match(self._text, self._at):
            raise self._refused(self._at, "a repetition of a repetition is not supported; put the inner one in (?:...)")
        repeats = part.repeats * max(most, 1)
        if repeats > MOST_REPEATS:
            raise self._refused(start, f"a part may be repeated {MOST_REPEATS:,} times at most")
        return _Part(least == 0, repeats)

    def _counts(self, found: re.Match[str]) -> tuple[int, int]:
        """How often a part is there at least; and at most, 1 where there is no end."""
        if found[0] in "*+?":
            return int(found[0] == "+"), 1
        least = int(found[1])
        most = int(found[3]) if found[3] else least
        if most < least:
            raise self._wrong(found.start(), f"{found[0]}: the second number is below the first")
        return least, most

    def _single(self) -> _Part:
        """One character, class, anchor or group."""
        start, found = self._at, self._take()
        if found in "*+?":
            raise self._wrong(start, "nothing is there to repeat")
        if found in "{}]":
            raise self._wrong(start, f"write \\{found} for the character")
        if found in "^$":
            return _Part(may_be_empty=True, repeats=1)
        if found == "(":
            return self._group()
        if found == "[":
            self._class(start)
        elif found == "\\":
            self._escaped(start)
        return _Part(may_be_empty=False, repeats=1)

    def _group(self) -> _Part:
        """What stands in brackets, of which the first was taken."""
        start = self._at - 1
        if self._next == "?":
            self._take()
            kind = self._take()
            if kind != ":":
                raise self._refused(start, GROUPS.get(kind, _FLAGS))
        else:
            self._groups += 1
        part = self._within(start)
        if self._take() != ")":
            raise self._wrong(start, "the bracket is not closed")
        return part

    def _within(self, start: int) -> _Part:
        """What a group holds."""
        self._nested += 1
        if self._nested > MOST_NESTED:
            raise self._refused(start, f"groups within groups are {MOST_NESTED} deep at most")
        part = self._choices()
        self._nested -= 1
        return part

    def _escaped(self, start: int) -> bool:
        """What a backslash makes of the next character: whether it is a class."""
        found = self._take()
        if found in CLASSES:
            return True
        if not found or not (found in CONTROLS or found in _PUNCTUATION):
            reason = ESCAPES.get(found, "it means nothing, or not the same everywhere; write the character itself")
            raise self._refused(start, f"\\{found}: {reason}")
        return False

    def _class(self, start: int) -> None:
        """A class, of which the first bracket was taken."""
        if self._next == "^":
            self._take()
        first = self._at
        while self._next and self._next != "]":
            self._member(self._at == first)
        if not self._next:
            raise self._wrong(start, "the class is not closed")
        if self._at == first:
            raise self._wrong(start, "the class has no characters; write \\] for the bracket")
        self._take()

    def _member(self, is_first: bool) -> None:
        """A character of a class, or a range of them."""
        start, low = self._at, self._character()
        if self._text[start] == "-" and not is_first and self._next != "]":
            raise self._wrong(start, "write \\- for the character")
        if self._next != "-" or self._text[self._at + 1 : self._at + 2] in {"]", ""}:
            return
        self._take()
        high = self._character()
        if low is None or high is None or high < low:
            raise self._wrong(start, f"{self._text[start : self._at]} is no range")

    def _character(self) -> str | None:
        """One character of a class, itself; None for a class within it."""
        start, found = self._at, self._take()
        if found == "[":
            raise self._refused(start, "classes within classes, as of POSIX, are not supported; write \\[")
        if found != "\\":
            return found
        is_class = self._escaped(start)
        escaped = self._text[self._at - 1]
        return None if is_class else {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}.get(escaped, escaped)

    def _wrong(self, at: int, reason: str) -> DefinitionError:
        return DefinitionError(f"{self._place(at)}: {reason}")

    def _refused(self, at: int, reason: str) -> UnsupportedError:
        return UnsupportedError(f"{self._place(at)}: {reason}")

    def _place(self, at: int) -> str:
        return f"pattern {self._text!r}, character {at + 1}"
