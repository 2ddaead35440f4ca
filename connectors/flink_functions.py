"""Users' functions in Flink: one pandas function for each type of value, the call itself being its last argument.

Batches cross as Arrow either way. pandas is only between, and keeps no integer beside a NULL: an integer comes as two
columns, a number and whether it is missing, and goes as objects. Where Flink has functions of Arrow arrays, they take
the place of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
from pyflink.table import DataTypes
from pyflink.table.types import DataType
from pyflink.table.udf import udf

from headrace.compiler.calls import ERROR, VALUE, Call
from headrace.connectors.arrow_function import ARRAYS, ArrowFunction


def answering(asked: pd.Series[bool], *rest: Any) -> pd.DataFrame:
    """Values and errors, for whether a row is asked for, the columns of the call, the row's place, and the call."""
    # Of an argument that the planner knows, as whether something is missing that cannot be, no series comes.
    *given, call = rest
    series = [one if isinstance(one, pd.Series) else pd.Series(one, index=asked.index) for one in given]
    function = _function(call)
    columns, places = _columns(function.call, series)
    answer = function.answer(pa.array(asked, pa.bool_()), columns, places)
    return pd.DataFrame({name: _series(array) for name, array in zip((VALUE, ERROR), answer, strict=True)})


def _declared(value_type: DataType) -> Any:
    """What the planner knows of the function for values of one type."""
    fields = [DataTypes.FIELD(VALUE, value_type), DataTypes.FIELD(ERROR, DataTypes.STRING())]
    # What is not deterministic is called once for a row; else the planner calls anew wherever the value is read.
    return udf(answering, result_type=DataTypes.ROW(fields), func_type="pandas", deterministic=False)


#: By the names of the statements that declare them (compiler/flink_calls.py).
as_bigint = _declared(DataTypes.BIGINT())
as_double = _declared(DataTypes.DOUBLE())
as_string = _declared(DataTypes.STRING())
as_boolean = _declared(DataTypes.BOOLEAN())


@cache
def _function(call: str) -> ArrowFunction:
    """The function of a call as JSON; made once in a worker."""
    return ArrowFunction(Call.from_json(call))


def _columns(call: Call, series: Sequence[Any]) -> tuple[list[pa.Array], list[pa.Array]]:
    """The columns of a call as arrays, and what follows them: where each row stands."""
    left = iter(series)
    types = [ARRAYS[argument.stored] for argument in call.columns]
    return [READS.get(kind, _plain)(left, kind) for kind in types], [pa.array(place) for place in left]


def _numbers(series: Iterator[Any], kind: pa.DataType) -> pa.Array:
    """An integer column, from numbers and whether each is missing."""
    return pa.array(next(series).to_numpy(), kind, mask=next(series).to_numpy())


def _plain(series: Iterator[Any], kind: pa.DataType) -> pa.Array:
    """Any other column: None and NaN are NULL."""
    return pa.array(next(series), kind, from_pandas=True)


READS: Mapping[pa.DataType, Callable[[Iterator[Any], pa.DataType], pa.Array]] = {pa.int64(): _numbers}


def _series(array: pa.Array) -> Any:
    """An array for pandas; integers beside a NULL are objects, for a float holds 53 bits of them."""
    return array.to_pandas(integer_object_nulls=True)
