"""The training of a definition that a version keeps, without the file that declared it."""

from __future__ import annotations

from headrace.errors import DatasetError, ModelError
from headrace.features.place import Place
from headrace.registry.model_facts import ModelVersion
from headrace.runtime.platform import Platform
from headrace.training.learning.definition_json import definition_of
from headrace.training.learning.pipeline import TrainingPipeline


class KeptTraining(TrainingPipeline, abstract=True):
    """A training that is read back from what a version keeps.

    Raises:
        ModelError: its class overrides a step, or a filter is of a user's own class, of which nothing but the name is
            kept; `give` says what to do then. Or what is kept is not what this headrace writes.
    """

    def __init__(self, platform: Platform, version: ModelVersion, device: str, give: str) -> None:
        training = version.facts.training
        if training.get("overridden"):
            steps = ", ".join(training["overridden"])
            msg = f"{version.name}: its class overrides {steps}, which is not recorded; {give}"
            raise ModelError(msg)
        self.platform, self.device, self.code = platform, device, {}
        # Whoever reads an error is shown the version, as no file declares this training.
        try:
            self.chosen = definition_of(training["definition"], Place(version.name, 0))
        except DatasetError as error:
            msg = f"{version.name}: {error}; {give}"
            raise ModelError(msg) from error
