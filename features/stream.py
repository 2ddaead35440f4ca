"""What a transformation's body touches: the stream `tx`, its groups and windows, and the aggregate it ends in.

Every verb returns a new value. Nothing is computed: the aggregate at the end is a description.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.datatypes as dt

from headrace.errors import ColumnTypeError, DefinitionError, UnknownColumnError, UnsupportedError, did_you_mean
from headrace.features.aggregate import AS_IT_IS, FUNCTIONS, LIST_AT_MOST, Aggregate, Written
from headrace.features.coercion import instead
from headrace.features.column import SourceColumn
from headrace.features.dimension import Dimension, DimensionSchema
from headrace.features.expression import to_scalar
from headrace.features.fraction import per_million
from headrace.features.operations.conditions import FIELD_HINT
from headrace.features.operations.lookups import Lookup
from headrace.features.scalar import BOOL, DATE, KEY_TYPES, STRUCT, Scalar, conjunction, is_list
from headrace.features.source import SourceSchema
from headrace.features.window import WindowSpec

IBIS_TYPES = {
    "str": "string",
    "int": "int64",
    "float": "float64",
    "bool": "boolean",
    "datetime": "timestamp('UTC', 6)",
    "date": "date",
}
#: Why a quantile cannot be exact.
ROUNDED = "tiles keep what values round to, so it is within 0.8 %"
#: Why a top_k cannot be asked to be exact.
EXACT_OR_NULL = "it is exact already, or NULL where the different values take more than 32 KiB"
#: Verbs of other libraries, and what they are here.
VERBS_HERE = {
    **dict.fromkeys(("mutate", "with_column", "with_columns"), "tx.assign(name=tx.amt * 2)"),
    **dict.fromkeys(("filter", "where", "query"), "tx[tx.amt > 3]"),
    "group_by": "tx.groupby('key')",
    **dict.fromkeys(("join", "merge"), "tx.asof_join(Dimension) or tx.lookup(Dimension)"),
    **dict.fromkeys(("agg", "aggregate"), "one aggregate a feature, tx.groupby('key')['amt'].window(wspec).mean()"),
}
#: Columns of every tile table, beside the keys.
RESERVED_KEYS = frozenset({"level", "tile_start", "cell", "n", "last_event_time"})


class Stream:
    """The rows of a source: `tx.amt` or `tx["amt"]` is a column, `tx[condition]` keeps rows."""

    def __init__(
        self,
        schema: SourceSchema,
        columns: Mapping[str, Any],
        condition: Scalar | None = None,
        written: Written = AS_IT_IS,
    ) -> None:
        self._schema, self._columns, self._condition, self._written = schema, columns, condition, written

    @classmethod
    def of(cls, schema: SourceSchema) -> Stream:
        """The stream of all rows of a source."""
        table = ibis.table({column.name: ibis_type(column) for column in schema.columns}, name=schema.name.lower())
        return cls(schema, {column.name: table[column.name] for column in schema.columns})

    def __repr__(self) -> str:
        return f"<rows of {self._schema.name}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._column(name)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._column(key)
        condition = conjunction(self._condition, _condition_of(key))
        written = Written((*self._written.conditions, key))
        return Stream(self._schema, self._columns, condition, written)

    def assign(self, **columns: Any) -> Stream:
        """The stream with computed columns: `tx.assign(fee=tx.amt * 0.02)`."""
        for name, value in columns.items():
            if name in self._columns:
                msg = f"assign: {self._schema.name} already has a column {name!r}; choose another name"
                raise DefinitionError(msg)
            to_scalar(value)
        return Stream(self._schema, {**self._columns, **columns}, self._condition, self._written)

    def asof_join(self, dimension: Any, by: str | Sequence[str] | None = None, prefix: str = "") -> Stream:
        """The stream with the columns of a dimension, each of the version that is in effect at the row's event time.

        That is the version of the row's key with the greatest (event time, position) whose event time and the
        dimension's `delay` together are at or before the row's; without one the columns are NULL.

        Args:
            dimension: a class like `class Merchants(Dimension)`.
            by: the source's columns that hold the dimension's key, in its order; by default those of the same names.
            prefix: what the names of the dimension's columns begin with here.

        Raises:
            UnknownColumnError: the source has no such column.
            ColumnTypeError: a column has another type than the key.
            DefinitionError: `dimension` is none or has no event time, `by` has too few or too many columns, or a name
                is taken.
        """
        return self._joined("asof_join", dimension, by, prefix)

    def lookup(self, dimension: Any, by: str | Sequence[str] | None = None, prefix: str = "") -> Stream:
        """The stream with the columns of a look-up table, each of the row that has the row's key.

        Without such a row the columns are NULL. Arguments and errors are those of `asof_join`, which is for dimensions
        with an event time.
        """
        return self._joined("lookup", dimension, by, prefix)

    def _joined(self, verb: str, dimension: Any, by: str | Sequence[str] | None, prefix: str) -> Stream:
        """The stream with the columns of a dimension, which a verb must fit."""
        schema = _dimension_of(verb, dimension)
        keys = self._keys_of(verb, schema, None if by is None else _names(f"{verb}: by", by))
        added = {f"{prefix}{column.name}": _looked_up(schema, column, keys) for column in schema.looked_up}
        if taken := sorted(added.keys() & self._columns.keys()):
            msg = f"{verb}: {taken[0]!r} is a column of {self._schema.name} and of {schema.name}; give those of the "
            msg += f"dimension another name: {verb}({schema.name}, prefix={schema.name.lower() + '_'!r})"
            raise DefinitionError(msg)
        return Stream(self._schema, {**self._columns, **added}, self._condition, self._written)

    def groupby(self, keys: str | Sequence[str]) -> Grouped:
        """The rows per entity: one column's name, or a list of names."""
        names = _names("groupby", keys)
        if not names or len(set(names)) != len(names):
            msg = f"groupby: expected different columns, at least one; found {names!r}"
            raise DefinitionError(msg)
        return Grouped(self, tuple(self._key(name) for name in names), self._condition, written=self._written)

    def _column(self, name: str) -> Any:
        """The expression of a column; UnknownColumnError with a suggestion."""
        if name not in self._columns:
            verb = f"write {VERBS_HERE[name]}" if name in VERBS_HERE else did_you_mean(name, self._columns)
            msg = f"{name!r} is no column of {self._schema.name}; {verb}"
            raise UnknownColumnError(msg)
        return self._columns[name]

    def _keys_of(self, verb: str, dimension: DimensionSchema, by: Sequence[str] | None) -> list[Any]:
        """The columns that hold a dimension's key."""
        names = [key.name for key in dimension.keys] if by is None else by
        if len(names) != len(dimension.keys):
            msg = f"{verb}: by = {by!r}; expected a column for each of the key of {dimension.name}: "
            msg += ", ".join(dimension.table.key)
            raise DefinitionError(msg)
        for name, key in zip(names, dimension.keys, strict=True):
            self._check_join(verb, name, key, dimension)
        return [self._columns[name] for name in names]

    def _check_join(self, verb: str, name: str, key: SourceColumn, dimension: DimensionSchema) -> None:
        """A column of the source that has the type of a dimension's key."""
        found = {column.name: column for column in self._schema.columns}
        if name not in found:
            msg = f"{verb}: {name!r} is no column of {self._schema.name}; {did_you_mean(name, found)}"
            raise UnknownColumnError(msg)
        if found[name].type != key.type:
            msg = f"{verb}: {self._schema.name}.{name} is {found[name].type} and {dimension.name}.{key.name} is "
            msg += f"{key.type}; a key must have one type"
            raise ColumnTypeError(msg)

    def _key(self, name: str) -> SourceColumn:
        """A column of the source that can name an entity."""
        self._column(name)
        found = next((column for column in self._schema.columns if column.name == name), None)
        if found is None or name in RESERVED_KEYS:
            reason = "a computed column" if found is None else "a name of tile tables"
            msg = f"groupby: {name!r} is {reason} and cannot be a key; add it to the source under another name"
            raise UnsupportedError(msg)
        if found.type not in KEY_TYPES:
            msg = f"groupby: {name!r} is {found.type}; a key must be {', '.join(sorted(KEY_TYPES))}"
            msg += "; let the record have the key as a column of its own" if found.fields else ""
            msg += f"; declare it as `{name}: str`, which is its text, 2024-02-29" if found.type == DATE else ""
            raise ColumnTypeError(msg)
        return found


