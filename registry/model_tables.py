"""The tables of the model store, and how facts and moves are written as their rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, PrimaryKeyConstraint, Row, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from headrace.registry.database import METADATA
from headrace.registry.model_facts import Candidate, Facts, ModelVersion
from headrace.registry.model_states import Alias, AliasChange, Decision, State, Transition

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
#: A model's name, `@`, and a number of nine digits.
LONGEST_VERSION = 110
#: What of the facts is a column as it is, and what is kept as JSON.
PLAIN_FACTS = ("artifact", "code", "environment", "rows_seen", "seed", "parent")
JSON_FACTS = ("features", "snapshots", "offsets", "metrics", "evaluated", "training")


def _named() -> tuple[Column[Any], ...]:
    return Column("project", String(100)), Column("model", String(100))


def _facts() -> tuple[Column[Any], ...]:
    """The columns of facts, for versions and candidates alike."""
    return (
        Column("artifact", String(64), nullable=False),
        Column("code", String(64), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("rows_seen", BigInteger, nullable=False),
        Column("seed", BigInteger),
        Column("parent", String(LONGEST_VERSION)),
        Column("label_cutoff_us", BigInteger),
        *(Column(name, Text, nullable=False) for name in JSON_FACTS),
    )


def _decision() -> tuple[Column[Any], ...]:
    return (
        Column("who", String(200), nullable=False),
        Column("reason", Text, nullable=False),
        Column("evidence", Text, nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("clock_us", BigInteger, nullable=False),
    )


#: Every change of a model counts its revision up by one, from the one that its maker saw: compare and set.
MODELS = Table(
    "models",
    METADATA,
    *_named(),
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "model"),
)
VERSIONS = Table(
    "model_versions",
    METADATA,
    *_named(),
    Column("number", Integer),
    Column("trainer", String(100)),
    *_facts(),
    Column("creator", String(200), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "model", "number"),
    # One version of a candidate. Where there is no trainer this is NULL, and NULLs are never equal.
    Unique("project", "model", "trainer", "artifact", "rows_seen"),
)
CANDIDATES = Table(
    "model_candidates",
    METADATA,
    *_named(),
    Column("trainer", String(100)),
    *_facts(),
    Column("created_at_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "model", "trainer", "artifact", "rows_seen"),
)
JUDGEMENTS = Table(
    "model_judgements",
    METADATA,
    *_named(),
    Column("trainer", String(100)),
    Column("artifact", String(64)),
    Column("rows_seen", BigInteger),
    *_decision(),
    Column("passed", Boolean, nullable=False),
    PrimaryKeyConstraint("project", "model", "trainer", "artifact", "rows_seen", "at_us"),
)
TRANSITIONS = Table(
    "model_transitions",
    METADATA,
    *_named(),
    Column("revision", BigInteger),
    Column("version", Integer),
    Column("before", String(20)),
    Column("after", String(20), nullable=False),
    *_decision(),
    PrimaryKeyConstraint("project", "model", "revision", "version"),
)
ALIASES = Table(
    "model_aliases",
    METADATA,
    *_named(),
    Column("revision", BigInteger),
    Column("alias", String(20)),
    Column("before", Integer),
    Column("after", Integer),
    *_decision(),
    PrimaryKeyConstraint("project", "model", "revision", "alias"),
)
EVALUATIONS = Table(
    "model_evaluations",
    METADATA,
    *_named(),
    Column("version", Integer),
    Column("set", String(100)),
    Column("rows", String(200)),
    Column("metrics", Text, nullable=False),
    PrimaryKeyConstraint("project", "model", "version", "set", "rows"),
)
INVENTORIES = Table(
    "model_inventories", METADATA, Column("hash", String(64), primary_key=True), Column("entries", Text, nullable=False)
)
TABLES = (MODELS, VERSIONS, CANDIDATES, JUDGEMENTS, TRANSITIONS, ALIASES, EVALUATIONS, INVENTORIES)


def microseconds(instant: datetime) -> int:
    """An instant in µs since 1970.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (instant - EPOCH) // MICROSECOND


def instant(us: int) -> datetime:
    """The instant, in UTC, of µs since 1970."""
    return EPOCH + us * MICROSECOND


def text(value: Mapping[str, Any]) -> str:
    """A mapping as JSON with sorted keys."""
    return json.dumps(dict(value), sort_keys=True)


def facts_row(facts: Facts) -> dict[str, Any]:
    """Facts as columns."""
    cutoff = facts.label_cutoff
    return {
        **{name: getattr(facts, name) for name in PLAIN_FACTS},
        **{name: text(getattr(facts, name)) for name in JSON_FACTS},
        "label_cutoff_us": None if cutoff is None else microseconds(cutoff),
    }


def facts_of(row: Row[Any]) -> Facts:
    """The facts in a row of versions or candidates."""
    told = {name: json.loads(getattr(row, name)) for name in JSON_FACTS}
    told["offsets"] = {partition: (begin, end) for partition, (begin, end) in told["offsets"].items()}
    cutoff = None if row.label_cutoff_us is None else instant(row.label_cutoff_us)
    return Facts(**{name: getattr(row, name) for name in PLAIN_FACTS}, **told, label_cutoff=cutoff)


def candidate_of(row: Row[Any]) -> Candidate:
    """A row as a candidate."""
    return Candidate(row.model, row.trainer, facts_of(row), instant(row.created_at_us))


def version_of(row: Row[Any]) -> ModelVersion:
    """A row as a version."""
    return ModelVersion(row.model, row.number, facts_of(row), row.creator, row.trainer, instant(row.created_at_us))


def decision_row(decision: Decision, at: datetime, clock: datetime) -> dict[str, Any]:
    """A decision and its times as columns."""
    return {
        "who": decision.who,
        "reason": decision.reason,
        "evidence": text(decision.evidence),
        "at_us": microseconds(at),
        "clock_us": microseconds(clock),
    }


def decision_of(row: Row[Any]) -> Decision:
    """The decision in a row."""
    return Decision(row.who, row.reason, json.loads(row.evidence))


def transition_of(row: Row[Any]) -> Transition:
    """A row as a transition."""
    before = None if row.before is None else State(row.before)
    times = instant(row.at_us), instant(row.clock_us)
    return Transition(row.version, before, State(row.after), decision_of(row), *times)


def alias_change_of(row: Row[Any]) -> AliasChange:
    """A row as the change of an alias."""
    times = instant(row.at_us), instant(row.clock_us)
    return AliasChange(Alias(row.alias), row.before, row.after, decision_of(row), *times)
