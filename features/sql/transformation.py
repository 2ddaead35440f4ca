"""`@sql_transformation`: a function whose text is the SQL of a feature; `.over(...)` in the view names its windows."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from headrace.errors import DefinitionError
from headrace.features.aggregate import Aggregate, Ratio
from headrace.features.dimension import dimensions_in
from headrace.features.place import Place
from headrace.features.transformation import Transformation


class SqlTransformation(Transformation):
    """A user's function that returns SQL: `SELECT key, aggregate(...) FROM tx [WHERE ...] GROUP BY key`."""

    def _trace(self) -> Aggregate | Ratio:
        """The aggregate of the SQL; every refusal names the line and column of the file."""
        # Loaded where SQL is read: any feature file loads this module.
        from headrace.features.sql.query import Query
        from headrace.features.sql.rows import Tables
        from headrace.features.sql.script import RefusalError, Script

        text = self._returned()
        if not isinstance(text, str):
            msg = f"{self.where}: {self.name} must return its SQL as text, found {text!r}"
            raise DefinitionError(msg)
        script = Script(text, _place_of(self.function, text) or self.where)
        select = script.query()
        parameter = next(iter(inspect.signature(self.function).parameters))
        with script.located(self.name):
            dimensions = dimensions_in(self.function.__globals__)
            query = Query(select, Tables(self.source, (parameter, self.source.name), dimensions))
            found = query.grouped(self.takes_window)
            if found.alias is not None and found.alias.name != self.name:
                msg = f"the feature is named by its function; write AS {self.name}, or nothing"
                raise RefusalError(found.alias, DefinitionError(msg))
        return found.aggregate


def sql_transformation(function: Callable[..., Any]) -> SqlTransformation:
    """Mark a function of a stream (and a window) that returns a feature's definition as SQL."""
    return SqlTransformation(function)


def _place_of(function: Callable[..., Any], text: str) -> Place | None:
    """Where the text stands in the file, when the function holds it letter by letter; None where it is computed."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(source := textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError):
        return None
    indent = len(lines[0]) - len(lines[0].lstrip())
    for node in ast.walk(tree):
        segment = (ast.get_source_segment(source, node) or "") if isinstance(node, ast.Constant) else ""
        if text and text in segment and isinstance(node, ast.Constant) and node.value == text:
            before = segment[: segment.index(text)]
            line = first + node.lineno - 1 + before.count("\n")
            return Place(function.__code__.co_filename, line, indent + node.col_offset + len(before) + 1)
    return None
