"""On-demand features in DuckDB SQL: scalars over columns that are named as the features and request columns they read.

One evaluator for all readers: training sets and local runs have tables, an online read has a list for each column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headrace.compiler.duckdb_scalar import DUCKDB, TYPES, as_value
from headrace.compiler.plan import PlannedOnDemand, ViewPlan
from headrace.features.scalar import DATE, DATETIME, FLOAT, INT, Scalar, column


def over_relation_sql(feature: PlannedOnDemand, relation: str) -> str:
    """The values of a feature, over a relation with the columns that it reads."""
    (value,), staged = _staged([feature], relation)
    return f"SELECT {as_value(feature.type, value)} AS {DUCKDB.identifier(feature.name)}\nFROM {staged}"


def columns_read(plan: ViewPlan, features: Sequence[PlannedOnDemand]) -> dict[str, str]:
    """The type of each column that features read, by its name."""
    inputs = {name: plan.feature(name).type for one in features for name in one.inputs}
    return inputs | {column.name: column.type for one in features for column in one.request}


def over_lists_sql(features: Sequence[PlannedOnDemand], types: dict[str, str]) -> str:
    """The values of features as columns, over a parameter for each column: the list of its values.

    `types` are those of the columns, in the order of the parameters. Instants are µs, on both sides.
    """
    lists = [f"{_unnested(place, types[name])} AS {DUCKDB.identifier(name)}" for place, name in enumerate(types, 1)]
    values, staged = _staged(features, f"(SELECT {', '.join(lists)})")
    typed = [as_value(DATE, sql) if one.type == DATE else sql for one, sql in zip(features, values, strict=True)]
    return f"SELECT {', '.join(typed)}\nFROM {staged}"


def _staged(features: Sequence[PlannedOnDemand], relation: str) -> tuple[list[str], str]:
    """The SQL of the features' values, and the relation that they are over."""
    stages = _Stages()
    scalars = [stages.hoisted(one.scalar)[0] for one in features]
    for columns in stages.columns:
        added = ", ".join(f"{DUCKDB.emit(scalar)} AS {name}" for name, scalar in columns.items())
        relation = f"(SELECT *, {added}\nFROM {relation})"
    return list(map(DUCKDB.emit, scalars)), relation


class _Stages:
    """Columns for whatever is tested to be finite, stage after stage: SQL says it twice, and nests it in the next test.

    So the text grows with the expression, not with 2 to the power of its depth; and what features share is there once.
    """

    def __init__(self) -> None:
        self.columns: list[dict[str, Scalar]] = []
        self._names: dict[str, str] = {}

    def hoisted(self, scalar: Scalar) -> tuple[Scalar, int]:
        """A scalar over the columns of stages, and how many of them it needs."""
        parts = [self.hoisted(arg) for arg in scalar.args]
        found = replace(scalar, args=tuple(arg for arg, _ in parts))
        stage = max((stage for _, stage in parts), default=0)
        if scalar.op != "finite" or scalar.args[0].op == "column":
            return found, stage
        return replace(found, args=(column(self._name(found.args[0], stage), FLOAT),)), stage + 1

    def _name(self, scalar: Scalar, stage: int) -> str:
        """The column of a scalar over the first so many stages."""
        # By its text, in which 0.0 and -0.0 differ.
        name = self._names.setdefault(scalar.text(), f"_x{len(self._names)}")
        if name not in {known for columns in self.columns for known in columns}:
            self.columns += [{} for _ in range(len(self.columns), stage + 1)]
            self.columns[stage][name] = scalar
        return name


def _unnested(place: int, type_: str) -> str:
    """The values of a list that is a parameter, one a row."""
    values = f"unnest(CAST(${place} AS {TYPES[INT if type_ == DATETIME else type_]}[]))"
    return f"make_timestamptz({values})" if type_ == DATETIME else values
