"""The verdict of a row, as scalars: accepted, late or dead letter, and why. Both engines emit the same tree.

Of an accepted row alone nobody can tell that it is a duplicate: that takes the rows beside it (`copies`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from enum import IntEnum

from headrace.compiler.calls import calls_of, error_of, layers, raised
from headrace.compiler.lookups import joins_of
from headrace.compiler.plan import Column, SourcePlan, TileGroup, ViewPlan
from headrace.features.duration import format_duration
from headrace.features.function import DEAD_LETTER
from headrace.features.instant import FIRST_DAY, LAST_DAY
from headrace.features.scalar import (
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT,
    INT,
    STR,
    STRUCT,
    Scalar,
    column,
    conjunction,
    is_list,
    literal,
)


class Verdict(IntEnum):
    """What becomes of a row, as `_verdict` holds it: a number, because Flink copies every string that it passes on.

    >>> Verdict.DEAD_LETTER.label
    'dead_letter'
    """

    ACCEPTED = 0
    LATE = 1
    DEAD_LETTER = 2
    DUPLICATE = 3

    @property
    def label(self) -> str:
        """The name that tables and people see."""
        return self.name.lower()


def possible(source: SourcePlan) -> tuple[Verdict, ...]:
    """The verdicts that rows of a source can have: where nothing tells copies, none is known to be a duplicate."""
    return tuple(verdict for verdict in Verdict if verdict != Verdict.DUPLICATE or source.same_in)


#: Whether a row came by the live leg of a job.
IS_LIVE = column("_is_live", BOOL)
EVENT_US, ARRIVAL_US, VERDICT = column("_event_us", INT), column("_arrival_us", INT), column("_verdict", INT)
ERROR = column("_error", STR)
#: Of a row of a union: the number of its source, and why that refuses the row; NULL where it does not.
SOURCE, REFUSED = column("_member", INT), column("_refused", STR)

#: The archive's columns after the source's own; the Kafka table has the same.
SOURCE_POSITION = (
    Column("_src_topic", STR, optional=True),
    Column("_src_partition", "int32", optional=True),
    Column("_src_offset", INT, optional=True),
    Column("_src_timestamp", DATETIME, optional=True),
    Column("_raw", BYTES, optional=True),
    Column("_error", STR, optional=True),
)


def archive_columns(source: SourcePlan) -> tuple[Column, ...]:
    """All columns of a source's archive and of its Kafka table, in order."""
    return (*source.columns, *SOURCE_POSITION)


def event_us(source: SourcePlan) -> Scalar:
    """Event time in µs; the emitters read an instant as µs."""
    return column(source.event_time, DATETIME)


def arrival_us(source: SourcePlan) -> Scalar:
    """Arrival time in µs."""
    return column(source.arrival_time, DATETIME)


def has_rules(one: Column) -> bool:
    """Whether a value of a column can be wrong.

    >>> has_rules(Column("note", "str", optional=True)), has_rules(Column("amt", "float", optional=True))
    (False, True)
    """
    return any(True for _ in _value_rules(one, column(one.name, one.type), one.name))


def reason(plan: ViewPlan, unread: Set[str] = frozenset()) -> Scalar:
    """Why a row is a dead letter: the first rule that holds; NULL for a good row. `unread` is `verdict`'s."""
    return _first_of(_rules(plan, unread))


def refusal(source: SourcePlan, unread: Set[str] = frozenset()) -> Scalar:
    """Why the rules of a source refuse a row, whatever is computed from it; NULL for a good row."""
    return _first_of(_row_rules(source, unread))


def verdict(plan: ViewPlan, unread: Set[str] = frozenset()) -> Scalar:
    """The `Verdict` of a row by itself: a dead letter by the first rule that holds, else late or accepted.

    Reads `_event_us` and `_arrival_us`. `unread`: the columns that only rows of the live leg have, and are judged by;
    of such rows it reads `_is_live`.
    """
    dead = [part for condition, _ in _rules(plan, unread) for part in (condition, _code(Verdict.DEAD_LETTER))]
    return Scalar("case", INT, (*dead, late(plan.source), _code(Verdict.LATE), _code(Verdict.ACCEPTED)))


def call_layers(plan: ViewPlan, unread: Set[str] = frozenset()) -> list[dict[Scalar, Scalar]]:
    """The calls of users' functions in the order in which they are made, each with the rows that it is made for."""
    rules = [condition for condition, _ in (*_row_rules(plan.source, unread), *_key_rules(plan), *_lookup_rules(plan))]
    return layers(plan, [*(condition for condition in rules if not any(condition.calls())), late(plan.source)])


