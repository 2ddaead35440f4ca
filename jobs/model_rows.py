"""What `headrace model` prints: versions, moves and verdicts as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.jobs.options import Format
from headrace.jobs.output import print_rows
from headrace.registry.kept_gates import gates_of
from headrace.registry.model_states import AliasChange, Life, Transition

if TYPE_CHECKING:
    from headrace.registry.model_facts import ModelVersion
    from headrace.training.models.gates import GateResult
    from headrace.training.models.store import CandidateStatus, VersionStatus

#: So many digits of a hash tell two apart in a table.
SHORT = 12
#: Decimals of a number in a table; JSON has all of them.
DIGITS = 6


def status_row(status: VersionStatus) -> dict[str, Any]:
    """A version in a list."""
    version = status.version
    return {
        "version": version.name,
        "state": status.state.value,
        "aliases": [alias.value for alias in status.aliases],
        "parent": version.facts.parent,
        "rows_seen": version.facts.rows_seen,
        "metrics": dict(version.facts.metrics),
        "creator": version.creator,
        "created_at": version.created_at.isoformat(timespec="seconds"),
    }


def candidate_row(status: CandidateStatus) -> dict[str, Any]:
    """A candidate in a list. `judged`: the newest verdict of the gates."""
    one = status.candidate
    verdicts = ["passed" if judgement.passed else "failed" for judgement in status.judgements]
    return {
        "model": one.model,
        "trainer": one.trainer,
        "artifact": one.facts.artifact[:SHORT],
        "rows_seen": one.facts.rows_seen,
        "parent": one.facts.parent,
        "metrics": dict(one.facts.metrics),
        "judged": verdicts[-1] if verdicts else None,
        "version": None if status.version is None else f"{one.model}@{status.version}",
    }


def version_row(version: ModelVersion) -> dict[str, Any]:
    """A version in a lineage: its data, and the code that learned from it."""
    facts = version.facts
    return {
        "version": version.name,
        "parent": facts.parent,
        "snapshots": dict(facts.snapshots),
        "offsets": _spans(facts.offsets),
        "label_cutoff": facts.label_cutoff.isoformat() if facts.label_cutoff else None,
        "rows_seen": facts.rows_seen,
        "features": dict(facts.features),
        "code": facts.code[:SHORT],
        "environment": facts.environment[:SHORT],
        "artifact": facts.artifact[:SHORT],
    }


def status_document(status: VersionStatus) -> dict[str, Any]:
    """All that is known of a version."""
    from headrace.training.models.made_again import rebuildable

    version, facts = status.version, status.version.facts
    return {
        "version": version.name,
        "state": status.state.value,
        "aliases": [alias.value for alias in status.aliases],
        "parent": facts.parent,
        "trainer": version.trainer,
        "artifact": facts.artifact,
        "code": facts.code,
        "own_code": None if facts.own_code is None else facts.own_code.hash,
        "environment": facts.environment,
        "features": dict(facts.features),
        "snapshots": dict(facts.snapshots),
        "offsets": _spans(facts.offsets),
        "label_cutoff": facts.label_cutoff.isoformat() if facts.label_cutoff else None,
        "seed": facts.seed,
        "rows_seen": facts.rows_seen,
        "metrics": dict(facts.metrics),
        "evaluated": dict(facts.evaluated),
        "gates": [one["name"] for one in gates_of(facts)],
        "rebuild": rebuildable(version),
        "creator": version.creator,
        "created_at": version.created_at.isoformat(),
        "moves": move_rows(status.transitions),
    }


def gate_row(result: GateResult) -> dict[str, Any]:
    """What a gate said; of a failure, why."""
    return {
        "gate": result.name,
        "passed": result.passed,
        "value": result.value,
        "bound": result.bound,
        "evidence": dict(result.evidence),
    }


def order_of(life: Life) -> list[Transition | AliasChange]:
    """All moves of a model by time; of one promotion first the state, then the alias."""
    return sorted((*life.transitions, *life.aliases), key=lambda one: one.at)


def move_rows(moves: Iterable[Transition | AliasChange]) -> list[dict[str, Any]]:
    """Moves, one a row. `what` is the version that went into another state, or the alias that went elsewhere."""
    return [
        {
            "at": one.at.isoformat(),
            "what": _subject_of(one),
            "from": one.before,
            "to": one.after,
            "who": one.decision.who,
            "reason": one.decision.reason,
            "evidence": dict(one.decision.evidence),
        }
        for one in moves
    ]


def print_model_rows(rows: Iterable[Mapping[str, Any]], format_: Format) -> None:
    """Print rows; in a table a mapping or a list is one cell of text."""
    kept = [dict(row) for row in rows]
    if format_ is Format.TABLE:
        kept = [{name: _cell(value) for name, value in row.items()} for row in kept]
    print_rows(kept, format_)


def print_moves(rows: Iterable[Mapping[str, Any]], format_: Format) -> None:
    """Print moves; a table leaves out the evidence, which is longer than a line."""
    left_out = {"evidence"} if format_ is Format.TABLE else set()
    print_model_rows([{name: row[name] for name in row if name not in left_out} for row in rows], format_)


def _cell(value: Any) -> Any:
    """A value as one cell of a table; what is empty is as what is not there."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_part(item)}" for name, item in sorted(value.items())) or None
    if isinstance(value, list):
        return ", ".join(map(_part, value)) or None
    return round(value, DIGITS) if isinstance(value, float) else value


def _part(value: Any) -> str:
    found = _cell(value)
    return "-" if found is None else str(found)


def _spans(offsets: Mapping[str, tuple[int, int]]) -> dict[str, str]:
    return {partition: f"[{begin}, {end})" for partition, (begin, end) in offsets.items()}


def _subject_of(move: Transition | AliasChange) -> str:
    return move.alias.value if isinstance(move, AliasChange) else f"@{move.version}"
