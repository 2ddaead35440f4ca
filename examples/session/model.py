"""The first version of the model: it knows what all look at. And what each version has to pass."""

from __future__ import annotations

from datetime import timedelta

from headrace import TrainingPipeline
from headrace.examples.session.shop import DAYS, FIRST_DAY
from headrace.training.data import Condition, Encoding, Label, Vocabulary, before, from_
from headrace.training.learning import ModelSpec, OptimizerSpec
from headrace.training.models import EvaluationSet, NotWorse, StoredAnswer

NAMESPACE, TABLE = "learning", "next_views"
SOURCE = f"{NAMESPACE}.{TABLE}"
#: A session that has as many views has shown what the user is after.
ENOUGH = 5
#: The last two days are held out of training.
HELD_OUT = FIRST_DAY + timedelta(days=DAYS - 2)


class NextView(TrainingPipeline):
    """Whether the next view of a user is of a category, by how popular that is."""

    owner = "shop@example.com"
    source = SOURCE
    encoding = Encoding({"category": Vocabulary()}, Label("viewed"))
    model = ModelSpec("mlp", {"hidden": [16], "embedding": 4})
    optimizer = OptimizerSpec("adam", rate=0.01)
    splits = {"train": before("at", HELD_OUT)}
    epochs = 4
    seed = 7
    evaluations = [
        EvaluationSet("first", SOURCE, [from_("at", HELD_OUT), Condition("session_views", "==", 0)]),
        EvaluationSet("later", SOURCE, [from_("at", HELD_OUT), Condition("session_views", ">=", ENOUGH)]),
    ]
    gates = [NotWorse("first", "log_loss", 0.01), NotWorse("later", "log_loss"), StoredAnswer()]
