"""Rows as an HTML table, which is how a notebook shows what it is given; text only, nothing is computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


def html_rows(names: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """Rows under their columns' names; None is shown as NULL.

    >>> html_rows(["a"], [[1], [None]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr><tr><td>NULL</td></tr></tbody></table>'
    """
    heads = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    return "NULL" if value is None else escape(str(value))
