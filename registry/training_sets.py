"""Which training sets were made: what of, where their rows are, and the fingerprint of these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Row, String, Table, Text, select

from headrace.errors import NotFoundError, RegistryConflictError, did_you_mean
from headrace.registry.database import METADATA, Database, now, of, url_of

TRAINING_SETS = Table(
    "training_sets",
    METADATA,
    Column("project", String(100)),
    Column("id", String(100)),
    Column("definition", Text, nullable=False),
    Column("table_name", String(200), nullable=False),
    Column("snapshot_id", String(30), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("created_at", String(40), nullable=False),
    PrimaryKeyConstraint("project", "id"),
)


@dataclass(frozen=True, slots=True)
class TrainingSetRecord:
    """One training set that was kept.

    Attributes:
        definition: what makes the same rows again; whoever made the set wrote it, and reads it.
        table: the Iceberg table of its rows, as `namespace.name`, at `snapshot_id`.
        fingerprint: of the rows; equal rows have equal ones.
    """

    id: str
    project: str
    definition: Mapping[str, Any]
    table: str
    snapshot_id: int
    rows: int
    fingerprint: str
    created_at: datetime = field(default_factory=now, compare=False)


class TrainingSetRegistry:
    """The training sets in a database. ConnectorError, naming the URL, when it fails.

    >>> TrainingSetRegistry("sqlite://").all("demo")
    []
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, (TRAINING_SETS,))

    @classmethod
    def at(cls, file: Path) -> TrainingSetRegistry:
        """The registry in an SQLite file, made when it is not there."""
        return cls(url_of(file))

    def add(self, record: TrainingSetRecord) -> None:
        """Keep a training set; the same again is nothing.

        Raises RegistryConflictError when there is one of this id with other rows.
        """
        if self._database.inserted(TRAINING_SETS, _row(record)):
            return
        if self.get(record.project, record.id).fingerprint != record.fingerprint:
            msg = f"project {record.project!r}: there is a training set {record.id!r} with other rows"
            raise RegistryConflictError(msg)

    def get(self, project: str, id_: str) -> TrainingSetRecord:
        """One training set; NotFoundError with a suggestion when there is none."""
        for row in self._database.rows(of(TRAINING_SETS, project=project, id=id_)):
            return _record(row)
        hint = did_you_mean(id_, [record.id for record in self.all(project)])
        msg = f"project {project!r}: no training set {id_!r}; {hint}"
        raise NotFoundError(msg)

    def all(self, project: str) -> list[TrainingSetRecord]:
        """The project's training sets, newest first."""
        asked = select(TRAINING_SETS).where(TRAINING_SETS.c.project == project)
        return [_record(row) for row in self._database.rows(asked.order_by(TRAINING_SETS.c.created_at.desc()))]


def _row(record: TrainingSetRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "project": record.project,
        "definition": json.dumps(dict(record.definition), sort_keys=True),
        "table_name": record.table,
        # 19 digits: more than every database's INTEGER holds.
        "snapshot_id": str(record.snapshot_id),
        "rows": record.rows,
        "fingerprint": record.fingerprint,
        "created_at": record.created_at.isoformat(),
    }


def _record(row: Row[Any]) -> TrainingSetRecord:
    return TrainingSetRecord(
        id=row.id,
        project=row.project,
        definition=json.loads(row.definition),
        table=row.table_name,
        snapshot_id=int(row.snapshot_id),
        rows=row.rows,
        fingerprint=row.fingerprint,
        created_at=datetime.fromisoformat(row.created_at),
    )
