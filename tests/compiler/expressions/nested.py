"""Cases of structs and lists: NULL at every level, lists without elements, and places beyond both ends."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from .case import EPOCH, MAX, MIN, Case
from .times import INSTANTS

WORDS = ("", "ios", "ÄÖ ü", "日本", "😀e\u0301", "it's", "a,b", '"', "\\", "null")
#: A struct that is there and has nothing in it, which is not one that is missing.
BLANK: dict[str, Any] = {"os": None, "version": None, "ok": None, "place": None, "marks": None}
NOWHERE: dict[str, Any] = {"lat": None, "seen": None, "built": None}
LISTS: tuple[list[Any], ...] = ([], [None], ["a"], ["a", "b", "c"], ["b", None], [None, "a"], [None, None], ["", "A"])
NUMBERS: tuple[list[Any], ...] = ([], [None], [0], [3, 1, 2], [None, MIN, MAX], [7, None, 7])
FLOATS: tuple[list[Any], ...] = ([], [None], [-0.0], [1.5, None, -2.5], [5e-324, 1.7976931348623157e308])


BAGS: tuple[list[Any], ...] = (
    [],
    [None],
    [{"cents": 5, "place": None}, None],
    [{"cents": None, "place": NOWHERE}],
    [None, {"cents": MAX, "place": {"lat": 1.5, "seen": INSTANTS[3], "built": date(9999, 12, 31)}}],
)


def device(**parts: Any) -> dict[str, Any]:
    """A struct of which all else is NULL."""
    return BLANK | parts


def place(**parts: Any) -> dict[str, Any]:
    """A struct with a struct in it."""
    return device(place=NOWHERE | parts)


def of_structs(name: str, *values: Any) -> tuple[tuple[Any, Any], ...]:
    """A field that has a value, has none, and of a struct that is not there."""
    return (*((device(**{name: value}), value) for value in values), (BLANK, None), (None, None))


def of_lists(lists: tuple[list[Any], ...], value: Any) -> tuple[tuple[Any, Any], ...]:
    """What Python says of each list, and NULL of none."""
    return (*((one, value(one)) for one in lists), (None, None))


def at(index: int) -> Any:
    """The element at an index of Python, NULL beyond both ends."""
    return lambda one: one[index] if -len(one) <= index < len(one) else None


def least(one: list[Any]) -> Any:
    """The least value."""
    return min((value for value in one if value is not None), default=None)


def greatest(one: list[Any]) -> Any:
    """The greatest value."""
    return max((value for value in one if value is not None), default=None)


def joined(one: list[Any]) -> str:
    """What is there, with a dash between."""
    return "-".join(value for value in one if value is not None)


TIMES = tuple(list(INSTANTS[start : start + 3]) for start in (0, 3, 9))
DAYS: tuple[list[Any], ...] = ([], [None], [date(2024, 2, 29), None, date.min], [date.max, date(1969, 12, 31)])

CASES = (
    Case("field", "tx.d.os", "NULL of a struct that is NULL", "d", of_structs("os", *WORDS)),
    Case("field by name", "tx.d['version']", "the same", "d", of_structs("version", 0, MIN, MAX)),
    Case("field that is a condition", "tx.d.ok", "the same", "d", of_structs("ok", True, False)),
    Case(
        "field of a field",
        "tx.d.place.lat",
        "NULL where a struct on the way is",
        "d",
        ((place(lat=1.5), 1.5), (place(lat=-0.0), 0.0), (place(), None), (BLANK, None), (None, None)),
    ),
    Case(
        "instant in a struct",
        "tx.d.place.seen",
        "whole µs of UTC",
        "d",
        (*((place(seen=one), one) for one in INSTANTS[:12]), (place(), None), (BLANK, None), (None, None)),
    ),
    Case(
        "date in a struct",
        "tx.d.place.built",
        "as a column",
        "d",
        (*((place(built=one), one) for one in (date.min, date(1969, 12, 31), date.max)), (place(), None), (None, None)),
    ),
    Case(
        "field computed with",
        "tx.d.place.lat.fill_null(0) + tx.d.version",
        "as a column",
        "d",
        ((device(version=2, place=NOWHERE | {"lat": 0.5}), 2.5), (device(version=1), 1.0), (None, None)),
    ),
    Case(
        "struct is NULL",
        "tx.d.isnull()",
        "a struct whose fields are all NULL is there",
        "d",
        ((device(os="a"), False), (BLANK, False), (None, True)),
    ),
    Case(
        "struct in a struct is not NULL",
        "tx.d.place.notnull()",
        "the same",
        "d",
        ((place(lat=1.0), True), (place(), True), (BLANK, False), (None, False)),
    ),
    Case("length of a list", "tx.tags.length()", "elements that are NULL count", "tags", of_lists(LISTS, len)),
    Case(
        "length of a list in a struct",
        "tx.d.marks.length()",
        "the same",
        "d",
        ((device(marks=[1, None]), 2), (device(marks=[]), 0), (BLANK, None), (None, None)),
    ),
    Case("first element", "tx.tags[0]", "NULL where there is none", "tags", of_lists(LISTS, at(0))),
    Case("third element", "tx.tags[2]", "places count from 0 in Python, from 1 in SQL", "tags", of_lists(LISTS, at(2))),
    Case("last element", "tx.tags[-1]", "from the end", "tags", of_lists(LISTS, at(-1))),
    Case("element before the last", "tx.ns[-2]", "from the end", "ns", of_lists(NUMBERS, at(-2))),
    Case("element that is a float", "tx.xs[0]", "as first element", "xs", of_lists(FLOATS, at(0))),
    Case("element that is a condition", "tx.bs[1]", "as first element", "bs", of_lists(([True, False], [True]), at(1))),
    Case("element that is an instant", "tx.ats[1]", "as first element", "ats", of_lists((*TIMES, []), at(1))),
    Case(
        "element of a list in a struct",
        "tx.d.marks[0]",
        "as first element",
        "d",
        (
            (device(marks=[5, 6]), 5),
            (device(marks=[None]), None),
            (device(marks=[]), None),
            (BLANK, None),
            (None, None),
        ),
    ),
    Case(
        "list contains",
        "tx.tags.contains('a')",
        "to the letter; an element that is NULL equals nothing",
        "tags",
        of_lists(LISTS, lambda one: "a" in one),
    ),
    Case(
        "list contains a column",
        "tx.tags.contains(tx.s)",
        "NULL when either is",
        "tags s",
        (
            *((one, word, word in one) for one in LISTS for word in ("a", "", "b ")),
            *((one, None, None) for one in LISTS),
            (None, "a", None),
            (None, None, None),
        ),
    ),
    Case(
        "list contains an int",
        "tx.ns.contains(tx.i)",
        "NULL when either is",
        "ns i",
        (*((one, n, n in one) for one in NUMBERS for n in (0, 7, MIN, MAX)), ([None], None, None), (None, 1, None)),
    ),
    Case(
        "list contains a float",
        "tx.xs.contains(0)",
        "-0.0 is 0.0",
        "xs",
        of_lists((*FLOATS, [0.0]), lambda one: 0.0 in one),
    ),
    Case(
        "list contains a condition",
        "tx.bs.contains(False)",
        "as list contains",
        "bs",
        of_lists(([], [None], [True], [True, False]), lambda one: False in one),
    ),
    Case("length of a list of structs", "tx.bags.length()", "as length of a list", "bags", of_lists(BAGS, len)),
    Case(
        "field of an element",
        "tx.bags[0].cents",
        "NULL where the element is, or is not there",
        "bags",
        of_lists(BAGS, lambda one: (at(0)(one) or {"cents": None})["cents"]),
    ),
    Case(
        "field of a field of the last element",
        "tx.bags[-1].place.seen",
        "the same",
        "bags",
        of_lists(BAGS, lambda one: ((at(-1)(one) or {"place": None})["place"] or NOWHERE)["seen"]),
    ),
    Case("join", "tx.tags.join('-')", "without the elements that are NULL", "tags", of_lists(LISTS, joined)),
    Case("element that is a date", "tx.days[0]", "as first element", "days", of_lists(DAYS, at(0))),
    Case("length of a list of dates", "tx.days.length()", "as length of a list", "days", of_lists(DAYS, len)),
    Case(
        "earliest date of a list",
        "tx.days.mins()",
        "ignores NULL; NULL where there is none",
        "days",
        of_lists(DAYS, least),
    ),
    Case("latest date of a list", "tx.days.maxs()", "the same", "days", of_lists(DAYS, greatest)),
    Case(
        "date of the last element",
        "tx.bags[-1].place.built",
        "NULL where the element is, or is not there",
        "bags",
        of_lists(BAGS, lambda one: ((at(-1)(one) or {"place": None})["place"] or NOWHERE)["built"]),
    ),
    Case("least element", "tx.ns.mins()", "ignores NULL; NULL where there is none", "ns", of_lists(NUMBERS, least)),
    Case("greatest element", "tx.ns.maxs()", "the same", "ns", of_lists(NUMBERS, greatest)),
    Case("least float", "tx.xs.mins()", "the same", "xs", of_lists(FLOATS, least)),
    Case("greatest float", "tx.xs.maxs()", "the same", "xs", of_lists(FLOATS, greatest)),
    Case(
        "latest instant of a list",
        "tx.ats.maxs()",
        "the same",
        "ats",
        of_lists((*TIMES, [], [None], [EPOCH, None, EPOCH - timedelta(microseconds=1)]), greatest),
    ),
)
