"""The file that declared a version, given again: the same code, or what differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import ModelError
from headrace.features.module import class_in
from headrace.registry.model_facts import Inventory, ModelVersion
from headrace.training.learning.pipeline import TrainingPipeline, load_training
from headrace.training.models.difference import differences

if TYPE_CHECKING:
    from headrace.training.streaming.pipeline import StreamingTrainingPipeline

#: So many digits of a hash tell two apart.
SHORT = 12


def training_again(version: ModelVersion, file: Path) -> type[TrainingPipeline]:
    """The training of a file that a version was trained by.

    Raises:
        DefinitionError: the file declares no such training.
        ModelError: it is not known by which code the version was made, or it was another one.
    """
    kind = load_training(file, version.model)
    _check_same(version, kind.own_code(), file)
    return kind


def stream_again(version: ModelVersion, file: Path) -> type[StreamingTrainingPipeline]:
    """The streaming trainer of a file that a version was learned by; raises what `training_again` does."""
    # Loads pyflink, which no full training needs.
    from headrace.training.streaming.pipeline import StreamingTrainingPipeline

    kind = class_in(file, StreamingTrainingPipeline, lambda one: one.name, "trainer", version.model)
    _check_same(version, kind.own_code(), file)
    return kind


def _check_same(version: ModelVersion, found: dict[str, str], file: Path) -> None:
    """ModelError unless the code of a file is that which made a version."""
    kept = version.facts.own_code
    if kept is None:
        msg = f"{version.name}: which code of your own made it was not recorded, so that nothing tells whether {file} "
        raise ModelError(msg + "is it; train it again")
    here = Inventory(found)
    if here.hash != kept.hash:
        named = ", ".join(one.name for one in differences("", kept.entries, here.entries))
        msg = f"{version.name}: expected own code {kept.hash[:SHORT]}, found {here.hash[:SHORT]} by {file}; other is: "
        raise ModelError(msg + f"{named}; give the file as it was then, and the modules that it imports")
