"""Arrow tables for people: as pandas frames in which NULL is neither NaN nor 0, and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def html_table(rows: pa.Table, caption: str = "") -> str:
    """The first rows as an HTML table, and how many more there are.

    >>> import pyarrow as pa
    >>> html_table(pa.table({"a": [1, None]}), "two")[:69]
    '<table><caption>two</caption><thead><tr><th>a</th></tr></thead><tbody'
    """
    lines = [list(row.values()) for row in rows.slice(0, SHOWN_ROWS).to_pylist()]
    more = f"<p>{rows.num_rows - SHOWN_ROWS:,} more rows</p>" if rows.num_rows > SHOWN_ROWS else ""
    return html_rows(rows.column_names, lines, caption) + more
