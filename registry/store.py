"""What is applied, in any SQL database: view versions, their tables, runs, and which version serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Row, String, Table, Text, select, update

from headrace.errors import NotFoundError, RegistryConflictError, did_you_mean
from headrace.registry.database import METADATA, Database, now, of, url_of

#: What became of a run's last job. `lost`: the cluster does not know it any more, and nobody saw it end.
STATUSES = ("planned", "running", "stopped", "finished", "failed", "canceled", "lost")
#: What of a run is kept as it is.
RUN_VALUES = ("run", "generation", "compiled_plan", "job_id", "started_from", "status", "cause")

VERSIONS = Table(
    "view_versions",
    METADATA,
    Column("project", String(100)),
    Column("view", String(100)),
    Column("version", String(100)),
    Column("plan", Text, nullable=False),
    Column("created_at", String(40), nullable=False),
    PrimaryKeyConstraint("project", "view", "version"),
)
MATERIALIZATIONS = Table(
    "materializations",
    METADATA,
    Column("project", String(100)),
    Column("view", String(100)),
    Column("version", String(100)),
    Column("generation", Integer),
    Column("tables", Text, nullable=False),
    Column("created_at", String(40), nullable=False),
    PrimaryKeyConstraint("project", "view", "version", "generation"),
)
RUNS = Table(
    "runs",
    METADATA,
    Column("run", String(100), primary_key=True),
    Column("project", String(100), nullable=False, index=True),
    Column("view", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("cutover", Text, nullable=False),
    Column("compiled_plan", Text),
    Column("job_id", String(100)),
    Column("started_from", Text),
    Column("savepoints", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("cause", Text),
    Column("created_at", String(40), nullable=False),
)
POINTERS = Table(
    "pointers",
    METADATA,
    Column("project", String(100)),
    Column("view", String(100)),
    Column("version", String(100), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("changed_at", String(40), nullable=False),
    PrimaryKeyConstraint("project", "view"),
)


@dataclass(frozen=True, slots=True)
class ViewVersion:
    """One definition of a view, ever applied. `plan` is opaque here: the compiler wrote it, the compiler reads it."""

    project: str
    view: str
    version: str
    plan: Mapping[str, Any]
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Materialization:
    """The tables that hold one version of a view. `tables`: physical name by tile fingerprint.

    Corrected data under one definition is another `generation`, in other tables.
    """

    project: str
    view: str
    version: str
    tables: Mapping[str, str]
    generation: int = 1
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Run:
    """One view's job over one cutover, however often it is started again.

    Attributes:
        compiled_plan: path of the job's file, which holds Flink's plan.
        job_id: Flink's id of the job that was submitted last.
        started_from: the savepoint or checkpoint which that job started from; None: from the boundary.
        savepoints: paths, oldest first.
        status: one of `STATUSES`, as somebody last saw it.
        cause: why the run is in this status, in one line, where there is something to say.
    """

    run: str
    project: str
    view: str
    version: str
    cutover: Mapping[str, Any]
    generation: int = 1
    compiled_plan: str | None = None
    job_id: str | None = None
    started_from: str | None = None
    savepoints: tuple[str, ...] = ()
    status: str = "planned"
    cause: str | None = None
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version and generation of a view serves."""

    project: str
    view: str
    version: str
    generation: int = 1
    changed_at: datetime = field(default_factory=now, compare=False)


