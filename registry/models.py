"""The model store's database: versions with their origin, candidates, states and aliases, each changed as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from headrace.errors import ModelError, NotFoundError, RegistryConflictError, TransitionError, did_you_mean
from headrace.registry.database import Database, now, of, url_of
from headrace.registry.kept_gates import check_evidence
from headrace.registry.model_facts import Candidate, Evaluation, Facts, Inventory, ModelVersion, check_name, numbered
from headrace.registry.model_states import ENDED, Alias, Decision, Life, State, check_alias, check_move
from headrace.registry.model_tables import (
    ALIASES,
    CANDIDATES,
    EVALUATIONS,
    INVENTORIES,
    JUDGEMENTS,
    MICROSECOND,
    MODELS,
    TABLES,
    TRANSITIONS,
    VERSIONS,
    alias_change_of,
    candidate_of,
    decision_of,
    decision_row,
    facts_row,
    instant,
    microseconds,
    text,
    transition_of,
    version_of,
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What gates said of a candidate: the evidence is kept whether it passed or not."""

    passed: bool
    decision: Decision
    at: datetime


@dataclass(frozen=True)
class _Change:
    """What one decision changes in a model, all of it or nothing."""

    decision: Decision
    states: tuple[tuple[int, State | None, State], ...] = ()
    aliases: tuple[tuple[Alias, int | None, int | None], ...] = ()
    registered: ModelVersion | None = None


