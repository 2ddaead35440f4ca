"""Arrow tables for people: as pandas frames in which NULL is neither NaN nor 0, and as HTML; and frames as such."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.errors import RequestError
from headrace.features.html import html_rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Rows that a notebook shows of a table.
SHOWN_ROWS = 20


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

    Times that pandas keeps as objects become text, as Arrow would take those without a zone for UTC.

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
    """A column of objects with times as text; any other as it is."""
    return column.map(_time_as_text, na_action="ignore") if column.dtype == object else column


def _time_as_text(value: Any) -> Any:
    """A time as ISO 8601, with an offset if it has one; anything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value
