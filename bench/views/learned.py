"""A trainer on a table of labelled rows, as a user would write it."""

from headrace import IcebergTable, StreamingTrainingPipeline
from headrace.training.streaming.positions import PositionColumns
from headrace.training.streaming.trainer import Policy


def trainer_of(table: str, model: str, micro_batch: int, interval: str) -> type[StreamingTrainingPipeline]:
    """A model of the rows of a table, with checkpoints at an interval and a candidate at its end."""

    class Learned(StreamingTrainingPipeline):
        """A label from what is known of a row."""

        name = model
        source = IcebergTable(table)
        learner = "headrace.training.learning:fine_tuned"
        micro_batch_rows = micro_batch
        checkpoint_interval = interval
        places = PositionColumns("shard", "place")
        policy = Policy(candidate_rows=None)

    return Learned
