"""Joins of dimensions in Flink SQL: a table function that gives each row what it sees of a dimension.

No join of Flink's own: a regular one keeps both sides as state and takes rows back, a temporal one waits for
watermarks, and a lookup join sees what is newest when a row happens to come.
"""

from __future__ import annotations

import json
from typing import Any

from headrace.compiler.flink_scalar import FLINK, TYPES
from headrace.compiler.flink_tables import Following, JobBindings, Options, quoted
from headrace.compiler.flink_text import create_view
from headrace.compiler.lookups import Join, column_of, joins_of
from headrace.compiler.plan import ViewPlan
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.verdict import in_time
from headrace.features.scalar import BOOL, held_type

FUNCTION = "HR_AS_OF"


def join_views(plan: ViewPlan, bindings: JobBindings, rows: str) -> tuple[list[str], str]:
    """The views that add the columns of each join to the rows of a view, and the name of the last of them."""
    views = []
    for number, join in enumerate(joins_of(plan), start=1):
        seen = f"LEFT JOIN LATERAL TABLE({_call(plan, join, bindings)}) AS `v`({quoted(join.columns)}) ON TRUE"
        views.append(create_view(f"joined_{number}", f"SELECT `r`.*, `v`.*\nFROM `{rows}` AS `r`\n{seen}"))
        rows = f"joined_{number}"
    return views, rows


def _call(plan: ViewPlan, join: Join, bindings: JobBindings) -> str:
    """The call for a row: what is asked, what is answered, the row's time, and its key.

    A row whose time lies too far after its arrival has none: it is refused, and must not wait for that time to come.
    """
    keys = [f"`r`.{FLINK.emit(key)}" for key in join.keys]
    asked, answered = text_literal(_question(join, bindings)), text_literal(_answer(join))
    arguments = [asked, answered, FLINK.emit(in_time(plan.source)), *keys]
    return f"{FUNCTION}({', '.join(arguments)})"


def _question(join: Join, bindings: JobBindings) -> str:
    """What `HR_AS_OF` is asked, as its class `AsOfQuestion` has it."""
    table, bound = join.dimension, bindings.dimensions[join.dimension.name]
    asked = {
        "dimension": table.name,
        "table": _place(bound.options),
        "key": list(table.key),
        "event_time": table.event_time,
        "delay_us": table.delay_us,
        "until_us": bound.until_us if table.is_versioned else None,
        "columns": [str(lookup.value) for lookup in join.lookups],
        "most_rows": bound.most_rows,
        "following": _following(bound.following),
    }
    return json.dumps(asked)


def _following(followed: Following | None) -> dict[str, Any] | None:
    """Where newer versions are, and how long (ms) an event waits for them."""
    if followed is None:
        return None
    return {"table": _place(followed.options), "patience_ms": followed.patience_s * 1_000}


def _place(options: Options) -> dict[str, str]:
    """Options of Iceberg's connector that say where a table is."""
    return {name: value for name, value in options.items() if name != "connector"}


def _answer(join: Join) -> str:
    """The type of a row that is answered: an instant is its µs, a date its day."""
    types = [TYPES[held_type(lookup.type)] for lookup in join.lookups]
    columns = zip(map(column_of, join.lookups), types, strict=True)
    return f"ROW<{', '.join(f'`{name}` {type_}' for name, type_ in [(join.beyond.value, TYPES[BOOL]), *columns])}>"
