"""The rows that a query reads: its source's, or those that subqueries and WITH filter and derive columns of.

A chain of them is the stream that Python's `tx[condition]` and `assign` would give, so it is the same plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError, did_you_mean
from headrace.features.coercion import type_of
from headrace.features.dimension import Dimension, DimensionSchema
from headrace.features.dimension_table import DimensionTable
from headrace.features.source import SourceSchema
from headrace.features.sql.expressions import Reader
from headrace.features.sql.frame import interval_of
from headrace.features.sql.rules.common import name_of
from headrace.features.sql.script import RefusalError, judged
from headrace.features.sql.syntax import DIALECT
from headrace.features.stream import Stream, columns_of, with_columns

WINDOWED_TABLES = "a feature's window ends when it is asked, not at fixed marks; write OVER (... RANGE BETWEEN ...)"
#: What a subquery has not: it gives a row for a row.
GROUPING = {"group": "GROUP BY", "windows": "WINDOW"}
#: What a join must say: each row stays, with the version that was in effect, or with the row of a look-up table.
AS_OF, LOOK_UP = {"method": "ASOF", "side": "LEFT"}, {"side": "LEFT"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that a FROM names, and the names that may stand in front of their columns, and of those of dimensions."""

    stream: Stream
    tables: frozenset[str]
    joined: frozenset[str] = frozenset()

    @property
    def reader(self) -> Reader:
        """Reads expressions over the rows."""
        return Reader(self.stream, self.tables, self.joined)

    def where(self, condition: exp.Expr) -> Rows:
        """The rows for which a condition holds too."""
        value = self.reader.read(condition)
        if not value.type().is_boolean():
            msg = f"expected a condition, found an expression of type {type_of(value.type())}"
            raise RefusalError(condition, ColumnTypeError(msg))
        return replace(self, stream=judged(condition, lambda: self.stream[value]))


@dataclass(frozen=True, slots=True)
class Tables:
    """What FROM may name: the source, by one of some names, dimensions and queries of WITH, by theirs in lower case."""

    source: SourceSchema
    names: tuple[str, ...]
    dimensions: Mapping[str, type[Dimension]] = field(default_factory=dict)
    queries: Mapping[str, Stream] = field(default_factory=dict)


def rows_of(select: exp.Select, tables: Tables) -> Rows:
    """The rows of a SELECT, joined to its dimensions, that WHERE lets in."""
    for query in select.ctes:
        tables = replace(tables, queries={**tables.queries, query.alias.lower(): _derived(query.this, tables)})
    rows = _from(select, tables)
    for join in select.args.get("joins") or []:
        rows = _joined(rows, join, tables)
    where = select.args.get("where")
    return rows if where is None else rows.where(where.this)


def _from(select: exp.Select, tables: Tables) -> Rows:
    """What FROM names: a subquery, a query of WITH, or the source."""
    clause = select.args.get("from_")
    table = None if clause is None else clause.this
    if isinstance(table, exp.Subquery):
        own = frozenset({table.alias.lower()} if table.alias else ())
        return Rows(_derived(table.this, tables), own)
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
        reason = WINDOWED_TABLES if isinstance(table, exp.Table) else f"expected FROM {tables.names[0]}"
        raise RefusalError(table or select, UnsupportedError(f"a feature reads its source alone; {reason}"))
    name, own = table.name.lower(), frozenset({table.name.lower(), table.alias_or_name.lower()})
    if name in tables.queries and not table.args.get("db"):
        return Rows(tables.queries[name], own)
    if name not in {one.lower() for one in tables.names} or table.args.get("db"):
        hint = did_you_mean(table.name, [*tables.names, *tables.queries])
        raise RefusalError(table, DefinitionError(f"FROM {table.sql(dialect=DIALECT)}: not the source; {hint}"))
    return Rows(Stream.of(tables.source), own)


