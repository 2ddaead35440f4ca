"""Label joins: features that were logged, joined with labels that arrive later, after a declared wait."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError, did_you_mean
from headrace.features.column import SourceColumn
from headrace.features.duration import parse_duration
from headrace.features.integers import INT_RANGE
from headrace.features.place import Place, calling_place
from headrace.features.scalar import BOOL, FLOAT, INT, KEY_TYPES, STR
from headrace.features.source import Source, SourceSchema

#: What a fact has beside the columns of the logged row.
LABEL, LABEL_TIME, FACT, FACT_NUMBER = "label", "label_time", "fact", "fact_number"
ADDED = (LABEL, LABEL_TIME, FACT, FACT_NUMBER)
#: Labels that people give, or that are settled at the end of a week, come within it; state is kept for as long.
DEFAULT_RETENTION = "7d"
#: What a model can be taught; instants and structs are no targets.
LABEL_TYPES = {BOOL: bool, INT: int, FLOAT: float, STR: str}
#: The columns of an id, by their names: one name for both sources, several, or those of labels by those of logged rows.
On = str | Sequence[str] | Mapping[str, str]
#: What stands for a label that did not come in time.
Missing = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class LabelJoin:
    """All that a label join declares, as values. Durations in µs.

    Attributes:
        on: the columns of the id, each as its name in logged rows and its name in labels.
        label: the label's column.
        missing: what stands for a label that did not come in time.
        wait_us: a label is in time when `label_time < event_time + wait`.
        retention_us: how long after the wait a late label still corrects.
    """

    logged: SourceSchema
    labels: SourceSchema
    on: tuple[tuple[str, str], ...]
    label: str
    missing: Missing
    wait_us: int
    retention_us: int
    where: Place


def label_join(
    logged: type[Source],
    labels: type[Source],
    *,
    on: On,
    label: str,
    missing: Missing,
    wait: str | None = None,
    retention: str = DEFAULT_RETENTION,
) -> LabelJoin:
    """Join each logged row with its label, and tell `missing` of those whose label has not come in time.

    Args:
        logged: features as they were logged; its event time is when they were.
        labels: the labels; its event time is when a label was known.
        on: the id's columns, by name: `"request"`, or `{"request": "request_id"}` where labels name them otherwise.
        label: the column of `labels` with the label.
        missing: what stands for a label that did not come in time, such as False (a negative) or None (unknown).
        wait: how long after the event time a label is in time, such as "1h".
        retention: how long after the wait a late label still corrects; "0s" is not at all.

    Raises:
        DefinitionError: there is no wait, a column that is not there, or a name that is taken.
        ColumnTypeError: the id's columns, the label or `missing` have types that do not fit.
        UnsupportedError: a source is a union.

    >>> from datetime import datetime
    >>> from headrace.features.source import KafkaTopic, event_time
    >>> class Scored(Source):
    ...     live = KafkaTopic("scored")
    ...     request: str
    ...     amount: float
    ...     at: datetime = event_time()
    >>> class Frauds(Source):
    ...     live = KafkaTopic("frauds")
    ...     request_id: str
    ...     fraud: bool
    ...     told_at: datetime = event_time()
    >>> joined = label_join(Scored, Frauds, on={"request": "request_id"}, label="fraud", missing=False, wait="1h")
    >>> joined.on, joined.wait_us
    ((('request', 'request_id'),), 3600000000)
    """
    where = calling_place()
    at = f"{where}: label_join"
    left, right = _schema(logged, "logged", at), _schema(labels, "labels", at)
    _refuse_taken(left, at)
    column = _label_column(right, label, at)
    _check_missing(column, missing, at)
    return LabelJoin(
        logged=left,
        labels=right,
        on=_ids(left, right, on, at),
        label=label,
        missing=float(missing) if column.type == FLOAT and missing is not None else missing,
        wait_us=_wait(wait, at),
        retention_us=_duration(retention, "retention", at),
        where=where,
    )


def _schema(source: type[Source], argument: str, at: str) -> SourceSchema:
    """What a source declares; positions of rows in a union's sources are no order of its rows."""
    if not (isinstance(source, type) and issubclass(source, Source) and hasattr(source, "schema")):
        msg = f"{at}: {argument} = {source!r}; expected a subclass of Source"
        raise DefinitionError(msg)
    if source.schema.members:
        msg = f"{at}: {argument} = {source.schema.name} is a union; join each of its sources by itself"
        raise UnsupportedError(msg)
    return source.schema


