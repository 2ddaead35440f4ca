"""What a caller asks for, worked out once for all requests that ask for the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.compiler.plan import Column
from headrace.errors import RequestError
from headrace.features.reference import Reference
from headrace.serving.answering import AskedFeature, AskedTable, ServedView, tables_of
from headrace.serving.on_demand import AskedOnDemand, read_for
from headrace.serving.request import RequestColumn, check_rows
from headrace.serving.result import ServedFeature

#: Entities in one request: beyond it, the answer takes seconds and belongs in a training set, not in a lookup.
MAX_ENTITIES = 10_000

Asked = AskedFeature | AskedOnDemand


@dataclass(frozen=True, slots=True)
class Asking:
    """Features of the versions that serve: all that does not hang on entities and time.

    `read` are those with tiles that must be read, and `tables` what serves these; `keys` and `request` are the columns
    that an entity row must have.
    """

    asked: tuple[Asked, ...]
    on_demand: tuple[AskedOnDemand, ...]
    views: Mapping[str, ServedView]
    read: tuple[AskedFeature, ...]
    tables: tuple[AskedTable, ...]
    keys: tuple[Column, ...]
    request: tuple[RequestColumn, ...]
    served: tuple[ServedFeature, ...]

    @classmethod
    def of(cls, asked: Sequence[Asked]) -> Asking:
        """Features that are asked for together.

        Raises:
            RequestError: one name is of two types in the views asked for.
        """
        read, on_demand = tuple(read_for(asked)), tuple(one for one in asked if isinstance(one, AskedOnDemand))
        _refuse_two_types(read, on_demand)
        keys = {key.name: key for one in read for key in one.group.keys}
        return cls(
            asked=tuple(asked),
            on_demand=on_demand,
            views={one.reference.view: one.view for one in asked},
            read=read,
            tables=tables_of(read),
            keys=tuple(keys.values()),
            request=tuple(column for one in on_demand for column in one.request),
            served=tuple(_served(one) for one in asked),
        )

    @property
    def is_read_whole(self) -> bool:
        """Whether the answer is what was read: each feature has tiles and is asked for once."""
        return not self.on_demand and len(self.read) == len(self.asked)

    def check(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Raise RequestError unless rows have exactly the keys and request columns, and are not too many."""
        if len(rows) > MAX_ENTITIES:
            msg = f"{len(rows):,} entity rows, at most {MAX_ENTITIES:,} in one request"
            raise RequestError(msg)
        check_rows(rows, self.keys, self.request)


def _served(one: Asked) -> ServedFeature:
    """A feature as the answer names it."""
    return ServedFeature(one.reference, one.feature.type, one.view.plan.version, one.view.generation)


def _refuse_two_types(read: Sequence[AskedFeature], on_demand: Sequence[AskedOnDemand]) -> None:
    """A name of a key or request column has one type in all views asked for."""
    keys = [(key, one.reference) for one in read for key in one.group.keys]
    request = [(column, one.reference) for one in on_demand for column in one.feature.request]
    found: dict[str, tuple[str, Reference]] = {}
    for column, reference in (*keys, *request):
        type_, first = found.setdefault(column.name, (column.type, reference))
        if type_ != column.type:
            msg = f"{column.name!r} is {type_} for {first} and {column.type} for {reference}; ask for these one by one"
            raise RequestError(msg)
