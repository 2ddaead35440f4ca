"""The types of columns that cross from Flink to a learner."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

#: The types of columns that can say where a row came from.
INTEGERS = ("bigint", "int")
#: By the engine-free type of a column: Flink's name of it, and Arrow's.
TYPES: Mapping[str, tuple[str, pa.DataType]] = {
    "string": ("STRING", pa.string()),
    "bigint": ("BIGINT", pa.int64()),
    "int": ("INT", pa.int32()),
    "double": ("DOUBLE", pa.float64()),
    "boolean": ("BOOLEAN", pa.bool_()),
    "timestamp": ("TIMESTAMP_LTZ(6)", pa.timestamp("us", "UTC")),
    "date": ("DATE", pa.date32()),
    "binary": ("BYTES", pa.binary()),
}
