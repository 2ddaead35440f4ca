"""A text of SQL with its place in the user's files, so that every refusal names a line and a column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import sqlglot
from sqlglot import exp

from headrace.errors import DefinitionError, HeadraceError
from headrace.features.place import Place
from headrace.features.sql.syntax import beyond_select, fault_of, line_and_column, misread_at, statements_of

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
        line, column = line_and_column(self.text, offset)
        if not self.where.column:
            return self.where
        return Place(self.where.file, self.where.line + line - 1, column + (self.where.column - 1) * (line == 1))

    def at(self, offset: int) -> str:
        """The same for an error, with the text's own line and column where the file's are not known."""
        line, column = line_and_column(self.text, offset)
        return str(self.place(offset)) if self.where.column else f"{self.where}: line {line}:{column} of its SQL"

    def place_of(self, node: exp.Expr) -> Place:
        """Where a node begins."""
        return self.place(start_of(node))

    def query(self) -> exp.Select:
        """The one SELECT of the text; DefinitionError, with its place, when it is anything else."""
        try:
            statements = statements_of(self.text)
        except sqlglot.errors.SqlglotError as error:
            offset, reason = fault_of(self.text, error)
            msg = f"{self.at(offset)}: {reason}"
            raise DefinitionError(msg) from error
        if len(statements) != 1 or not isinstance(statements[0], exp.Select):
            raise DefinitionError(self._no_select(statements))
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

    def _no_select(self, statements: Sequence[exp.Expr]) -> str:
        """What statements are that are not one SELECT, and where."""
        misread = misread_at(self.text)
        if misread is not None:
            return f"{self.at(misread[0])}: {misread[1]}"
        found = " and ".join(statement.key.upper() for statement in statements) or "nothing"
        return f"{self.at(beyond_select(self.text, statements))}: expected one SELECT, found {found}"


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
