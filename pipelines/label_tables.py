"""The two tables of a label join, which one run alone writes to, and what they say became of every row."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.compiler.duckdb_label_join import counts_sql
from headrace.compiler.flink_label_join import letters_of
from headrace.compiler.label_join import LOGGED, LabelJoinPlan
from headrace.connectors.duckdb_files import database
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.label_ids import ids_to_note
from headrace.connectors.schema import DEAD_LETTERS, fields_of
from headrace.errors import JobError, NotFoundError
from headrace.pipelines.local_labels import LabelCounts
from headrace.runtime.platform import Platform

#: Where the tables of label joins are.
NAMESPACE = "labels"
#: The property of a table that says which run created it, and may write to it.
CLAIM = "headrace.label-run"
FACTS, LETTERS = "facts", "dead_letters"


def facts_table(name: str) -> str:
    """The table of the facts of a label join; so the join is called among runs, too: no view has a dot in its name.

    >>> facts_table("frauds"), letters_table("frauds")
    ('labels.frauds', 'labels.frauds_dead_letters')
    """
    return f"{NAMESPACE}.{name}"


def letters_table(name: str) -> str:
    """The table of the dead letters of a label join."""
    return f"{facts_table(name)}_dead_letters"


def claim_tables(platform: Platform, plan: LabelJoinPlan, run: str) -> tuple[IcebergTable, IcebergTable]:
    """The tables of facts and of dead letters, created for this run alone: another one would tell each fact again.

    Of two runs at once one creates the first table, which then names it; the other finds a table of another run.

    Raises:
        SchemaMismatchError: there is such a table, with other columns.
        JobError: there is such a table, of another run.
    """
    ids = ids_to_note([column.name for column in plan.ids])
    facts_noted: dict[str, str] = {CLAIM: run, **ids}
    asked = [(facts_table(plan.name), fields_of(plan.facts), facts_noted)]
    asked.append((letters_table(plan.name), DEAD_LETTERS, {CLAIM: run}))
    made: list[IcebergTable] = []
    for name, fields, noted in asked:
        namespace, _, table = name.partition(".")
        found = platform.iceberg.create_table(namespace, table, fields, noted)
        try:
            _check_claim(plan, found, run)
        except JobError:
            release_tables(platform, *made)
            raise
        made.append(found)
    facts, letters = made
    return facts, letters


def tables_of(platform: Platform, join: str, run: str) -> tuple[IcebergTable, IcebergTable]:
    """The tables of facts and of dead letters that a run writes to.

    Raises:
        NotFoundError: they were dropped, and may be there anew, for another run.
    """
    facts, letters = (platform.iceberg.named(name(join)) for name in (facts_table, letters_table))
    for table in (facts, letters):
        found = table.properties.get(CLAIM)
        if found != run:
            msg = f"run {run}: the table {table.name} that it wrote to was dropped; the one that is there now is of "
            raise NotFoundError(msg + (f"run {found}" if found else "nobody's run"))
    return facts, letters


def release_tables(platform: Platform, *tables: IcebergTable) -> None:
    """Drop the tables of a run that failed, unless something was committed to them."""
    for table in tables:
        if table.refresh().current_snapshot_id() is None:
            platform.iceberg.drop_table(table)


def counts_in(
    plan: LabelJoinPlan,
    facts: IcebergTable,
    letters: IcebergTable,
    read: tuple[int, int],
    snapshots: Mapping[str, int | None] | None = None,
) -> LabelCounts:
    """What became of all rows, by the tables that were written.

    Args:
        plan: the label join.
        facts: the table of its facts.
        letters: that of its dead letters.
        read: how many logged rows and labels were read.
        snapshots: by table the snapshot to read, None for one before the first; by default all is read.
    """
    ours = letters_of(plan, LOGGED)
    with database(f"label join {plan.name}") as connection:
        for name, table in ((FACTS, facts), (LETTERS, letters)):
            snapshot = None if snapshots is None else snapshots[table.name]
            rows = table.relation(connection, snapshot)
            (rows.limit(0) if snapshots is not None and snapshot is None else rows).create_view(name)
        source = f"CASE view WHEN '{ours}' THEN 'logged' ELSE 'labels' END AS source, verdict"
        connection.table(LETTERS).project(source).create_view("judged")
        counts = connection.sql(counts_sql(plan, FACTS, "judged"))
        (found,) = counts.to_arrow_table().to_pylist()
    return LabelCounts(logged_read=read[0], labels_read=read[1], **found)


def _check_claim(plan: LabelJoinPlan, table: IcebergTable, run: str) -> None:
    """Refuse a table that was there before this run."""
    found = table.properties.get(CLAIM)
    if found == run:
        return
    msg = (
        f"table {table.name} holds {table.row_count():,} rows of an earlier run ({found or 'without id'}), or of one "
        "that is under way; another run would tell them again: resume that one (`headrace label-join resume "
        f"{found or 'RUN'}`), or, when it has ended, drop its tables (`headrace label-join drop {plan.name}`), or give "
        "the label join another name"
    )
    raise JobError(msg)