class Registry:
    """The registry at a database URL. Every method raises ConnectorError, naming the URL, when the database fails.

    >>> registry = Registry("sqlite://")
    >>> registry.add_version(ViewVersion("demo", "clicks", "0a1b2c3d", {"name": "clicks"}))
    >>> registry.version("demo", "clicks", "0a1b2c3d").plan
    {'name': 'clicks'}
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, (VERSIONS, MATERIALIZATIONS, RUNS, POINTERS))

    @classmethod
    def at(cls, file: Path) -> Registry:
        """The registry in an SQLite file, made when it is not there."""
        return cls(url_of(file))

    def close(self) -> None:
        """Let go of the database; one in memory is gone."""
        self._database.close()

    def add_version(self, version: ViewVersion) -> None:
        """Keep a version. The same fingerprint again computes the same: only owner, words and places are renewed."""
        row = {**_named(version), "plan": _text(version.plan), "created_at": version.created_at.isoformat()}
        if not self._database.inserted(VERSIONS, row):
            same = [VERSIONS.c[name] == row[name] for name in ("project", "view", "version")]
            with self._database.begin() as connection:
                connection.execute(update(VERSIONS).where(*same).values(plan=row["plan"]))

    def version(self, project: str, view: str, version: str) -> ViewVersion:
        """One version of a view; NotFoundError with a suggestion when there is none."""
        for found in self.versions(project, view):
            if found.version == version:
                return found
        self.check_view(project, view)
        hint = did_you_mean(version, [found.version for found in self.versions(project, view)])
        msg = f"project {project!r}, view {view!r}: no version {version!r}; {hint}"
        raise NotFoundError(msg)

    def versions(self, project: str, view: str) -> list[ViewVersion]:
        """All versions of a view, oldest first."""
        rows = self._database.rows(of(VERSIONS, project=project, view=view).order_by(VERSIONS.c.created_at))
        return [_version(row) for row in rows]

    def views(self, project: str) -> list[str]:
        """The names of the project's views."""
        return sorted({row.view for row in self._database.rows(of(VERSIONS, project=project))})

    def check_view(self, project: str, view: str) -> None:
        """Raise NotFoundError, with a suggestion, unless the project has such a view."""
        known = self.views(project)
        if not known:
            msg = f"no view {view!r}: project {project!r} has no views yet; `headrace backfill FILE` adds one"
            raise NotFoundError(msg)
        if view not in known:
            msg = f"project {project!r}: no view {view!r}; {did_you_mean(view, known)}"
            raise NotFoundError(msg)

    def add_materialization(self, materialization: Materialization) -> None:
        """Keep the names of the tables of a version and generation; the same again is nothing.

        Raises RegistryConflictError when they are there with other tables.
        """
        row = {
            **_named(materialization),
            "generation": materialization.generation,
            "tables": _text(materialization.tables),
            "created_at": materialization.created_at.isoformat(),
        }
        if self._database.inserted(MATERIALIZATIONS, row):
            return
        found = self.materialization(*(row[name] for name in ("project", "view", "version", "generation")))
        if dict(found.tables) != dict(materialization.tables):
            msg = f"view {found.view!r}, version {found.version}, generation {found.generation}: has other tables"
            raise RegistryConflictError(msg)

    def materialization(self, project: str, view: str, version: str, generation: int = 1) -> Materialization:
        """The tables of one version and generation; NotFoundError when there are none."""
        asked = of(MATERIALIZATIONS, project=project, view=view, version=version, generation=generation)
        for row in self._database.rows(asked):
            return _materialization(row)
        msg = f"project {project!r}, view {view!r}: version {version!r}, generation {generation} has no tables"
        raise NotFoundError(msg)

    def materializations(self, project: str, view: str) -> list[Materialization]:
        """All materializations of a view, oldest first."""
        rows = self._database.rows(
            of(MATERIALIZATIONS, project=project, view=view).order_by(MATERIALIZATIONS.c.created_at)
        )
        return [_materialization(row) for row in rows]

    def add_run(self, run: Run) -> None:
        """Keep a new run. RegistryConflictError when there is one of this id."""
        if not self._database.inserted(RUNS, _run_row(run)):
            msg = f"there is already a run {run.run!r}"
            raise RegistryConflictError(msg)

    def run(self, run: str) -> Run:
        """One run; NotFoundError with a suggestion when there is none."""
        for row in self._database.rows(of(RUNS, run=run)):
            return _run(row)
        known = [row.run for row in self._database.rows(select(RUNS.c.run))]
        msg = f"no run {run!r}; {did_you_mean(run, known)}"
        raise NotFoundError(msg)

    def runs(self, project: str, view: str | None = None) -> list[Run]:
        """The runs of a project or of one view, newest first."""
        asked = of(RUNS, project=project) if view is None else of(RUNS, project=project, view=view)
        return [_run(row) for row in self._database.rows(asked.order_by(RUNS.c.created_at.desc()))]

    def submitted(self, run: str, job_id: str, started_from: str | None = None) -> Run:
        """Note that a job of the run was submitted, and from which state. NotFoundError when there is no such run."""
        self.run(run)
        values = {"status": "running", "job_id": job_id, "started_from": started_from, "cause": None}
        with self._database.begin() as connection:
            connection.execute(update(RUNS).where(RUNS.c.run == run).values(values))
        return self.run(run)

    def settle(self, seen: Run, status: str, *, cause: str | None = None, savepoint: str | None = None) -> Run:
        """Note what became of the job that a run had when it was `seen`; nothing when it has another one by now.

        A `savepoint` is added to the run's list. NotFoundError when there is no such run.
        """
        if status not in STATUSES:
            msg = f"run status {status!r}: expected one of {', '.join(STATUSES)}"
            raise ValueError(msg)
        values: dict[str, Any] = {"status": status, "cause": cause}
        kept = self.run(seen.run).savepoints
        if savepoint is not None and savepoint not in kept:
            values["savepoints"] = json.dumps([*kept, savepoint])
        with self._database.begin() as connection:
            same = [RUNS.c.run == seen.run, RUNS.c.job_id == seen.job_id]
            connection.execute(update(RUNS).where(*same).values(values))
        return self.run(seen.run)

    def pointer(self, project: str, view: str) -> Pointer | None:
        """Which version serves; None when none was ever chosen."""
        for row in self._database.rows(of(POINTERS, project=project, view=view)):
            return Pointer(row.project, row.view, row.version, row.generation, datetime.fromisoformat(row.changed_at))
        return None

    def set_pointer(self, new: Pointer, expected: Pointer | None) -> None:
        """Let a version serve, if `expected` (None: none) still does: compare and set.

        Raises RegistryConflictError, naming what serves now, otherwise; NotFoundError when the version has no tables.
        """
        self.materialization(new.project, new.view, new.version, new.generation)
        row = {**_named(new), "generation": new.generation, "changed_at": new.changed_at.isoformat()}
        changed = self._database.inserted(POINTERS, row) if expected is None else self._replaced(row, expected)
        if not changed:
            found = self.pointer(new.project, new.view)
            msg = f"view {new.view!r}: expected {_served(expected)} to serve, found {_served(found)}; look again"
            raise RegistryConflictError(msg)

    def _replaced(self, row: Mapping[str, Any], expected: Pointer) -> bool:
        """Whether the pointer was as expected, and now is as given."""
        kept = {"project": row["project"], "view": row["view"]}
        wanted = {**kept, "version": expected.version, "generation": expected.generation}
        changes = {name: value for name, value in row.items() if name not in kept}
        conditions = [POINTERS.c[name] == value for name, value in wanted.items()]
        with self._database.begin() as connection:
            return connection.execute(update(POINTERS).where(*conditions).values(changes)).rowcount == 1


