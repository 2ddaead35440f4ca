"""The rows that a query reads: its source's, or those that subqueries and WITH filter and derive columns of.

A chain of them is the stream that Python's `tx[condition]` and `assign` would give, so it is the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError, did_you_mean
from headrace.features.coercion import type_of
from headrace.features.source import SourceSchema
from headrace.features.sql.expressions import Reader
from headrace.features.sql.rules.common import name_of
from headrace.features.sql.script import DIALECT, RefusalError, judged
from headrace.features.stream import Stream, columns_of, with_columns

WINDOWED_TABLES = "a feature's window ends when it is asked, not at fixed marks; write OVER (... RANGE BETWEEN ...)"
#: What a subquery has not: it gives a row for a row.
GROUPING = {"group": "GROUP BY", "windows": "WINDOW"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that a FROM names, and the names that may stand in front of their columns."""

    stream: Stream
    tables: frozenset[str]

    @property
    def reader(self) -> Reader:
        """Reads expressions over the rows."""
        return Reader(self.stream, self.tables)

    def where(self, condition: exp.Expr) -> Rows:
        """The rows for which a condition holds too."""
        value = self.reader.read(condition)
        if not value.type().is_boolean():
            msg = f"expected a condition, found an expression of type {type_of(value.type())}"
            raise RefusalError(condition, ColumnTypeError(msg))
        return Rows(judged(condition, lambda: self.stream[value]), self.tables)


def rows_of(
    select: exp.Select, source: SourceSchema, names: tuple[str, ...], known: Mapping[str, Stream] | None = None
) -> Rows:
    """The rows of a SELECT that WHERE lets in; the source is called by one of `names`, queries of WITH are `known`."""
    found = dict(known or {})
    for query in select.ctes:
        found[query.alias.lower()] = _derived(query.this, source, names, found)
    rows = _from(select, source, names, found)
    where = select.args.get("where")
    return rows if where is None else rows.where(where.this)


def _from(select: exp.Select, source: SourceSchema, names: tuple[str, ...], known: Mapping[str, Stream]) -> Rows:
    """What FROM names: a subquery, a query of WITH, or the source."""
    clause = select.args.get("from_")
    table = None if clause is None else clause.this
    if isinstance(table, exp.Subquery):
        own = frozenset({table.alias.lower()} if table.alias else ())
        return Rows(_derived(table.this, source, names, known), own)
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
        reason = WINDOWED_TABLES if isinstance(table, exp.Table) else f"expected FROM {names[0]}"
        raise RefusalError(table or select, UnsupportedError(f"a feature reads its source alone; {reason}"))
    name, tables = table.name.lower(), frozenset({table.name.lower(), table.alias_or_name.lower()})
    if name in known and not table.args.get("db"):
        return Rows(known[name], tables)
    if name not in {one.lower() for one in names} or table.args.get("db"):
        hint = did_you_mean(table.name, [*names, *known])
        raise RefusalError(table, DefinitionError(f"FROM {table.sql(dialect=DIALECT)}: not the source; {hint}"))
    return Rows(Stream.of(source), tables)


def _derived(query: exp.Expr, source: SourceSchema, names: tuple[str, ...], known: Mapping[str, Stream]) -> Stream:
    """The rows of a subquery, with the columns that it selects."""
    if not isinstance(query, exp.Select):
        raise RefusalError(query, UnsupportedError("a subquery is one SELECT; sources are united in Python"))
    for part, word in GROUPING.items():
        if query.args.get(part):
            msg = f"{word} in a subquery is not supported in features; it filters rows and derives columns"
            raise RefusalError(query, UnsupportedError(msg))
    rows = rows_of(query, source, names, known)
    columns: dict[str, Any] = {}
    for item in query.expressions:
        for name, value in _selected(item, rows).items():
            _check_name(item, name, value, columns, source)
            columns[name] = value
    return with_columns(rows.stream, columns)


def _selected(item: exp.Expr, rows: Rows) -> dict[str, Any]:
    """The columns that an item of SELECT is."""
    node = item.unalias()
    if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
        return dict(columns_of(rows.stream))
    alias = item.args.get("alias")
    if alias is not None:
        return {name_of(alias): rows.reader.read(node)}
    parts = rows.reader.names(node) if isinstance(node, exp.Column) else []
    if len(parts) != 1:
        msg = f"{node.sql(dialect=DIALECT)} has no name; write {node.sql(dialect=DIALECT)} AS name"
        raise RefusalError(item, DefinitionError(msg))
    return {parts[0]: rows.reader.read(node)}


def _check_name(item: exp.Expr, name: str, value: Any, columns: Mapping[str, Any], source: SourceSchema) -> None:
    """Refuse a name that is there twice, and the name of a column of the source for anything else."""
    if name in columns:
        raise RefusalError(item, DefinitionError(f"{name!r} is selected twice; give one of them another name"))
    own = columns_of(Stream.of(source))
    if name in own and not value.equals(own[name]):
        msg = f"{name!r} is another column of {source.name}; give what is derived another name"
        raise RefusalError(item, DefinitionError(msg))
