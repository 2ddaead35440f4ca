"""The training of a version in the store, so that its history can be replayed without the file that declared it."""

from __future__ import annotations

from dataclasses import replace

from headrace.errors import ModelError, NotFoundError
from headrace.registry.model_facts import ModelVersion
from headrace.runtime.platform import Platform
from headrace.training.learning.reproducible import device_of
from headrace.training.models.kept_training import KeptTraining
from headrace.training.models.store import ModelStore

#: What is said where the store does not know enough.
GIVE_FILE = "give the Python file that declares it"


def training_of(
    platform: Platform, store: ModelStore, name: str, seed: int | None = None, device: str = "auto"
) -> KeptTraining:
    """The training of a version, `model@3` or `model@champion`, or of the newest one of a model.

    Of the rows that it was trained on unless others are named.

    Raises:
        NotFoundError: there is no such model or version.
        ModelError: no `headrace train` registered it, its class overrides a step, or it has a filter of a user's own
            class; the store does not know how then.
        TrainingError: there is no such device, or it is not here.
    """
    device_of(device)
    version = _version(store, name)
    _check_recorded(version)
    training = KeptTraining(platform, version, device, GIVE_FILE)
    ((table, snapshot),) = version.facts.snapshots.items()
    training.chosen = replace(training.chosen.changed(seed=seed), source=f"{table}@{snapshot}")
    return training


def _version(store: ModelStore, name: str) -> ModelVersion:
    if "@" in name:
        return store.version(name)
    versions = store.versions(name)
    if not versions:
        msg = f"model {name!r} has no version; {GIVE_FILE}"
        raise NotFoundError(msg)
    return versions[-1]


def _check_recorded(version: ModelVersion) -> None:
    """ModelError where it is not recorded what a version was trained by, and on."""
    if "definition" not in version.facts.training or len(version.facts.snapshots) != 1:
        msg = f"{version.name}: its definition and the one snapshot that it learned are not recorded, as "
        raise ModelError(msg + f"`headrace train` does; {GIVE_FILE}")
