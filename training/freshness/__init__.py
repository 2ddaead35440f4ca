"""What fresh models are worth: history is replayed, and a model learns at several cadences from labels that have come.

The public names are loaded on first use, so that importing the package loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.names import names_from

if TYPE_CHECKING:
    from headrace.training.freshness.cadences import Cadence, parse_cadences
    from headrace.training.freshness.history import History
    from headrace.training.freshness.measuring import Question, measure
    from headrace.training.freshness.points import Freshness, Point

_NAMES_IN = {
    "cadences": ["Cadence", "parse_cadences"],
    "history": ["History"],
    "measuring": ["Question", "measure"],
    "points": ["Freshness", "Point"],
}

__all__ = ["Cadence", "Freshness", "History", "Point", "Question", "measure", "parse_cadences"]

__getattr__ = names_from(__name__, {name: f"{__name__}.{home}" for home, names in _NAMES_IN.items() for name in names})
