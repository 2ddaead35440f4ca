"""A gate as plain values: what decides whether it passes, so that two of one name can be told apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from numbers import Integral
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from headrace.training.models.evaluation_set import EvaluationSet
    from headrace.training.models.gates import Gate


@runtime_checkable
class Describes(Protocol):
    """A gate that says itself what decides."""

    def described(self) -> Mapping[str, Any]:
        """What decides, as plain values, with the kind of the gate as `gate` and its name as `name`."""


def described(gate: Gate, sets: Iterable[EvaluationSet] = ()) -> dict[str, Any]:
    """The kind of a gate, its name, its settings, and the rows of the evaluation set that it is held against.

    Settings are its fields, or its public attributes; of one that is no plain value only the class is told. Equal gates
    are described equally in every process.

    >>> from headrace.training.models.gates import AtMost
    >>> described(AtMost("recent", "log_loss", 0.5))
    {'gate': 'AtMost', 'name': 'recent/log_loss at most 0.5', 'set': 'recent', 'metric': 'log_loss', 'bound': 0.5}
    """
    if isinstance(gate, Describes):
        return dict(gate.described())
    settings = {name: _plain(value) for name, value in _settings(gate).items()}
    found = {"gate": type(gate).__qualname__, "name": gate.name, **settings}
    chosen = next((one for one in sets if one.name == found.get("set")), None)
    return found if chosen is None else {**found, "rows": _rows(chosen)}


def _settings(thing: object) -> Mapping[str, Any]:
    """What a thing was made with."""
    if is_dataclass(thing):
        return {one.name: getattr(thing, one.name) for one in fields(thing)}
    return {name: value for name, value in sorted(getattr(thing, "__dict__", {}).items()) if not name.startswith("_")}


def _rows(chosen: EvaluationSet) -> dict[str, Any]:
    """The rows of a set, as they were declared: those of its newest snapshot where it names none."""
    where = [str(one) for one in chosen.filters]
    found = {"source": chosen.source, "where": where, "slices": list(chosen.slices)}
    # Sets that choose no facts are described as they were before there was a choice.
    facts = {} if chosen.facts is None else {"facts": chosen.facts}
    return {**found, "may_be_learned": chosen.may_be_learned, **facts}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    known = _settings(value) if is_dataclass(value) else {}
    return {"is": type(value).__qualname__, **{name: _plain(item) for name, item in known.items()}}
