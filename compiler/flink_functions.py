"""The functions that are ours in Flink SQL: what makes each of them, and which of them a job declares."""

from __future__ import annotations

from collections.abc import Iterable

_JAVA = "io.headrace.flink"
_PYTHON = "headrace.connectors.flink_functions"

#: By name, what makes it: a class of `connectors/java`, or a function of `connectors/flink_functions.py`.
_JAVA_CLASSES = {
    "HR_MICROS": "functions.HrMicros",
    "HR_ADD": "functions.HrAdd",
    "HR_SUB": "functions.HrSub",
    "HR_MUL": "functions.HrMul",
    "HR_FLOOR_DIV": "functions.HrFloorDiv",
    "HR_FLOOR_MOD": "functions.HrFloorMod",
    "HR_TO_BIGINT": "functions.HrToBigint",
    "HR_FINITE": "functions.HrFinite",
    "HR_DATE_PART": "functions.HrDatePart",
    "HR_COMPARE": "functions.HrCompare",
    "HR_LIKE": "functions.HrLike",
    "HR_RE_SEARCH": "functions.HrReSearch",
    "HR_RE_EXTRACT": "functions.HrReExtract",
    "HR_RE_REPLACE": "functions.HrReReplace",
    "HR_UPPER": "functions.HrUpper",
    "HR_LOWER": "functions.HrLower",
    "HR_RANK": "functions.HrRank",
    "HR_ALL_FINITE": "functions.HrAllFinite",
    "HR_LACKS": "functions.HrLacks",
    "HR_SUM_OF": "functions.HrSumOf",
    "HR_MOMENTS": "functions.HrMoments",
    "HR_LAST": "functions.HrLast",
    "HR_LAST_N": "functions.HrLastN",
    "HR_DISTINCT": "functions.HrDistinct",
    "HR_BUCKETS": "functions.HrBuckets",
    "HR_TALLY": "functions.HrTally",
    "HR_TILES": "tiles.HrTiles",
    "HR_AS_OF": "asof.HrAsOf",
    "HR_POINT_IN_TIME": "pointintime.HrPointInTime",
    "HR_LABEL_JOIN": "labels.HrLabelJoin",
}
_PYTHON_FUNCTIONS = {
    "HR_CALL_BIGINT": "as_bigint",
    "HR_CALL_DOUBLE": "as_double",
    "HR_CALL_STRING": "as_string",
    "HR_CALL_BOOLEAN": "as_boolean",
}
_MADE_BY = {
    **{name: f"'{_JAVA}.{kind}'" for name, kind in _JAVA_CLASSES.items()},
    **{name: f"'{_PYTHON}.{function}' LANGUAGE PYTHON" for name, function in _PYTHON_FUNCTIONS.items()},
}


def create_functions(statements: Iterable[str]) -> tuple[str, ...]:
    """The statements that declare those of our functions that some statements call.

    >>> create_functions(["SELECT HR_ADD(`a`, `b`) FROM `t`"])
    ("CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_ADD AS 'io.headrace.flink.functions.HrAdd'",)
    """
    text = "\n".join(statements)
    called = (name for name in _MADE_BY if f"{name}(" in text)
    return tuple(f"CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS {name} AS {_MADE_BY[name]}" for name in called)
