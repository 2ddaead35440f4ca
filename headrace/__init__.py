"""headrace: one definition of a feature, run by Apache Flink over history and over the live stream.

The public names are loaded on first use, so that ``import headrace`` stays cheap.

>>> import headrace
>>> "FeaturePipeline" in dir(headrace)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.names import names_from

if TYPE_CHECKING:
    from headrace.features import (
        CalendarDays,
        DeltaTable,
        Dimension,
        FeaturePipeline,
        Features,
        IcebergTable,
        KafkaTopic,
        Request,
        Source,
        Union,
        WindowSpec,
        event_time,
        filled_by,
        label_join,
        on_demand,
        sql_transformation,
        transformation,
        udf,
    )
    from headrace.jobs.notebook import run
    from headrace.pipelines.training_pipeline import TrainingSetPipeline, pitc_join_features, training_set
    from headrace.training.learning.pipeline import TrainingPipeline
    from headrace.training.streaming.pipeline import StreamingTrainingPipeline

_HOME_OF = {
    "CalendarDays": "headrace.features",
    "DeltaTable": "headrace.features",
    "Dimension": "headrace.features",
    "FeaturePipeline": "headrace.features",
    "Features": "headrace.features",
    "IcebergTable": "headrace.features",
    "KafkaTopic": "headrace.features",
    "Request": "headrace.features",
    "Source": "headrace.features",
    "StreamingTrainingPipeline": "headrace.training.streaming.pipeline",
    "TrainingPipeline": "headrace.training.learning.pipeline",
    "TrainingSetPipeline": "headrace.pipelines.training_pipeline",
    "Union": "headrace.features",
    "WindowSpec": "headrace.features",
    "event_time": "headrace.features",
    "filled_by": "headrace.features",
    "label_join": "headrace.features",
    "on_demand": "headrace.features",
    "pitc_join_features": "headrace.pipelines.training_pipeline",
    "run": "headrace.jobs.notebook",
    "sql_transformation": "headrace.features",
    "training_set": "headrace.pipelines.training_pipeline",
    "transformation": "headrace.features",
    "udf": "headrace.features",
}

__all__ = [
    "CalendarDays",
    "DeltaTable",
    "Dimension",
    "FeaturePipeline",
    "Features",
    "IcebergTable",
    "KafkaTopic",
    "Request",
    "Source",
    "StreamingTrainingPipeline",
    "TrainingPipeline",
    "TrainingSetPipeline",
    "Union",
    "WindowSpec",
    "event_time",
    "filled_by",
    "label_join",
    "on_demand",
    "pitc_join_features",
    "run",
    "sql_transformation",
    "training_set",
    "transformation",
    "udf",
]


__getattr__ = names_from(__name__, _HOME_OF)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
