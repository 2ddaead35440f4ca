"""A trainer on a topic of labelled rows, as a user would write it."""

from datetime import datetime

from headrace import KafkaTopic, Source, StreamingTrainingPipeline, event_time
from headrace.training.streaming.trainer import Policy


def trainer_of(topic: str, interval: str) -> type[StreamingTrainingPipeline]:
    """A logistic model of the records of a topic, with a candidate a second and checkpoints at an interval."""

    class Labelled(Source):
        """Two numbers and a label."""

        live = KafkaTopic(topic)
        x: float
        y: float
        label: int
        at: datetime = event_time()

    class Waits(StreamingTrainingPipeline):
        """A label from two numbers."""

        name = "waits"
        source = Labelled
        columns = ("x", "y", "label")
        learner = "headrace.training.learning:fine_tuned"
        checkpoint_interval = interval
        policy = Policy(candidate_rows=None, candidate_seconds=1)

    return Waits
