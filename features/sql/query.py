"""A SELECT over one source as the aggregates that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.aggregate import Aggregate, Ratio
from headrace.features.sql.aggregates import aggregate
from headrace.features.sql.frame import resolved, window_of
from headrace.features.sql.rows import Tables, rows_of
from headrace.features.sql.rules.common import name_of
from headrace.features.sql.script import RefusalError, judged
from headrace.features.sql.shape import check_shape
from headrace.features.sql.syntax import DIALECT
from headrace.features.window import Window, WindowSpec

#: An aggregate with its window.
Found = tuple[Any, Window | None]


@dataclass(frozen=True, slots=True)
class Selected:
    """An aggregate of a query: its node, its alias if it has one, and its window (None: all of the past)."""

    node: exp.Expr
    alias: exp.Identifier | None
    aggregate: Aggregate | Ratio
    window: Window | None


class Query:
    """A SELECT over the rows of a source."""

    def __init__(self, select: exp.Select, tables: Tables) -> None:
        self._select, self._source = select, tables.source
        check_shape(select)
        self._rows = rows_of(select, tables)
        self._reader = self._rows.reader

    def over(self) -> tuple[Selected, ...]:
        """The aggregates of a query in which each has a window of its own, `OVER (...)`."""
        group = self._select.args.get("group")
        if group is not None:
            msg = "each feature of a .sql file has its own window; write OVER (PARTITION BY ...) in place of GROUP BY"
            raise RefusalError(group, UnsupportedError(msg))
        named = _named(self._select)
        return self._selected(lambda node: self._windowed(node, named))

    def grouped(self, windowed: bool) -> Selected:
        """The one aggregate of a query with GROUP BY; whoever names the windows says whether it has any."""
        group = self._select.args.get("group")
        if group is None or not group.expressions:
            msg = "expected GROUP BY with the keys of the entity"
            raise RefusalError(self._select, DefinitionError(msg))
        keys = [self._key(node) for node in group.expressions]
        found = self._selected(lambda node: self._of_group(node, keys, windowed))
        if len(found) != 1:
            raise RefusalError(self._select, DefinitionError(f"expected one aggregate, found {len(found)}"))
        return found[0]

    def _selected(self, of: Callable[[exp.Expr], Found]) -> tuple[Selected, ...]:
        """All items of SELECT but plain columns, which must be keys of one of the others."""
        items = self._select.expressions
        plain = [item for item in items if isinstance(item, exp.Column)]
        found = tuple(self._item(item, of) for item in items if not isinstance(item, exp.Column))
        if not found:
            raise RefusalError(self._select, DefinitionError("no feature; expected an aggregate such as count(*)"))
        keys = {key.name for one in found for key in one.aggregate.keys}
        for column in plain:
            if self._key(column) not in keys:
                msg = f"{self._key(column)!r} is neither aggregated nor a key of a feature"
                raise RefusalError(column, DefinitionError(msg))
        return found

    def _item(self, item: exp.Expr, of: Callable[[exp.Expr], Found]) -> Selected:
        """One item of SELECT that is no plain column."""
        node = item.unalias()
        return Selected(node, item.args.get("alias"), *self._ratio(node, of))

    def _ratio(self, node: exp.Expr, of: Callable[[exp.Expr], Found]) -> Found:
        """One aggregate, or the ratio of two over the same window."""
        if isinstance(node, exp.Paren):
            return self._ratio(node.this, of)
        if not isinstance(node, exp.Div):
            return of(node)
        (numerator, window), (denominator, other) = (self._ratio(side, of) for side in (node.this, node.expression))
        if window != other:
            raise RefusalError(node, DefinitionError("a ratio is of two aggregates over the same window"))
        return judged(node, lambda: numerator / denominator), window

    def _windowed(self, node: exp.Expr, named: Mapping[str, exp.Window]) -> Found:
        """An aggregate with its window."""
        if not isinstance(node, exp.Window):
            msg = (
                "expected an aggregate with a window: count(*) OVER (PARTITION BY key ORDER BY time RANGE BETWEEN ...)"
            )
            raise RefusalError(node, DefinitionError(msg))
        frame = resolved(node, named)
        keys = [self._key(key) for key in frame.args.get("partition_by") or []]
        window = window_of(frame, self._source.event_time)
        self._key(frame.args["order"].expressions[0].this)
        return self._aggregate(node.this, keys, windowed=window is not None), window

    def _of_group(self, node: exp.Expr, keys: list[str], windowed: bool) -> Found:
        """An aggregate of a query with GROUP BY."""
        if isinstance(node, exp.Window):
            msg = "windows are named by .over('1h') in the view; write GROUP BY in place of OVER (...)"
            raise RefusalError(node, UnsupportedError(msg))
        return self._aggregate(node, keys, windowed), None

    def _aggregate(self, node: exp.Expr, keys: list[str], windowed: bool) -> Aggregate:
        """An aggregate, which may have a FILTER of its own."""
        rows, call = self._rows, node
        if isinstance(node, exp.Filter):
            rows, call = rows.where(node.expression.this), node.this
        grouped = judged(call, lambda: rows.stream.groupby(keys))
        return aggregate(self._reader, call, grouped.window(WindowSpec()) if windowed else grouped)

    def _key(self, node: exp.Expr) -> str:
        """The name of a column that is a key."""
        if not isinstance(node, exp.Column):
            msg = f"a key must be a column, found {node.sql(dialect=DIALECT)}; add it to the source"
            raise RefusalError(node, UnsupportedError(msg))
        self._reader.read(node)
        name, *fields = self._reader.names(node)
        if fields:
            msg = f"{node.sql(dialect=DIALECT)} is a field of a struct, and a key or time is a column of its own"
            raise RefusalError(node, UnsupportedError(msg))
        return name


def _named(select: exp.Select) -> dict[str, exp.Window]:
    """The windows of the WINDOW clause by name; each has one."""
    found: dict[str, exp.Window] = {}
    for window in select.args.get("windows") or []:
        name = name_of(window.this)
        if name in found:
            msg = f"window {name!r} is there twice; give one of them another name"
            raise RefusalError(window, DefinitionError(msg))
        found[name] = window
    return found
