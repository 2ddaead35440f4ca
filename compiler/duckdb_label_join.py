"""A label join in DuckDB SQL, over all rows of both sources: the local engine, and what Flink's is compared with.

`logged` and `labels` are relations with the columns of the archives. Nobody reads them in some order here, so a label
that is in time is never told late: facts are those of whoever reads each row when it happens.
"""

# ruff: noqa: S608 (emitting SQL is what this file does: names are checked, literals are quoted)
from __future__ import annotations

from collections.abc import Iterable, Sequence

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.label_join import LABELS, LOGGED, LabelJoinPlan, Outcome
from headrace.compiler.plan import SourcePlan
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.union import refused_sql
from headrace.compiler.verdict import ARRIVAL_US, EVENT_US, REFUSED, Verdict, late, late_reason
from headrace.features.label_join import FACT, FACT_NUMBER, LABEL, LABEL_TIME

_EVENT, _ARRIVAL, _REFUSED = DUCKDB.emit(EVENT_US), DUCKDB.emit(ARRIVAL_US), DUCKDB.emit(REFUSED)
#: When a row was known: it has happened and arrived; of a refused one the time of the event says nothing.
_KNOWN = f"coalesce(CASE WHEN {_REFUSED} IS NULL THEN greatest({_EVENT}, {_ARRIVAL}) ELSE {_ARRIVAL} END, 0)"


def facts_sql(plan: LabelJoinPlan, logged: str, labels: str, complete_us: int, until_us: int | None = None) -> str:
    """The facts, as `plan.facts` has them.

    A label is told when both it and its row have arrived, the missing value at the end of the wait, and a correction
    when its label has arrived. Of a row whose wait goes on behind what is there, only a label that is in time is told.

    Args:
        plan: the label join.
        logged: the relation of the logged rows.
        labels: that of the labels.
        complete_us: the instant (µs) to which both are complete.
        until_us: only facts that could be told by then (µs).
    """
    in_time = f"_label_us < {_EVENT} + {plan.wait_us}"
    over = f"{_EVENT} + {plan.wait_us} <= {complete_us}"
    corrects = f"{over} AND _label_us >= {_EVENT} + {plan.wait_us} AND _label_us < {_EVENT} + {plan.corrects_us}"
    waited = f"{over} AND ({in_time}) IS NOT TRUE"
    missing = DUCKDB.emit(plan.missing_value)
    both, end = "greatest(_known_us, _label_known_us)", f"greatest(_known_us, {_EVENT} + {plan.wait_us})"
    told = [
        _fact(plan, Outcome.LABELLED, 1, "_label", "_label_us", both, in_time),
        _fact(plan, Outcome.WAITED, 1, missing, "NULL", end, waited),
        _fact(plan, Outcome.CORRECTED, 2, "_label", "_label_us", both, corrects),
    ]
    return f"{_tables(plan, logged, labels)}\n{_told_by(told, until_us)}"


def newest_sql(plan: LabelJoinPlan, logged: str, labels: str) -> str:
    """The newest event time (µs) of all rows that their sources accept; NULL where there are none."""
    both = f"SELECT {_EVENT} FROM _logged UNION ALL SELECT {_EVENT} FROM _labels"
    return f"{_tables(plan, logged, labels)}\nSELECT max({_EVENT}) FROM ({both})"


def read_sql(plan: LabelJoinPlan, logged: str, labels: str, until_us: int | None = None) -> str:
    """How many rows each source has; `until_us`: those only that were known by then (µs)."""
    known = "" if until_us is None else f" WHERE _known_us <= {until_us}"
    counts = ", ".join(f"(SELECT count(*) FROM {name}{known})" for name in ("_logged_judged", "_labels_judged"))
    return f"{_tables(plan, logged, labels)}\nSELECT {counts}"


def letters_sql(plan: LabelJoinPlan, logged: str, labels: str, until_us: int | None = None) -> str:
    """The rows of both sources that are joined with nothing: source, position, verdict and reason.

    `until_us`: those only of which that could be told by then (µs).
    """
    first = "(SELECT _id, _src_partition, _src_offset, _known_us, _first_us FROM _labels WHERE _nth = 1)"
    too_late = f"SELECT _id FROM _joined WHERE _label_us >= {_EVENT} + {plan.corrects_us}"
    selects = [
        _refused(plan.logged, LOGGED, "_logged_judged"),
        _refused(plan.labels, LABELS, "_labels_judged"),
        _letters(LOGGED, Outcome.REPEATED, "_logged WHERE _nth > 1"),
        _letters(LABELS, Outcome.DUPLICATE, "_labels WHERE _nth > 1"),
        _letters(LABELS, Outcome.TOO_LATE, f"{first} SEMI JOIN ({too_late}) USING (_id)"),
        _letters(LABELS, Outcome.ORPHAN, f"{first} ANTI JOIN _joined USING (_id)"),
    ]
    return f"{_tables(plan, logged, labels)}\n{_told_by(selects, until_us)}"


def final_sql(plan: LabelJoinPlan, facts: str) -> str:
    """The last fact of each id, in the order of ids, from a relation of facts, whichever engine told them."""
    ids = _names(column.name for column in plan.ids)
    order = f"PARTITION BY {ids} ORDER BY {FACT_NUMBER} DESC"
    return f"SELECT * FROM {facts} QUALIFY row_number() OVER ({order}) = 1 ORDER BY {ids}"