def _named(value: ViewVersion | Materialization | Run | Pointer) -> dict[str, Any]:
    """What every row carries: project, view and version."""
    return {"project": value.project, "view": value.view, "version": value.version}


def _text(value: Mapping[str, Any]) -> str:
    """A mapping as JSON text, keys sorted."""
    return json.dumps(dict(value), sort_keys=True)


def _run_row(run: Run) -> dict[str, Any]:
    """A run as a row."""
    return {
        **_named(run),
        **{name: getattr(run, name) for name in RUN_VALUES},
        "cutover": _text(run.cutover),
        "savepoints": json.dumps(run.savepoints),
        "created_at": run.created_at.isoformat(),
    }


def _version(row: Row[Any]) -> ViewVersion:
    """A row as a view version."""
    created_at = datetime.fromisoformat(row.created_at)
    return ViewVersion(row.project, row.view, row.version, json.loads(row.plan), created_at)


def _materialization(row: Row[Any]) -> Materialization:
    """A row as a materialization."""
    created_at = datetime.fromisoformat(row.created_at)
    return Materialization(row.project, row.view, row.version, json.loads(row.tables), row.generation, created_at)


def _run(row: Row[Any]) -> Run:
    """A row as a run."""
    values = dict(row._mapping)
    values["cutover"] = json.loads(values["cutover"])
    values["savepoints"] = tuple(json.loads(values["savepoints"]))
    values["created_at"] = datetime.fromisoformat(values["created_at"])
    return Run(**values)


def _served(pointer: Pointer | None) -> str:
    """A pointer in words."""
    return "nothing" if pointer is None else f"version {pointer.version} generation {pointer.generation}"
