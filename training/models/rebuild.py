"""A version made again from what is stored: the same artifact, or what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headrace.connectors.artifacts import address_of
from headrace.errors import ArtifactError, ModelError, SettingsError
from headrace.features.place import Place
from headrace.registry.model_facts import Facts, ModelVersion
from headrace.runtime.platform import Platform
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.definition_json import definition_of
from headrace.training.learning.pipeline import FULL, LEARNED_ON, TrainingPipeline
from headrace.training.models.difference import Difference, differences
from headrace.training.models.file_difference import file_differences
from headrace.training.models.origin import code_inventory, environment_inventory
from headrace.training.models.store import ModelStore
from headrace.training.streaming.candidates import STREAM

#: What a full training has recorded, without which it cannot be made again.
_TRAINED = ("definition", "device", "overridden")
#: The same of each kind of training; somebody who registers a version by hand may have left it out.
RECORDED = {
    FULL: _TRAINED,
    LEARNED_ON: (*_TRAINED, "after"),
    STREAM: ("run", "step", "source", "topic", "schema", "learner", "places", "given"),
}


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of making a version again.

    Attributes:
        files: those that were made, `artifact` their address.
        changed: code and packages that differ from those that made the version, which may be why it differs.
        differences: what differs in the files; empty where they are the same, or the stored ones are gone.
        lost: why the stored artifact cannot be read, empty where it can.
    """

    version: ModelVersion
    files: Mapping[str, bytes]
    artifact: str
    changed: tuple[Difference, ...]
    differences: tuple[Difference, ...]
    lost: str = ""

    @property
    def is_same(self) -> bool:
        """Whether the artifact is the same, byte for byte."""
        return self.artifact == self.version.facts.artifact


def rebuild(platform: Platform, store: ModelStore, name: str, device: str = "", archive: str = "") -> Rebuilt:
    """Make a version again from its snapshots, or from the rows of its stream, and compare. The store is as it was.

    Args:
        device: default: the one that it was trained on.
        archive: the table that archives the topic that it learned from; default: the one that its source declared.

    Raises:
        ModelError: it is not known how it was trained; a step of its training was overridden; a module cannot be had;
            its topic has no archive.
        CutoverError: the archive is that of another topic of this name.
        SettingsError: an archive is named of what learned from no topic.
        NotFoundError: the version, a table or a snapshot is gone.
        ArtifactError: the artifact of the version that it started from is gone.
    """
    version = store.version(name)
    files = _made(platform, store, version, device, archive)
    stored, lost = _stored(store, version)
    found = () if stored is None else tuple(file_differences(stored, files))
    return Rebuilt(version, files, address_of(files), _changed(store, version.facts), found, lost)


class _Again(TrainingPipeline, abstract=True):
    """The training of a definition that was read back."""

    def __init__(self, platform: Platform, training: Mapping[str, Any], name: str, device: str) -> None:
        self.platform, self.device = platform, device
        # Whoever reads an error is shown the version, as no file declares this training.
        found = definition_of(training["definition"], Place(name, 0))
        # What was refused then is refused again, however much it was.
        plan = replace(found.plan, most_refused=1.0)
        self.chosen = replace(found, fine_tuning=found.recipe.optimizer, plan=plan)

    def check_splits(self, snapshot: Snapshot) -> None:
        """Nothing: what was learnt is made again as it was."""


def _made(
    platform: Platform, store: ModelStore, version: ModelVersion, device: str, archive: str
) -> dict[str, bytes]:
    _check_recorded(version)
    facts = version.facts
    _check_archive(version, archive)
    if facts.training["kind"] == FULL:
        return _trained(platform, version, device, None)
    if facts.training["kind"] == LEARNED_ON:
        return _trained(platform, version, device, _start(store, version))
    # Loads pyflink, which no full training needs.
    from headrace.training.streaming.replay import replayed

    return replayed(platform.iceberg, facts.training, facts.snapshots, _start(store, version), archive)


def _check_recorded(version: ModelVersion) -> None:
    """ModelError where it is not recorded, or not all of it, how a version was trained."""
    training, only = version.facts.training, "only what `headrace train` and `headrace learn` register knows that"
    needed = RECORDED.get(str(training.get("kind")))
    if needed is None:
        msg = f"{version.name}: how it was trained is not recorded, so that it cannot be made again; {only}"
        raise ModelError(msg)
    lacking = [name for name in needed if name not in training]
    if training["kind"] != STREAM and len(version.facts.snapshots) != 1:
        lacking.append("the one snapshot that it read")
    if training["kind"] == LEARNED_ON and version.facts.parent is None:
        lacking.append("its parent")
    if lacking:
        what = ", ".join(lacking)
        msg = f"{version.name}: how it was trained is recorded without {what}, so that it cannot be made again; {only}"
        raise ModelError(msg)


def _check_archive(version: ModelVersion, archive: str) -> None:
    """SettingsError where an archive is named, and what is made again learned from a pinned table."""
    if archive and version.facts.training["kind"] != STREAM:
        msg = f"{version.name}: learned from a snapshot, which is read again; leave out the archive {archive}"
        raise SettingsError(msg)


def _trained(
    platform: Platform, version: ModelVersion, device: str, start: Mapping[str, bytes] | None
) -> dict[str, bytes]:
    """The files of a version that a training pipeline made, from nothing or on from the files of another."""
    training = version.facts.training
    if training["overridden"]:
        steps = ", ".join(training["overridden"])
        msg = f"{version.name}: its class overrides {steps}, which is not recorded; train it again by its own file"
        raise ModelError(msg)
    ((table, snapshot),) = version.facts.snapshots.items()
    again, source = _Again(platform, training, version.name, device or training["device"]), f"{table}@{snapshot}"
    if start is None:
        return dict(again.train(source).trained.files)
    return dict(again.learn_on(start, training["after"], source).trained.files)


def _start(store: ModelStore, version: ModelVersion) -> dict[str, bytes] | None:
    """The files that a version started from; ArtifactError, naming the parent, when they are gone."""
    number = version.facts.parent
    if number is None:
        return None
    parent = store.registry.version(version.model, number)
    try:
        return store.artifacts.get(parent.facts.artifact)
    except ArtifactError as error:
        msg = f"{version.name}: started from {parent.name}, whose files are gone: {error}; rebuild that one first"
        raise ArtifactError(msg) from error


def _stored(store: ModelStore, version: ModelVersion) -> tuple[dict[str, bytes] | None, str]:
    try:
        return store.artifacts.get(version.facts.artifact), ""
    except ArtifactError as error:
        return None, str(error)


def _changed(store: ModelStore, facts: Facts) -> tuple[Difference, ...]:
    """Code and packages of this process that differ from those of the version."""
    here = {"code": code_inventory(), "environment": environment_inventory()}
    there = {section: store.registry.inventory(getattr(facts, section)) for section in here}
    found = [differences(section, there[section].entries, here[section].entries) for section in here]
    return tuple(one for some in found for one in some)
