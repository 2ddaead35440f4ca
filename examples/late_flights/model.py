"""How the model is made: trained on the labels of January to August."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from headrace import TrainingPipeline
from headrace.examples.late_flights.departures import FEATURES, NAMESPACE, TABLE, views
from headrace.training.data import Dates, Encoding, Label, Standardize, Vocabulary, before
from headrace.training.learning import ModelSpec, OptimizerSpec

#: Labels that are known before it train the model; those that come later arrive one after the other.
AUTUMN = datetime(2013, 9, 1, tzinfo=UTC)


class LateFlights(TrainingPipeline):
    """Whether a flight from New York arrives over 15 minutes late, as it leaves."""

    owner = "ops@example.com"
    source = f"{NAMESPACE}.{TABLE}"
    encoding = Encoding(
        {
            **{name: Standardize() for name in FEATURES},
            "carrier": Vocabulary(),
            "origin": Vocabulary(),
            "dest": Vocabulary(),
            "departed_at": Dates("America/New_York"),
        },
        Label("late", low=0, high=1),
    )
    model = ModelSpec("mlp", {"hidden": [32], "embedding": 4})
    optimizer = OptimizerSpec("adam", rate=0.005)
    splits: ClassVar = {"train": before("known_at", AUTUMN)}
    event_time = "departed_at"
    label_time = "known_at"
    epochs = 2
    seed = 7

    def feature_versions(self, source: str) -> dict[str, str]:
        """The versions of the views that the rows were made of here, whatever the main job serves."""
        del source
        return {view.name: view.version for view in views()}
