"""Columns that metadata calls sound are sound, and what it does not tell is not called so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.types import DoubleType, FloatType

from headrace.compiler.flink_tables import create_table
from headrace.compiler.plan import Column
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.iceberg_counts import sound_columns
from headrace.connectors.schema import Field, archive_fields, fields_of
from headrace.errors import NotFoundError
from headrace.runtime.local_flink import local_session
from headrace.runtime.settings import load_settings

COLUMNS = (
    Column("id", "int"),
    Column("note", "str", optional=True),
    Column("kind", "str", choices=("a", "b")),
    Column("at", "datetime"),
    Column("tags", "list[str]", fields=(Column("element", "str"),)),
)
SOUND = {"id": 1, "note": None, "kind": "a", "at": 0, "tags": ["x"], "_error": None}
UNPARSABLE = dict.fromkeys(SOUND) | {"_error": "no JSON"}


def table_of(folder: Path, *commits: Sequence[Mapping[str, Any]]) -> IcebergTable:
    table = IcebergCatalog.sqlite("lake", folder).create_table("raw", "rows", archive_fields(COLUMNS))
    schema = table.table.schema().as_arrow()
    for rows in commits:
        table.append(pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema))
    return table


def sound(table: IcebergTable, columns: Sequence[Column] = COLUMNS) -> set[str]:
    return set(sound_columns(table, columns, table.current_snapshot_id() or 0))


def test_a_column_without_a_missing_value_is_sound_and_one_with_other_rules_is_not_known_to_be(tmp_path: Path) -> None:
    table = table_of(tmp_path, [SOUND] * 3, [SOUND])
    assert sound(table) == {"id", "note", "at"}
    with pytest.raises(NotFoundError, match="no snapshot 17"):
        sound_columns(table, COLUMNS, 17)


def test_a_missing_value_in_any_commit_counts_and_only_up_to_the_snapshot(tmp_path: Path) -> None:
    table = table_of(tmp_path, [SOUND], [SOUND | {"id": None}, SOUND])
    first = table.table.snapshots()[0].snapshot_id
    assert sound(table) == {"note", "at"}
    assert sound_columns(table, COLUMNS, first) == {"id", "note", "at"}


def test_rows_that_could_not_be_parsed_are_no_missing_values(tmp_path: Path) -> None:
    assert sound(table_of(tmp_path, [SOUND, UNPARSABLE], [UNPARSABLE])) == {"id", "note", "at"}


def test_beside_rows_that_could_not_be_parsed_a_missing_value_counts(tmp_path: Path) -> None:
    assert sound(table_of(tmp_path, [SOUND | {"id": None}, UNPARSABLE])) == {"note", "at"}


def test_a_column_that_the_table_lacks_is_not_known_to_be_sound(tmp_path: Path) -> None:
    added = Column("added", "str", optional=True)
    assert sound(table_of(tmp_path, [SOUND]), [*COLUMNS, added]) == {"id", "note", "at"}


FLOATS = {"finite": "1.5", "nan": "NaN", "infinite": "Infinity", "negative": "-Infinity", "empty": None}


def test_floats_are_sound_where_their_writer_counted_what_is_no_number(tmp_path: Path) -> None:
    columns = [Column(name, "float", optional=True) for name in FLOATS]
    lake = IcebergCatalog.sqlite("lake", tmp_path)
    table = lake.create_table("raw", "rows", [*fields_of(columns), Field("_error", "string")])
    with table.table.update_schema() as change:
        change.add_column("promoted", FloatType())
    settings = load_settings(flags={"home": str(tmp_path / "home")}, environment={})
    values = ", ".join(f"CAST({'NULL' if text is None else repr(text)} AS DOUBLE)" for text in FLOATS.values())
    none = ", ".join("CAST(NULL AS DOUBLE)" for _ in FLOATS)
    columns_sql = [*(f"`{name}` DOUBLE" for name in FLOATS), "`_error` STRING", "`promoted` FLOAT"]
    declared = create_table("written", columns_sql, table.flink_options())
    last = "CAST(NULL AS STRING), CAST(1.5 AS FLOAT)"
    insert = f"INSERT INTO written SELECT {values}, {last} UNION ALL SELECT {none}, {last}"
    local_session(settings).run([declared], [insert], {"parallelism.default": "1"})
    with table.refresh().table.update_schema() as change:
        change.update_column("promoted", DoubleType())
    promoted = Column("promoted", "float", optional=True)
    assert sound(table, [*columns, promoted]) == {"finite", "empty"}, "bounds of what was a float have 4 bytes"


def test_floats_are_not_called_sound_where_their_writer_did_not_count(tmp_path: Path) -> None:
    amt = Column("amt", "float", optional=True)
    table = IcebergCatalog.sqlite("lake", tmp_path).create_table("raw", "rows", archive_fields([amt]))
    schema = table.table.schema().as_arrow()
    row = {name: 1.5 if name == "amt" else None for name in schema.names}
    table.append(pa.Table.from_pylist([row, row | {"amt": math.nan}], schema))
    assert sound(table, [amt]) == set(), "Parquet's own bounds leave out what is no number"
