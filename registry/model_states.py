"""The governed life of a version: states, the moves between them, aliases, and what moved when, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from headrace.errors import ModelError, NotFoundError, TransitionError, did_you_mean
from headrace.registry.model_facts import check_json


class State(StrEnum):
    """Where a version is in its life."""

    TRAINED = "trained"
    VERIFIED = "verified"
    REGISTERED = "registered"
    DARK = "dark"
    PRODUCTION = "production"
    RETIRED = "retired"
    REJECTED = "rejected"


class Alias(StrEnum):
    """A name that at most one version of a model has at a time."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"
    CANARY = "canary"


#: From each state where a version may go. What is not here is illegal; an ended version stays as evidence.
MOVES: Mapping[State, tuple[State, ...]] = {
    State.TRAINED: (State.VERIFIED, State.REJECTED),
    State.VERIFIED: (State.REGISTERED,),
    State.REGISTERED: (State.DARK,),
    State.DARK: (State.PRODUCTION, State.REJECTED),
    State.PRODUCTION: (State.RETIRED,),
    State.RETIRED: (),
    State.REJECTED: (),
}
ENDED = frozenset(state for state, after in MOVES.items() if not after)
#: In which states a version may be given an alias; a promotion alone makes a champion. A canary answers some requests,
#: so it has passed all gates and was dark, as a champion has.
ALIASED: Mapping[Alias, tuple[State, ...]] = {
    Alias.CHALLENGER: (State.REGISTERED, State.DARK, State.PRODUCTION),
    Alias.SHADOW: (State.DARK, State.PRODUCTION),
    Alias.CANARY: (State.DARK, State.PRODUCTION),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Who moves something, and why, with evidence as plain JSON values.

    Raises:
        TransitionError: who or why is empty.
        ModelError: the evidence holds what JSON cannot.

    >>> Decision("ann", "better on recent data").who
    'ann'
    """

    who: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("who", "reason"):
            if not getattr(self, what).strip():
                msg = f"a move needs {what}, found {getattr(self, what)!r}; say it, for whoever asks later"
                raise TransitionError(msg)
        check_json("evidence", self.evidence)


@dataclass(frozen=True, slots=True)
class Transition:
    """A version went from one state to another; from None when it was registered.

    `at` is never earlier than what moved before in the model; `clock` is what the clock of the machine said.
    """

    version: int
    before: State | None
    after: State
    decision: Decision
    at: datetime
    clock: datetime


@dataclass(frozen=True, slots=True)
class AliasChange:
    """An alias went from one version to another; None is none. Times are as in `Transition`."""

    alias: Alias
    before: int | None
    after: int | None
    decision: Decision
    at: datetime
    clock: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """All that ever moved in one model, oldest first, and what follows from it.

    `revision` counts the changes; each is made to the revision that its maker saw, or not at all.
    """

    model: str
    revision: int
    transitions: tuple[Transition, ...]
    aliases: tuple[AliasChange, ...]

    @property
    def newest(self) -> datetime | None:
        """When something moved last."""
        times = [*(one.at for one in self.transitions), *(one.at for one in self.aliases)]
        return max(times, default=None)

    def state(self, number: int) -> State:
        """The state of a version. NotFoundError, with those there are, when there is no such version."""
        for one in reversed(self.transitions):
            if one.version == number:
                return one.after
        numbers = sorted({one.version for one in self.transitions})
        newest = f"its versions are 1 to {numbers[-1]}" if numbers else "it has none"
        msg = f"model {self.model!r}: no version {number}; {newest}"
        raise NotFoundError(msg)

    def holder(self, alias: Alias, at: datetime | None = None) -> int | None:
        """The version that has an alias, or had it at an instant."""
        change = self.newest_change(alias, at)
        return change.after if change else None

    def holders(self, at: datetime | None = None) -> dict[Alias, int | None]:
        """What each alias names, or named at an instant. ModelError when that has no zone."""
        if at is not None and at.tzinfo is None:
            msg = f"at: expected an instant with a zone, found {at!r}"
            raise ModelError(msg)
        return {alias: self.holder(alias, at) for alias in Alias}

    def held_by(self, number: int) -> tuple[Alias, ...]:
        """The aliases that a version has."""
        return tuple(alias for alias, holder in self.holders().items() if holder == number)

    def newest_change(self, alias: Alias, at: datetime | None = None) -> AliasChange | None:
        """The change that gave an alias to what has it, or had it at an instant."""
        found = [one for one in self.aliases if one.alias is alias and (at is None or one.at <= at)]
        return found[-1] if found else None


def check_move(life: Life, number: int, after: State, evidence: Mapping[str, Any]) -> State:
    """The state that a version leaves for another.

    Raises:
        NotFoundError: there is no such version.
        TransitionError: the move is not legal (names those that are), a verification has no passed gates to show, or
            the champion would leave production without a successor.
    """
    before = life.state(number)
    if after not in MOVES[before]:
        legal = " or ".join(MOVES[before]) or "none, it has ended"
        msg = f"{life.model}@{number}: cannot go from {before} to {after}; legal from {before}: {legal}"
        raise TransitionError(msg)
    if after is State.VERIFIED:
        _check_gates(f"{life.model}@{number}", evidence.get("gates"))
    if after in ENDED and life.holder(Alias.CHAMPION) == number:
        msg = f"{life.model}@{number} is the champion: promote its successor first, then it can be {after}"
        raise TransitionError(msg)
    return before


def check_alias(life: Life, number: int, alias: Alias) -> None:
    """Raise TransitionError unless a version's state allows an alias; NotFoundError when there is no such version."""
    state = life.state(number)
    if state not in ALIASED[alias]:
        allowed = " or ".join(ALIASED[alias])
        legal = " or ".join(MOVES[state]) or "none, it has ended"
        msg = (
            f"{life.model}@{number} is {state} and cannot be {alias}: expected {allowed}; legal moves from {state}: "
            f"{legal}"
        )
        raise TransitionError(msg)


def alias_of(text: str) -> Alias:
    """An alias by name; NotFoundError with a suggestion.

    >>> alias_of("champion")
    <Alias.CHAMPION: 'champion'>
    """
    return Alias(_known("alias", text, [alias.value for alias in Alias]))


def state_of(text: str) -> State:
    """A state by name; NotFoundError with a suggestion."""
    return State(_known("state", text, [state.value for state in State]))


def _known(what: str, text: str, names: Sequence[str]) -> str:
    if text not in names:
        msg = f"no {what} {text!r}; {did_you_mean(text, names)}"
        raise NotFoundError(msg)
    return text


def _check_gates(name: str, gates: object) -> None:
    """A verification shows gates, all of them passed."""
    found = gates if isinstance(gates, list) else []
    strange = [gate for gate in found if not isinstance(gate, Mapping)]
    if strange:
        msg = (
            f"{name}: cannot be {State.VERIFIED}: expected gates with name and passed, found {strange[0]!r}; verify it"
        )
        raise TransitionError(msg)
    failed = [str(gate.get("name")) for gate in found if gate.get("passed") is not True]
    if failed or not found:
        what = f"gates not passed: {', '.join(failed)}" if failed else "no gates among the evidence"
        msg = f"{name}: cannot be {State.VERIFIED}: {what}; verify it, and reject it when a gate fails"
        raise TransitionError(msg)
