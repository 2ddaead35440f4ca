"""Who is told what happens in a run on the stream: functions by name, as they are found where the learner is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import DefinitionError, UserFunctionError, did_you_mean
from headrace.training.learning.events import EVENTS, Event, Subscriber, Subscribers
from headrace.training.streaming.named import FUNCTION, function_named


def check_subscribers(where: str, declared: Any) -> None:
    """Raise DefinitionError unless names of functions are declared by event; whether they are there shows in `prepare`.

    >>> check_subscribers("Late.subscribers", {"evaluates": ["told:alarm"]})
    Traceback (most recent call last):
    headrace.errors.DefinitionError: Late.subscribers: no event 'evaluates'; did you mean 'evaluate'?
    """
    if not isinstance(declared, Mapping):
        msg = f"{where} is {declared!r}; expected functions by event, such as "
        raise DefinitionError(msg + "{'evaluate': ['package.module:function']}")
    for kind, named in declared.items():
        if kind not in EVENTS:
            msg = f"{where}: no event {kind!r}; {did_you_mean(str(kind), EVENTS)}"
            raise DefinitionError(msg)
        if not isinstance(named, list | tuple) or not all(map(_is_name, named)):
            msg = f"{where}: {kind!r} has {named!r}; expected a list of 'package.module:function': a worker finds a "
            raise DefinitionError(msg + "function by its name")


def subscribers_of(declared: Mapping[str, Sequence[str]]) -> Subscribers:
    """The functions that are declared, by event. SettingsError: one is not there."""
    found = Subscribers()
    for kind, named in declared.items():
        for path in named:
            found.subscribe(kind, _blamed(path, function_named(path, "subscriber")))
    return found


def _is_name(value: object) -> bool:
    return isinstance(value, str) and FUNCTION.fullmatch(value) is not None


def _blamed(path: str, subscriber: Subscriber) -> Subscriber:
    """A subscriber that is named by what it raises: among the learner's errors nobody would look for it."""

    def tell(event: Event) -> None:
        try:
            subscriber(event)
        except Exception as error:
            msg = f"subscriber {path!r}, told of {event.kind!r}: {type(error).__name__}: {error}"
            raise UserFunctionError(msg) from error

    return tell