class ModelRegistry:
    """The models of a project in a database. Every method raises ConnectorError, naming the URL, when it fails.

    A model's changes are in one order, whoever makes them: each is made to the state that its maker saw, in one
    transaction, or it is decided anew. Times never run backwards in it: a change that the clock sets before the newest
    one of its model is dated one microsecond after that, and what the clock said is kept beside.

    Args:
        clock: tells the time.

    >>> ModelRegistry("sqlite://", "demo").models()
    []
    """

    def __init__(self, url: str, project: str, clock: Callable[[], datetime] = now) -> None:
        self.project = project
        self._clock = clock
        self._database = Database(url, TABLES)

    @classmethod
    def at(cls, file: Path, project: str) -> Self:
        """The registry in an SQLite file, made when it is not there."""
        return cls(url_of(file), project)

    def keep_inventory(self, inventory: Inventory) -> str:
        """Keep what stands behind a hash, and return the hash; the same again is nothing."""
        self._database.inserted(INVENTORIES, {"hash": inventory.hash, "entries": inventory.text})
        return inventory.hash

    def inventory(self, hash_: str) -> Inventory:
        """What stands behind a hash. NotFoundError when it was never kept."""
        for row in self._database.rows(of(INVENTORIES, hash=hash_)):
            return Inventory(json.loads(row.entries))
        msg = f"no inventory {hash_!r} of source files or packages; keep it before anything is registered with it"
        raise NotFoundError(msg)

    def models(self) -> list[str]:
        """The names of the models that have versions or candidates, sorted."""
        found = [select(table.c.model).where(table.c.project == self.project) for table in (MODELS, CANDIDATES)]
        return sorted({row.model for asked in found for row in self._database.rows(asked)})

    def versions(self, model: str) -> list[ModelVersion]:
        """The versions of a model, oldest first. NotFoundError, with a suggestion, when there is no such model."""
        self._check_model(model)
        asked = of(VERSIONS, project=self.project, model=model).order_by(VERSIONS.c.number)
        return list(map(version_of, self._database.rows(asked)))

    def version(self, model: str, number: int) -> ModelVersion:
        """One version. NotFoundError, with what there is, when there is no such model or version."""
        self.life(model).state(number)
        for row in self._database.rows(of(VERSIONS, project=self.project, model=model, number=number)):
            return version_of(row)
        msg = f"{model}@{number} has moved and is not there: the database was changed from outside"
        raise ModelError(msg)

    def parents(self) -> dict[str, str | None]:
        """The name of the version that each version of the project started from; None of those that began anew."""
        asked = select(VERSIONS.c.model, VERSIONS.c.number, VERSIONS.c.parent).where(VERSIONS.c.project == self.project)
        return {f"{row.model}@{row.number}": row.parent for row in self._database.rows(asked)}

    def life(self, model: str) -> Life:
        """All that ever moved in a model. NotFoundError, with a suggestion, when there is no such model."""
        self._check_model(model)
        return self._life(model)

    def register(self, model: str, facts: Facts, decision: Decision, trainer: str | None = None) -> ModelVersion:
        """Register a version under the next number; with a trainer, the version of that candidate, made once.

        Raises:
            ModelError: the name is none, the parent was never registered, or no inventory of code or environment is
                kept under the hash that the facts name.
        """
        check_name("model", model)
        self._check_inventories(facts)
        while True:
            # Read before the candidate is looked for: a version that comes after the look makes the change fail.
            life = self._life(model)
            made = self._version_of_candidate(model, facts, trainer) or self._added(life, facts, decision, trainer)
            if made:
                return made

    def move(self, model: str, number: int, after: State, decision: Decision) -> None:
        """Let a version go into another state; one that ends loses its aliases.

        Raises:
            NotFoundError: there is no such model or version.
            TransitionError: the move is not legal, or lacks evidence, as that of the gates that a version keeps;
                `promote` alone leads into production.
        """
        if after is State.PRODUCTION:
            msg = f"{model}@{number}: promote it, then it goes into {after} and becomes the champion at once"
            raise TransitionError(msg)

        def plan(life: Life) -> _Change:
            before = check_move(life, number, after, decision.evidence)
            if after is State.VERIFIED:
                check_evidence(f"{model}@{number}", self.version(model, number).facts, decision.evidence)
            lost = life.held_by(number) if after in ENDED else ()
            return _Change(decision, ((number, before, after),), tuple((alias, number, None) for alias in lost))

        self._change(model, plan)

    def promote(self, model: str, number: int, expected: int | None, decision: Decision) -> None:
        """Make a version the champion, if `expected` (None: none) still is; from dark it goes into production.

        A former champion that is still in production can be promoted again, which is how to go back.

        Raises:
            NotFoundError: there is no such model or version.
            TransitionError: the version is neither dark nor in production.
            RegistryConflictError: another is champion by now; names it, who promoted it, when and why.
        """

        def plan(life: Life) -> _Change:
            _check_expected(life, Alias.CHAMPION, expected, number)
            aliases = ((Alias.CHAMPION, expected, number),)
            if life.state(number) is State.PRODUCTION:
                return _Change(decision, aliases=aliases)
            before = check_move(life, number, State.PRODUCTION, decision.evidence)
            return _Change(decision, ((number, before, State.PRODUCTION),), aliases)

        self._change(model, plan)

    def set_alias(self, model: str, alias: Alias, number: int | None, expected: int | None, decision: Decision) -> None:
        """Give an alias to a version (None: to none), if `expected` still has it.

        Raises:
            NotFoundError: there is no such model or version.
            TransitionError: the alias is champion, which `promote` gives, or the version's state does not allow it.
            RegistryConflictError: another version has the alias by now.
        """
        if alias is Alias.CHAMPION:
            msg = f"model {model!r}: the {alias} changes by promotion only, and there is always one after the first"
            raise TransitionError(msg)

        def plan(life: Life) -> _Change:
            _check_expected(life, alias, expected, number)
            if number is not None:
                check_alias(life, number, alias)
            return _Change(decision, aliases=((alias, expected, number),))

        self._change(model, plan)

    def add_candidate(self, candidate: Candidate) -> bool:
        """Keep a candidate; False when it is there already, which is nothing. ModelError for an unknown parent."""
        self._check_parent(candidate.model, candidate.facts.parent)
        row = {**self._key(candidate), **facts_row(candidate.facts)}
        return self._database.inserted(CANDIDATES, {**row, "created_at_us": microseconds(candidate.created_at)})

    def candidates(self, model: str) -> list[Candidate]:
        """The candidates of a model, in the order of trainers and rows. NotFoundError when there is no such model."""
        self._check_model(model)
        asked = of(CANDIDATES, project=self.project, model=model)
        return list(
            map(candidate_of, self._database.rows(asked.order_by(CANDIDATES.c.trainer, CANDIDATES.c.rows_seen)))
        )

    def kept_candidate(self, candidate: Candidate) -> Candidate:
        """A candidate as it was kept. ModelError when it was not, or with other facts."""
        what = f"model {candidate.model!r}: "
        for row in self._database.rows(of(CANDIDATES, **self._key(candidate))):
            kept = candidate_of(row)
            before, given = facts_row(kept.facts), facts_row(candidate.facts)
            other = sorted(name for name, value in before.items() if given[name] != value)
            if not other:
                return kept
            msg = (
                f"{what}candidate {candidate.facts.artifact} of {candidate.trainer!r}: expected the facts that it was "
            )
            msg += f"kept with, {other[0]} {before[other[0]]!r}, found {given[other[0]]!r}; take it from `candidates`"
            raise ModelError(msg)
        msg = f"{what}no candidate {candidate.facts.artifact} of {candidate.trainer!r}; keep it first (`add_candidate`)"
        raise ModelError(msg)

    def add_judgement(self, candidate: Candidate, passed: bool, decision: Decision) -> None:
        """Keep what gates said of a candidate. ModelError when it is not kept, or with other facts."""
        self.kept_candidate(candidate)
        inserted = False
        while not inserted:
            at = _after(max((one.at for one in self.judgements(candidate)), default=None), clock := self._clock())
            row = {**self._key(candidate), **decision_row(decision, at, clock), "passed": passed}
            inserted = self._database.inserted(JUDGEMENTS, row)

    def judgements(self, candidate: Candidate) -> list[Judgement]:
        """What gates said of a candidate, oldest first."""
        rows = self._database.rows(of(JUDGEMENTS, **self._key(candidate)).order_by(JUDGEMENTS.c.at_us))
        return [Judgement(row.passed, decision_of(row), instant(row.at_us)) for row in rows]

    def add_evaluation(self, model: str, number: int, evaluation: Evaluation) -> None:
        """Keep how well a version did on some rows, beside what is known of it on these; the same again is nothing.

        Raises:
            NotFoundError: there is no such version.
            RegistryConflictError: a metric has another value on these rows, be it in the version's own facts.
        """
        version = self.version(model, number)
        while not self._evaluated(version, evaluation):
            pass

    def evaluations(self, version: ModelVersion) -> list[Evaluation]:
        """How well a version did, as its facts and all later evaluations say."""
        own = [Evaluation(name, rows, version.facts.of_set(name)) for name, rows in version.facts.evaluated.items()]
        asked = of(EVALUATIONS, project=self.project, model=version.model, version=version.number)
        later = [Evaluation(row.set, row.rows, json.loads(row.metrics)) for row in self._database.rows(asked)]
        return [*own, *later]

    def _evaluated(self, version: ModelVersion, new: Evaluation) -> bool:
        """Whether an evaluation is kept; False when another process added to it meanwhile."""
        named = {"project": self.project, "model": version.model, "version": version.number}
        named |= {"set": new.set, "rows": new.rows}
        rows = self._database.rows(of(EVALUATIONS, **named))
        later: dict[str, float] = json.loads(rows[0].metrics) if rows else {}
        own = version.facts.of_set(new.set) if version.facts.evaluated.get(new.set) == new.rows else {}
        _check_agreement(version, new, later | own)
        if new.metrics.keys() <= later.keys() | own.keys():
            return True
        merged = {"metrics": text(later | dict(new.metrics))}
        if not rows:
            return self._database.inserted(EVALUATIONS, named | merged)
        seen = [EVALUATIONS.c[name] == value for name, value in {**named, "metrics": rows[0].metrics}.items()]
        with self._database.begin() as connection:
            return connection.execute(update(EVALUATIONS).where(*seen).values(merged)).rowcount == 1

    def _key(self, candidate: Candidate) -> dict[str, Any]:
        return {"project": self.project, **candidate.key}

    def _check_model(self, model: str) -> None:
        known = self.models()
        if model not in known:
            msg = f"project {self.project!r}: no model {model!r}; {did_you_mean(model, known)}"
            raise NotFoundError(msg)

    def _check_parent(self, model: str, parent: str | None) -> None:
        if parent is None:
            return
        named, number = numbered(parent)
        if not self._database.rows(of(VERSIONS, project=self.project, model=named, number=number)):
            msg = f"model {model!r}: parent {parent} was never registered; register it first, or start from nothing"
            raise ModelError(msg)

    def _check_inventories(self, facts: Facts) -> None:
        for what in ("code", "environment"):
            try:
                self.inventory(getattr(facts, what))
            except NotFoundError as error:
                msg = f"{what} {getattr(facts, what)}: {error}"
                raise ModelError(msg) from error

    def _version_of_candidate(self, model: str, facts: Facts, trainer: str | None) -> ModelVersion | None:
        """The version that a candidate became; None where it did not, or is none."""
        if trainer is None:
            return None
        named = {"trainer": trainer, "artifact": facts.artifact, "rows_seen": facts.rows_seen}
        rows = self._database.rows(of(VERSIONS, project=self.project, model=model, **named))
        return version_of(rows[0]) if rows else None

    def _added(self, life: Life, facts: Facts, decision: Decision, trainer: str | None) -> ModelVersion | None:
        """The version under the next number; None when another process was first."""
        self._check_parent(life.model, facts.parent)
        number = 1 + max((one.version for one in life.transitions), default=0)
        version = ModelVersion(life.model, number, facts, decision.who, trainer, self._clock())
        return version if self._made(life, _Change(decision, ((number, None, State.TRAINED),), (), version)) else None

    def _life(self, model: str) -> Life:
        # The revision is read first: what comes between makes the change fail that is made to it.
        named = {"project": self.project, "model": model}
        heads = self._database.rows(of(MODELS, **named))
        revision = heads[0].revision if heads else 0
        transitions = self._database.rows(of(TRANSITIONS, **named).order_by(TRANSITIONS.c.revision))
        aliases = self._database.rows(of(ALIASES, **named).order_by(ALIASES.c.revision))
        return Life(model, revision, tuple(map(transition_of, transitions)), tuple(map(alias_change_of, aliases)))

    def _change(self, model: str, plan: Callable[[Life], _Change]) -> None:
        """Decide and change, until nobody came between; whoever did has made progress."""
        while not self._made(life := self.life(model), plan(life)):
            pass

    def _made(self, life: Life, change: _Change) -> bool:
        """Whether the change was made; False when the model is no longer as it was seen."""
        try:
            with self._database.begin() as connection:
                if not self._advanced(connection, life):
                    return False
                self._write(connection, life, change)
        except IntegrityError as error:
            # Whoever came between left another revision; without one the row itself is wrong, and stays so.
            if self._life(life.model).revision == life.revision:
                msg = f"model {life.model!r}: the change does not fit the database: {error.orig}"
                raise ModelError(msg) from error
            return False
        return True

    def _advanced(self, connection: Connection, life: Life) -> bool:
        """Whether the model's revision was the one that was seen, and now is the next."""
        named = {"project": self.project, "model": life.model}
        if life.revision == 0:
            connection.execute(insert(MODELS).values(**named, revision=1))
            return True
        seen = [MODELS.c[name] == value for name, value in {**named, "revision": life.revision}.items()]
        return connection.execute(update(MODELS).where(*seen).values(revision=life.revision + 1)).rowcount == 1

    def _write(self, connection: Connection, life: Life, change: _Change) -> None:
        at = _after(life.newest, clock := self._clock())
        named = {"project": self.project, "model": life.model}
        common = {**named, "revision": life.revision + 1, **decision_row(change.decision, at, clock)}
        if change.registered:
            version = change.registered
            facts: Mapping[str, Any] = {
                "number": version.number,
                "trainer": version.trainer,
                **facts_row(version.facts),
            }
            made = {"creator": version.creator, "created_at_us": microseconds(version.created_at)}
            connection.execute(insert(VERSIONS).values(**named, **facts, **made))
        for number, before, after in change.states:
            connection.execute(insert(TRANSITIONS).values(**common, version=number, before=before, after=after.value))
        for alias, holder, next_ in change.aliases:
            connection.execute(insert(ALIASES).values(**common, alias=alias.value, before=holder, after=next_))


