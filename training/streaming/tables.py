"""The tables of what trainers tell, one of each kind for all runs of a catalog, and their rows as Flink's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import LEDGER_NAMESPACE, Field
from headrace.training.streaming.told import Candidate, DeadLetter, LearnedStep

#: By the names of their tables, in the order in which the job has them.
KINDS: Mapping[str, type] = {
    "learning_steps": LearnedStep,
    "learning_candidates": Candidate,
    "learning_dead_letters": DeadLetter,
}
STEPS, CANDIDATES, LETTERS = KINDS
#: What a job notes with each of its commits: whose they are is known without the record of the run.
RUN_PROPERTY = "headrace.run"
TYPES: Mapping[Any, str] = {
    str: "string",
    int: "bigint",
    float: "double",
    str | None: "string",
    int | None: "bigint",
    float | None: "double",
}


def columns_of(kind: type) -> tuple[Field, ...]:
    """The columns of a table: the attributes of what is told.

    >>> [str(field) for field in columns_of(DeadLetter)][:3]
    ['run string', 'step bigint', 'row bigint']
    """
    hints = get_type_hints(kind)
    return tuple(Field(one.name, TYPES[hints[one.name]]) for one in fields(kind))


def create_tables(iceberg: IcebergCatalog) -> dict[str, IcebergTable]:
    """The tables by name, made unless they are there.

    Raises:
        SchemaMismatchError: another version of headrace made them, with other columns.
    """
    return {name: iceberg.create_table(LEDGER_NAMESPACE, name, columns_of(kind)) for name, kind in KINDS.items()}


def values_of(told: Any) -> list[Any]:
    """The values of a row, in the order of the columns."""
    return [getattr(told, one.name) for one in fields(told)]


def told_of(iceberg: IcebergCatalog, name: str, run: str) -> list[Any]:
    """What a run has told and committed of one kind, in its order.

    Raises:
        NotFoundError: no trainer of this catalog has run yet.
    """
    kind = KINDS[name]
    rows = iceberg.load(LEDGER_NAMESPACE, name).arrow(where=f"run = '{run}'")
    order = "candidate" if kind is Candidate else "step"
    told = [kind(**row) for row in rows.select([one.name for one in fields(kind)]).to_pylist()]
    return sorted(told, key=lambda one: (getattr(one, order), getattr(one, "row", 0)))
