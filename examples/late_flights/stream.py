"""How the model goes on: from the champion, with each label as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from headrace import IcebergTable, StreamingTrainingPipeline
from headrace.examples.late_flights.departures import COLUMNS
from headrace.examples.late_flights.model import LateFlights
from headrace.training.streaming.trainer import Policy


class LateFlightsAsTheyLand(StreamingTrainingPipeline):
    """`LateFlights`, going on with each label as it comes.

    The rate is the best of 0.02, 0.05, 0.1 and 0.2 on May to August, of a model trained on January to April.
    """

    name = "late_flights"
    source = IcebergTable(LateFlights.source)
    columns: ClassVar[Sequence[str]] = [field.name for field in COLUMNS]
    event_time = LateFlights.event_time
    label_time = LateFlights.label_time
    learner = "headrace.training.learning:fine_tuned"
    arguments: ClassVar = {"optimizer": {"name": "sgd", "rate": 0.05}}
    micro_batch_rows = 256
    checkpoint_interval = "1 s"
    policy = Policy(candidate_rows=25_000)
