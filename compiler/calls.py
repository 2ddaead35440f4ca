"""The calls of users' functions in a plan: which there are, in which order they are made, and for which rows.

Each call is a column of its own between the events and their verdict: a structure of the value and the error, one of
which is NULL. So a row is called once, whatever reads the value, and a function that raises decides the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from headrace.compiler.codec import decode, encode
from headrace.compiler.plan import ViewPlan, fingerprint_of
from headrace.features.function import UserFunction
from headrace.features.scalar import BOOL, STR, Scalar, held_type, literal

VALUE, ERROR = "value", "error"


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call: a column of this type, or a constant."""

    type: str
    constant: str | int | float | bool | None = None

    @property
    def stored(self) -> str:
        """The type as it goes between an engine and the function: an instant is its µs."""
        return held_type(self.type)


@dataclass(frozen=True, slots=True)
class Call:
    """What a worker needs to make a call: the function, and what its arguments are."""

    function: UserFunction
    arguments: tuple[Argument, ...]

    @classmethod
    def of(cls, scalar: Scalar) -> Call:
        """The call of a scalar `call`; LookupError for any other."""
        if scalar.function is None:
            msg = f"{scalar.text()} calls nothing"
            raise LookupError(msg)
        return cls(scalar.function, tuple(Argument(arg.type, arg.value) for arg in map(_constant_or_not, scalar.args)))

    @property
    def name(self) -> str:
        """What the function is called in an engine that knows it by a name: equal for equal calls."""
        return f"hr_call_{fingerprint_of([self.function.reference, encode(self.arguments)])}"

    @property
    def stored(self) -> str:
        """The type of the values as they go between the function and an engine."""
        return held_type(self.function.returns)

    @property
    def columns(self) -> tuple[Argument, ...]:
        """The arguments that are no constants."""
        return tuple(argument for argument in self.arguments if argument.constant is None)

    def to_json(self) -> str:
        """This call as JSON text."""
        return json.dumps(encode(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Call:
        """The call from `to_json`'s text."""
        return decode(cls, json.loads(text))


def calls_of(plan: ViewPlan) -> tuple[Scalar, ...]:
    """All different calls of a plan, each after those among its arguments."""
    scalars = [scalar for group in plan.groups for scalar in (group.filter, *(one.argument for one in group.partials))]
    return _calls_in(scalar for scalar in scalars if scalar is not None)


def column_of(call: Scalar) -> str:
    """The column that holds what a call gave."""
    return f"_call_{fingerprint_of(call.text())}"


def error_of(call: Scalar) -> Scalar:
    """What a call raised; NULL where it gave a value."""
    return Scalar("call_error", STR, (call,))


def raised(call: Scalar) -> Scalar:
    """Whether a call raised on a row."""
    return Scalar("not_null", BOOL, (error_of(call),))


def columns_of(call: Scalar) -> tuple[Scalar, ...]:
    """The arguments of a call that are no constants."""
    return tuple(arg for arg in call.args if arg.op != "literal")


def layers(plan: ViewPlan, unsound: Iterable[Scalar]) -> list[dict[Scalar, Scalar]]:
    """The calls that can be made at once, one layer after the other, each with the condition under which it is made.

    A row for which one of the conditions `unsound` holds reaches no function, nor one whose argument raised; a row that
    no filter lets in reaches those functions alone that a filter calls.
    """
    dead = tuple(unsound)
    asked = {call: _asked(plan, call, dead) for call in calls_of(plan)}
    made: list[dict[Scalar, Scalar]] = []
    while left := {call: asked[call] for call in asked if not any(call in layer for layer in made)}:
        made.append({call: condition for call, condition in left.items() if not _needs(call, condition) & left.keys()})
    return made


def _constant_or_not(arg: Scalar) -> Scalar:
    """The argument itself where it is a constant, else no more than its type."""
    return arg if arg.op == "literal" else Scalar("column", arg.type)


def _calls_in(scalars: Iterable[Scalar]) -> tuple[Scalar, ...]:
    return tuple(dict.fromkeys(call for scalar in scalars for call in scalar.calls()))


def _needs(call: Scalar, condition: Scalar) -> set[Scalar]:
    """The calls whose values a call and its condition read."""
    return set(_calls_in((*call.args, condition)))


def _asked(plan: ViewPlan, call: Scalar, dead: tuple[Scalar, ...]) -> Scalar:
    """Whether a row reaches a call."""
    conditions = (*dead, *(raised(inner) for inner in _calls_in(call.args)))
    parts = [part for condition in conditions for part in (condition, literal(value=False))]
    return Scalar("case", BOOL, (*parts, _let_in(plan, call)))


def _let_in(plan: ViewPlan, call: Scalar) -> Scalar:
    """Whether a group that needs a call takes a row, as far as its filter says."""
    filters = [group.filter for group in plan.groups if group.filter is not None]
    readers = [group for group in plan.groups if call in _calls_in(partial.argument for partial in group.partials)]
    if call in _calls_in(filters) or any(group.filter is None for group in readers):
        return literal(value=True)
    conditions = [Scalar("is_true", BOOL, (group.filter,)) for group in readers if group.filter is not None]
    found = conditions[0]
    for condition in conditions[1:]:
        found = Scalar("or", BOOL, (found, condition))
    return found
