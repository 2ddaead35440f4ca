"""The gates that a version keeps from its definition, and whether each of them was asked when it was verified."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import TransitionError
from headrace.registry.model_facts import Facts

#: Among how a version was trained: the gates that its definition declares. A version without it has none to pass, be it
#: that none were declared, or that it is older than this.
GATES = "gates"
#: Among the evidence of a verification: why kept gates were left out or changed, and which.
CHANGED = "gates_changed"
#: What two gates are about: they differ in their bounds alone where all of these agree.
ABOUT = ("gate", "set", "metric")


def kept_gates(declared_in: str, gates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a version keeps of gates that a file declares, each as plain values with a `name`; of none nothing.

    >>> kept_gates("trips.py", [{"gate": "StoredAnswer", "name": "stored answer"}])
    {'gates': {'declared_in': 'trips.py', 'asked': [{'gate': 'StoredAnswer', 'name': 'stored answer'}]}}
    """
    return {GATES: {"declared_in": declared_in, "asked": [dict(one) for one in gates]}} if gates else {}


def gates_of(facts: Facts) -> tuple[Mapping[str, Any], ...]:
    """The gates that a version keeps, as plain values."""
    return tuple(facts.training.get(GATES, {}).get("asked", ()))


def unasked(facts: Facts, asked: Sequence[object]) -> list[Mapping[str, Any]]:
    """The kept gates that no gate asked is equal to: by its kind, its bounds, and the rows that it is held against."""
    return [one for one in gates_of(facts) if one not in asked]


def check_change(name: str, facts: Facts, asked: Sequence[Mapping[str, Any]], why: str | None) -> dict[str, Any]:
    """The evidence of a decision to leave out kept gates, or to ask changed ones; without a reason there is none.

    Raises:
        TransitionError: kept gates are not asked, and no reason was given; or one was given that is empty, or for
            nothing, as all of them are asked.
    """
    missing = unasked(facts, asked)
    if why is None:
        _refuse(name, facts, missing, asked)
        return {}
    if not why.strip() or not missing:
        what = "no gate that it keeps has changed; leave it out" if not missing else "say why, for whoever asks later"
        msg = f"{name}: gates changed: {why!r}: {what}"
        raise TransitionError(msg)
    return {CHANGED: {"why": why, "kept": [dict(one) for one in missing], "asked": [dict(one) for one in asked]}}


def check_evidence(name: str, facts: Facts, evidence: Mapping[str, Any]) -> None:
    """TransitionError unless the evidence of a verification shows each kept gate, or the decision that it was changed.

    The gates of the evidence are those that `check_move` has looked at.
    """
    asked = [one.get("asked") for one in evidence["gates"]]
    decided = evidence.get(CHANGED)
    known = decided.get("kept", ()) if isinstance(decided, Mapping) and decided.get("why") else ()
    _refuse(name, facts, [one for one in unasked(facts, asked) if one not in known], asked)


def _refuse(name: str, facts: Facts, missing: Sequence[Mapping[str, Any]], asked: Sequence[object]) -> None:
    """Raise TransitionError where gates are missing, with what was asked in place of each."""
    if not missing:
        return
    file = facts.training[GATES]["declared_in"]
    told = "; ".join(_told(one, asked) for one in missing)
    msg = f"{name}: cannot be verified without the gates that it was made with: {told}; give the file that declares "
    msg += f"them, `--file {file}`; where they were changed on purpose, decide it by `--gates-changed WHY` beside the "
    raise TransitionError(msg + "file, which is kept as evidence")


def _told(kept: Mapping[str, Any], asked: Sequence[object]) -> str:
    """A missing gate, and the one that was asked in its place, if one was."""
    others = [one for one in asked if isinstance(one, Mapping) and _about(one) == _about(kept)]
    if not others:
        return f"gate {kept['name']!r} is not asked, {_text(kept)}"
    return f"gate {kept['name']!r} was changed, expected {_text(kept)}, found {' and '.join(map(_text, others))}"


def _about(gate: Mapping[str, Any]) -> tuple[object, ...]:
    """What a gate is about; one without a set is known by its kind alone."""
    return tuple(gate.get(what) for what in ABOUT)


def _text(gate: Mapping[str, Any]) -> str:
    return json.dumps(gate, sort_keys=True)
