"""The model store: versions and their artifacts together, from candidate to production, each step with its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from headrace.connectors.artifacts import Artifacts
from headrace.errors import NotFoundError, TransitionError
from headrace.registry.kept_gates import check_change, gates_of, unasked
from headrace.registry.model_facts import Candidate, Evaluation, Facts, ModelVersion, numbered
from headrace.registry.model_states import Alias, Decision, Life, State, Transition
from headrace.registry.models import Judgement, ModelRegistry
from headrace.runtime.settings import Settings
from headrace.training.models.described import described
from headrace.training.models.difference import Difference, differences
from headrace.training.models.gates import Gate, GateResult, Subject, evidence_of, judge
from headrace.training.models.lineage import Lineage, ancestors_of, descendants_of
from headrace.training.models.origin import Origin, code_inventory, environment_inventory
from headrace.training.models.reference import Reference

#: The file of an artifact that has what was chosen: the kind of model, its sizes, its rates.
PARAMETERS = "model.json"
#: What differs in the user's own code is told under this name.
OWN = "own code"
#: The facts that say what a version learned from.
DATA = ("snapshots", "offsets", "label_cutoff", "rows_seen", "evaluated")


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """A version, the state that it is in, its aliases, and how it came there."""

    version: ModelVersion
    state: State
    aliases: tuple[Alias, ...]
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class CandidateStatus:
    """A candidate, what gates said of it, oldest first, and the number of the version that it became."""

    candidate: Candidate
    judgements: tuple[Judgement, ...]
    version: int | None


@dataclass(frozen=True, slots=True)
class Admission:
    """What gates said of a candidate, and the version that it became; None when a gate failed."""

    results: tuple[GateResult, ...]
    version: ModelVersion | None


class ModelStore:
    """The models of a project.

    Every method that is given a version takes `model@3` or `model@champion`, and raises NotFoundError, with a
    suggestion, for a model, a version or an alias that is not there.

    Args:
        registry: facts, states and aliases.
        artifacts: files.
    """

    def __init__(self, registry: ModelRegistry, artifacts: Artifacts) -> None:
        self.registry = registry
        self.artifacts = artifacts

    @classmethod
    def at(cls, settings: Settings) -> ModelStore:
        """The store of the project that the settings name; it needs a disk, and the registry's database."""
        registry = ModelRegistry(settings.registry_url, settings.project)
        return cls(registry, Artifacts(settings.artifacts_folder))

    def keep_origin(self) -> Origin:
        """Keep the lists behind the code and the environment of this process, and return their hashes."""
        code, environment = code_inventory(), environment_inventory()
        return Origin(self.registry.keep_inventory(code), self.registry.keep_inventory(environment))

    def register(self, model: str, facts: Facts, decision: Decision, trainer: str | None = None) -> ModelVersion:
        """Register a version, as trained, under the model's next number; of one trainer the same artifact only once.

        Raises:
            ArtifactError: its artifact is missing or damaged.
            ModelError: the parent was never registered, or code or environment were not kept (`keep_origin`).
        """
        self.artifacts.verify(facts.artifact)
        return self.registry.register(model, facts, decision, trainer)

    def add_candidate(self, candidate: Candidate) -> bool:
        """Keep a candidate; False when it is there already. ArtifactError when its artifact is missing or damaged."""
        self.artifacts.verify(candidate.facts.artifact)
        return self.registry.add_candidate(candidate)

    def candidates(self, model: str) -> list[CandidateStatus]:
        """The candidates of a model, with what became of them."""
        became = {_identity(one.trainer, one.facts): one.number for one in self.versions(model)}
        return [
            CandidateStatus(one, tuple(self.registry.judgements(one)), became.get(_identity(one.trainer, one.facts)))
            for one in self.registry.candidates(model)
        ]

    def admit(
        self, candidate: Candidate, gates: Iterable[Gate], decision: Decision, gates_changed: str | None = None
    ) -> Admission:
        """Judge a candidate, and register it, verified, when all gates pass; the evidence is kept either way.

        The same candidate becomes one version, however often it is admitted, and by however many at once.

        Args:
            gates_changed: as `verify` has it.

        Raises:
            TransitionError: there are no gates, a gate that it keeps is not among them, or the version that it became
                was rejected.
            ModelError: the candidate was never kept, or was kept with other facts.
        """
        kept = self.registry.kept_candidate(candidate)
        asked = tuple(gates)
        what = f"candidate {kept.facts.artifact} of {kept.model}"
        changed = check_change(what, kept.facts, [described(gate) for gate in asked], gates_changed)
        results = self._judged(self._subject(kept.model, kept.facts), asked)
        passed = all(result.passed for result in results)
        evident = replace(decision, evidence=evidence_of(results) | changed)
        self.registry.add_judgement(kept, passed, evident)
        if not passed:
            return Admission(results, None)
        return Admission(results, self._admitted(kept, decision, evident))

    def finish_admission(self, candidate: Candidate) -> ModelVersion:
        """Register a candidate, verified, by its newest judgement, where `admit` was stopped after that was kept.

        Gates are not asked again, and what is finished already stays as it is.

        Raises:
            TransitionError: it has not passed, or the version that it became was rejected.
            ModelError: the candidate was never kept, or was kept with other facts.
        """
        kept = self.registry.kept_candidate(candidate)
        newest = next(reversed(self.registry.judgements(kept)), None)
        if newest is None or not newest.passed:
            found = "no judgement" if newest is None else "that a gate failed"
            msg = f"candidate {kept.facts.artifact} of {kept.model}: expected that it passed its gates, found {found}; "
            raise TransitionError(msg + "admit it")
        return self._admitted(kept, replace(newest.decision, evidence={}), newest.decision)

    def models(self) -> list[str]:
        """The names of all models."""
        return self.registry.models()

    def versions(self, model: str) -> list[ModelVersion]:
        """The versions of a model, oldest first."""
        return self.registry.versions(model)

    def version(self, name: str) -> ModelVersion:
        """One version."""
        reference = Reference.of(name)
        number = reference.version
        if isinstance(number, Alias):
            number = _holder(self.registry.life(reference.model), number)
        return self.registry.version(reference.model, number)

    def status(self, name: str) -> VersionStatus:
        """A version, its state, its aliases, and all that moved it."""
        version = self.version(name)
        return status_in(self.registry.life(version.model), version)

    def files(self, name: str) -> dict[str, bytes]:
        """The files of a version, every byte proved. ArtifactError when one is missing or damaged."""
        return self.artifacts.get(self.version(name).facts.artifact)

    def lineage(self, name: str) -> Lineage:
        """The versions that a version comes from, and those that came of it, of whatever models of the project."""
        version = self.version(name)
        parents = self.registry.parents()
        before, after = ancestors_of(version.name, parents), descendants_of(version.name, parents)
        known = self._named({*before, *after})
        came = [known[one] for one in after]
        came.sort(key=lambda one: (one.model != version.model, one.model, one.number))
        return Lineage(tuple(known[one] for one in before), version, tuple(came))

    def diff(self, left: str, right: str) -> list[Difference]:
        """What differs between two versions: data, features, code, own code, packages, gates, parameters, metrics.

        Raises:
            ArtifactError: an artifact that would tell of parameters is missing or damaged.
        """
        before, after = self.version(left).facts, self.version(right).facts
        sections = (
            *_fact_sections(before, after),
            ("code", self._inventory(before.code), self._inventory(after.code)),
            (OWN, _own(before), _own(after)),
            ("environment", self._inventory(before.environment), self._inventory(after.environment)),
            ("gates", _by_name(before), _by_name(after)),
            ("parameters", self._parameters(before), self._parameters(after)),
            ("metrics", before.metrics, after.metrics),
        )
        return [one for name, old, new in sections for one in differences(name, old, new)]

    def check(self, name: str, gates: Iterable[Gate]) -> tuple[GateResult, ...]:
        """What gates say of a version now; it stays where it is."""
        version = self.version(name)
        return self._judged(self._subject(version.model, version.facts, version), gates)

    def unasked(self, name: str, gates: Iterable[Gate]) -> tuple[str, ...]:
        """The names of the gates that a version keeps from its definition, and that none of these is equal to."""
        asked = [described(gate) for gate in gates]
        return tuple(one["name"] for one in unasked(self.version(name).facts, asked))

    def verify(
        self, name: str, gates: Iterable[Gate], decision: Decision, gates_changed: str | None = None
    ) -> tuple[GateResult, ...]:
        """Judge a trained version: it goes to verified when all gates pass, to rejected otherwise, with the evidence.

        Args:
            gates_changed: why gates that the version keeps are left out or changed, which becomes evidence; None: each
                of them is among `gates`.

        Raises:
            TransitionError: the version is not trained any more, there are no gates, or one that it keeps is not among
                them, equal in all that decides; it stays trained.
        """
        status = self.status(name)
        if status.state is not State.TRAINED:
            msg = f"{status.version.name} is {status.state}: only what is {State.TRAINED} is verified; check it instead"
            raise TransitionError(msg)
        version, asked = status.version, tuple(gates)
        changed = check_change(version.name, version.facts, [described(gate) for gate in asked], gates_changed)
        results = self._judged(self._subject(version.model, version.facts, version), asked)
        after = State.VERIFIED if all(result.passed for result in results) else State.REJECTED
        self.move(version.name, after, replace(decision, evidence=evidence_of(results) | changed))
        return results

    def move(self, name: str, after: State, decision: Decision) -> ModelVersion:
        """Let a version go into another state. TransitionError, naming the legal moves, when it may not."""
        version = self.version(name)
        self.registry.move(version.model, version.number, after, decision)
        return version

    def promote(self, name: str, expected: int | None, decision: Decision) -> ModelVersion:
        """Make a version the champion, if `expected` still is (None: none is).

        Raises:
            ArtifactError: the artifact is missing or damaged.
            TransitionError: the version was not dark.
            RegistryConflictError: another one is champion by now; names it.
        """
        version = self._whole(name)
        self.registry.promote(version.model, version.number, expected, decision)
        return version

    def give(self, name: str, alias: Alias, expected: int | None, decision: Decision) -> ModelVersion:
        """Give challenger, shadow or canary to a version, if `expected` still has it; raises as `promote` does."""
        version = self._whole(name)
        self.registry.set_alias(version.model, alias, version.number, expected, decision)
        return version

    def take(self, name: str, decision: Decision) -> ModelVersion:
        """Take an alias away from the version that has it: `model@canary`. TransitionError for the champion's."""
        alias = Reference.of(name).version
        if not isinstance(alias, Alias):
            msg = f"{name!r}: expected an alias to take away, such as '{Reference.of(name).model}@{Alias.CANARY}'"
            raise TransitionError(msg)
        version = self.version(name)
        self.registry.set_alias(version.model, alias, None, version.number, decision)
        return version

    def retire(self, name: str, decision: Decision) -> ModelVersion:
        """End a version that was in production; TransitionError while it is the champion."""
        return self.move(name, State.RETIRED, decision)

    def evaluate(self, name: str, evaluation: Evaluation) -> None:
        """Record how well a version did on some rows, so that others can be set beside it."""
        version = self.version(name)
        self.registry.add_evaluation(version.model, version.number, evaluation)

    def history(self, model: str) -> Life:
        """All that ever moved in a model, oldest first."""
        return self.registry.life(model)

    def served(self, model: str, instant: datetime) -> dict[Alias, int | None]:
        """What each alias named at an instant; ModelError when that has no zone."""
        return self.registry.life(model).holders(instant)

    def _admitted(self, kept: Candidate, decision: Decision, evident: Decision) -> ModelVersion:
        """The version of a candidate that passed, by the evidence of its gates."""
        made = self.registry.register(kept.model, kept.facts, decision, kept.trainer)
        self._let_verified(made, evident)
        return made

    def _let_verified(self, made: ModelVersion, evident: Decision) -> None:
        """Verify a version, unless another process did; TransitionError when one rejected it."""
        try:
            self.registry.move(made.model, made.number, State.VERIFIED, evident)
        except TransitionError as error:
            state = self.registry.life(made.model).state(made.number)
            if state is State.REJECTED:
                msg = f"{made.name}: expected a version that may be {State.VERIFIED}, found it {state}; it stays so, "
                msg += f"as `headrace model history {made.model}` tells: admit another candidate"
                raise TransitionError(msg) from error
            if state is State.TRAINED:
                raise

    def _judged(self, subject: Subject, gates: Iterable[Gate]) -> tuple[GateResult, ...]:
        results = judge(subject, gates)
        if not results:
            msg = f"model {subject.model!r}: no gates to pass; name at least one"
            raise TransitionError(msg)
        return results

    def _subject(self, model: str, facts: Facts, version: ModelVersion | None = None) -> Subject:
        parent = None if facts.parent is None else self.registry.version(*numbered(facts.parent))
        number = self.registry.life(model).holder(Alias.CHAMPION)
        champion = None if number is None else self.registry.version(model, number)
        evaluations = () if champion is None else self.registry.evaluations(champion)
        return Subject(model, facts, champion, evaluations, parent, version, self.artifacts)

    def _named(self, names: Iterable[str]) -> dict[str, ModelVersion]:
        """Versions by their names, which are there: all of a model are read at once."""
        models = {numbered(name)[0] for name in names}
        return {one.name: one for model in models for one in self.versions(model)}

    def _whole(self, name: str) -> ModelVersion:
        version = self.version(name)
        self.artifacts.verify(version.facts.artifact)
        return version

    def _inventory(self, hash_: str) -> Mapping[str, str]:
        return self.registry.inventory(hash_).entries

    def _parameters(self, facts: Facts) -> Mapping[str, Any]:
        found = self.artifacts.get(facts.artifact).get(PARAMETERS)
        return {} if found is None else {PARAMETERS: json.loads(found)}


