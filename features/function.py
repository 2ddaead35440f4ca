"""A user's function as a value: its source and what it returns, all that a worker needs to run it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

#: What becomes of a row on which the function raises.
DEAD_LETTER, FAIL = "dead_letter", "fail"
ON_ERROR = (DEAD_LETTER, FAIL)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the user's file as written, and the line on which it begins."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A function of Arrow arrays, with those statements of its file that it needs.

    Attributes:
        returns: the type of its values, in the language's name.
        on_error: `dead_letter` or `fail`.
        parameters: the names of its arguments.
        file: the user's file, for errors.
        statements: in the order of the file; running them defines the function.
    """

    name: str
    returns: str
    on_error: str
    parameters: tuple[str, ...]
    file: str
    statements: tuple[Statement, ...]

    @property
    def reference(self) -> str:
        """Its name and 16 hex digits of a SHA-256 of whatever decides its values; where it stands decides nothing.

        >>> here = UserFunction("one", "int", "fail", ("x",), "a.py", (Statement(1, "def one(x): return x"),))
        >>> there = UserFunction("one", "int", "fail", ("x",), "b.py", (Statement(9, "def one(x): return x"),))
        >>> here.reference == there.reference
        True
        """
        texts = [statement.text for statement in self.statements]
        contents = json.dumps([self.name, self.returns, self.on_error, texts])
        return f"{self.name}@{hashlib.sha256(contents.encode()).hexdigest()[:16]}"

    @property
    def source(self) -> str:
        """The statements as a text in which each is on its own line, so that an error names the user's line."""
        lines: list[str] = []
        for statement in self.statements:
            lines += [""] * (statement.line - 1 - len(lines)) + lines_of(statement.text)
        return "\n".join(lines) + "\n"


def lines_of(text: str) -> list[str]:
    """The lines of a source as Python counts them: `str.splitlines` ends one at a form feed too.

    >>> lines_of("a = 1\\x0c\\r\\nb = 2")
    ['a = 1\\x0c', 'b = 2']
    """
    return re.split(r"\r\n|\r|\n", text)
