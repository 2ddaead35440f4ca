"""What must hold of the tables of a label join, in DuckDB SQL: each query gives the facts or rows of which it does not.

`facts` is a relation of facts with when each was committed, in µs, as `_committed_us`, NULL where nobody knows;
`logged` and `labels` are relations with the columns of the archives.
"""

# ruff: noqa: S608 (emitting SQL is what this file does: names are checked, literals are quoted)
from __future__ import annotations

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.label_join import LabelJoinPlan, Outcome
from headrace.compiler.plan import SourcePlan
from headrace.compiler.union import refused_sql
from headrace.compiler.verdict import REFUSED, event_us, late
from headrace.features.label_join import FACT, FACT_NUMBER, LABEL, LABEL_TIME

_REFUSED = DUCKDB.emit(REFUSED)


def told_twice_sql(plan: LabelJoinPlan) -> str:
    """Ids of which a fact of one number is there more than once. An id that is used again has another event time."""
    keys = f"{_ids(plan)}, {DUCKDB.identifier(plan.logged.event_time)}, {FACT_NUMBER}"
    return f"SELECT DISTINCT {_ids(plan)} FROM facts GROUP BY {keys} HAVING count(*) > 1"


def left_out_sql(plan: LabelJoinPlan) -> str:
    """Ids of which a fact is missing: their numbers are 1, 2, … ."""
    fewer = f"count(DISTINCT {FACT_NUMBER}) < max({FACT_NUMBER})"
    return f"SELECT {_ids(plan)} FROM facts GROUP BY {_ids(plan)} HAVING {fewer}"


def against_rules_sql(plan: LabelJoinPlan) -> str:
    """Ids of facts that say what their kind cannot: by when the label was known, and what stands for a missing one."""
    after = f"epoch_us({LABEL_TIME}) - {DUCKDB.emit(event_us(plan.logged))}"
    missing = f"{LABEL} IS NOT DISTINCT FROM {DUCKDB.emit(plan.missing_value)}"
    may = {
        Outcome.LABELLED: f"{after} < {plan.wait_us}",
        Outcome.WAITED: f"{LABEL_TIME} IS NULL AND {missing}",
        Outcome.CORRECTED: f"coalesce({after} < {plan.corrects_us}, {missing})",
    }
    cases = " ".join(f"WHEN '{outcome.label}' THEN coalesce({rule}, false)" for outcome, rule in may.items())
    return f"SELECT {_ids(plan)} FROM facts WHERE NOT CASE {FACT} {cases} ELSE false END"


def unlogged_sql(plan: LabelJoinPlan) -> str:
    """Ids of facts whose row was not logged so, or not accepted by its source."""
    columns = ", ".join(DUCKDB.identifier(column.name) for column in plan.logged.columns)
    logged = f"SELECT {columns} FROM ({_accepted(plan.logged, 'logged')})"
    return f"SELECT {_ids(plan)} FROM (SELECT {columns} FROM facts EXCEPT {logged})"


def leaked_sql(plan: LabelJoinPlan) -> str:
    """Ids of facts with a label that had not arrived when the fact was committed, by Kafka's clock, or never did."""
    pairs = ", ".join(f"{DUCKDB.identifier(theirs)} AS {DUCKDB.identifier(ours)}" for ours, theirs in plan.on)
    label, keys = DUCKDB.identifier(plan.label.name), f"{_ids(plan)}, {LABEL_TIME}, {LABEL}"
    known = (
        f"SELECT {pairs}, {DUCKDB.identifier(plan.labels.event_time)} AS {LABEL_TIME}, {label} AS {LABEL},\n"
        f"  min(epoch_us(_src_timestamp)) AS _arrived_us\nFROM ({_accepted(plan.labels, 'labels')}) GROUP BY ALL"
    )
    return (
        f"SELECT {_ids(plan)} FROM facts LEFT JOIN ({known}) USING ({keys})\n"
        f"WHERE {LABEL_TIME} IS NOT NULL AND (_arrived_us IS NULL OR _arrived_us > _committed_us)"
    )


def verdicts_sql(source: SourcePlan, relation: str) -> str:
    """By topic and partition how many rows of a relation are accepted, late and dead letters."""
    is_late = DUCKDB.emit(late(source))
    counts = (
        f"count(*) FILTER ({_REFUSED} IS NULL AND NOT {is_late}) AS accepted,\n"
        f"  count(*) FILTER ({_REFUSED} IS NULL AND {is_late}) AS late,\n"
        f"  count(*) FILTER ({_REFUSED} IS NOT NULL) AS dead_lettered"
    )
    judged = refused_sql(source, DUCKDB, relation)
    return f"SELECT _src_topic, _src_partition, {counts}\nFROM ({judged}) GROUP BY ALL"


def _accepted(source: SourcePlan, relation: str) -> str:
    """The rows of a relation that their source accepts."""
    judged = refused_sql(source, DUCKDB, relation)
    return f"SELECT * FROM ({judged})\nWHERE {_REFUSED} IS NULL AND NOT {DUCKDB.emit(late(source))}"


def _ids(plan: LabelJoinPlan) -> str:
    """The columns of the id, as logged rows name them."""
    return ", ".join(DUCKDB.identifier(column.name) for column in plan.ids)