def in_time(source: SourcePlan) -> Scalar:
    """Event time (µs) of a row; NULL where there is none, or where it lies too far after arrival, so it is refused."""
    early = Scalar("not", BOOL, (_by_source(source, _is_too_far, BOOL),))
    return Scalar("case", INT, (early, EVENT_US, Scalar("literal", INT)))


def judged(verdict: Verdict) -> Scalar:
    """Whether a row has this verdict; reads `_verdict`."""
    return Scalar("equals", BOOL, (VERDICT, _code(verdict)))


def late(source: SourcePlan) -> Scalar:
    """Whether a row came too late by its own source, whatever else is wrong with it."""
    return _by_source(source, _is_late, BOOL)


def late_reason(source: SourcePlan) -> Scalar:
    """The reason that late rows carry."""
    return _by_source(source, _late_text, STR)


def passes(group: TileGroup) -> Scalar:
    """Whether an accepted row belongs to a group: its filter is true, not merely not false."""
    accepted = judged(Verdict.ACCEPTED)
    return accepted if group.filter is None else conjunction(accepted, Scalar("is_true", BOOL, (group.filter,)))


def folds(plan: ViewPlan) -> Scalar:
    """How many of the view's groups a row is folded into."""
    total: Scalar | None = None
    for group in plan.groups:
        one = Scalar("case", INT, (passes(group), literal(1), literal(0)))
        total = one if total is None else Scalar("add_us", INT, (total, one))
    return total or literal(0)


def _is_late(source: SourcePlan) -> Scalar:
    """Whether a row of a source came too late."""
    deadline = Scalar("subtract_us", INT, (ARRIVAL_US, literal(source.allowed_lateness_us)))
    return Scalar("less", BOOL, (EVENT_US, deadline))


def _late_text(source: SourcePlan) -> Scalar:
    """What is said of a late row of a source."""
    return literal(f"event time is more than {format_duration(source.allowed_lateness_us)} before arrival")


def _by_source(source: SourcePlan, of: Callable[[SourcePlan], Scalar], type_: str) -> Scalar:
    """What holds of a row by its source: of a union, that which the row is of."""
    found = [of(part) for part in source.parts]
    if len(set(found)) == 1:
        return found[0]
    numbers = [Scalar("equals", BOOL, (SOURCE, literal(number))) for number, _ in enumerate(found)]
    parts = [part for pair in zip(numbers[:-1], found[:-1], strict=True) for part in pair]
    return Scalar("case", type_, (*parts, found[-1]))


def _code(verdict: Verdict) -> Scalar:
    """A verdict as a constant."""
    return literal(int(verdict))


def _first_of(rules: Iterable[tuple[Scalar, Scalar]]) -> Scalar:
    """The text of the first rule that holds; NULL where none does."""
    parts = [part for condition, text in rules for part in (condition, text)]
    return Scalar("case", STR, (*parts, Scalar("literal", STR)))


def _rules(plan: ViewPlan, unread: Set[str]) -> Iterator[tuple[Scalar, Scalar]]:
    """Condition and reason of each rule, in the order in which they are tried."""
    yield from _row_rules(plan.source, unread)
    yield from _key_rules(plan)
    yield from _lookup_rules(plan)
    for call in calls_of(plan):
        if call.function is not None and call.function.on_error == DEAD_LETTER:
            yield raised(call), error_of(call)


def _row_rules(source: SourcePlan, unread: Set[str]) -> Iterator[tuple[Scalar, Scalar]]:
    """What can be wrong with a row of a source, whatever is computed from it; of a union's, first what its own says."""
    if source.members:
        yield Scalar("not_null", BOOL, (REFUSED,)), REFUSED
    else:
        yield Scalar("not_null", BOOL, (ERROR,)), Scalar("concat", STR, (literal("unparsable: "), ERROR))
    for one in source.columns:
        for condition, text in _value_rules(one, column(one.name, one.type), one.name):
            yield conjunction(IS_LIVE, condition) if one.name in unread else condition, literal(text)
    if not source.members:
        yield from _time_rules(source)


def _key_rules(plan: ViewPlan) -> Iterator[tuple[Scalar, Scalar]]:
    """A key that may be missing, but not where a group takes the row."""
    for group in plan.groups:
        for key in (key for key in group.keys if key.optional):
            yield _missing_key(group, key), literal(f"key {key.name} is missing")


