"""Where a text is no SQL that a feature or a spine can be, and why, in words for whoever wrote it.

The parser's own messages underline by codes of the terminal, and name classes of its own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from headrace.errors import did_you_mean

#: The dialect of the texts: what DuckDB reads, within what can be planned (docs/decisions/0005-sql.md).
DIALECT = "duckdb"
#: What a query begins with.
FIRST_WORDS = ("SELECT", "WITH")
SET_OPERATIONS = frozenset({TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT})
#: How the tokenizer names an opening quote that nothing closes, and its offset.
_UNCLOSED = re.compile(r"Missing (.+) from \d+:(\d+)")
#: What the parser says for its own developers: classes of nodes, and a token's fields.
_ABSENT, _INSTEAD = re.compile(r"Required keyword: .* missing for <class .*>"), re.compile(r" but got <Token .*>")


def fault_of(text: str, error: SqlglotError) -> tuple[int, str]:
    """The offset of what the parser stumbled over in a text, and what is wrong there.

    >>> try:
    ...     sqlglot.parse_one("SELEC * FROM t", read=DIALECT)
    ... except SqlglotError as error:
    ...     fault_of("SELEC * FROM t", error)
    (0, "a query cannot begin with 'SELEC'; did you mean 'SELECT'?")
    """
    if isinstance(error, ParseError):
        return misread_at(text) or (_stumble(text, error) if error.errors else _absent(text))
    found = _UNCLOSED.fullmatch(str(error.__cause__))
    return (int(found[2]), f"nothing closes this {found[1]}") if found else (0, "a quote or a comment is not closed")


def misread_at(text: str) -> tuple[int, str] | None:
    """The first word and what is wrong with it, where it is no word of SQL at all; None where it is one."""
    first = next(iter(sqlglot.tokenize(text, read=DIALECT)), None)
    if first is None or first.token_type is not TokenType.VAR:
        return None
    hint = did_you_mean(first.text.upper(), FIRST_WORDS)
    return first.start, f"a query cannot begin with {first.text!r}; {hint}"


def statements_of(text: str) -> list[exp.Expr]:
    """The statements of a text, without a comment behind the last `;`, which is one to the parser. SqlglotError: a
    fault of it.

    >>> [type(one).__name__ for one in statements_of("SELECT 1; VALUES (2); -- all")]
    ['Select', 'Values']
    """
    with unwarned():
        parsed = sqlglot.parse(text, read=DIALECT)
    return [found for found in parsed if found is not None and not isinstance(found, exp.Semicolon)]


@contextmanager
def unwarned() -> Iterator[None]:
    """Keep to itself what the parser logs of a statement that it does not know: whoever parses refuses it in words."""
    parser = logging.getLogger("sqlglot")

    def is_told(_: logging.LogRecord) -> bool:
        return False

    parser.addFilter(is_told)
    try:
        yield
    finally:
        parser.removeFilter(is_told)


def beyond_select(text: str, statements: Sequence[exp.Expr]) -> int:
    """The offset of what makes a text more, or other, than one SELECT.

    >>> [beyond_select(text, sqlglot.parse(text)) for text in ("SELECT 1 UNION SELECT 2", "SELECT 1; SELECT 2")]
    [9, 10]
    """
    words = list(sqlglot.tokenize(text, read=DIALECT))
    if len(statements) > 1:
        _, second, *_ = _first_words(words)
        return second.start
    if isinstance(statements[0] if statements else None, exp.SetOperation):
        return next(word.start for word in _outermost(words) if word.token_type in SET_OPERATIONS)
    return words[0].start if words else 0


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a character, both from 1.

    >>> line_and_column("SELECT\\n  x", 9)
    (2, 3)
    """
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _absent(text: str) -> tuple[int, str]:
    """Where there should be a statement: the parser names no place where it found none, as in a comment."""
    first = next(iter(sqlglot.tokenize(text, read=DIALECT)), None)
    missing = "there is no statement" if first is None else f"there is no statement before {first.text!r}"
    return first.start if first else 0, f"{missing}; a query begins with {' or '.join(FIRST_WORDS)}"


def _stumble(text: str, error: ParseError) -> tuple[int, str]:
    """What the parser says of a place: it names the column of the end of the words there."""
    first = error.errors[0]
    before = text.split("\n")[: first["line"] - 1]
    word = first["highlight"] or ""
    offset = sum(len(line) + 1 for line in before) + max(0, int(first["col"]) - len(word))
    reason = _INSTEAD.sub("", _ABSENT.sub("Something is missing", first["description"]))
    hint = '; names are quoted by "' if "`" in text else ""
    return offset, f"{reason}, found {word!r}{hint}"


def _first_words(words: Sequence[Token]) -> Iterator[Token]:
    """The first word of each statement."""
    begins = True
    for word in words:
        ends = word.token_type is TokenType.SEMICOLON
        if begins and not ends:
            yield word
        begins = ends


def _outermost(words: Sequence[Token]) -> Iterator[Token]:
    """The words that are in no brackets."""
    depth = 0
    for word in words:
        depth += (word.token_type is TokenType.L_PAREN) - (word.token_type is TokenType.R_PAREN)
        if not depth:
            yield word
