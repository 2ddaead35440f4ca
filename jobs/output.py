"""What commands print: data on standard output, progress on standard error, colour only where somebody sees it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from headrace.jobs.options import Format

#: What the words of a state look like.
COLOURS = {"ready": "green", "running": "green", "ok": "green", "starting": "yellow", "failed": "red", "down": "red"}


def print_rows(rows: Sequence[Mapping[str, Any]], format_: Format) -> None:
    """Print rows that all have the same columns: an aligned table, or a JSON array."""
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(rows, indent=2, default=str) + "\n")
    elif rows:
        sys.stdout.write(table([list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]))


def table(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns of equal width, the first line being the head.

    >>> print(table([["setting", "value"], ["stack.slots", "3"]]), end="")
    SETTING      VALUE
    stack.slots  3
    """
    head, *body = lines
    cells = [[cell.upper() for cell in head], *body]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "".join(_line(row, widths) + "\n" for row in cells)


def progress(text: str) -> None:
    """Say how far a command is, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def error(text: str) -> None:
    """Say what went wrong, on standard error."""
    head = typer.style("error:", fg="red", bold=True) if uses_colour(sys.stderr) else "error:"
    sys.stderr.write(f"{head} {text}\n")


def coloured(word: str) -> str:
    """A state in its colour, where standard error shows colours."""
    colour = COLOURS.get(word)
    return typer.style(word, fg=colour) if colour and uses_colour(sys.stderr) else word


def uses_colour(stream: Any) -> bool:
    """Whether a stream shows colours: a terminal, and nobody asked for none (https://no-color.org)."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)