def _joined(rows: Rows, join: exp.Join, tables: Tables) -> Rows:
    """The rows with the columns of a dimension, under the name that the join gives it and a point."""
    table = join.this
    dimension = tables.dimensions.get(table.name.lower()) if isinstance(table, exp.Table) else None
    said = _kind_of(join)
    if said not in (AS_OF, LOOK_UP):
        msg = (
            "JOIN is not supported in features; a feature reads one source, and keeps its rows: it may ASOF LEFT JOIN "
        )
        raise RefusalError(join, UnsupportedError(msg + "dimensions, and LEFT JOIN look-up tables"))
    if dimension is None:
        msg = f"{table.sql(dialect=DIALECT)} is no dimension; {did_you_mean(table.name, known_names(tables))}"
        raise RefusalError(table, DefinitionError(msg))
    _check_kind(join, dimension.schema.table, said)
    alias = table.alias_or_name.lower()
    by = _by(join, alias, dimension.schema, tables.source.event_time, rows.tables - {alias})
    verb = rows.stream.asof_join if dimension.schema.table.is_versioned else rows.stream.lookup
    stream = judged(table, lambda: verb(dimension, by=by, prefix=f"{alias}."))
    return replace(rows, stream=stream, joined=rows.joined | {alias})


def known_names(tables: Tables) -> list[str]:
    """The names of the dimensions, as they are written."""
    return [dimension.__name__ for dimension in tables.dimensions.values()]


def _kind_of(join: exp.Join) -> dict[str, Any]:
    """The words in front of JOIN, and whatever else it has but ON; OUTER says nothing beside LEFT."""
    said = {name: value for name, value in join.args.items() if name not in {"this", "on"} and value}
    if said.get("side") == "LEFT" and said.get("kind") == "OUTER":
        del said["kind"]
    return said


def _check_kind(join: exp.Join, table: DimensionTable, said: Mapping[str, Any]) -> None:
    """Refuse a plain join of versions, of which a row would see all, and an as-of join of what has no time."""
    if said == LOOK_UP and table.is_versioned:
        msg = f"{table.name} has an event time, {table.event_time}, so its rows are versions: write ASOF LEFT JOIN"
        raise RefusalError(join, UnsupportedError(msg))
    if said == AS_OF and not table.is_versioned:
        msg = f"{table.name} has no event time, so its rows are no versions: write LEFT JOIN"
        raise RefusalError(join, UnsupportedError(msg))


def _by(join: exp.Join, alias: str, dimension: DimensionSchema, event_time: str, source: Collection[str]) -> list[str]:
    """The columns of the source, by one of its names or none, that hold the key of a dimension.

    What stands behind ON must be the join and no more.
    """
    condition = join.args.get("on")
    found = [_source_first(one, alias) for one in _conjuncts(condition)]
    keys = {one.expression.name.lower(): one.this.name for one in found if isinstance(one, exp.EQ)}
    by = [keys.get(key.lower(), key) for key in dimension.table.key]
    expected = conditions_of(dimension.table, alias, by, event_time)
    if {_plain(one) for one in found} != {_plain(one) for one in expected}:
        text = " AND ".join(one.sql(dialect=DIALECT) for one in expected)
        raise RefusalError(condition or join, DefinitionError(f"expected ON {text}"))
    for one in found:
        _check_source(one.this, source)
    return by


def _conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """The conditions that AND joins, without parentheses; none without a condition."""
    plain = None if condition is None else condition.unnest()
    if isinstance(plain, exp.And):
        return [*_conjuncts(plain.this), *_conjuncts(plain.expression)]
    return [] if plain is None else [plain]


def _check_source(column: exp.Expr, source: Collection[str]) -> None:
    """Refuse a column of anything but the source on its side of a condition."""
    if not isinstance(column, exp.Column) or column.table.lower() in {"", *source}:
        return
    msg = f"{column.sql(dialect=DIALECT)}: {column.table!r} is not the source, and a join by what another join looked "
    msg += f"up is not supported; {did_you_mean(column.table, source)}"
    raise RefusalError(column, DefinitionError(msg))


