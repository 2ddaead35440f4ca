"""The name of an Iceberg table: its namespace, a dot, and a name within it."""

from __future__ import annotations


def split_name(name: str) -> tuple[str, str] | None:
    """Namespace and name of a table, both as text; None of what no catalog can have a table by.

    >>> split_name("raw.clicks"), split_name("lake.raw.clicks")
    (('raw', 'clicks'), ('lake.raw', 'clicks'))
    >>> [split_name(name) for name in ("clicks", ".clicks", "raw.", "lake..clicks", "")]
    [None, None, None, None, None]
    """
    namespace, _, table = name.rpartition(".")
    return (namespace, table) if table and all(namespace.split(".")) else None