def _refuse_taken(logged: SourceSchema, at: str) -> None:
    """Refuse logged columns that are named as what a fact adds."""
    taken = [column.name for column in logged.columns if column.name in ADDED]
    if taken:
        msg = f"{at}: {logged.name} has a column {taken[0]!r}, which every fact has of its own; rename the column"
        raise DefinitionError(msg)


def _column(schema: SourceSchema, name: object, argument: str, at: str) -> SourceColumn:
    """A column by its name."""
    found = {column.name: column for column in schema.columns}
    if not isinstance(name, str) or name not in found:
        msg = f"{at}: {argument}: {schema.name} has no column {name!r}; {did_you_mean(str(name), found)}"
        raise DefinitionError(msg)
    return found[name]


def _ids(left: SourceSchema, right: SourceSchema, on: On, at: str) -> tuple[tuple[str, str], ...]:
    """The columns of the id in both sources."""
    names = [on] if isinstance(on, str) else on
    pairs = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
    if not pairs:
        msg = f"{at}: on = {on!r}; expected the name of at least one column"
        raise DefinitionError(msg)
    for ours, theirs in pairs.items():
        _check_id(left, ours, at)
        _check_id(right, theirs, at)
        types = [_column(left, ours, "on", at).type, _column(right, theirs, "on", at).type]
        if len(set(types)) > 1:
            msg = (
                f"{at}: on: {left.name}.{ours} is {types[0]} and {right.name}.{theirs} is {types[1]}; expected one type"
            )
            raise ColumnTypeError(msg)
    return tuple(pairs.items())


def _check_id(schema: SourceSchema, name: str, at: str) -> None:
    """Refuse a column that names nothing."""
    column = _column(schema, name, "on", at)
    if column.optional or column.type not in KEY_TYPES:
        found = f"{column.type} | None" if column.optional else column.type
        expected = ", ".join(sorted(KEY_TYPES))
        msg = f"{at}: on: {schema.name}.{name} is {found}; expected one of {expected}, never None"
        raise ColumnTypeError(msg)


def _label_column(labels: SourceSchema, label: str, at: str) -> SourceColumn:
    """The column of the label."""
    column = _column(labels, label, "label", at)
    if column.type not in LABEL_TYPES:
        msg = f"{at}: label: {labels.name}.{label} is {column.type}; expected one of {', '.join(LABEL_TYPES)}"
        raise ColumnTypeError(msg)
    if column.optional:
        msg = f"{at}: label: {labels.name}.{label} may be None, which is no label; leave `| None` out: rows without a "
        msg += "label are dead letters then"
        raise ColumnTypeError(msg)
    return column


def _check_missing(column: SourceColumn, missing: Missing, at: str) -> None:
    """Refuse what no label can be."""
    if missing is None:
        return
    kinds = (float, int) if column.type == FLOAT else (LABEL_TYPES[column.type],)
    if type(missing) not in kinds or (isinstance(missing, float) and not math.isfinite(missing)):
        finite = "a finite " if column.type == FLOAT else ""
        msg = f"{at}: missing = {missing!r}; the label {column.name!r} is {column.type}, so expected "
        msg += f"{finite}{column.type} or None"
        raise ColumnTypeError(msg)
    if isinstance(missing, int) and missing not in INT_RANGE:
        msg = f"{at}: missing = {missing!r} is beyond 64 bits; expected {column.type} of {INT_RANGE.start:,} to "
        msg += f"{INT_RANGE.stop - 1:,}, as the label {column.name!r} has them, or None"
        raise ColumnTypeError(msg)
    if column.choices and missing not in column.choices:
        msg = f"{at}: missing = {missing!r} is none of the values of {column.name!r}; "
        msg += did_you_mean(str(missing), column.choices)
        raise DefinitionError(msg)


def _wait(wait: str | None, at: str) -> int:
    """The declared wait in µs."""
    if wait is None:
        msg = f"{at}: no wait; say how long a label may take, such as wait='1h': without it no row is ever a negative"
        raise DefinitionError(msg)
    found = _duration(wait, "wait", at)
    if not found:
        msg = f"{at}: wait = {wait!r}; expected more than nothing: no label would be in time"
        raise DefinitionError(msg)
    return found


def _duration(text: str, argument: str, at: str) -> int:
    """A duration in µs."""
    try:
        return parse_duration(text)
    except DefinitionError as error:
        msg = f"{at}: {argument}: {error}"
        raise DefinitionError(msg) from error
