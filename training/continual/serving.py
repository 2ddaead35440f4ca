"""From gates to production: what they said, in words, and the way that a version takes when it passed."""

from __future__ import annotations

from itertools import pairwise

from headrace.registry.model_states import Decision, State
from headrace.training.models.gates import GateResult
from headrace.training.models.store import ModelStore

#: The way of a version that passed its gates to where it can be promoted.
WAY = (State.VERIFIED, State.REGISTERED, State.DARK)


def gate_words(result: GateResult) -> str:
    """What a gate found, in a line.

    >>> gate_words(GateResult("stream/log_loss at most 0.5", False, 0.61, 0.5))
    "gate 'stream/log_loss at most 0.5' failed: 0.61 beside 0.5"
    """
    words = f"gate {result.name!r} {'passed' if result.passed else 'failed'}"
    if result.value is not None and result.bound is not None:
        return f"{words}: {result.value:.6g} beside {result.bound:.6g}"
    return words if result.passed else f"{words}: {result.evidence.get('why', 'see the evidence')}"


def let_serve(store: ModelStore, name: str, champion: int | None, decision: Decision) -> None:
    """Promote a version that passed its gates, from wherever on its way it is; nothing for one that is not on it.

    Args:
        champion: which version the gates had beside it; None: none served.

    Raises RegistryConflictError when another serves by now.
    """
    for before, after in pairwise(WAY):
        if store.status(name).state is before:
            store.move(name, after, decision)
    if store.status(name).state is State.DARK:
        store.promote(name, champion, decision)
