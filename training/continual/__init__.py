"""Continual learning: when a model is trained anew or learns on, when it is judged, and who does it.

The public names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.names import names_from

if TYPE_CHECKING:
    from headrace.training.continual.declared import Evaluating, Retraining
    from headrace.training.continual.scheduler import Scheduler
    from headrace.training.learning.drift import DriftSpec

_HOME_OF = {
    "DriftSpec": "headrace.training.learning.drift",
    "Evaluating": "headrace.training.continual.declared",
    "Retraining": "headrace.training.continual.declared",
    "Scheduler": "headrace.training.continual.scheduler",
}

__all__ = ["DriftSpec", "Evaluating", "Retraining", "Scheduler"]

__getattr__ = names_from(__name__, _HOME_OF)
