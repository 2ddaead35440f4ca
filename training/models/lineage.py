"""Where a version comes from, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.registry.model_facts import ModelVersion


@dataclass(frozen=True, slots=True)
class Lineage:
    """A version between its `ancestors`, the root first, and its `descendants`, of whatever models.

    Descendants of its own model come first, then those of others by their names, each by number.
    """

    ancestors: tuple[ModelVersion, ...]
    version: ModelVersion
    descendants: tuple[ModelVersion, ...]

    @property
    def line(self) -> tuple[ModelVersion, ...]:
        """The versions from the root to this one: all that its weights ever learned from is among their facts."""
        return (*self.ancestors, self.version)


def ancestors_of(name: str, parents: Mapping[str, str | None]) -> list[str]:
    """The names of the versions that one comes from, the root first; `parents` has the parent of each, by name.

    >>> ancestors_of("delays@2", {"delays@2": "delays@1", "delays@1": "trips@7", "trips@7": None})
    ['trips@7', 'delays@1']
    """
    found: list[str] = []
    parent = parents[name]
    while parent is not None:
        found.append(parent)
        parent = parents[parent]
    return found[::-1]


def descendants_of(name: str, parents: Mapping[str, str | None]) -> set[str]:
    """The names of the versions that come from one; `parents` has the parent of each, by name.

    >>> sorted(descendants_of("trips@7", {"delays@2": "delays@1", "delays@1": "trips@7", "trips@7": None}))
    ['delays@1', 'delays@2']
    """
    children = defaultdict(list)
    for child, parent in parents.items():
        children[parent].append(child)
    found: set[str] = set()
    asked = [name]
    while asked:
        born = children[asked.pop()]
        found.update(born)
        asked += born
    return found
