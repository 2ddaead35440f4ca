"""`@on_demand`: a function of other features of a view, and of request columns, computed when values are asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

import ibis

from headrace.errors import (
    ColumnTypeError,
    DefinitionError,
    HeadraceError,
    UnknownColumnError,
    UnsupportedError,
    did_you_mean,
)
from headrace.features.column import TYPE_NAMES, SourceColumn
from headrace.features.expression import to_scalar
from headrace.features.meaning import meaning_of
from headrace.features.names import check_name
from headrace.features.place import Place, place_of_code, place_of_error
from headrace.features.request import Request, RequestSchema
from headrace.features.scalar import FLOAT, Scalar, element_type
from headrace.features.stream import IBIS_TYPES

#: Columns that one feature reads, each as often as it does, with those of the on-demand features that it uses: features
#: that use one another twice would double without end.
MOST_COLUMNS = 1_000


class Features:
    """The features of a view by name, in an on-demand feature: `f.failed_1h` or `f["failed_1h"]` is a column."""

    def __init__(self, column: Callable[[str], Any]) -> None:
        self._column = column

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._column(name)

    def __getitem__(self, name: str) -> Any:
        return self._column(name)


class OnDemand:
    """A user's function with its name, docstring and place; what it is of is known in a view only."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.where = place_of_code(function.__code__)
        self.name = check_name(function.__name__, "on-demand feature", self.where)
        self.description = inspect.getdoc(function) or ""
        self.__doc__ = function.__doc__

    def __repr__(self) -> str:
        return f"<on-demand feature {self.name} at {self.where}>"

    @property
    def parameters(self) -> tuple[type[Features] | RequestSchema, ...]:
        """What each parameter is, by its annotation: the features, or a request."""
        names = list(inspect.signature(self.function).parameters)
        try:
            hints = get_type_hints(self.function)
        except NameError as error:
            msg = f"{self.where}: {self.name}: an annotation is unknown: {error}"
            raise DefinitionError(msg) from error
        kinds = tuple(map(_kind, (hints.get(name) for name in names)))
        if None in kinds or not kinds or len(set(kinds)) != len(kinds):
            example = f"def {self.name}(f: Features), or (req: YourRequest, f: Features)"
            msg = (
                f"{self.where}: {self.name} must be written `{example}`; found parameters {', '.join(names) or 'none'}"
            )
            raise DefinitionError(msg)
        return tuple(kind for kind in kinds if kind is not None)


@dataclass(frozen=True, slots=True)
class OnDemandFeature:
    """An on-demand feature of a view: a scalar over columns that are features with tiles (`inputs`) and `request`.

    On-demand features that it uses are part of its scalar, each with NULL where its value is no finite number.
    """

    name: str
    scalar: Scalar
    inputs: tuple[str, ...]
    request: tuple[SourceColumn, ...]
    description: str
    where: Place


def on_demand(function: Callable[..., Any]) -> OnDemand:
    """Mark a function of features (and request columns) as a feature that is computed when it is asked for."""
    return OnDemand(function)


def traced(
    written: Sequence[OnDemand], types: Mapping[str, str], keys: Iterable[str], at: str
) -> tuple[OnDemandFeature, ...]:
    """The on-demand features of a view, in the order written; each may use any other but itself.

    `types` are those of the view's features with tiles, by name, and `keys` the names of its keys. Errors name the line
    that caused them.
    """
    tracing = _Tracing({one.name: one for one in written}, types, _requested(written, {*types, *keys}, at))
    return tuple(map(tracing.feature, tracing.written))


def _kind(annotation: Any) -> type[Features] | RequestSchema | None:
    """What a parameter with this annotation is; None for neither features nor a request."""
    if annotation is Features:
        return Features
    is_request = isinstance(annotation, type) and issubclass(annotation, Request) and annotation is not Request
    return annotation.schema if is_request else None


def _requested(written: Sequence[OnDemand], taken: set[str], at: str) -> dict[str, SourceColumn]:
    """All request columns of a view; DefinitionError for one with two types, or the name of a feature or key."""
    schemas = {kind for one in written for kind in one.parameters if isinstance(kind, RequestSchema)}
    names = taken | {one.name for one in written}
    found: dict[str, SourceColumn] = {}
    for schema in sorted(schemas, key=lambda schema: schema.name):
        for column in schema.columns:
            if column.name in names:
                msg = f"{at}: request column {column.name!r} at {schema.where} has the name of a feature or key; "
                msg += "rename it"
                raise DefinitionError(msg)
            if found.setdefault(column.name, column) != column:
                msg = f"{at}: request column {column.name!r} at {schema.where} has another type in another request; "
                msg += "give both one type, or two names"
                raise DefinitionError(msg)
    return found


