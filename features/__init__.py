"""The language in which features are written: values only, no engine."""

from headrace.features.aggregate import Aggregate, Ratio
from headrace.features.dimension import Dimension
from headrace.features.label_join import LabelJoin, label_join
from headrace.features.load import Definitions, load_views
from headrace.features.on_demand import Features, OnDemand, OnDemandFeature, on_demand
from headrace.features.request import Request
from headrace.features.source import DeltaTable, IcebergTable, KafkaTopic, Source, SourceSchema, event_time
from headrace.features.sql.transformation import SqlTransformation, sql_transformation
from headrace.features.stream import Stream
from headrace.features.transformation import Transformation, transformation
from headrace.features.udf import udf
from headrace.features.union import Union, filled_by
from headrace.features.view import Feature, FeaturePipeline, View
from headrace.features.window import CalendarDays, WindowSpec

__all__ = [
    "Aggregate",
    "CalendarDays",
    "Definitions",
    "DeltaTable",
    "Dimension",
    "Feature",
    "FeaturePipeline",
    "Features",
    "IcebergTable",
    "KafkaTopic",
    "LabelJoin",
    "OnDemand",
    "OnDemandFeature",
    "Ratio",
    "Request",
    "Source",
    "SourceSchema",
    "SqlTransformation",
    "Stream",
    "Transformation",
    "Union",
    "View",
    "WindowSpec",
    "event_time",
    "filled_by",
    "label_join",
    "load_views",
    "on_demand",
    "sql_transformation",
    "transformation",
    "udf",
]
