"""Arrow tables for people: as pandas frames in which NULL is neither NaN nor 0, and as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

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
    heads = "".join(f"<th>{escape(name)}</th>" for name in rows.column_names)
    lines = (row.values() for row in rows.slice(0, SHOWN_ROWS).to_pylist())
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in line)}</tr>" for line in lines)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    more = f"<p>{rows.num_rows - SHOWN_ROWS:,} more rows</p>" if rows.num_rows > SHOWN_ROWS else ""
    return f"<table>{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    return "NULL" if value is None else escape(str(value))
