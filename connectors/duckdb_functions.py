"""Users' functions in DuckDB: each call of a plan under its name, batches as Arrow both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from headrace.compiler.calls import ERROR, VALUE, Call, calls_of
from headrace.compiler.plan import ViewPlan
from headrace.connectors.duckdb_files import database
from headrace.connectors.schema import LANGUAGE_TYPES


@contextmanager
def view_database(plan: ViewPlan) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that knows the functions which a view calls; errors are `database`'s."""
    with database(f"view {plan.name}") as connection:
        create_functions(connection, plan)
        yield connection


def create_functions(connection: duckdb.DuckDBPyConnection, plan: ViewPlan) -> None:
    """Make the functions known which a view calls."""
    for call in {call.name: call for call in map(Call.of, calls_of(plan))}.values():
        returns = f"STRUCT({VALUE} {LANGUAGE_TYPES[call.stored]}, {ERROR} VARCHAR)"
        connection.create_function(
            call.name,
            _answering(call),
            None,
            returns,
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
            # What has no side effects may be asked for again and again, wherever the value is read.
            side_effects=True,
        )


def _answering(call: Call) -> Callable[..., pa.Array]:
    """The function of whether a row is asked for, the columns of the call, and where the row stands."""
    # Loaded where a view has functions: with what it computes by, it is some of the time to a first value.
    from headrace.connectors.arrow_function import ArrowFunction

    function = ArrowFunction(call)
    width = len(call.columns)

    def answering(asked: pa.ChunkedArray, *rest: pa.ChunkedArray) -> pa.Array:
        columns = [column.combine_chunks() for column in rest]
        answer = function.answer(asked.combine_chunks(), columns[:width], columns[width:])
        return pa.StructArray.from_arrays(list(answer), [VALUE, ERROR])

    return answering
