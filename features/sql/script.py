"""A text of SQL with its place in the user's files, so that every refusal names a line and a column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlglot
from sqlglot import exp

from headrace.errors import DefinitionError, HeadraceError
from headrace.features.place import Place

#: The dialect of the texts: what DuckDB reads, within what can be planned (docs/decisions/0005-sql.md).
DIALECT = "duckdb"
T = TypeVar("T")


class RefusalError(Exception):
    """What is wrong with one node of a query; `Script.located` says where that is."""

    def __init__(self, node: exp.Expr, reason: Exception) -> None:
        super().__init__(str(reason))
        self.node, self.reason = node, reason


@dataclass(frozen=True, slots=True)
class Script:
    """SQL text that begins at a place of a file. Without a column the text was computed: its lines are its own.

    >>> Script("SELECT\\n  x", Place("f.sql", 3, 1)).at(9)
    'f.sql:4:3'
    >>> Script("SELECT\\n  x", Place("f.py", 3)).at(9)
    'f.py:3: line 2:3 of its SQL'
    """

    text: str
    where: Place

    def place(self, offset: int) -> Place:
        """Where a character of the text is; lines after the first begin at column 1 of the file."""
        line, column = self._position(offset)
        if not self.where.column:
            return self.where
        return Place(self.where.file, self.where.line + line - 1, column + (self.where.column - 1) * (line == 1))

    def at(self, offset: int) -> str:
        """The same for an error, with the text's own line and column where the file's are not known."""
        line, column = self._position(offset)
        return str(self.place(offset)) if self.where.column else f"{self.where}: line {line}:{column} of its SQL"

    def place_of(self, node: exp.Expr) -> Place:
        """Where a node begins."""
        return self.place(start_of(node))

    def query(self) -> exp.Select:
        """The one SELECT of the text; DefinitionError, with its place, when it is anything else."""
        try:
            statements = [found for found in sqlglot.parse(self.text, read=DIALECT) if found is not None]
        except sqlglot.errors.ParseError as error:
            first = error.errors[0]
            hint = '; names are quoted by "' if "`" in self.text else ""
            msg = f"{self.at(self._offset(first))}: {first['description']}, found {first['highlight']!r}{hint}"
            raise DefinitionError(msg) from error
        except sqlglot.errors.SqlglotError as error:
            msg = f"{self.at(0)}: {error.__cause__ or error}"
            raise DefinitionError(msg) from error
        if len(statements) != 1 or not isinstance(statements[0], exp.Select):
            found = " and ".join(statement.key.upper() for statement in statements) or "nothing"
            msg = f"{self.at(0)}: expected one SELECT, found {found}"
            raise DefinitionError(msg)
        return statements[0]

    @contextmanager
    def located(self, name: str = "") -> Iterator[None]:
        """Give what is refused inside its place, and the name of what it belongs to."""
        try:
            yield
        except RefusalError as refusal:
            kind = type(refusal.reason) if isinstance(refusal.reason, HeadraceError) else DefinitionError
            msg = f"{self.at(start_of(refusal.node))}: {name and f'{name}: '}{refusal.reason}"
            raise kind(msg) from refusal.reason

    def _position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)

    def _offset(self, error: dict[str, Any]) -> int:
        """Where the words begin that a parser's error is about: it names the column of their end."""
        before: list[str] = self.text.split("\n")[: error["line"] - 1]
        return sum(len(line) + 1 for line in before) + max(0, int(error["col"]) - len(error["highlight"] or ""))


def start_of(node: exp.Expr) -> int:
    """The offset of a node's first word. What has no words of its own begins where the node around it does."""
    starts = [found.meta["start"] for found in node.walk() if "start" in found.meta]
    if starts or node.parent is None:
        return min(starts, default=0)
    return start_of(node.parent)


def judged(node: exp.Expr, act: Callable[[], T]) -> T:
    """What `act` gives; what it raises is refused at the node, unless a node inside was named already."""
    try:
        return act()
    except RefusalError:
        raise
    except Exception as error:
        raise RefusalError(node, error) from error
