"""What was served: the values that entities got, and when, from a file or from a store; checked before it is compared.

The format is that of `OnlineFeatures.to_arrow(statuses=True, asked=True)`, and of the log of `headrace get-online`: the
keys and request columns, `asked_at`, `served_at`, and for each feature `view:feature`, with `view:feature__status` and
`__version`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from headrace.compiler.plan import Column, PlannedFeature, PlannedOnDemand, ViewPlan
from headrace.compiler.served import ASKED_AT, BESIDE, SERVED_AT, STATUS, VERSION, parsed_version, version_text
from headrace.connectors.duckdb_files import database, is_file, read_file
from headrace.errors import NotFoundError, RequestError, did_you_mean
from headrace.features.instant import asked_us, instant_of
from headrace.features.integers import INT_RANGE
from headrace.features.reference import Reference
from headrace.features.scalar import element_type
from headrace.pipelines.spine import KEY_TYPES

#: Columns by name: what a file or a store gives, before it is checked.
Columns = Mapping[str, Sequence[Any]]
#: The columns of a request by name, a value for each row.
Requested = Mapping[str, Sequence[Any]]
JSON_LINES = ".jsonl"


class Answer(NamedTuple):
    """What was served of one feature: its value, and its status where one was kept."""

    value: Any
    status: str | None = None


@dataclass(frozen=True)
class Served:
    """What entities of one kind got, a row for each entity and request.

    Attributes:
        keys: what names the entities.
        spine: `_row`, `_t` (the asked time in µs), `_served_us`, `_now` (the values at now were asked for), the keys.
        answers: for each feature what each row got; None where it was not asked for.
        beside: the same of features that are not of this kind or were not asked for, and that those on demand read.
        requests: for each on-demand feature the columns of its request; None where it was not asked for.
    """

    keys: tuple[Column, ...]
    spine: pa.Table
    answers: Mapping[str, Sequence[Answer | None]]
    beside: Mapping[str, Sequence[Answer | None]]
    requests: Mapping[str, Requested]

    def answer(self, name: str, row: int) -> Answer | None:
        """What a row got of a feature, of this kind of entity or beside it; None where it was not asked for."""
        found = self.answers.get(name) or self.beside.get(name)
        return found[row] if found else None

    def entity(self, row: int) -> dict[str, Any]:
        """The entity of a row."""
        return {key.name: self.spine[key.name][row].as_py() for key in self.keys}

    def asked_us(self, row: int) -> int:
        """The asked time of a row."""
        return int(self.spine["_t"][row].as_py())

    def made_us(self, row: int) -> int:
        """When the answer of a row was made."""
        return int(self.spine["_served_us"][row].as_py())

    def is_now(self, row: int) -> bool:
        """Whether a row asked for the values at now."""
        return bool(self.spine["_now"][row].as_py())


def read_served(path: str) -> dict[str, list[Any]]:
    """The columns of a .jsonl, .parquet or .csv file; of a CSV file all are texts.

    Raises:
        NotFoundError: there is no such file.
        RequestError: it is none of these, or cannot be read.
    """
    if Path(path).suffix == JSON_LINES:
        return _lines(path)
    if not is_file(path):
        msg = f"served values {path!r}: expected a .jsonl, .parquet or .csv file"
        raise RequestError(msg)
    with database(path) as connection:
        columns: dict[str, list[Any]] = read_file(connection, path).to_arrow_table().to_pydict()
    return columns


def version_in(columns: Columns, view: str, what: str) -> tuple[str, int] | None:
    """Version and generation that served a view's features; None where nothing says so.

    Raises:
        RequestError: there are several, or one is none.
    """
    named = [name for name in columns if name.startswith(f"{view}:") and name.endswith(VERSION)]
    found = {_version(value, what, row, name) for name in named for row, value in enumerate(columns[name]) if value}
    if len(found) > 1:
        several = ", ".join(version_text(*each) for each in sorted(found))
        msg = f"{what}: view {view} was served by several versions: {several}; compare each by itself"
        raise RequestError(msg)
    return found.pop() if found else None


def served_of(plan: ViewPlan, columns: Columns, what: str) -> list[Served]:
    """What was served of a view, by kind of entity; of an on-demand feature that is all keys of what it reads.

    `what` names the columns' origin in errors.

    Raises:
        RequestError: no feature of the view, a column is missing, also one of a request, or a value is not of its type
            or has no zone.
        NotFoundError: a feature that the view does not have.
    """
    features = _features(plan, columns, what)
    asked = _times(columns, ASKED_AT, what)
    # Without it the answer was made when it was asked for, of the values at now.
    times = {ASKED_AT: asked, SERVED_AT: _times(columns, SERVED_AT, what) if SERVED_AT in columns else asked}
    kinds: dict[tuple[Column, ...], dict[str, list[Answer | None]]] = {}
    for feature in features:
        kinds.setdefault(plan.keys_of(feature), {})[feature.name] = _answers(plan, feature, columns, what)
    return [_served(plan, keys, answers, columns, times, what) for keys, answers in kinds.items()]


def typed(given: Any, type_: str, where: str) -> Any:
    """A value of a type of the language, itself or from its text; RequestError for any other."""
    if given is None:
        return None
    try:
        return _list(given, type_, where) if element_type(type_) != type_ else READERS[type_](given)
    except (TypeError, ValueError, KeyError) as error:
        msg = f"{where} is {given!r} ({type(given).__name__}), expected {_expected(type_)}"
        raise RequestError(msg) from error


def _version(given: Any, what: str, row: int, name: str) -> tuple[str, int]:
    """Version and generation of a row."""
    try:
        return parsed_version(_str(given))
    except (TypeError, ValueError) as error:
        msg = f"{what}: row {row}: column {name!r} is {given!r}, expected a version and its generation, as 7c94c2a1_g2"
        raise RequestError(msg) from error


def _lines(path: str) -> dict[str, list[Any]]:
    """The columns of JSON lines; what a line does not have is None."""
    file = Path(path)
    if not file.exists():
        msg = f"no file {path}"
        raise NotFoundError(msg)
    # Not splitlines(): it also ends lines at characters that JSON may hold as they are, such as U+2028.
    rows = [_line(f"{path}:{number}", text) for number, text in enumerate(_text(file).split("\n"), 1) if text.strip()]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file}: expected JSON lines in UTF-8: {error}"
        raise RequestError(msg) from error


def _line(where: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        msg = f"{where}: {error}"
        raise RequestError(msg) from error
    if not isinstance(found, dict):
        msg = f"{where}: expected an object with keys, {ASKED_AT} and features, found {type(found).__name__}"
        raise RequestError(msg)
    return found


def _features(plan: ViewPlan, columns: Columns, what: str) -> list[PlannedFeature | PlannedOnDemand]:
    """The features of the view that were served."""
    named = [name for name in columns if name.startswith(f"{plan.name}:")]
    ours = [name for name in named if not _is_beside(plan, name, columns)]
    if not ours:
        known = ", ".join(columns) or "none"
        msg = f"{what}: no column of view {plan.name}, such as {plan.name}:{plan.features[0].name}; found {known}"
        raise RequestError(msg)
    return [plan.any_feature(Reference.parse(name).feature) for name in ours]


def _is_beside(plan: ViewPlan, name: str, columns: Columns) -> bool:
    """Whether a column says something of the feature in another one, such as its status, and is no feature itself."""
    if any(name == f"{plan.name}:{feature}" for feature in plan.names):
        return False
    return any(name.endswith(suffix) and name.removesuffix(suffix) in columns for suffix in BESIDE)


def _answers(
    plan: ViewPlan, feature: PlannedFeature | PlannedOnDemand, columns: Columns, what: str
) -> list[Answer | None]:
    """What the rows got of a feature."""
    rows = range(len(columns[f"{plan.name}:{feature.name}"]))
    return [_answer(plan, feature, columns, row, what) for row in rows]


def _answer(
    plan: ViewPlan, feature: PlannedFeature | PlannedOnDemand, columns: Columns, row: int, what: str
) -> Answer | None:
    """What a row got of a feature; None where it was not asked for: there is a column of statuses, and none of it."""
    name = f"{plan.name}:{feature.name}"
    statuses = columns.get(name + STATUS)
    if statuses is not None and statuses[row] is None:
        return None
    value = typed(columns[name][row], feature.type, f"{what}: row {row}: column {name!r}")
    return Answer(value, None if statuses is None else statuses[row])


def _served(
    plan: ViewPlan,
    keys: tuple[Column, ...],
    answers: Mapping[str, list[Answer | None]],
    columns: Columns,
    times: Mapping[str, Sequence[int | None]],
    what: str,
) -> Served:
    """The rows in which a feature of this kind of entity was asked for."""
    rows = [row for row, each in enumerate(zip(*answers.values(), strict=True)) if any(each)]
    found = {key.name: pa.array(list(_keys(key, columns, rows, what)), KEY_TYPES[key.type][0]) for key in keys}
    asked, made = (_there(times[name], rows, name, what) for name in (ASKED_AT, SERVED_AT))
    numbers = {"_row": list(range(len(rows))), "_t": asked, "_served_us": made}
    now = [one == other for one, other in zip(asked, made, strict=True)]
    columns_of_numbers = {name: pa.array(values, pa.int64()) for name, values in numbers.items()}
    spine = pa.table({**columns_of_numbers, "_now": pa.array(now, pa.bool_()), **found})
    on_demand = [one for one in plan.on_demand if one.name in answers]
    there = [name for one in on_demand for name in one.inputs if f"{plan.name}:{name}" in columns]
    read = {name: _answers(plan, plan.feature(name), columns, what) for name in there if name not in answers}
    return Served(
        keys,
        spine,
        {name: [each[row] for row in rows] for name, each in answers.items()},
        {name: [each[row] for row in rows] for name, each in read.items()},
        {one.name: _requested(plan, one, answers[one.name], columns, rows, what) for one in on_demand},
    )


def _requested(
    plan: ViewPlan,
    one: PlannedOnDemand,
    answers: Sequence[Answer | None],
    columns: Columns,
    rows: Sequence[int],
    what: str,
) -> Requested:
    """What the requests of an on-demand feature brought."""
    found = {}
    for column in one.request:
        taken = f"request column {column.name!r} of on-demand feature {plan.name}:{one.name}"
        if column.name not in columns:
            hint = did_you_mean(column.name, columns)
            msg = f"{what}: no {taken}: without it the value cannot be recomputed; keep it in the log; {hint}"
            raise RequestError(msg)
        given = [None if answers[row] is None else (row, columns[column.name][row]) for row in rows]
        found[column.name] = [each and _checked(column, each[1], f"{what}: row {each[0]}: {taken}") for each in given]
    return found


def _checked(column: Column, given: Any, where: str) -> Any:
    """The value of a request column, which is one that its request can have."""
    value = typed(given, column.type, where)
    missing = value is None and not column.optional
    if missing or (value is not None and column.choices and value not in column.choices):
        msg = f"{where} is {given!r}, expected {column.words}"
        raise RequestError(msg)
    return value


def _keys(key: Column, columns: Columns, rows: Sequence[int], what: str) -> Iterator[Any]:
    """The values of a key."""
    if key.name not in columns:
        msg = f"{what}: no column {key.name!r}, which names the entity; {did_you_mean(key.name, columns)}"
        raise RequestError(msg)
    for row in rows:
        where = f"{what}: row {row}: key {key.name!r}"
        value = typed(columns[key.name][row], key.type, where)
        if value is None:
            msg = f"{where} is missing"
            raise RequestError(msg)
        yield value


def _times(columns: Columns, name: str, what: str) -> list[int | None]:
    """A column of instants, as µs."""
    if name not in columns:
        msg = f"{what}: no column {name!r}, the instant that was asked for; {did_you_mean(name, columns)}"
        raise RequestError(msg)
    found = [typed(value, "datetime", f"{what}: row {row}: {name!r}") for row, value in enumerate(columns[name])]
    return [None if one is None else asked_us(name, one) for one in found]


def _there(times: Sequence[int | None], rows: Sequence[int], name: str, what: str) -> list[int]:
    """The times of some rows, all of which must be there."""
    missing = [row for row in rows if times[row] is None]
    if missing:
        msg = f"{what}: row {missing[0]}: {name!r} is missing"
        raise RequestError(msg)
    return [time for row in rows if (time := times[row]) is not None]


def _list(given: Any, type_: str, where: str) -> list[Any]:
    values = json.loads(given) if isinstance(given, str) else list(given)
    return [typed(value, element_type(type_), where) for value in values]


def _expected(type_: str) -> str:
    return "an instant with a zone" if type_ == "datetime" else type_


def _int(given: Any) -> int:
    if isinstance(given, bool | float):
        raise TypeError
    found = int(given)
    if found not in INT_RANGE:
        raise ValueError
    return found


def _float(given: Any) -> float:
    if isinstance(given, bool):
        raise TypeError
    found = float(given)
    if not isfinite(found):
        raise ValueError
    return found


def _bool(given: Any) -> bool:
    return given if isinstance(given, bool) else {"true": True, "false": False}[_str(given).lower()]


def _str(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    # Half of a pair of surrogates, which JSON may hold, is no text in UTF-8: a ValueError.
    given.encode()
    return given


def _instant(given: Any) -> datetime:
    found = given if isinstance(given, datetime) else datetime.fromisoformat(_str(given))
    if found.tzinfo is None:
        raise ValueError
    return instant_of(asked_us("", found))


def _date(given: Any) -> date:
    if isinstance(given, datetime):
        raise TypeError
    return given if isinstance(given, date) else date.fromisoformat(_str(given))


#: What makes a value of each type; a text is read, another type refused.
READERS: dict[str, Callable[[Any], Any]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "str": _str,
    "datetime": _instant,
    "date": _date,
}
