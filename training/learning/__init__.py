"""What learns from micro-batches, and the loop around it.

The public names are loaded on first use, so that importing the package loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.names import names_from

if TYPE_CHECKING:
    from headrace.training.learning.artifact import ArtifactWarning
    from headrace.training.learning.definition import TrainingDefinition
    from headrace.training.learning.drift import Drift, DriftDetector, DriftSpec
    from headrace.training.learning.early_stopping import EarlyStopping
    from headrace.training.learning.events import Event
    from headrace.training.learning.learner import ChecksRows, Counters, KnowsWhenUnready, Learner, Seeded, Step
    from headrace.training.learning.metrics import MetricSet
    from headrace.training.learning.networks import Inputs
    from headrace.training.learning.pipeline import TrainingPipeline
    from headrace.training.learning.predictor import Predictor, load
    from headrace.training.learning.spec import Guard, ModelSpec, OptimizerSpec, Recipe, ScheduleSpec
    from headrace.training.learning.start import fine_tuned, learner_from_files, learner_from_folder
    from headrace.training.learning.torch_learner import TorchLearner
    from headrace.training.learning.trainer import Plan, Trained, Trainer, evaluate

_NAMES_IN = {
    "artifact": ["ArtifactWarning"],
    "definition": ["TrainingDefinition"],
    "drift": ["Drift", "DriftDetector", "DriftSpec"],
    "early_stopping": ["EarlyStopping"],
    "events": ["Event"],
    "learner": ["ChecksRows", "Counters", "KnowsWhenUnready", "Learner", "Seeded", "Step"],
    "metrics": ["MetricSet"],
    "networks": ["Inputs"],
    "pipeline": ["TrainingPipeline"],
    "predictor": ["Predictor", "load"],
    "spec": ["Guard", "ModelSpec", "OptimizerSpec", "Recipe", "ScheduleSpec"],
    "start": ["fine_tuned", "learner_from_files", "learner_from_folder"],
    "torch_learner": ["TorchLearner"],
    "trainer": ["Plan", "Trained", "Trainer", "evaluate"],
}

__all__ = [
    "ArtifactWarning",
    "ChecksRows",
    "Counters",
    "Drift",
    "DriftDetector",
    "DriftSpec",
    "EarlyStopping",
    "Event",
    "Guard",
    "Inputs",
    "KnowsWhenUnready",
    "Learner",
    "MetricSet",
    "ModelSpec",
    "OptimizerSpec",
    "Plan",
    "Predictor",
    "Recipe",
    "ScheduleSpec",
    "Seeded",
    "Step",
    "TorchLearner",
    "Trained",
    "Trainer",
    "TrainingDefinition",
    "TrainingPipeline",
    "evaluate",
    "fine_tuned",
    "learner_from_files",
    "learner_from_folder",
    "load",
]

__getattr__ = names_from(__name__, {name: f"{__name__}.{home}" for home, names in _NAMES_IN.items() for name in names})
