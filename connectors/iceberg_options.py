"""One catalog's properties as pyiceberg (secrets read) and as Flink (references) want them; imports neither."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from headrace.connectors.secret import holds_secret, refers, resolved
from headrace.errors import SettingsError

#: Several jobs commit to one SQLite file; a minute covers any queue of commits, each of which takes milliseconds.
BUSY_TIMEOUT_S = 60
SQLITE = "sqlite:///"
#: What Flink's catalog calls a type that is no `catalog-type` of its own.
IMPLEMENTATIONS = {
    "glue": "org.apache.iceberg.aws.glue.GlueCatalog",
    "sql": "org.apache.iceberg.jdbc.JdbcCatalog",
    "dynamodb": "org.apache.iceberg.aws.dynamodb.DynamoDbCatalog",
}
CATALOG_TYPES = ("rest", "hive")
#: The REST catalog in our own dress, which reads references to secrets where the job runs (`connectors/java`).
REFERRING_REST = "io.headrace.flink.iceberg.ReferringRestCatalog"


def sqlite_path(properties: Mapping[str, str]) -> Path | None:
    """The SQLite file of a catalog; None for any other kind.

    >>> sqlite_path({"uri": "sqlite:////lake/catalog.db"})
    PosixPath('/lake/catalog.db')
    """
    uri = properties.get("uri", "")
    return Path(uri.removeprefix(SQLITE).partition("?")[0]) if uri.startswith(SQLITE) else None


def local_path(location: str) -> str:
    """Where a file of a table is, as DuckDB takes it.

    >>> local_path("file:///lake/a.parquet"), local_path("file:/lake/a.parquet"), local_path("s3://lake/a.parquet")
    ('/lake/a.parquet', '/lake/a.parquet', 's3://lake/a.parquet')
    """
    return location.removeprefix("file://") if location.startswith("file://") else location.removeprefix("file:")


def python_catalog(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties for pyiceberg: secrets read, and with a busy timeout for SQLite. Do not print them.

    Raises SettingsError for a secret that cannot be read.

    >>> python_catalog({"uri": "sqlite:////lake/catalog.db"})["uri"]
    'sqlite:////lake/catalog.db?timeout=60'
    """
    values, file = resolved(properties), sqlite_path(properties)
    return values if file is None else {**values, "uri": f"{SQLITE}{file}?timeout={BUSY_TIMEOUT_S}"}


def flink_catalog(properties: Mapping[str, str]) -> dict[str, str]:
    """The same catalog for Flink's Iceberg connector: its kind, its address, and all other properties untouched.

    Raises SettingsError for a kind that Flink's connector does not have, and for a secret that a job cannot carry: only
    REST takes one, as a reference.

    >>> flink_catalog({"type": "rest", "uri": "http://catalog", "warehouse": "s3://lake"})
    {'catalog-type': 'rest', 'uri': 'http://catalog', 'warehouse': 's3://lake'}
    >>> flink_catalog({"uri": "http://catalog", "token": "env:TOKEN"})["token"]
    'env:TOKEN'
    """
    kind = properties.get("type", "rest")
    others = {name: value for name, value in properties.items() if name != "type"}
    referring = _refers(kind, others)
    if kind in CATALOG_TYPES:
        return {"catalog-impl": REFERRING_REST, **others} if referring else {"catalog-type": kind, **others}
    if kind not in IMPLEMENTATIONS:
        known = ", ".join(sorted([*CATALOG_TYPES, *IMPLEMENTATIONS]))
        msg = f"Iceberg catalog: type {kind!r} is not one that Flink reads; known: {known}"
        raise SettingsError(msg)
    jdbc = jdbc_options(properties["uri"]) if kind == "sql" else {}
    return {"catalog-impl": IMPLEMENTATIONS[kind], **others, **jdbc}


def _refers(kind: str, properties: Mapping[str, str]) -> bool:
    """Whether a secret is referred to; SettingsError where the job would have to hold it."""
    for name, value in properties.items():
        if holds_secret(name, value) and not refers(name, value):
            msg = f"Iceberg catalog: {name!r} is a secret (not shown), and a job is no place for one; refer to it"
            raise SettingsError(msg)
    found = [name for name, value in properties.items() if refers(name, value)]
    if found and kind != "rest":
        msg = (
            f"Iceberg catalog: {found[0]!r} refers to a secret, and Flink's catalog of type {kind!r} reads no "
            "references; use a REST catalog, or give the machines an identity of their own"
        )
        raise SettingsError(msg)
    return bool(found)


def jdbc_options(uri: str) -> dict[str, str]:
    """Java's address of a SQL catalog, from SQLAlchemy's.

    >>> jdbc_options("postgresql+psycopg://headrace@db:5432/lake")["uri"]
    'jdbc:postgresql://db:5432/lake'
    """
    file = sqlite_path({"uri": uri})
    # Schema version V1 is what lets Java and pyiceberg share the catalog's tables.
    shared = {"jdbc.schema-version": "V1"}
    if file is not None:
        return {"uri": f"jdbc:sqlite:{file}?busy_timeout={BUSY_TIMEOUT_S * 1000}", **shared}
    parts = urlsplit(uri)
    user = {"jdbc.user": parts.username} if parts.username else {}
    address = f"jdbc:{parts.scheme.partition('+')[0]}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return {"uri": address, **shared, **user}