def _lookup_rules(plan: ViewPlan) -> Iterator[tuple[Scalar, Scalar]]:
    """A row for which a dimension may still get its version: what it would see now is no answer."""
    for join in (one for one in joins_of(plan) if one.dimension.is_versioned):
        name = join.dimension.name
        yield join.beyond, literal(f"event time is beyond what dimension {name} is complete to")


def _value_rules(one: Column, value: Scalar, path: str) -> Iterator[tuple[Scalar, str]]:
    """What can be wrong with the value of a column, or of a field of one; `path` is its name."""
    if not one.optional:
        yield _missing(value), f"{path} is missing"
    if one.type == FLOAT:
        yield Scalar("not_finite", BOOL, (value,)), f"{path} is no finite number"
    if one.type == DATE:
        yield _no_day(value, value), f"{path} is no date of the years 1 to 9999"
    if one.choices:
        known = Scalar("is_in", BOOL, (value, *(literal(choice) for choice in one.choices)))
        yield Scalar("not", BOOL, (known,)), f"{path} has an unknown value"
    if is_list(one.type):
        yield from _element_rules(one.fields[0], value, path)
    if one.type == STRUCT:
        for field in one.fields:
            yield from _value_rules(field, Scalar("field", field.type, (value,), field.name), f"{path}.{field.name}")


def _no_day(least: Scalar, greatest: Scalar) -> Scalar:
    """Whether a date before the first or after the last is among some: tables hold others, and texts do not."""
    before = Scalar("less", BOOL, (least, Scalar("literal", DATE, value=FIRST_DAY)))
    return Scalar("or", BOOL, (before, Scalar("greater", BOOL, (greatest, Scalar("literal", DATE, value=LAST_DAY)))))


def _missing(value: Scalar) -> Scalar:
    """Whether a column is NULL, or a field of a struct that is there: what is not there lacks nothing."""
    missing = Scalar("is_null", BOOL, (value,))
    return conjunction(Scalar("not_null", BOOL, value.args), missing) if value.op == "field" else missing


def _element_rules(element: Column, value: Scalar, path: str) -> Iterator[tuple[Scalar, str]]:
    """What can be wrong with the elements of a list."""
    if not element.optional:
        yield Scalar("lacks_element", BOOL, (value,)), f"an element of {path} is missing"
    if element.type == FLOAT:
        finite = Scalar("all_finite", BOOL, (value,))
        yield Scalar("not", BOOL, (finite,)), f"an element of {path} is no finite number"
    if element.type == DATE:
        ends = (Scalar(op, DATE, (value,)) for op in ("list_min", "list_max"))
        yield _no_day(*ends), f"an element of {path} is no date of the years 1 to 9999"
    for field in element.fields:
        yield from _part_rules(field, value, f"{path}[]", field.name)


def _part_rules(part: Column, value: Scalar, path: str, inner: str) -> Iterator[tuple[Scalar, str]]:
    """What can be wrong with a part of the structs in a list; `inner` are the names that lead to it within one."""
    if not part.optional:
        yield Scalar("lacks_part", BOOL, (value, literal(inner))), f"{path}.{inner} is missing"
    if part.type == FLOAT:
        finite = Scalar("finite_parts", BOOL, (value, literal(inner)))
        yield Scalar("not", BOOL, (finite,)), f"{path}.{inner} is no finite number"
    for field in part.fields:
        yield from _part_rules(field, value, path, f"{inner}.{field.name}")


def _time_rules(source: SourcePlan) -> Iterator[tuple[Scalar, Scalar]]:
    """What can be wrong with the times of a row."""
    yield Scalar("is_null", BOOL, (ARRIVAL_US,)), literal("arrival time is missing")
    yield Scalar("less", BOOL, (EVENT_US, literal(source.earliest_us))), literal("event time is before the earliest")
    yield _is_too_far(source), literal("event time is too far after arrival")


def _is_too_far(source: SourcePlan) -> Scalar:
    """Whether a row of a source tells of a time too far after it arrived."""
    latest = Scalar("add_us", INT, (ARRIVAL_US, literal(source.max_future_us)))
    return Scalar("greater", BOOL, (EVENT_US, latest))


def _missing_key(group: TileGroup, key: Column) -> Scalar:
    """A row that a group would take, without the group's key."""
    missing = Scalar("is_null", BOOL, (column(key.name, key.type),))
    return missing if group.filter is None else conjunction(Scalar("is_true", BOOL, (group.filter,)), missing)
