"""Where the rows of a local run come from, for its command and for Python, each of which says what else to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headrace.errors import NotFoundError, RequestError, SettingsError

if TYPE_CHECKING:
    from headrace.compiler.plan import SourcePlan
    from headrace.connectors.iceberg import IcebergTable
    from headrace.runtime.settings import Settings


def history_of(source: SourcePlan, otherwise: str, error: type[RequestError | SettingsError]) -> str:
    """The history of a source; where it has none, an `error` that says what to do `otherwise`."""
    if source.history is not None:
        return source.history.name
    msg = f"source {source.name} has no history; {otherwise}"
    raise error(msg)


def tables_of(settings: Callable[[], Settings], otherwise: str) -> Callable[[str], IcebergTable]:
    """What finds an Iceberg table of the configured catalog by `namespace.table`; connects on first use.

    Where there is no such table, its NotFoundError says what to do `otherwise`, and of a name that no table can have,
    such as a misspelt folder, what rows may be given as.
    """

    def load(name: str) -> IcebergTable:
        from headrace.features.table_name import split_name
        from headrace.runtime.platform import Platform

        if split_name(name) is None:
            known = "no .csv or .parquet file, no Delta table's folder, and no Iceberg table namespace.table"
            msg = f"{name!r} is {known}; {otherwise}"
            raise NotFoundError(msg)
        try:
            return Platform(settings()).iceberg.named(name)
        except NotFoundError as error:
            msg = f"{error}; {otherwise}"
            raise NotFoundError(msg) from error

    return load