def ibis_type(column: SourceColumn) -> Any:
    """The ibis type of a column.

    >>> str(ibis_type(SourceColumn("tags", "list[str]", fields=(SourceColumn("element", "str"),))))
    'array<string>'
    """
    if column.type == STRUCT:
        return dt.Struct({field.name: ibis_type(field) for field in column.fields})
    return dt.Array(ibis_type(column.fields[0])) if is_list(column.type) else dt.dtype(IBIS_TYPES[column.type])


def columns_of(stream: Stream) -> Mapping[str, Any]:
    """All columns of a stream by name. A method could not have the name of a user's column."""
    return dict(stream._columns)


def with_columns(stream: Stream, columns: Mapping[str, Any]) -> Stream:
    """The rows of a stream with these columns alone."""
    return Stream(stream._schema, columns, stream._condition, stream._written)


def _dimension_of(verb: str, dimension: Any) -> DimensionSchema:
    """The schema of a dimension that a verb joins."""
    if not (isinstance(dimension, type) and issubclass(dimension, Dimension)):
        msg = f"{verb} expects a dimension, such as `class Merchants(Dimension)`, found {dimension!r}"
        raise DefinitionError(msg)
    schema = dimension.schema
    if verb == "asof_join" and not schema.table.is_versioned:
        msg = f"asof_join: {schema.name} has no event time, so its rows are no versions: write lookup({schema.name}), "
        msg += "or mark its column since when a row is valid (`since: datetime = event_time()`)"
        raise DefinitionError(msg)
    if verb == "lookup" and schema.table.is_versioned:
        msg = f"lookup: {schema.name} has an event time, {schema.table.event_time}, so its rows are versions: write "
        raise DefinitionError(msg + f"asof_join({schema.name})")
    return schema


