"""Structs and lists from files, tables and a test's own rows: the same values, and the same parts that are wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import features_sql, judged_sql
from headrace.compiler.verdict import reason
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.foreign import shadow
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import archive_fields, fields_of
from headrace.features.instant import instant_of
from headrace.pipelines.local_input import open_input
from headrace.testing.rows import open_rows

from ..compiler import nested_logins  # noqa: TID252 (the oracle is the compiler's)
from ..compiler.test_duckdb_sql import close  # noqa: TID252
from ..compiler.test_nested import PLAN, SCHEMA, micros  # noqa: TID252

SOURCE = PLAN.source
#: JSON has no numbers but finite ones, so no file of text has any.
ROWS = [
    row
    for row in nested_logins.rows(21)
    if all(math.isfinite(n or 0) for n in [*(row["scores"] or []), *nested_logins.latitudes(row)])
]
DECLARED = [column.name for column in SOURCE.columns]


def never(name: str) -> Any:
    raise AssertionError(name)


def table() -> pa.Table:
    return pa.Table.from_pylist(ROWS, schema=SCHEMA).select(DECLARED)


def plain(value: Any) -> Any:
    """A value as a test writes it."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return list(map(plain, value))
    is_instant = isinstance(value, int) and value > nested_logins.BASE // 2
    return instant_of(value) if is_instant else value


def given() -> list[dict[str, Any]]:
    return [{name: plain(row[name]) for name in DECLARED} for row in ROWS]


def as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else json.dumps(value, default=lambda time: time.isoformat())