def conditions_of(
    dimension: DimensionTable, alias: str, by: Sequence[str], event_time: str, source: str | None = None
) -> list[exp.Expr]:
    """What stands behind ON: the key, and that a version is in effect; columns of `source` with its name in front.

    >>> table = DimensionTable("Shops", "iceberg", "ref.shops", ("shop",), "since", 600_000_000)
    >>> [one.sql("duckdb") for one in conditions_of(table, "s", ["place"], "ts")]
    ['place = s.shop', "ts >= s.since + INTERVAL '10' MINUTE"]
    """
    keys = [
        exp.EQ(this=exp.column(own, table=source), expression=exp.column(key, table=alias))
        for own, key in zip(by, dimension.key, strict=True)
    ]
    if dimension.event_time is None:
        return list(keys)
    since: exp.Expr = exp.column(dimension.event_time, table=alias)
    if dimension.delay_us:
        since = exp.Add(this=since, expression=interval_of(dimension.delay_us))
    return [*keys, exp.GTE(this=exp.column(event_time, table=source), expression=since)]


def _source_first(condition: exp.Expr, alias: str) -> exp.Expr:
    """An equation with the source's column on the left, as either side may be written first."""
    if not isinstance(condition, exp.EQ) or not isinstance(condition.this, exp.Column):
        return condition
    if condition.this.table.lower() != alias:
        return condition
    return exp.EQ(this=condition.expression.copy(), expression=condition.this.copy())


def _plain(condition: exp.Expr) -> str:
    """A condition as text, whatever stands in front of the source's own column."""
    copy = condition.copy()
    if isinstance(copy.this, exp.Column):
        copy.this.set("table", None)
    return copy.sql(dialect=DIALECT).lower()


def _derived(query: exp.Expr, tables: Tables) -> Stream:
    """The rows of a subquery, with the columns that it selects."""
    if not isinstance(query, exp.Select):
        raise RefusalError(query, UnsupportedError("a subquery is one SELECT; sources are united in Python"))
    for part, word in GROUPING.items():
        if query.args.get(part):
            msg = f"{word} in a subquery is not supported in features; it filters rows and derives columns"
            raise RefusalError(query, UnsupportedError(msg))
    rows = rows_of(query, tables)
    columns: dict[str, Any] = {}
    for item in query.expressions:
        for name, value in _selected(item, rows).items():
            _check_name(item, name, value, columns, tables.source)
            columns[name] = value
    return with_columns(rows.stream, columns)


def _selected(item: exp.Expr, rows: Rows) -> dict[str, Any]:
    """The columns that an item of SELECT is."""
    node = item.unalias()
    if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
        if rows.joined:
            msg = "* beside a join would have columns of one name; name those that are wanted"
            raise RefusalError(item, UnsupportedError(msg))
        return dict(columns_of(rows.stream))
    alias = item.args.get("alias")
    if alias is not None:
        return {name_of(alias): rows.reader.read(node)}
    parts = rows.reader.names(node) if isinstance(node, exp.Column) else []
    if len(parts) != 1:
        msg = f"{node.sql(dialect=DIALECT)} has no name; write {node.sql(dialect=DIALECT)} AS name"
        raise RefusalError(item, DefinitionError(msg))
    return {parts[0].rpartition(".")[2]: rows.reader.read(node)}


def _check_name(item: exp.Expr, name: str, value: Any, columns: Mapping[str, Any], source: SourceSchema) -> None:
    """Refuse a name that is there twice, and the name of a column of the source for anything else."""
    if name in columns:
        raise RefusalError(item, DefinitionError(f"{name!r} is selected twice; give one of them another name"))
    own = columns_of(Stream.of(source))
    if name in own and not value.equals(own[name]):
        msg = f"{name!r} is another column of {source.name}; give what is derived another name"
        raise RefusalError(item, DefinitionError(msg))
