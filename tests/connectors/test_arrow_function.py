"""A user's function at work, without an engine: which rows it sees, what it may return, and how a bad row is found."""

from __future__ import annotations

import sys
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.calls import Argument, Call
from headrace.connectors.arrow_function import ArrowFunction
from headrace.errors import UserFunctionError
from headrace.features.function import Statement, UserFunction

RAISES = """def f(i):
    SEEN.append(len(i))
    if 37 in i.to_pylist():
        raise ValueError("no such row")
    return i"""


def function(text: str, returns: str = "int", on_error: str = "dead_letter", *arguments: Argument) -> ArrowFunction:
    """A function written on line 10 of a file."""
    imports, seen = Statement(1, "import pyarrow as pa"), Statement(2, "SEEN = []")
    made = UserFunction("f", returns, on_error, ("i",), "user.py", (imports, seen, Statement(10, text)))
    return ArrowFunction(Call(made, arguments or (Argument("int"),)))


def answered(function: ArrowFunction, values: list[Any], asked: list[bool] | None = None, *places: pa.Array) -> Any:
    rows = asked or [True] * len(values)
    return function.answer(pa.array(rows), [pa.array(values, pa.int64())], places)


def test_of_a_batch_the_one_bad_row_is_told_with_its_input_and_line() -> None:
    values, errors = answered(function(RAISES), list(range(100)))
    assert values.to_pylist() == [i if i != 37 else None for i in range(100)]
    assert [error for error in errors.to_pylist() if error] == ["f(i=37): ValueError: no such row (user.py:13)"]
    assert errors[37].is_valid


def test_a_bad_row_costs_few_calls() -> None:
    calling = function(RAISES)
    answered(calling, list(range(10_000)))
    assert len(calling._function.__globals__["SEEN"]) < 2 * 14 + 2


def test_every_row_may_be_bad() -> None:
    values, errors = answered(function(RAISES), [37] * 50)
    assert values.null_count == 50
    assert errors.null_count == 0


def test_a_function_that_is_to_fail_names_the_row() -> None:
    places = (pa.array([2] * 40), pa.array(range(1000, 1040)))
    with pytest.raises(
        UserFunctionError, match=r"^partition 2, offset 1037: f\(i=37\): ValueError: no such row \(user.py:13\)$"
    ):
        answered(function(RAISES, "int", "fail"), list(range(40)), None, *places)


def test_rows_that_are_not_asked_for_do_not_reach_it() -> None:
    values, errors = answered(function(RAISES), [1, 37, None, 4], [True, False, False, True])
    assert (values.to_pylist(), errors.null_count) == ([1, None, None, 4], 4)
    calling = function(RAISES)
    assert answered(calling, [37, 37], [False, False]).values.null_count == 2
    assert calling._function.__globals__["SEEN"] == []


def test_an_input_and_a_message_are_shown_shortened() -> None:
    text = "def f(s):\n    raise ValueError('long ' * 1000)"
    made = function(text, "str", "dead_letter", Argument("str"))
    errors = made.answer(pa.array([True]), [pa.array(["x" * 100_000])]).errors
    assert len(errors[0].as_py()) < 600


WRONG = [
    ("int", "return pa.array([1])", r"user.py:10: f must return 2 values, as many as rows; found 1"),
    ("int", "return pa.array([1, 2, 3])", "must return 2 values, as many as rows; found 3"),
    (
        "int",
        "return pa.array([])",
        "must return a pyarrow.Array of int64; found DoubleArray of null|found NullArray of null",
    ),
    ("int", "return pa.array([1.0, 2.0])", "must return a pyarrow.Array of int64; found DoubleArray of double"),
    ("float", "return i", "must return a pyarrow.Array of double; found Int64Array of int64"),
    ("int", "return pa.array([1, 2], pa.int32())", "found Int32Array of int32"),
    ("str", "return pa.array(['a', 'b'], pa.large_string())", "found LargeStringArray of large_string"),
    ("datetime", "return pa.array([1, 2], pa.timestamp('us'))", r"found TimestampArray of timestamp\[us\]"),
    (
        "datetime",
        "return pa.array([1, 2], pa.timestamp('ns', 'UTC'))",
        r"found TimestampArray of timestamp\[ns, tz=UTC\]",
    ),
    ("int", "return pa.chunked_array([i])", "found ChunkedArray of int64"),
    ("int", "return [1, 2]", r"found list of \[1, 2\]"),
    ("int", "return None", "found NoneType of None"),
    ("bool", "return pa.scalar(True)", "found BooleanScalar of"),
]


@pytest.mark.parametrize(("returns", "body", "message"), WRONG, ids=[body for _, body, _ in WRONG])
@pytest.mark.parametrize("on_error", ["dead_letter", "fail"])
def test_what_it_did_not_promise_is_an_error_whatever_the_policy(
    returns: str, body: str, message: str, on_error: str
) -> None:
    with pytest.raises(UserFunctionError, match=message):
        answered(function(f"def f(i):\n    {body}", returns, on_error), [1, 2])


def test_a_file_that_cannot_run_here_is_told_with_its_line() -> None:
    with pytest.raises(UserFunctionError, match=r"user.py:10: f cannot be made: ZeroDivisionError: division by zero"):
        answered(function("HALF = 1 / 0\ndef f(i):\n    return i"), [1])


def test_floats_that_are_no_numbers_are_null() -> None:
    found = function("def f(i):\n    return pa.array([float('nan'), float('-inf'), -0.0])", "float")
    assert str(answered(found, [1, 2, 3]).values.to_pylist()) == "[None, None, -0.0]"


def test_functions_have_modules_of_their_own_and_equal_ones_leave_one_behind() -> None:
    text = "class C:\n    two = 2\ndef f(i):\n    return pa.array([C.two] * len(i))"
    before = set(sys.modules)
    both = [function(text), function(text.replace("= 2", "= 3"))]
    assert [answered(one, [1]).values.to_pylist() for one in (*both, function(text))] == [[2], [3], [2]]
    assert [sys.modules[one._function.__module__].C.two for one in both] == [2, 3]
    assert len(set(sys.modules) - before) == 2


UNTOLD = [
    ("ValueError(chr(0xD800))", r"ValueError: \ud800"),
    ("Mute()", "Mute: its message cannot be told"),
]


@pytest.mark.parametrize(("raised", "told"), UNTOLD)
def test_an_error_whose_message_cannot_be_told_is_a_dead_letter_like_any_other(raised: str, told: str) -> None:
    mute = "class Mute(Exception):\n    def __str__(self):\n        raise ValueError\n"
    values, errors = answered(function(f"{mute}def f(i):\n    raise {raised}"), [1])
    assert values.null_count == 1
    assert errors.to_pylist() == [f"f(i=1): {told} (user.py:14)"]


def test_a_file_that_cannot_run_and_cannot_say_why_is_told_with_its_line() -> None:
    with pytest.raises(UserFunctionError, match=r"user.py:10: f cannot be made: ValueError: \\ud800"):
        answered(function("raise ValueError(chr(0xD800))\ndef f(i):\n    return i"), [1])


def test_what_it_did_not_promise_names_the_function_though_what_it_reads_comes_after() -> None:
    own, after = Statement(10, "def f(i):\n    return helper(i)"), Statement(13, "def helper(i):\n    return None")
    made = UserFunction("f", "int", "dead_letter", ("i",), "user.py", (own, after))
    with pytest.raises(UserFunctionError, match=r"^user.py:10: f must return"):
        answered(ArrowFunction(Call(made, (Argument("int"),))), [1])
