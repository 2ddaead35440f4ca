"""A label join computed on this machine, from files or tables, without a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_label_join import counts_sql, facts_sql, final_sql, letters_sql, newest_sql, read_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.label_join import LABELS, LOGGED, LabelJoinPlan
from headrace.connectors.duckdb_files import database
from headrace.features.instant import asked_us, instant_of
from headrace.features.label_join import FACT_NUMBER
from headrace.pipelines.local_input import open_rows

if TYPE_CHECKING:
    from headrace.connectors.iceberg import IcebergTable

FACTS, LETTERS = "facts", "letters"


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """What became of every row of both sources.

    Attributes:
        logged_read: logged rows; each is refused by its source, repeated, or the row of an id.
        labels_read: labels; each is refused by its source, a duplicate, too late, an orphan, or the label of an id.
        labelled: ids with a label, of which nothing else was ever told.
        corrected: ids with a label, of which the missing value was told first.
        never_labelled: ids of which only the missing value was told.
    """

    logged_read: int
    logged_refused: int
    repeated: int
    labelled: int
    corrected: int
    never_labelled: int
    labels_read: int
    labels_refused: int
    duplicate: int
    too_late: int
    orphan: int

    @property
    def logged_open(self) -> int:
        """Logged rows of which nothing was told yet: behind a bounded run those whose wait was not over."""
        told = self.labelled + self.corrected + self.never_labelled
        return self.logged_read - self.logged_refused - self.repeated - told

    @property
    def labels_open(self) -> int:
        """Labels that neither a fact nor a dead letter holds yet: late ones, of rows of which nothing was told."""
        used = self.labelled + self.corrected
        return self.labels_read - self.labels_refused - self.duplicate - self.too_late - self.orphan - used


@dataclass(frozen=True)
class LabelRun:
    """What a label join told.

    Attributes:
        facts: all facts, as `LabelJoinPlan.facts` has them.
        final: the last fact of each id.
        letters: the rows that were joined with nothing: source, partition, offset, verdict and reason.
        counts: of all rows that had happened and arrived by `until`.
        complete: the instant up to which all labels were taken to be there; None where there are no rows.
    """

    facts: pa.Table
    final: pa.Table
    letters: pa.Table
    counts: LabelCounts
    complete: datetime | None


def join_locally(
    plan: LabelJoinPlan,
    logged: str,
    labels: str,
    load: Callable[[str], IcebergTable],
    *,
    until: datetime | None = None,
) -> LabelRun:
    """Join labels on DuckDB.

    Args:
        plan: the label join.
        logged: the logged rows: a .csv or .parquet file, the folder of a Delta table, or an Iceberg table.
        labels: the labels, likewise.
        load: finds an Iceberg table by its name.
        until: the instant to which both are complete, and only what could be told by then, of rows that had arrived;
            by default all, and the newest event time: of a row whose wait is over later no missing label is told.

    Raises:
        NotFoundError: no such file or table.
        SchemaMismatchError: a file or table lacks columns of its source.
        RequestError: `until` has no zone, or a file cannot be read.
    """
    with database(f"label join {plan.name}") as connection:
        open_rows(connection, plan.logged, LOGGED, logged, load)
        open_rows(connection, plan.labels, LABELS, labels, load)
        return join_in(connection, plan, until=until)


def join_in(connection: duckdb.DuckDBPyConnection, plan: LabelJoinPlan, *, until: datetime | None = None) -> LabelRun:
    """Join labels in a database that has the relations `logged` and `labels`; errors are `join_locally`'s."""
    until_us = None if until is None else asked_us("until", until)
    newest = connection.sql(newest_sql(plan, LOGGED, LABELS)).fetchall()[0][0] if until_us is None else until_us
    complete_us = newest or 0
    for name, query in (
        (FACTS, facts_sql(plan, LOGGED, LABELS, complete_us, until_us)),
        (LETTERS, letters_sql(plan, LOGGED, LABELS, until_us)),
    ):
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")
    facts = connection.table(FACTS).order(fact_order(plan)).to_arrow_table()
    final = connection.sql(final_sql(plan, FACTS)).to_arrow_table()
    letters = connection.table(LETTERS).order('source DESC, partition, "offset"').to_arrow_table()
    complete = None if newest is None else instant_of(newest)
    return LabelRun(facts, final, letters, _counts(connection, plan, until_us), complete)


def fact_order(plan: LabelJoinPlan) -> str:
    """The order in which facts are shown, in SQL: by id, then by number."""
    return ", ".join([*(DUCKDB.identifier(column.name) for column in plan.ids), FACT_NUMBER])


def _counts(connection: duckdb.DuckDBPyConnection, plan: LabelJoinPlan, until_us: int | None) -> LabelCounts:
    """What became of all rows that were known by then."""
    ((logged, labels),) = connection.sql(read_sql(plan, LOGGED, LABELS, until_us)).fetchall()
    (counts,) = connection.sql(counts_sql(plan, FACTS, LETTERS)).to_arrow_table().to_pylist()
    return LabelCounts(logged_read=logged, labels_read=labels, **counts)