def counts_sql(plan: LabelJoinPlan, facts: str, letters: str) -> str:
    """One row: what became of the logged rows and the labels, from relations of facts and dead letters."""
    ids = _names(column.name for column in plan.ids)
    paths = (
        f"SELECT (max({{'n': {FACT_NUMBER}, 'at': {LABEL_TIME}}})).at IS NULL AS _lacks,\n"
        f"  bool_or({LABEL_TIME} IS NULL) AS _waited\nFROM {facts}\nGROUP BY {ids}"
    )
    refused = ", ".join(text_literal(one.label) for one in (Verdict.LATE, Verdict.DEAD_LETTER))
    ours, theirs = (f"count(*) FILTER (source = '{name}' AND verdict IN ({refused}))" for name in (LOGGED, LABELS))
    joined = ", ".join(
        f"count(*) FILTER (verdict = '{one.label}') AS {one.label}" for one in Outcome if not one.is_fact
    )
    return (
        "SELECT * FROM (SELECT count(*) FILTER (NOT _lacks AND NOT _waited) AS labelled,\n"
        "  count(*) FILTER (NOT _lacks AND _waited) AS corrected, count(*) FILTER (_lacks) AS never_labelled\n"
        f"FROM ({paths})),\n(SELECT {ours} AS logged_refused, {theirs} AS labels_refused, {joined} FROM {letters})"
    )


def _told_by(selects: Sequence[str], until_us: int | None) -> str:
    """The rows of all selects that could be told by an instant (µs); None: all."""
    known = "" if until_us is None else f"\nWHERE _told_us <= {until_us}"
    union = "\nUNION ALL\n".join(selects)
    return f"SELECT * EXCLUDE (_told_us)\nFROM ({union}){known}"


def _tables(plan: LabelJoinPlan, logged: str, labels: str) -> str:
    """The tables that facts and letters are told from: accepted rows of each source, and the first of each id joined.

    Those of one event time are in the order of the source. An id is a struct, so that both sources call it the same.
    """
    ours, theirs = zip(*plan.on, strict=True)
    label = DUCKDB.identifier(plan.label.name)
    return "WITH " + ",\n".join(
        [
            f"_logged_judged AS (SELECT *, {_KNOWN} AS _known_us FROM ({refused_sql(plan.logged, DUCKDB, logged)}))",
            f"_labels_judged AS (SELECT *, {_KNOWN} AS _known_us FROM ({refused_sql(plan.labels, DUCKDB, labels)}))",
            f"_logged AS ({_accepted(plan.logged, ours, '_logged_judged')})",
            f"_labels AS ({_accepted(plan.labels, theirs, '_labels_judged')})",
            f"_joined AS (SELECT * FROM (SELECT * FROM _logged WHERE _nth = 1) LEFT JOIN\n"
            f"  (SELECT _id, {_EVENT} AS _label_us, _known_us AS _label_known_us, {label} AS _label\n"
            "  FROM _labels WHERE _nth = 1) USING (_id))",
        ]
    )


def _accepted(source: SourcePlan, ids: Sequence[str], judged: str) -> str:
    """The rows that a source accepts, each with its id, its place in that, and when the first of it was known."""
    fields = ", ".join(f"'_{number}': {DUCKDB.identifier(name)}" for number, name in enumerate(ids))
    order = f"PARTITION BY _id ORDER BY {_EVENT}, _src_partition, _src_offset"
    return (
        f"SELECT *, row_number() OVER ({order}) AS _nth, first_value(_known_us) OVER ({order}) AS _first_us\n"
        f"FROM (SELECT *, {{{fields}}} AS _id FROM {judged}\n"
        f"WHERE {_REFUSED} IS NULL AND NOT {DUCKDB.emit(late(source))})"
    )


def _fact(plan: LabelJoinPlan, outcome: Outcome, number: int, label: str, us: str, told: str, when: str) -> str:
    """The facts of one kind, with when they can be told."""
    columns = _names(column.name for column in plan.logged.columns)
    return (
        f"SELECT {columns}, {label} AS {LABEL}, make_timestamptz({us}) AS {LABEL_TIME}, '{outcome.label}' AS {FACT},\n"
        f"  CAST({number} AS BIGINT) AS {FACT_NUMBER}, {told} AS _told_us\nFROM _joined WHERE {when}"
    )


def _letters(source: str, outcome: Outcome, rows: str) -> str:
    """The dead letters of one outcome."""
    return (
        f"SELECT '{source}' AS source, _src_partition AS partition, _src_offset AS \"offset\",\n"
        f"  '{outcome.label}' AS verdict, {text_literal(outcome.reason)} AS reason,\n"
        f"  greatest(_known_us, _first_us) AS _told_us\nFROM {rows}"
    )


def _refused(source: SourcePlan, name: str, judged: str) -> str:
    """The rows that a source's own rules refuse, or find late."""
    is_dead, is_late = f"{_REFUSED} IS NOT NULL", DUCKDB.emit(late(source))
    verdict = f"CASE WHEN {is_dead} THEN '{Verdict.DEAD_LETTER.label}' ELSE '{Verdict.LATE.label}' END"
    return (
        f"SELECT '{name}' AS source, _src_partition AS partition, _src_offset AS \"offset\", {verdict} AS verdict,\n"
        f"  coalesce({_REFUSED}, {DUCKDB.emit(late_reason(source))}) AS reason, _known_us AS _told_us\n"
        f"FROM {judged}\nWHERE {is_dead} OR {is_late}"
    )


def _names(names: Iterable[str]) -> str:
    """Quoted names."""
    return ", ".join(DUCKDB.identifier(name) for name in names)
