"""On-demand features in DuckDB SQL: scalars over columns that are named as the features and request columns they read.

One evaluator for all readers: training sets and local runs have tables, an online read has a list for each column.
"""

# ruff: noqa: S608 (emitting SQL is what this file does: names are checked when a file loads)
from __future__ import annotations

from collections.abc import Sequence

from headrace.compiler.duckdb_scalar import DUCKDB, TYPES
from headrace.compiler.plan import PlannedOnDemand, ViewPlan
from headrace.features.scalar import DATETIME, INT


def over_relation_sql(feature: PlannedOnDemand, relation: str) -> str:
    """The values of a feature, over a relation with the columns that it reads and `_row`, in the order of `_row`."""
    value = DUCKDB.emit(feature.scalar)
    typed = f"make_timestamptz({value})" if feature.type == DATETIME else value
    return f"SELECT {typed} AS {DUCKDB.identifier(feature.name)} FROM {relation} ORDER BY _row"


def columns_read(plan: ViewPlan, features: Sequence[PlannedOnDemand]) -> dict[str, str]:
    """The type of each column that features read, by its name."""
    inputs = {name: plan.feature(name).type for one in features for name in one.inputs}
    return inputs | {column.name: column.type for one in features for column in one.request}


def over_lists_sql(features: Sequence[PlannedOnDemand], types: dict[str, str]) -> str:
    """The values of features as columns, over a parameter for each column: the list of its values.

    `types` are those of the columns, in the order of the parameters. Instants are µs, on both sides.
    """
    lists = [f"{_unnested(place, types[name])} AS {DUCKDB.identifier(name)}" for place, name in enumerate(types, 1)]
    return f"SELECT {', '.join(DUCKDB.emit(one.scalar) for one in features)}\nFROM (SELECT {', '.join(lists)})"


def _unnested(place: int, type_: str) -> str:
    """The values of a list that is a parameter, one a row."""
    values = f"unnest(CAST(${place} AS {TYPES[INT if type_ == DATETIME else type_]}[]))"
    return f"make_timestamptz({values})" if type_ == DATETIME else values
