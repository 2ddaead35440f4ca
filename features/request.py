"""Request columns: what a caller knows when it asks for features, such as the amount that is being paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from headrace.errors import DefinitionError
from headrace.features.column import SourceColumn, annotations_of, plain_column_of
from headrace.features.place import Place, calling_frame


@dataclass(frozen=True, slots=True)
class RequestSchema:
    """All that a request class declares, as values."""

    name: str
    columns: tuple[SourceColumn, ...]
    where: Place


class Request:
    """Base of all requests: annotate the columns as those of a source; they have no event time and no rows anywhere.

    DefinitionError for anything that cannot be meant.

    >>> class Checkout(Request):
    ...     amt: float
    >>> [column.name for column in Checkout.schema.columns]
    ['amt']
    """

    schema: ClassVar[RequestSchema]

    if TYPE_CHECKING:
        # In an on-demand feature the parameter annotated with a request has its columns, whose results are traced.
        def __getitem__(self, name: str) -> Any: ...

    def __init_subclass__(cls) -> None:
        frame = calling_frame()
        where = Place(frame.f_code.co_filename, frame.f_lineno)
        at = f"{where}: request {cls.__name__}"
        _check_values(cls, at)
        hints = annotations_of(cls, frame, at)
        columns = tuple(plain_column_of(name, hint, where, at) for name, hint in hints.items())
        if not columns:
            msg = f"{at}: no columns; annotate at least one, such as `amt: float`"
            raise DefinitionError(msg)
        cls.schema = RequestSchema(cls.__name__, columns, where)


def _check_values(cls: type[Request], at: str) -> None:
    """Refuse defaults: a request says every value itself."""
    for name, value in vars(cls).items():
        if not (name.startswith("_") or callable(value)):
            msg = f"{at}: {name} = {value!r}: a request has annotated columns only; write `{name}: float`"
            raise DefinitionError(msg)
