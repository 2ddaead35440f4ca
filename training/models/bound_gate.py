"""`BoundGate`: a gate with what it judges by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from headrace.registry.model_facts import Facts
from headrace.training.models.described import described
from headrace.training.models.gates import Gate, Subject
from headrace.training.models.store import ModelStore

if TYPE_CHECKING:
    from headrace.training.models.evaluator import Evaluator

Bound = TypeVar("Bound", bound=Gate)


@dataclass(frozen=True)
class BoundGate(Generic[Bound]):
    """A gate over rows, with what loads models and reads rows for it, and the versions that a subject comes from."""

    gate: Bound
    evaluator: Evaluator
    store: ModelStore

    @property
    def name(self) -> str:
        """That of the gate."""
        return self.gate.name

    def described(self) -> dict[str, Any]:
        """The gate with the rows that it is held against."""
        return described(self.gate, self.evaluator.sets.values())

    def line(self, subject: Subject) -> list[tuple[str, Facts]]:
        """The subject behind the versions that it comes from, by their names."""
        before = () if subject.parent is None else self.store.lineage(subject.parent.name).line
        own = "candidate" if subject.version is None else subject.version.name
        return [*((one.name, one.facts) for one in before), (own, subject.facts)]
