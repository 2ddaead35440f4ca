"""A view as the text of a `.sql` file, which `file.py` reads back as the same plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import reduce

from sqlglot import exp

from headrace.errors import UnsupportedError
from headrace.features.aggregate import Aggregate
from headrace.features.duration import format_duration
from headrace.features.knobs import Knobs
from headrace.features.operations.lookups import Lookup
from headrace.features.sql.aggregates import call_of
from headrace.features.sql.frame import window_over
from headrace.features.sql.rows import conditions_of
from headrace.features.sql.syntax import DIALECT
from headrace.features.sql.written import join_name, to_sql
from headrace.features.view import Feature, View


def view_sql(view: View, source_file: str) -> str:
    """The SQL of all features of a view; `source_file` is where its source is, as seen from where the text will be.

    UnsupportedError for an on-demand feature, which a `.sql` file cannot hold.
    """
    if view.on_demand:
        one = view.on_demand[0]
        msg = f"{one.where}: on-demand feature {one.name!r} is no SQL over a source; name a feature of a transformation"
        raise UnsupportedError(msg)
    conditions = {condition_sql(part) for feature in view.features for part in feature.aggregate.parts}
    shared = conditions.pop() if len(conditions) == 1 else ""
    keys = list(dict.fromkeys(key.name for feature in view.features for key in feature.aggregate.keys))
    items = [
        *(exp.column(key).sql(dialect=DIALECT) for key in keys),
        *(_item(feature, view.source.event_time, filtered=not shared) for feature in view.features),
    ]
    lines = [
        *(f"-- {name}: {value}" for name, value in _header(view, source_file)),
        "SELECT\n  " + ",\n  ".join(items),
        f"FROM {exp.to_table(view.source.name).sql(dialect=DIALECT)}",
        *_joins(view),
        *([f"WHERE {shared}"] if shared else []),
    ]
    return "\n".join(lines) + "\n"


def _joins(view: View) -> Iterator[str]:
    """The joins of dimensions that features read, each once."""
    written = [part.written for feature in view.features for part in feature.aggregate.parts]
    read = [one for each in written for one in (*each.conditions, each.argument) if one is not None]
    lookups = {join_name(lookup): lookup for one in read for lookup in one.op().find(Lookup)}
    for name, lookup in lookups.items():
        by = [key.name for key in lookup.keys]
        conditions = conditions_of(lookup.dimension, name, by, view.source.event_time, view.source.name)
        table = f"{exp.to_identifier(lookup.dimension.name).sql(dialect=DIALECT)} AS {name}"
        join = "ASOF LEFT JOIN" if lookup.dimension.is_versioned else "LEFT JOIN"
        yield f"{join} {table}\n  ON {' AND '.join(one.sql(dialect=DIALECT) for one in conditions)}"


def _header(view: View, source_file: str) -> Iterator[tuple[str, str]]:
    """The options of a file: the view's, and the tiles of features that have not the most common one."""
    common = Counter(feature.tile_us for feature in view.features).most_common(1)[0][0]
    yield "view", view.name
    yield "source", f"{source_file}:{view.source.name}"
    yield "owner", view.owner
    if view.description:
        yield "description", " ".join(view.description.split())
    yield "tile", format_duration(common)
    yield "clock", view.clock
    yield from _knobs(view.knobs)
    for feature in view.features:
        if feature.tile_us != common:
            yield f"tile.{feature.name}", format_duration(feature.tile_us)


def _knobs(knobs: Knobs) -> Iterator[tuple[str, str]]:
    """The knobs that are set."""
    if knobs.optimize is not None:
        yield "optimize", knobs.optimize
    if knobs.freshness_us is not None:
        yield "freshness", format_duration(knobs.freshness_us)


def _item(feature: Feature, event_time: str, *, filtered: bool) -> str:
    """One feature of SELECT."""
    keys = [key.name for key in feature.aggregate.keys]
    over = window_over(keys, event_time, feature.window_us, feature.lag_us, feature.zone)
    window = over.sql(dialect=DIALECT).strip()
    parts = ["\n    ".join([*_call(part, filtered=filtered), window]) for part in feature.aggregate.parts]
    return "\n    / ".join(parts) + f"\n    AS {feature.name}"


def _call(aggregate: Aggregate, *, filtered: bool) -> list[str]:
    """The lines of an aggregate: its call, and its filter if it has one of its own."""
    condition = condition_sql(aggregate) if filtered else ""
    return [call_sql(aggregate), *([f"FILTER (WHERE {condition})"] if condition else [])]


def call_sql(aggregate: Aggregate) -> str:
    """The call of an aggregate, without its filter and window."""
    argument = aggregate.written.argument
    column = None if argument is None else to_sql(argument)
    return call_of(aggregate.function, column, aggregate.constants).sql(dialect=DIALECT)


def condition_sql(aggregate: Aggregate) -> str:
    """All conditions of an aggregate as one, in the order in which they were written; empty when there are none."""
    found = [to_sql(condition) for condition in aggregate.written.conditions]
    return reduce(_and, found).sql(dialect=DIALECT) if found else ""


def _and(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Both conditions; the right one in brackets where it is composed of several."""
    return exp.And(this=_bracketed(left, exp.Or), expression=_bracketed(right, exp.Connector))


def _bracketed(node: exp.Expr, kind: type[exp.Expr]) -> exp.Expr:
    """A condition in brackets if it is of a kind."""
    return exp.Paren(this=node) if isinstance(node, kind) else node
