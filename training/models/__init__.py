"""The governed life of a model: versions, gates, promotions.

The public names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.names import names_from

if TYPE_CHECKING:
    from headrace.training.models.evaluation_set import EvaluationSet
    from headrace.training.models.gates import AtMost, Gate, GateResult, NotWorse, SlicesNotWorse, Subject
    from headrace.training.models.governed import Examination, Governed
    from headrace.training.models.labels_plausible import LabelsPlausible
    from headrace.training.models.model_gates import AnswersWithin, StoredAnswer
    from headrace.training.models.store import ModelStore

_NAMES_IN = {
    "evaluation_set": ["EvaluationSet"],
    "gates": ["AtMost", "Gate", "GateResult", "NotWorse", "SlicesNotWorse", "Subject"],
    "governed": ["Examination", "Governed"],
    "labels_plausible": ["LabelsPlausible"],
    "model_gates": ["AnswersWithin", "StoredAnswer"],
    "store": ["ModelStore"],
}

__all__ = [
    "AnswersWithin",
    "AtMost",
    "EvaluationSet",
    "Examination",
    "Gate",
    "GateResult",
    "Governed",
    "LabelsPlausible",
    "ModelStore",
    "NotWorse",
    "SlicesNotWorse",
    "StoredAnswer",
    "Subject",
]

__getattr__ = names_from(__name__, {name: f"{__name__}.{home}" for home, names in _NAMES_IN.items() for name in names})
