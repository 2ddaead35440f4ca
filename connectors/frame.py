"""Arrow tables for people: as pandas frames in which NULL is neither NaN nor 0, and as HTML; and frames as such."""

from __future__ import annotations

from collections.abc import ValuesView
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.errors import RequestError
from headrace.features.html import html_rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Rows that a notebook shows of a table.
SHOWN_ROWS = 20
#: What pandas calls columns of objects that hold no time: it has looked at each value, faster than Python can.
TIMELESS = frozenset({"string", "integer", "floating", "boolean"})
#: What most values inside of structs and lists are, told first: to find out that they are nothing else takes longer.
PLAIN = frozenset({str, int, float, bool, type(None)})
#: What Arrow takes for lists, beside tuples and arrays.
LISTS = (list, set, ValuesView)


def nullable_frame(rows: pa.Table) -> pd.DataFrame:
    """The rows as a DataFrame; integers, floats, booleans and text of the language have nullable types."""
    import pandas as pd
    import pyarrow as pa

    kinds = {
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    frame: pd.DataFrame = rows.to_pandas(types_mapper=kinds.get)
    return frame


def is_frame(given: Any) -> bool:
    """Whether something is a pandas DataFrame; pandas is not loaded to tell."""
    return type(given).__name__ == "DataFrame" and type(given).__module__.partition(".")[0] == "pandas"


def frame_rows(frame: pd.DataFrame) -> pa.Table:
    """The rows of a DataFrame, without its index; a missing value is NULL.

    Times that pandas keeps as objects, or inside of objects, become text, as Arrow would take those without a zone for
    UTC.

    >>> import pandas as pd
    >>> from datetime import datetime
    >>> frame_rows(pd.DataFrame({"ts": pd.Series([datetime(2026, 1, 5)], dtype=object)}))["ts"].to_pylist()
    ['2026-01-05T00:00:00']

    Raises:
        RequestError: values of several types are in one column, or two columns have one name.
    """
    import pyarrow as pa

    try:
        return pa.Table.from_pandas(frame.apply(_without_times), preserve_index=False)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        msg = f"the DataFrame given: {error}; expected columns of other names, each of one type"
        raise RequestError(msg) from error


def html_table(rows: pa.Table, caption: str = "") -> str:
    """The first rows as an HTML table, and how many more there are.

    >>> import pyarrow as pa
    >>> html_table(pa.table({"a": [1, None]}), "two")[:69]
    '<table><caption>two</caption><thead><tr><th>a</th></tr></thead><tbody'
    """
    lines = [list(row.values()) for row in rows.slice(0, SHOWN_ROWS).to_pylist()]
    more = f"<p>{rows.num_rows - SHOWN_ROWS:,} more rows</p>" if rows.num_rows > SHOWN_ROWS else ""
    return html_rows(rows.column_names, lines, caption) + more


def _without_times(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of objects, or of categories that are objects, with times as text; any other as it is."""
    import pandas as pd
    from pandas.api.types import infer_dtype

    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.categories.dtype == object:
        return column.cat.rename_categories(_time_as_text)
    if column.dtype != object or infer_dtype(column, skipna=True) in TIMELESS:
        return column
    return pd.Series([_time_as_text(value) for value in column], column.index, dtype=object)


def _time_as_text(value: Any) -> Any:
    """A time as ISO 8601, with an offset if it has one, inside structs and lists too; anything else as it is."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, datetime):
        # pandas' missing time is a datetime too, and equals nothing.
        return value.isoformat() if value == value else None
    if isinstance(value, dict):
        return {name: _time_as_text(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_time_as_text, value))
    if isinstance(value, LISTS) or str(getattr(value, "dtype", "")) == "object":
        return list(map(_time_as_text, value))
    return value
