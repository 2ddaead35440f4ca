"""A label join computed on this machine by Flink: the rows as two histories in a folder, and the job of production."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa

from headrace.compiler.duckdb_label_join import final_sql, newest_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.flink_label_join import LabelBindings, label_job, letters_of
from headrace.compiler.flink_tables import Legs
from headrace.compiler.label_join import LABELS, LOGGED, LabelJoinPlan
from headrace.compiler.plan import SourcePlan
from headrace.connectors.duckdb_files import database
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import DEAD_LETTERS, archive_fields, fields_of
from headrace.features.instant import instant_of
from headrace.pipelines.flink_answers import LOCAL
from headrace.pipelines.flink_tiles import BATCH, CATALOG, RAW, RUN
from headrace.pipelines.label_tables import FACTS, LETTERS, NAMESPACE, counts_in
from headrace.pipelines.local_input import open_rows
from headrace.pipelines.local_labels import LabelRun, fact_order
from headrace.runtime.session import FlinkSession

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def join_on_flink(
    plan: LabelJoinPlan, logged: str, labels: str, load: Callable[[str], IcebergTable], session: FlinkSession
) -> LabelRun:
    """Join labels by Flink in this process; of a row whose wait ends behind the newest row no missing label is told.

    Where an id has several rows or labels, facts may be told that later ones correct: the last of each id are those of
    DuckDB, and so are the counts.

    Args:
        plan: the label join.
        logged: the logged rows: a .csv or .parquet file, the folder of a Delta table, or an Iceberg table.
        labels: the labels, likewise.
        load: finds an Iceberg table by its name.
        session: Flink, of this process.

    Raises:
        NotFoundError: no such file or table.
        SchemaMismatchError: a file or table lacks columns of its source.
        JobError: the planner refuses the job, or it fails.
    """
    with database(f"label join {plan.name}") as connection, TemporaryDirectory(prefix="headrace-") as folder:
        open_rows(connection, plan.logged, LOGGED, logged, load)
        open_rows(connection, plan.labels, LABELS, labels, load)
        newest = connection.sql(newest_sql(plan, LOGGED, LABELS)).fetchall()[0][0]
        tables = _made(connection, plan, IcebergCatalog.sqlite(CATALOG, Path(folder)))
        _run(plan, session, tables, newest or 0)
        return _told(connection, plan, tables, newest)


@dataclass(frozen=True)
class Tables:
    """What the job reads and writes, in a folder that is gone afterwards."""

    logged: IcebergTable
    labels: IcebergTable
    facts: IcebergTable
    letters: IcebergTable


def _made(connection: DuckDBPyConnection, plan: LabelJoinPlan, lake: IcebergCatalog) -> Tables:
    """The tables, the two histories with their rows."""
    return Tables(
        logged=_filled(connection, lake, LOGGED, plan.logged),
        labels=_filled(connection, lake, LABELS, plan.labels),
        facts=lake.create_table(NAMESPACE, FACTS, fields_of(plan.facts)),
        letters=lake.create_table(NAMESPACE, LETTERS, DEAD_LETTERS),
    )


def _filled(connection: DuckDBPyConnection, lake: IcebergCatalog, side: str, source: SourcePlan) -> IcebergTable:
    """A history with the rows of one source."""
    fields = archive_fields(source.columns)
    names = ", ".join(DUCKDB.identifier(field.name) for field in fields)
    history = lake.create_table(RAW, side, fields)
    rows = connection.view(side).project(names).to_arrow_reader(BATCH)
    history.fill(pa.Table.from_batches([batch]) for batch in rows)
    return history.refresh()


def _run(plan: LabelJoinPlan, session: FlinkSession, tables: Tables, complete_us: int) -> None:
    """The job over both histories, to its end."""
    logged, labels = (
        Legs(one.flink_options(one.current_snapshot_id()), None) for one in (tables.logged, tables.labels)
    )
    facts, letters = (one.flink_options() for one in (tables.facts, tables.letters))
    job = label_job(plan, LabelBindings(RUN, logged, labels, facts, letters, complete_us))
    session.run(job.statements, job.inserts, {**job.config, **LOCAL})


def _told(connection: DuckDBPyConnection, plan: LabelJoinPlan, tables: Tables, newest: int | None) -> LabelRun:
    """What the job wrote, as the local engine tells it."""
    facts, letters = tables.facts.refresh(), tables.letters.refresh()
    facts.relation(connection).create_view(FACTS)
    letters.relation(connection).create_view(LETTERS)
    source = f"CASE view WHEN '{letters_of(plan, LOGGED)}' THEN '{LOGGED}' ELSE '{LABELS}' END AS source"
    lost = connection.view(LETTERS).project(f'{source}, partition, "offset", verdict, reason')
    read = tables.logged.row_count(), tables.labels.row_count()
    return LabelRun(
        facts=connection.view(FACTS).order(fact_order(plan)).to_arrow_table(),
        final=connection.sql(final_sql(plan, FACTS)).to_arrow_table(),
        letters=lost.order('source DESC, partition, "offset"').to_arrow_table(),
        counts=counts_in(plan, facts, letters, read),
        complete=None if newest is None else instant_of(newest),
    )
