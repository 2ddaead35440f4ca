"""The training of a version in the store, so that its history can be replayed without the file that declared it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.errors import ModelError, NotFoundError
from headrace.features.place import Place
from headrace.registry.model_facts import ModelVersion
from headrace.runtime.platform import Platform
from headrace.training.learning.definition_json import definition_of
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.reproducible import device_of
from headrace.training.models.store import ModelStore

#: What is said where the store does not know enough.
GIVE_FILE = "give the Python file that declares it"


class KeptTraining(TrainingPipeline, abstract=True):
    """The training of a definition that a version keeps, of the rows that it was trained on unless others are named."""

    def __init__(self, platform: Platform, version: ModelVersion, seed: int | None, device: str) -> None:
        device_of(device)
        self.platform, self.device = platform, device
        # Whoever reads an error is shown the version, as no file declares this training.
        found = definition_of(_recorded(version)["definition"], Place(version.name, 0)).changed(seed=seed)
        ((table, snapshot),) = version.facts.snapshots.items()
        self.chosen = replace(found, source=f"{table}@{snapshot}")


def training_of(
    platform: Platform, store: ModelStore, name: str, seed: int | None = None, device: str = "auto"
) -> KeptTraining:
    """The training of a version, `model@3` or `model@champion`, or of the newest one of a model.

    Raises:
        NotFoundError: there is no such model or version.
        ModelError: no `headrace train` registered it, or its class overrides a step; the store does not know how then.
    """
    return KeptTraining(platform, _version(store, name), seed, device)


def _version(store: ModelStore, name: str) -> ModelVersion:
    if "@" in name:
        return store.version(name)
    versions = store.versions(name)
    if not versions:
        msg = f"model {name!r} has no version; {GIVE_FILE}"
        raise NotFoundError(msg)
    return versions[-1]


def _recorded(version: ModelVersion) -> Mapping[str, Any]:
    """How a version was trained. ModelError where not all of it is recorded."""
    training = version.facts.training
    if "definition" not in training or len(version.facts.snapshots) != 1:
        msg = f"{version.name}: its definition and the one snapshot that it learned are not recorded, as "
        raise ModelError(msg + f"`headrace train` does; {GIVE_FILE}")
    if training.get("overridden"):
        steps = ", ".join(training["overridden"])
        msg = f"{version.name}: its class overrides {steps}, which is not recorded; {GIVE_FILE}"
        raise ModelError(msg)
    return training