def _names(what: str, given: Any) -> list[str]:
    """The names of columns: one, or several; DefinitionError for anything else."""
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        msg = f"{what} expects a column's name, or a list of names; found {given!r}"
        raise DefinitionError(msg)
    return list(names)


def _looked_up(dimension: DimensionSchema, column: SourceColumn, keys: Sequence[Any]) -> Any:
    """The expression of a dimension's column."""
    result = ibis_type(column)
    return Lookup(dimension.table, column.name, result, tuple(key.op() for key in keys)).to_expr()


def _condition_of(key: Any) -> Scalar:
    """The scalar of a filter; ColumnTypeError unless it is a condition over columns."""
    if not isinstance(key, ibis.expr.types.Value):
        msg = f"tx[...] expects a column's name or a condition such as tx.status == 'failed', found {key!r}"
        if isinstance(key, bool):
            msg += (
                f": so it is whatever the rows are; {FIELD_HINT}; or no column holds what it is compared with, such as "
            )
            msg += "an integer beyond 64 bits"
        raise ColumnTypeError(msg)
    condition = to_scalar(key)
    if condition.type != BOOL:
        msg = f"tx[...] expects a condition, found an expression of type {condition.type}: {condition.text()}"
        raise ColumnTypeError(msg)
    return condition


@dataclass(frozen=True, slots=True, repr=False)
class Grouped:
    """Rows per entity: choose a column with `[...]`, a window with `.window(wspec)`, and end in an aggregate."""

    stream: Stream
    keys: tuple[SourceColumn, ...]
    condition: Scalar | None
    argument: Scalar | None = None
    windowed: bool = False
    written: Written = AS_IT_IS

    def __repr__(self) -> str:
        keys = ", ".join(key.name for key in self.keys)
        return f"<rows of {self.stream._schema.name} by {keys}, without an aggregate such as .count() at its end>"

    def __getitem__(self, choice: Any) -> Grouped:
        value = self.stream[choice] if isinstance(choice, str) else choice
        if not isinstance(value, ibis.expr.types.Value):
            msg = f"[...] after groupby expects a column's name or an expression, found {choice!r}"
            raise ColumnTypeError(msg)
        return replace(self, argument=to_scalar(value), written=replace(self.written, argument=value))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        hint = f"write {VERBS_HERE[name]}" if name in VERBS_HERE else did_you_mean(name, FUNCTIONS)
        msg = f"{name} is no aggregate of a stream; {hint}"
        raise UnsupportedError(msg)

    def window(self, wspec: Any) -> Grouped:
        """Aggregate over the windows that `.over(...)` names; without it, over all of the past."""
        if not isinstance(wspec, WindowSpec):
            msg = f"window expects the transformation's second argument, found {wspec!r}; name widths in .over('1h')"
            raise DefinitionError(msg)
        return replace(self, windowed=True)

    def count(self) -> Aggregate:
        """How many rows, or how many values of the chosen column that are not NULL; 0 for an empty window."""
        return self._aggregate("count")

    def sum(self) -> Aggregate:
        """The sum; NULL for an empty window. Integers beyond BIGINT are an error."""
        return self._aggregate("sum")

    def mean(self) -> Aggregate:
        """The mean as float; NULL for an empty window."""
        return self._aggregate("mean")

    def min(self) -> Aggregate:
        """The least value; NULL for an empty window."""
        return self._aggregate("min")

    def max(self) -> Aggregate:
        """The greatest value; NULL for an empty window."""
        return self._aggregate("max")

    def std(self) -> Aggregate:
        """The sample standard deviation; NULL below two values."""
        return self._aggregate("std")

    def var(self) -> Aggregate:
        """The sample variance; NULL below two values."""
        return self._aggregate("var")

    def first(self) -> Aggregate:
        """The value in the oldest row by event time, partition and offset; it may be NULL."""
        return self._aggregate("first")

    def last(self) -> Aggregate:
        """The value in the newest row by event time, partition and offset; it may be NULL."""
        return self._aggregate("last")

    def last_n(self, n: int) -> Aggregate:
        """The values in the n newest rows, a list with the newest first; they may be NULL. At most 100."""
        return self._list_of("last_n", n)

    def count_distinct(self, *, exact: bool = False) -> Aggregate:
        """How many different values: exact to 4,096, then within 1.6 %; 0 for an empty window. Never `exact` beyond."""
        _refuse_exact("count_distinct", "beyond 4,096 values it is within 1.6 %", exact=exact)
        return self._aggregate("count_distinct")

    def quantile(self, p: float, *, exact: bool = False) -> Aggregate:
        """The value of rank ceil(p n) among n, as float; NULL for an empty window. p is from 0 to 1.

        It is within 0.8 % of a value that was there, or 0 for one 2^32 times smaller than the largest; never `exact`.
        """
        _refuse_exact("quantile", ROUNDED, exact=exact)
        return replace(self._aggregate("quantile"), per_million=(per_million("quantile", p),))

    def quantiles(self, ps: Sequence[float], *, exact: bool = False) -> Aggregate:
        """Several quantiles, a list in the order of `ps`; NULL for an empty window. At most 100."""
        _refuse_exact("quantiles", ROUNDED, exact=exact)
        if not isinstance(ps, list | tuple) or not 1 <= len(ps) <= LIST_AT_MOST:
            msg = f"quantiles({ps!r}): expected a list of 1 to {LIST_AT_MOST} shares, such as [0.5, 0.99]"
            raise DefinitionError(msg)
        return replace(self._aggregate("quantiles"), per_million=tuple(per_million("quantiles", p) for p in ps))

    def median(self, *, exact: bool = False) -> Aggregate:
        """The quantile of 0.5: of an even number of values the lower of the two in the middle."""
        _refuse_exact("median", ROUNDED, exact=exact)
        return self.quantile(0.5)

    def top_k(self, k: int, *, exact: bool = False) -> Aggregate:
        """The k most frequent values, a list; of equally frequent ones the least first. At most 100.

        Counts are exact. NULL for an empty window, and where the different values take more than 32 KiB. `exact` cannot
        be asked for: nothing would differ.
        """
        _refuse_exact("top_k", EXACT_OR_NULL, exact=exact)
        return self._list_of("top_k", k)

    def _list_of(self, function: str, size: int) -> Aggregate:
        """An aggregate that is a list of at most so many values."""
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= LIST_AT_MOST:
            msg = f"{function}({size!r}): expected 1 to {LIST_AT_MOST}"
            raise DefinitionError(msg)
        return replace(self._aggregate(function), size=size)

    def _aggregate(self, function: str) -> Aggregate:
        """The checked aggregate."""
        if self.argument is None and function != "count":
            msg = f"{function}() needs a column, such as .groupby(...)['column'].window(wspec).{function}()"
            raise DefinitionError(msg)
        if self.argument is not None and self.argument.type not in FUNCTIONS[function][0]:
            expected = ", ".join(sorted(FUNCTIONS[function][0]))
            msg = f"{function}() of {self.argument.text()} ({self.argument.type}) is not possible; it takes {expected}"
            msg += instead(self.argument)
            raise ColumnTypeError(msg)
        return Aggregate(function, self.keys, self.condition, self.argument, self.windowed, written=self.written)


def _refuse_exact(function: str, reason: str, *, exact: bool) -> None:
    """UnsupportedError for a sketch that is asked for exactness."""
    if exact:
        msg = f"{function}(exact=True) is not possible: {reason}; leave `exact` out"
        raise UnsupportedError(msg)
