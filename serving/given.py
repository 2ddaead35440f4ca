"""What a caller hands over, entity rows and names of features, in the one form that is computed with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from headrace.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    #: Entities: a list of rows, a list of values for each column, or a table.
    EntityRows: TypeAlias = "Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]] | pd.DataFrame | pa.Table"

#: What a row may be. Most are dicts, of which Python knows the answer without asking the abstract class.
MAPPINGS = (dict, Mapping)
#: What entity rows may be, in an error.
EXPECTED = (
    "expected a list of rows such as [{'account_id': 'a1'}], columns such as {'account_id': ['a1']}, "
    "a DataFrame or an Arrow table"
)


def feature_names(given: Iterable[str]) -> tuple[str, ...]:
    """The names of the features that are asked for; RequestError for one text, for none, and for what is no text.

    >>> feature_names(["clicks:clicks_1h"])
    ('clicks:clicks_1h',)
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        msg = f"features is {given!r} ({type(given).__name__}), expected a list such as ['view:feature']"
        raise RequestError(msg)
    names: tuple[Any, ...] = tuple(given)
    for number, name in enumerate(names):
        if not isinstance(name, str):
            msg = f"features[{number}] is {name!r} ({type(name).__name__}), expected text, 'view:feature'"
            raise RequestError(msg)
    if not names:
        msg = "features is empty; expected at least one 'view:feature'"
        raise RequestError(msg)
    return names


def rows_of(given: EntityRows) -> Sequence[Mapping[str, Any]]:
    """Entities as rows, each a mapping; of a table an index is no column, and what is missing there is None.

    >>> rows_of({"shop": ["a", "b"], "customer": [1, 2]})
    [{'shop': 'a', 'customer': 1}, {'shop': 'b', 'customer': 2}]

    Raises:
        RequestError: it is none of the forms, columns are of several lengths, or a row is no mapping.
    """
    rows: Sequence[Any] = given if isinstance(given, list | tuple) else _records(given)
    for number, row in enumerate(rows):
        if not isinstance(row, MAPPINGS):
            msg = f"entity row {number} is {row!r} ({type(row).__name__}), expected {{key: value}}"
            raise RequestError(msg)
    return rows


def _records(given: Any) -> Sequence[Any]:
    """The rows of what is no list."""
    if isinstance(given, Mapping) and given:
        return _of_columns({name: _listed(name, values) for name, values in given.items()})
    if hasattr(given, "__arrow_c_stream__"):
        return _of_table(given)
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return given
    msg = f"entity_rows is {given!r} ({type(given).__name__}); {EXPECTED}"
    raise RequestError(msg)


def _of_columns(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """The rows of columns, which are of one length."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        msg = f"entity_rows has columns of several lengths: {lengths}; expected as many values in each"
        raise RequestError(msg)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _listed(name: str, values: Any) -> list[Any]:
    """The values of a column; those of an array of numpy, pandas or Arrow are Python's own."""
    found = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(found, Sequence) and not isinstance(found, str | bytes):
        return list(found)
    msg = (
        f"entity_rows gives {name!r} as {values!r} ({type(values).__name__}), expected a list, as it is a column; "
        f"one entity is a list of one row: [{{{name!r}: {values!r}}}]"
    )
    raise RequestError(msg)


def _of_table(given: Any) -> list[dict[str, Any]]:
    """The rows of a table that Arrow can read, a DataFrame among them."""
    import pyarrow as pa

    try:
        table = pa.table(given.reset_index(drop=True) if hasattr(given, "reset_index") else given)
    except (pa.ArrowException, TypeError, ValueError) as error:
        msg = f"entity_rows, a {type(given).__name__}, cannot be read as a table: {error}"
        raise RequestError(msg) from error
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        msg = f"entity_rows has two columns {twice[0]!r}; expected one for each key"
        raise RequestError(msg)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
