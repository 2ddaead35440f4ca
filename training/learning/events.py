"""What happens in a run, told to whoever subscribes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from headrace.training.learning.checks import check_name
from headrace.training.learning.learner import Counters, Step

#: In the order of a run: once, for each micro-batch, after each epoch, whenever a checkpoint is written, once.
EVENTS = ("start", "micro_batch", "evaluate", "checkpoint", "end")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        kind: one of `EVENTS`.
        epoch: the first is 0.
        counters: what the learner has done.
        rows: how many rows an epoch visits; 0 where that is not known.
        step: of a `micro_batch`, what became of it.
        values: of an `evaluate`, the metrics on the evaluation split; of an `end`, those of the model that is kept. On
            a stream, of both, those over all rows so far, each tested before it was learned.
        epochs: how many there are at most.
    """

    kind: str
    epoch: int
    counters: Counters
    rows: int = 0
    step: Step | None = None
    values: Mapping[str, float | None] = field(default_factory=dict)
    epochs: int = 1


Subscriber = Callable[[Event], None]


class Subscribers:
    """Who is told what, in the order of subscribing; what a subscriber raises ends the run.

    >>> heard = []
    >>> subscribers = Subscribers()
    >>> subscribers.subscribe("start", heard.append)
    >>> subscribers.tell(Event("start", 0, Counters()))
    >>> [event.kind for event in heard]
    ['start']
    """

    def __init__(self) -> None:
        self._by_kind: dict[str, list[Subscriber]] = defaultdict(list)

    def subscribe(self, kind: str, subscriber: Subscriber) -> None:
        """Tell a callable of every event of a kind; ModelError for a kind that is not known."""
        check_name(kind, EVENTS, "event")
        self._by_kind[kind].append(subscriber)

    def tell(self, event: Event) -> None:
        """Tell an event to all who want it."""
        for subscriber in self._by_kind[event.kind]:
            subscriber(event)
