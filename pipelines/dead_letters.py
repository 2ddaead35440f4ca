"""The dead letters of a run, whole: what its job did not read of a row of history is added from the pinned snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.plan import Column, SourcePlan, ViewPlan
from headrace.compiler.union import refused_sql
from headrace.compiler.verdict import REFUSED, late
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.features.scalar import DATETIME, FLOAT
from headrace.pipelines.backfill import DEAD_LETTERS_TABLE
from headrace.registry.store import Run
from headrace.runtime.cutover import Cutover
from headrace.runtime.platform import Platform

#: What a letter has, in the order of `DeadLetter`'s attributes.
LETTERS_SQL = """
CREATE TEMP TABLE letters AS
SELECT topic, partition, "offset", verdict, reason, arrival_time, raw
FROM committed WHERE run = $run ORDER BY topic, partition, "offset" LIMIT $most
"""
#: The rows of history that letters are of, as JSON; an unparsable one has its bytes already.
HISTORY_SQL = """
SELECT one.topic, one.partition, one."offset", {row}
FROM {rows} JOIN letters AS one
ON _src_topic = one.topic AND _src_partition = one.partition AND _src_offset = one."offset"
WHERE _error IS NULL AND {written}
"""
#: How the job writes an instant as text.
INSTANT = "%Y-%m-%d %H:%M:%S.%f"
#: As many as anybody reads; a run may have millions.
MOST = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A row that no feature of a run used.

    Attributes:
        verdict: `late` or `dead_letter`.
        raw: the bytes of an unparsable record; of any other the row as JSON, in which times and floats are text.
    """

    topic: str
    partition: int
    offset: int
    verdict: str
    reason: str
    arrival_time: datetime | None
    raw: bytes | None


def dead_letters_of(platform: Platform, run_id: str, most: int = MOST) -> list[DeadLetter]:
    """The dead letters of a recorded run that its job has committed, by position; the first of them only.

    Raises:
        NotFoundError: there is no such run, or the snapshot of history that it pinned is gone.
    """
    run = platform.registry.run(run_id)
    plan = ViewPlan.from_dict(dict(platform.registry.version(run.project, run.view, run.version).plan))
    return whole_letters(platform.iceberg, run, plan, most)


def whole_letters(catalog: IcebergCatalog, run: Run, plan: ViewPlan, most: int = MOST) -> list[DeadLetter]:
    """The dead letters of a run of a view; errors are `dead_letters_of`'s."""
    cutover = Cutover.from_json(json.dumps(dict(run.cutover)))
    with in_utc() as connection:
        connection.register("committed", catalog.load(LEDGER_NAMESPACE, DEAD_LETTERS_TABLE).relation(connection))
        connection.execute(LETTERS_SQL, {"run": run.run, "most": most})
        rows = connection.execute("SELECT * FROM letters").fetchall()
        letters = {row[:3]: DeadLetter(*row) for row in rows}
        for part, cut in zip(plan.source.parts, cutover.parts, strict=True):
            if letters and cut.table is not None and cut.snapshot_id is not None:
                history = catalog.named(cut.table).relation(connection, cut.snapshot_id)
                for position, row in _rows_of(connection, history, part, is_member=bool(plan.source.members)):
                    letters[position] = _whole(letters[position], row)
    return list(letters.values())


def _rows_of(
    connection: duckdb.DuckDBPyConnection, history: duckdb.DuckDBPyRelation, source: SourcePlan, *, is_member: bool
) -> Iterator[tuple[tuple[str, int, int], str]]:
    """Position and JSON of the rows of a history of which there are letters with columns of its own.

    A letter of a row that its source lets into a union has the union's columns: of the same names, perhaps, but of
    other values.
    """
    connection.register("history", history)
    members = ", ".join(f"{DUCKDB.identifier(one.name)} := {_value(one)}" for one in source.columns)
    query = HISTORY_SQL.format(
        row=f"CAST(to_json(struct_pack({members})) AS VARCHAR)",
        rows=f"({refused_sql(source, DUCKDB, 'history')})" if is_member else "history",
        written=f"({DUCKDB.emit(REFUSED)} IS NOT NULL OR {DUCKDB.emit(late(source))})" if is_member else "true",
    )
    for *position, row in connection.execute(query).fetchall():
        topic, partition, offset = position
        yield (topic, partition, offset), row


def _value(one: Column) -> str:
    """A column in JSON, as the job writes it."""
    name = DUCKDB.identifier(one.name)
    texts = {DATETIME: f"strftime({name}, '{INSTANT}')", FLOAT: f"CAST({name} AS VARCHAR)"}
    return texts.get(one.type, name)


def _whole(letter: DeadLetter, row: str) -> DeadLetter:
    """A letter with what its job did not read; one that is whole, or of other columns, is as it is."""
    kept, read = json.loads(row), json.loads(letter.raw or b"{}")
    if not read.keys() < kept.keys():
        return letter
    return replace(letter, raw=json.dumps({**kept, **read}, separators=(",", ":"), ensure_ascii=False).encode())