class _Tracing:
    """Features of one view, each traced when it is first used."""

    def __init__(
        self, written: Mapping[str, OnDemand], types: Mapping[str, str], requested: Mapping[str, SourceColumn]
    ) -> None:
        self.written = written
        self._types, self._requested = types, requested
        self._found: dict[str, OnDemandFeature] = {}
        self._open: list[str] = []
        self._told: Exception | None = None

    def feature(self, name: str) -> OnDemandFeature:
        """The traced feature; DefinitionError for one that needs itself."""
        if name in self._open:
            msg = f"features in a circle: {' needs '.join([*self._open[self._open.index(name) :], name])}"
            raise DefinitionError(msg)
        if name not in self._found:
            self._open.append(name)
            self._found[name] = self._feature(self.written[name])
            self._open.pop()
        return self._found[name]

    def _feature(self, one: OnDemand) -> OnDemandFeature:
        """What the function describes."""
        scalar = self._traced(one)
        read = dict.fromkeys(scalar.columns())
        inputs = tuple(name for name in read if name in self._types)
        request = tuple(self._requested[name] for name in read if name in self._requested)
        return OnDemandFeature(one.name, scalar, inputs, request, one.description, one.where)

    def _traced(self, one: OnDemand) -> Scalar:
        """The scalar that the function gives; an error of a feature that it uses has its own place."""
        given = [self._argument(kind) for kind in one.parameters]
        try:
            return self._scalar(one.function(*given))
        except Exception as error:
            if error is self._told:
                raise
            place = place_of_error(error, one.where.file) or one.where
            meaning = meaning_of(error)
            kind = type(meaning) if isinstance(meaning, HeadraceError) else DefinitionError
            self._told = kind(f"{place}: {one.name}: {meaning}")
            raise self._told from error

    def _argument(self, kind: type[Features] | RequestSchema) -> Any:
        """What the function gets for a parameter."""
        if not isinstance(kind, RequestSchema):
            return Features(self._column)
        table = ibis.table({column.name: IBIS_TYPES[column.type] for column in kind.columns}, name=kind.name.lower())
        return _RequestColumns(kind, {column.name: table[column.name] for column in kind.columns})

    def _column(self, name: str) -> Any:
        """The expression of a feature."""
        if name not in self._types and name not in self.written:
            msg = f"{name!r} is no feature of the view; {did_you_mean(name, [*self._types, *self.written])}"
            raise UnknownColumnError(msg)
        type_ = self._types[name] if name in self._types else self.feature(name).scalar.type
        if element_type(type_) != type_:
            msg = f"feature {name!r} is a list, and there is no operation on lists"
            raise UnsupportedError(msg)
        return ibis.table({name: IBIS_TYPES[type_]}, name="features")[name]

    def _scalar(self, returned: Any) -> Scalar:
        """The scalar of what a function returned, over features with tiles and request columns."""
        if not isinstance(returned, ibis.expr.types.Value):
            msg = f"expected an expression of features or request columns, found {returned!r}"
            raise DefinitionError(msg)
        scalar = self._resolved(to_scalar(returned))
        if called := [call.function.name for call in scalar.calls() if call.function is not None]:
            msg = f"calls the function {called[0]!r}, and no reader runs users' code; write an expression, or call it "
            msg += "in a transformation and read that feature"
            raise UnsupportedError(msg)
        if scalar.type not in TYPE_NAMES.values():
            msg = f"a feature cannot be {scalar.type}; expected {', '.join(TYPE_NAMES.values())}"
            raise ColumnTypeError(msg)
        count = sum(1 for _ in scalar.columns())
        if not 0 < count <= MOST_COLUMNS:
            msg = f"reads {count:,} columns, with those of the features that it uses; expected 1 to {MOST_COLUMNS:,}"
            raise DefinitionError(msg)
        return _finite(scalar)

    def _resolved(self, scalar: Scalar) -> Scalar:
        """A scalar with that of each on-demand feature in its place."""
        if scalar.op != "column":
            return replace(scalar, args=tuple(map(self._resolved, scalar.args)))
        name = str(scalar.value)
        if name in self.written:
            return self._found[name].scalar
        return _finite(scalar) if name in self._types else scalar


def _finite(scalar: Scalar) -> Scalar:
    """A float as NULL where it is no finite number, as a sum of large floats may not be."""
    return Scalar("finite", FLOAT, (scalar,)) if scalar.type == FLOAT and scalar.op != "finite" else scalar


class _RequestColumns:
    """What a function gets for a request: its columns."""

    def __init__(self, schema: RequestSchema, columns: Mapping[str, Any]) -> None:
        self._schema, self._columns = schema, columns

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        if name not in self._columns:
            msg = f"{name!r} is no column of {self._schema.name}; {did_you_mean(name, self._columns)}"
            raise UnknownColumnError(msg)
        return self._columns[name]
