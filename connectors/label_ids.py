"""By which columns the facts of a label join belong together, as their table notes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from headrace.errors import ConnectorError

#: The property of a table of facts that lists the columns of the id, as logged rows name them, in JSON.
LABEL_IDS = "headrace.label-ids"


def ids_to_note(columns: Sequence[str]) -> dict[str, str]:
    """The property for a table whose facts belong together by some columns.

    >>> ids_to_note(["request", "line"])
    {'headrace.label-ids': '["request", "line"]'}
    """
    return {LABEL_IDS: json.dumps(list(columns))}


def ids_noted(table: str, properties: Mapping[str, str]) -> tuple[str, ...]:
    """The columns that a table of some properties notes; none where it notes nothing.

    Raises ConnectorError for a property that is no list of names.

    >>> ids_noted("labels.frauds", ids_to_note(["request"]))
    ('request',)
    """
    text = properties.get(LABEL_IDS, "[]")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        msg = f"Iceberg table {table}: property {LABEL_IDS}: expected a list of columns in JSON, such as "
        raise ConnectorError(msg + f"{json.dumps(['request'])}, found {text!r}; set it to the columns of the id")
    return tuple(found)
