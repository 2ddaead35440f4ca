"""A version made again from what is stored: the same artifact, or what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.connectors.artifacts import address_of
from headrace.errors import ArtifactError, ModelError, SettingsError
from headrace.registry.model_facts import Facts, ModelVersion, numbered
from headrace.runtime.platform import Platform
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.definition import TrainingDefinition
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.models.declared import stream_again, training_again
from headrace.training.models.difference import Difference, differences
from headrace.training.models.file_difference import file_differences
from headrace.training.models.kept_training import KeptTraining
from headrace.training.models.made_again import LEARNED_ON, STREAM, why_not
from headrace.training.models.origin import code_inventory, environment_inventory
from headrace.training.models.own_code import named_code
from headrace.training.models.store import OWN, ModelStore


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of making a version again.

    Attributes:
        files: those that were made, `artifact` their address.
        changed: code, packages and own modules that the version names, where they differ from those that made it, which
            may be why it differs.
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


def rebuild(
    platform: Platform, store: ModelStore, name: str, device: str = "", archive: str = "", file: Path | None = None
) -> Rebuilt:
    """Make a version again from its snapshots, or from the rows of its stream, and compare. The store is as it was.

    Args:
        device: of a full training; default: the one that it was trained on.
        archive: the table that archives the topic that it learned from; default: the one that its source declared.
        file: that which declared it, for steps, filters and modules of its own; default: by recorded values alone.

    Raises:
        ModelError: it is not known how it was trained; a step of its training was overridden or a filter is of a
            user's own class, and no file is given; the file or what it imports is not what it was; the module of its
            network cannot be had; its topic has no archive.
        CutoverError: the archive is that of another topic of this name.
        SettingsError: an archive is named of what learned from no topic, or a device of what a stream taught; the
            learner of a stream cannot be had.
        TrainingError: there is no such device, or it is not here.
        NotFoundError: the version, a table, a snapshot or rows are gone.
        ArtifactError: the artifact of the version that it started from is gone.
        DefinitionError: the file declares no such model.
    """
    version = store.version(name)
    if why := why_not(version):
        msg = f"{version.name}: {why}"
        raise ModelError(msg)
    _check_given(version, device, archive)
    files = _made(platform, store, version, _Given(device, archive, file))
    stored, lost = _stored(store, version)
    found = () if stored is None else tuple(file_differences(stored, files))
    return Rebuilt(version, files, address_of(files), _changed(store, version.facts), found, lost)


class _Lenient(TrainingPipeline, abstract=True):
    """A training that is made again as it was, whatever is asked of new ones."""

    def check_splits(self, snapshot: Snapshot) -> None:
        """Nothing: what was learnt is made again as it was."""

    def facts_of(self, rows: PinnedRows) -> PinnedRows:
        """Those that were chosen then; where nobody did, all."""
        return rows if self.chosen.facts is None else super().facts_of(rows)

    def feature_versions(self, source: str) -> dict[str, str]:
        """None: the version keeps them, and its views may be gone."""
        del source
        return {}


class _Again(_Lenient, KeptTraining, abstract=True):
    """The training of a definition that was read back."""

    def __init__(self, platform: Platform, version: ModelVersion, device: str) -> None:
        super().__init__(platform, version, device, "give the file that declares it: --file")
        self.chosen = _however_much_refused(self.chosen)


@dataclass(frozen=True, slots=True)
class _Given:
    """What is given of a version beside what is kept of it."""

    device: str
    archive: str
    file: Path | None


def _made(platform: Platform, store: ModelStore, version: ModelVersion, given: _Given) -> dict[str, bytes]:
    if version.facts.training["kind"] == STREAM:
        return _streamed(platform, store, version, given)
    start = _start(store, version) if version.facts.training["kind"] == LEARNED_ON else None
    return _trained(platform, version, given, start)


def _streamed(platform: Platform, store: ModelStore, version: ModelVersion, given: _Given) -> dict[str, bytes]:
    """The files of a version that a streaming trainer made."""
    # Load pyflink, which no full training needs.
    from headrace.training.streaming.replay import replayed
    from headrace.training.streaming.trial import importable

    facts = version.facts
    files = () if given.file is None else stream_again(version, given.file).python_files
    with importable(files, beside=given.file is not None):
        return replayed(platform.iceberg, facts.training, facts.snapshots, _start(store, version), given.archive)


def _check_given(version: ModelVersion, device: str, archive: str) -> None:
    """SettingsError where something is given that what is made again does not read."""
    streamed = version.facts.training["kind"] == STREAM
    if archive and not streamed:
        msg = f"{version.name}: learned from a snapshot, which is read again; leave out the archive {archive}"
        raise SettingsError(msg)
    if device and streamed:
        msg = f"{version.name}: a stream taught it, on the device that its learner's arguments name; leave out the "
        raise SettingsError(msg + f"device {device!r}")


def _trained(
    platform: Platform, version: ModelVersion, given: _Given, start: Mapping[str, bytes] | None
) -> dict[str, bytes]:
    """The files of a version that a training pipeline made, from nothing or on from the files of another."""
    training = version.facts.training
    ((table, snapshot),) = version.facts.snapshots.items()
    again, source = _pipeline(platform, version, given), f"{table}@{snapshot}"
    if start is None:
        return dict(again.train(source).trained.files)
    return dict(again.learn_on(start, training["after"], source).trained.files)


def _pipeline(platform: Platform, version: ModelVersion, given: _Given) -> TrainingPipeline:
    """The training of a version: by its class, where its file is given, else by the values that are kept of it."""
    training = version.facts.training
    device = given.device or training["device"]
    if given.file is not None:
        return _of_class(training_again(version, given.file), platform, training["definition"], device)
    return _Again(platform, version, device)


def _of_class(
    kind: type[TrainingPipeline], platform: Platform, recorded: Mapping[str, Any], device: str
) -> TrainingPipeline:
    """A training by its own class, with the epochs and the seed that were chosen then."""
    lenient = type(kind.__name__, (_Lenient, kind), {}, abstract=True)
    made: TrainingPipeline = lenient(
        platform, epochs=recorded["epochs"], seed=recorded["recipe"]["seed"], device=device
    )
    made.chosen = _however_much_refused(made.chosen)
    return made


def _however_much_refused(chosen: TrainingDefinition) -> TrainingDefinition:
    """What was refused then is refused again, whatever share of the rows it was."""
    return replace(chosen, plan=replace(chosen.plan, most_refused=1.0))


def _start(store: ModelStore, version: ModelVersion) -> dict[str, bytes] | None:
    """The files that a version started from; ArtifactError, naming the parent, when they are gone."""
    if version.facts.parent is None:
        return None
    parent = store.registry.version(*numbered(version.facts.parent))
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
    """Code and packages of this process that differ from those of the version, and own modules that it names."""
    here = {"code": code_inventory(), "environment": environment_inventory()}
    there = {section: store.registry.inventory(getattr(facts, section)) for section in here}
    found = [differences(section, there[section].entries, here[section].entries) for section in here]
    kept = {} if facts.own_code is None else facts.own_code.entries
    named = named_code([facts.training.get("definition"), facts.training.get("learner")])
    both = kept.keys() & named.keys()
    found.append(differences(OWN, *({name: one[name] for name in both} for one in (kept, named))))
    return tuple(one for some in found for one in some)