def _after(newest: datetime | None, clock: datetime) -> datetime:
    """The time of a change: the clock's, unless that runs behind what was changed before."""
    return clock if newest is None else max(clock, newest + MICROSECOND)


def _check_expected(life: Life, alias: Alias, expected: int | None, wanted: int | None) -> None:
    """Raise RegistryConflictError unless an alias is where the caller believed it to be, and is to go elsewhere."""
    found = life.newest_change(alias)
    holder = found.after if found else None
    if holder == expected:
        if holder == wanted:
            msg = f"model {life.model!r}: the {alias} is {_named(life, wanted)} already; nothing to change"
            raise TransitionError(msg)
        return
    since = f", since {found.at.isoformat()} by {found.decision.who} ({found.decision.reason!r})" if found else ""
    msg = (
        f"model {life.model!r}: expected {alias} {_named(life, expected)}, found {_named(life, holder)}{since}; "
        "look again before you decide"
    )
    raise RegistryConflictError(msg)


def _check_agreement(version: ModelVersion, new: Evaluation, known: Mapping[str, float]) -> None:
    """Raise RegistryConflictError where a metric has another value on the same rows."""
    for name in sorted(new.metrics.keys() & known.keys()):
        if new.metrics[name] != known[name]:
            msg = (
                f"{version.name}: has other metrics on {new.set!r} of {new.rows!r}: expected {name} {known[name]!r}, "
                f"found {new.metrics[name]!r}; if these are other rows, name them otherwise"
            )
            raise RegistryConflictError(msg)


def _named(life: Life, number: int | None) -> str:
    return "none" if number is None else f"{life.model}@{number}"