def status_in(life: Life, version: ModelVersion) -> VersionStatus:
    """The status of a version in the life of its model."""
    number = version.number
    transitions = tuple(one for one in life.transitions if one.version == number)
    return VersionStatus(version, life.state(number), life.held_by(number), transitions)


def _own(facts: Facts) -> Mapping[str, str]:
    return {} if facts.own_code is None else facts.own_code.entries


def _identity(trainer: str | None, facts: Facts) -> tuple[str | None, str, int]:
    return trainer, facts.artifact, facts.rows_seen


def _holder(life: Life, alias: Alias) -> int:
    number = life.holder(alias)
    if number is None:
        there = ", ".join(f"{one}: {life.model}@{holder}" for one, holder in life.holders().items() if holder)
        msg = f"model {life.model!r}: no version is {alias}; {there or 'no alias is given yet'}"
        raise NotFoundError(msg)
    return number


def _fact_sections(before: Facts, after: Facts) -> tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...]:
    return (
        ("version", _of(before, "artifact", "parent", "seed"), _of(after, "artifact", "parent", "seed")),
        ("data", _of(before, *DATA), _of(after, *DATA)),
        ("features", before.features, after.features),
    )


def _by_name(facts: Facts) -> dict[str, Any]:
    """The gates that a version keeps."""
    return {one["name"]: dict(one) for one in gates_of(facts)}


def _of(facts: Facts, *names: str) -> dict[str, Any]:
    values = asdict(facts)
    return {name: values[name] for name in names}
