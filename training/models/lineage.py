"""Where a version comes from, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.registry.model_facts import ModelVersion


@dataclass(frozen=True, slots=True)
class Lineage:
    """A version between its `ancestors`, the root first, and its `descendants`, by number."""

    ancestors: tuple[ModelVersion, ...]
    version: ModelVersion
    descendants: tuple[ModelVersion, ...]

    @property
    def line(self) -> tuple[ModelVersion, ...]:
        """The versions from the root to this one: all that its weights ever learned from is among their facts."""
        return (*self.ancestors, self.version)


def lineage_of(version: ModelVersion, versions: Sequence[ModelVersion]) -> Lineage:
    """The lineage of one of a model's versions; `versions` are all of them."""
    known = {one.number: one for one in versions}
    ancestors: list[ModelVersion] = []
    parent = version.facts.parent
    while parent is not None:
        ancestors.append(known[parent])
        parent = known[parent].facts.parent
    # A parent is registered before its children, so that one pass in the order of numbers meets every descendant.
    family = {version.number}
    descendants: list[ModelVersion] = []
    for one in sorted(versions, key=lambda one: one.number):
        if one.facts.parent in family:
            family.add(one.number)
            descendants.append(one)
    return Lineage(tuple(reversed(ancestors)), version, tuple(descendants))
