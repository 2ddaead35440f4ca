"""A user's function at work: called with batches of rows as Arrow arrays, what it returns checked, what it raises told.

Neither engine is known here; both call through this file, so a function means the same in each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from reprlib import Repr
from types import ModuleType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headrace.compiler.calls import Argument, Call
from headrace.errors import UserFunctionError
from headrace.features.function import FAIL
from headrace.features.place import place_of_error
from headrace.features.scalar import BOOL, DATE, DATETIME, FLOAT, INT, STR

#: The arrays that a function gets and gives.
ARRAYS = {
    INT: pa.int64(),
    FLOAT: pa.float64(),
    STR: pa.string(),
    BOOL: pa.bool_(),
    DATETIME: pa.timestamp("us", tz="UTC"),
    DATE: pa.date32(),
}
#: How much of an input and of a message is shown.
SHOWN = 300
_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = 80


class Answer(NamedTuple):
    """Of each row the value and the error, as arrays: at least one of the two is NULL."""

    values: pa.Array
    errors: pa.Array


@dataclass(frozen=True)
class ArrowFunction:
    """A call that can be made. The user's statements are run when it is made first, and never before."""

    call: Call

    def answer(self, asked: pa.Array, columns: Sequence[pa.Array], places: Sequence[pa.Array] = ()) -> Answer:
        """What the function gives for the rows that are asked for; NULL for the others.

        Args:
            asked: for each row whether it is called; never NULL.
            columns: the arguments that are no constants, as they are stored.
            places: partition and offset of each row, where known, for errors that fail the job.

        Raises:
            UserFunctionError: it returned what it did not promise, or raised and is to fail.
        """
        kept = [column.filter(asked) for column in (*columns, *places)]
        rows = pc.sum(asked, min_count=0).as_py()
        arrays = self._arrays(kept[: len(columns)], rows)
        found = list(self._found(arrays, kept[len(columns) :])) if rows else []
        values = pa.concat_arrays([pa.array([], self._stored), *(answer.values for answer in found)])
        errors = pa.concat_arrays([pa.array([], pa.string()), *(answer.errors for answer in found)])
        return Answer(_scattered(values, asked), _scattered(errors, asked))

    def _found(self, arrays: Sequence[pa.Array], places: Sequence[pa.Array]) -> Iterator[Answer]:
        """The answers for some rows. Where it raises it is asked for each half, until the wrong row is found."""
        rows, function = len(arrays[0]), self._function
        try:
            returned = function(*arrays)
        except Exception as raised:
            if rows == 1:
                yield self._failed(raised, arrays, places)
                return
        else:
            yield Answer(self._checked(returned, rows), pa.nulls(rows, pa.string()))
            return
        for start, end in ((0, rows // 2), (rows // 2, rows)):
            halves = ([array.slice(start, end - start) for array in each] for each in (arrays, places))
            yield from self._found(*halves)

    def _failed(self, raised: Exception, arrays: Sequence[pa.Array], places: Sequence[pa.Array]) -> Answer:
        """The answer for a row on which it raised; UserFunctionError where that is to fail."""
        function = self.call.function
        inputs = zip(function.parameters, (array[0].as_py() for array in arrays), strict=True)
        shown = ", ".join(f"{name}={_BRIEF.repr(value)}" for name, value in inputs)
        where = place_of_error(raised, function.file)
        message = " ".join(_message(raised).split())[:SHOWN]
        told = f"{function.name}({shown}): {message} ({where or function.file})"
        if function.on_error == FAIL:
            row = ", ".join(f"{name} {place[0].as_py()}" for name, place in zip(PLACE, places, strict=False))
            raise UserFunctionError(f"{row}: {told}" if row else told) from raised
        return Answer(pa.nulls(1, self._stored), pa.array([told], pa.string()))

    def _checked(self, returned: Any, rows: int) -> pa.Array:
        """What it returned, as it is stored: floats that are no finite numbers are NULL."""
        expected = ARRAYS[self.call.function.returns]
        if not isinstance(returned, pa.Array) or returned.type != expected:
            of = returned.type if isinstance(returned, pa.Array | pa.ChunkedArray) else repr(returned)
            self._refuse(f"a pyarrow.Array of {expected}", f"{type(returned).__name__} of {of}"[:SHOWN])
        if len(returned) != rows:
            self._refuse(f"{rows} values, as many as rows", f"{len(returned)}")
        if expected == pa.float64():
            return pc.if_else(pc.is_finite(returned), returned, None)
        return _cast(returned, self._stored)

    def _refuse(self, expected: str, found: str) -> None:
        function = self.call.function
        where = f"{function.file}:{self._function.__code__.co_firstlineno}"
        msg = f"{where}: {function.name} must return {expected}; found {found}"
        raise UserFunctionError(msg)

    def _arrays(self, columns: Sequence[pa.Array], rows: int) -> list[pa.Array]:
        """All arguments as the function gets them."""
        left = iter(columns)
        return [_array(argument, left, rows) for argument in self.call.arguments]

    @property
    def _stored(self) -> pa.DataType:
        return ARRAYS[self.call.stored]

    @cached_property
    def _function(self) -> Any:
        """The function, by running the statements of its file that it needs."""
        function = self.call.function
        module = ModuleType(f"headrace_function_{function.reference}")
        # Data classes look for the module of a class. Equal functions replace each other's, so that none pile up.
        sys.modules[module.__name__] = module
        try:
            # The user's own code, by the hash of its source: it runs in jobs and local runs that a user starts.
            exec(compile(function.source, function.file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        except Exception as error:
            where = place_of_error(error, function.file) or function.file
            msg = f"{where}: {function.name} cannot be made: {_message(error)}"
            raise UserFunctionError(msg) from error
        return getattr(module, function.name)


#: What the places of a row are called.
PLACE = ("partition", "offset")


def _message(raised: Exception) -> str:
    """An error's type and text as UTF-8 can hold it, for a text may have half a character, and may itself raise."""
    try:
        text = str(raised)
    except Exception:
        text = "its message cannot be told"
    return f"{type(raised).__name__}: {text}".encode(errors="backslashreplace").decode()


def _array(argument: Argument, columns: Iterator[pa.Array], rows: int) -> pa.Array:
    """An argument of so many rows: the next of the columns, or a constant repeated."""
    if argument.constant is None:
        return _cast(next(columns), ARRAYS[argument.type])
    repeated = pa.repeat(pa.scalar(argument.constant, ARRAYS[argument.stored]), rows)
    return _cast(repeated, ARRAYS[argument.type])


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """An array of another type; between days and BIGINT Arrow knows no way but by 32 bits."""
    return (array.cast(pa.int32()) if pa.date32() in {array.type, kind} else array).cast(kind)


def _scattered(found: pa.Array, asked: pa.Array) -> pa.Array:
    """The values at the rows that were asked for, NULL at the others."""
    return found if len(found) == len(asked) else pc.replace_with_mask(pa.nulls(len(asked), found.type), asked, found)
