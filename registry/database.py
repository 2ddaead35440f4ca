"""The registry's database: any that SQLAlchemy knows, and the few ways in which the registry uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    Row,
    Select,
    String,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from headrace.errors import ConnectorError

#: Several processes write a few rows each; none holds the file for longer than milliseconds.
BUSY_TIMEOUT_MS = 60_000

METADATA = MetaData()


class Database:
    """Some tables in a database, made when they are not there.

    Every method raises ConnectorError, naming the URL, when the database fails or was made by another version.
    """

    def __init__(self, url: str, tables: Sequence[Table]) -> None:
        self._engine = _engine(url)
        self._tables = tuple(tables)
        with self.begin() as connection:
            METADATA.create_all(connection, tables=self._tables)
        self._check_columns()

    def rows(self, asked: Select[Any]) -> list[Row[Any]]:
        """The rows of a query."""
        with self.begin() as connection:
            return list(connection.execute(asked))

    def inserted(self, table: Table, row: Mapping[str, Any]) -> bool:
        """Whether the row is new; False when its key is taken."""
        try:
            with self.begin() as connection:
                connection.execute(insert(table).values(dict(row)))
        except IntegrityError:
            return False
        return True

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction; a broken database is a ConnectorError. IntegrityError is left to the caller."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            msg = f"registry {self._url}: {error.__cause__ or error}"
            raise ConnectorError(msg) from error

    def _check_columns(self) -> None:
        """ConnectorError when the tables were made with other columns: a registry of another version of headrace."""
        with self.begin() as connection:
            found = {table.name: inspect(connection).get_columns(table.name) for table in self._tables}
        for table in self._tables:
            kinds = {one["name"]: one["type"] for one in found[table.name]}
            wrong = next(filter(None, (_wrong(column, kinds) for column in table.columns)), None)
            if wrong is not None:
                msg = f"registry {self._url}: table {table.name} has {wrong}; it was made by another version of "
                msg += "headrace: move it away, backfill the views anew, and train the models again"
                raise ConnectorError(msg)

    def close(self) -> None:
        """Close the connections; a database in memory is gone with them."""
        self._engine.dispose()

    @property
    def _url(self) -> str:
        """The database's URL, as it may be printed."""
        return self._engine.url.render_as_string(hide_password=True)


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def url_of(file: Path) -> str:
    """The URL of an SQLite file, its folder made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{file.resolve()}"


def of(table: Table, **equal: Any) -> Select[Any]:
    """The rows of a table with these values."""
    return select(table).where(*(table.c[name] == value for name, value in equal.items()))


def _wrong(column: Column[Any], kinds: Mapping[str, TypeEngine[Any]]) -> str | None:
    """What is wrong with a column among those that a table has: it is not there, or not text where that is expected.

    Text or not is what every database tells alike; numbers have other types in each.
    """
    kind = kinds.get(column.name)
    if kind is None:
        return f"no column {column.name!r}"
    if isinstance(kind, String) != isinstance(column.type, String):
        return f"column {column.name!r} of {kind}, expected {column.type}"
    return None


def _engine(url: str) -> Engine:
    """The engine; SQLite waits for its lock, and readers go on beside a writer."""
    try:
        shown = make_url(url).render_as_string(hide_password=True)
    except ArgumentError as error:
        # The text is not repeated: a URL that cannot be read may hold a password all the same.
        msg = (
            "registry.url: not a URL as SQLAlchemy reads it; expected one such as postgresql+psycopg://me@host/database"
        )
        raise ConnectorError(msg) from error
    try:
        engine = create_engine(url)
    except (ArgumentError, ModuleNotFoundError) as error:
        msg = f"registry {shown}: {error}; install the database's driver, for PostgreSQL by "
        raise ConnectorError(msg + "`pip install headrace[postgres]`") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """What SQLite needs on every connection."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