def from_csv(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    texts = {name: pa.array([as_text(row[name]) for row in given()], pa.string()) for name in DECLARED}
    pyarrow.csv.write_csv(pa.table(texts), folder / "logins.csv")
    open_input(connection, SOURCE, str(folder / "logins.csv"), never)


def from_parquet(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    pq.write_table(table(), folder / "logins.parquet")
    open_input(connection, SOURCE, str(folder / "logins.parquet"), never)


def from_delta(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    write_deltalake(str(folder / "logins"), table())
    open_input(connection, SOURCE, str(folder / "logins"), never)


def from_an_archive(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    catalog = IcebergCatalog.sqlite("house", folder / "lake")
    made = catalog.create_table("raw", "logins", archive_fields(SOURCE.columns))
    made.append(pa.Table.from_pylist(ROWS, schema=SCHEMA))
    open_input(connection, SOURCE, "raw.logins", catalog.named)


def from_a_shadow(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    from headrace.connectors.delta import read_version

    write_deltalake(str(folder / "logins"), table())
    catalog = IcebergCatalog.sqlite("house", folder / "lake")
    made = shadow(catalog, read_version(str(folder / "logins")), fields_of(SOURCE.columns), SOURCE.event_time)
    open_input(connection, SOURCE, made.name, catalog.named)


def from_rows_of_a_test(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    open_rows(connection, SOURCE, given())


INPUTS = (from_csv, from_parquet, from_delta, from_an_archive, from_a_shadow, from_rows_of_a_test)
Open = Callable[[duckdb.DuckDBPyConnection, Path], None]


@pytest.mark.parametrize("opened", INPUTS, ids=lambda opened: opened.__name__)
def test_every_input_gives_the_same_values_and_faults(opened: Open, tmp_path: Path) -> None:
    with in_utc() as connection:
        opened(connection, tmp_path)
        query = f"SELECT {DUCKDB.emit(reason(PLAN))} FROM ({judged_sql(PLAN, 'archive')}) ORDER BY _src_offset"
        found = [why for (why,) in connection.execute(query).fetchall()]
        assert found == [nested_logins.reason(row) for row in ROWS]
        for group in PLAN.groups:
            result = connection.execute(features_sql(PLAN, group, "archive"), {"at_us": nested_logins.BASE})
            names = [column[0] for column in result.description][1:]
            values = {row[0]: row[1:] for row in result.fetchall()}
            for place, name in enumerate(names):
                expected = nested_logins.expected(ROWS, name, nested_logins.BASE)
                assert {(user,): micros(of[place]) for user, of in values.items()} == close(expected), name


GOOD: dict[str, Any] = {
    "login": 1,
    "user": "a",
    "device": {"os": "ios", "version": 1, "seen": "2026-01-01T00:00:00Z", "network": None, "more": 1},
    "app": None,
    "tags": ["x"],
    "scores": [1, None, 2.5],
    "visits": [{"country": "CH"}, None],
    "birthday": "2024-02-29",
    "holidays": ["0001-01-01", None, date.max],
    "happened_at": datetime(2026, 1, 1, tzinfo=UTC),
}
DEVICE = GOOD["device"]
WRONG: tuple[tuple[dict[str, Any], str | None], ...] = (
    ({}, None),
    ({"device": {"os": "ios"}}, None),
    ({"device": {**DEVICE, "os": 5}}, "unparsable: column device.os: 5 is no str"),
    ({"device": {**DEVICE, "version": "1"}}, 'unparsable: column device.version: "1" is no int'),
    ({"device": {**DEVICE, "version": 1.0}}, "unparsable: column device.version: 1.0 is no int"),
    ({"device": {**DEVICE, "version": 2**63}}, f"unparsable: column device.version: {2**63} is no int"),
    ({"device": {**DEVICE, "seen": "2026-01-01"}}, 'unparsable: column device.seen: "2026-01-01" is no datetime'),
    ({"device": {**DEVICE, "network": {"spot": {"country": []}}}}, "column device.network.spot.country: [] is no str"),
    ({"device": {**DEVICE, "network": {"spot": {}}}}, "device.network.spot.country is missing"),
    ({"device": {**DEVICE, "network": {"kind": "pigeon"}}}, "device.network.kind has an unknown value"),
    ({"device": {}}, "device.os is missing"),
    ({"device": []}, "unparsable: column device: [] is no struct"),
    ({"device": "ios"}, "unparsable: column device: ios is no JSON"),
    ({"device": None}, "device is missing"),
    ({"tags": ["x", 1]}, "unparsable: column tags[]: 1 is no str"),
    ({"tags": ["x", None]}, "an element of tags is missing"),
    ({"tags": {}}, "unparsable: column tags: {} is no list"),
    ({"tags": []}, None),
    ({"visits": [{"country": "CH", "lat": "1"}]}, 'unparsable: column visits[].lat: "1" is no float'),
    ({"visits": [None, {"lat": 1}]}, "visits[].country is missing"),
    ({"visits": [1]}, "unparsable: column visits[]: 1 is no struct"),
    ({"scores": [1, True]}, "unparsable: column scores[]: true is no float"),
    ({"device": {**DEVICE, "bought": "2023-02-29"}}, 'unparsable: column device.bought: "2023-02-29" is no date'),
    ({"device": {**DEVICE, "bought": 19782}}, "unparsable: column device.bought: 19782 is no date"),
    ({"device": {**DEVICE, "bought": date.min}}, None),
    *(
        ({"birthday": text}, f"unparsable: column birthday: {text} is no date")
        for text in ("2023-02-30", "2023-2-3", "0000-01-01", "10000-01-01", "2023-02-29T00:00:00Z", "-0044-03-15", "")
    ),
    ({"birthday": None}, "birthday is missing"),
    ({"holidays": ["2023-02-30"]}, 'unparsable: column holidays[]: "2023-02-30" is no date'),
)


@pytest.mark.parametrize(("change", "expected"), WRONG, ids=str)
def test_what_is_wrong_in_json_is_named_by_its_path(change: dict[str, Any], expected: str | None) -> None:
    with in_utc() as connection:
        open_rows(connection, SOURCE, [{**GOOD, **change}])
        query = f"SELECT {DUCKDB.emit(reason(PLAN))} FROM ({judged_sql(PLAN, 'archive')})"
        (found,) = connection.execute(query).fetchall()[0]
        assert found == expected or (expected is not None and found.endswith(expected))
