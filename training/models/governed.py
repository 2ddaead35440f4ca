"""`Governed`: what a model must pass, declared where the model is, so that every way into the store asks the same."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from headrace.errors import DefinitionError, did_you_mean
from headrace.registry.kept_gates import kept_gates
from headrace.registry.model_facts import Facts
from headrace.registry.store import Registry
from headrace.runtime.settings import Settings
from headrace.training.continual.declared import Evaluating
from headrace.training.learning.metrics import METRICS, METRICS_OF
from headrace.training.learning.spec import BINARY
from headrace.training.models.described import described
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.gates import ArtifactWhole, AtMost, FeaturesAvailable, Gate, SlicesNotWorse
from headrace.training.models.labels_plausible import LabelsPlausible
from headrace.training.models.model_gates import on_rows
from headrace.training.models.store import ModelStore


@dataclass(frozen=True)
class Examination:
    """Gates, and the sets of rows that they evaluate models on; a gate over another set judges recorded metrics.

    Raises DefinitionError for what would never pass, or never fail: two sets of one name, a metric that is none, or of
    which more is better where less was asked for.

    >>> from headrace.training.models.gates import NotWorse
    >>> Examination([EvaluationSet("recent", "raw.trips")], [NotWorse("recent", "auc")])
    Traceback (most recent call last):
    headrace.errors.DefinitionError: gate over recent/auc: more is better of 'auc'; set greater_is_better=True
    """

    sets: Sequence[EvaluationSet] = ()
    gates: Sequence[Gate] = ()

    def __post_init__(self) -> None:
        _check_kinds("evaluations", self.sets, EvaluationSet)
        _check_kinds("gates", self.gates, None)
        names = [one.name for one in self.sets]
        for name in names:
            if names.count(name) > 1:
                msg = f"evaluations: two sets are named {name!r}; rename one"
                raise DefinitionError(msg)
        known = {one.name: one for one in self.sets}
        for gate in self.gates:
            _check_gate(gate, known)

    def check_sets(self, recorded: Iterable[str], task: str = "") -> None:
        """DefinitionError for a gate over a set that is neither evaluated nor recorded, or a metric of another task."""
        evaluated = {one.name for one in self.sets}
        known = evaluated | set(recorded)
        for gate in self.gates:
            name, metric = getattr(gate, "set", None), str(getattr(gate, "metric", ""))
            # What is recorded of a set has no rows.
            there = evaluated if isinstance(gate, LabelsPlausible) else known
            if isinstance(name, str) and name not in there:
                msg = f"gate {gate.name!r}: no evaluation set {name!r}; {did_you_mean(name, there)}"
                raise DefinitionError(msg)
            if isinstance(gate, LabelsPlausible) and task not in ("", BINARY):
                msg = f"gate {gate.name!r}: the model is of task {task!r}; "
                raise DefinitionError(msg + f"expected {BINARY!r}, whose answers are chances")
            if task and metric and metric not in METRICS_OF[task]:
                msg = f"gate {gate.name!r}: {metric!r} is no metric of task {task!r}; "
                raise DefinitionError(msg + did_you_mean(metric, METRICS_OF[task]))

    def check_label_time(self, declared: str) -> None:
        """DefinitionError for a gate that takes labels for known by another column than a model declares; empty: any.

        No version would be judged by it beside a champion.
        """
        for gate in self.gates:
            if isinstance(gate, LabelsPlausible):
                gate.check_label_time(declared, "tells the model")

    def check_subject(self, facts: Facts) -> None:
        """DefinitionError for a gate over a set that is neither evaluated nor recorded, or what is no metric of one.

        A misspelt name says nothing of the version, while a verdict is for good. A metric that had no value, such as
        `auc` before both labels were seen, is no such name: its gate judges, and fails for want of it.
        """
        self.check_sets(facts.evaluated)
        evaluated = {one.name for one in self.sets}
        for gate in self.gates:
            name, metric = getattr(gate, "set", None), getattr(gate, "metric", None)
            if not isinstance(name, str) or name in evaluated or metric is None:
                continue
            known = {one.partition("/")[0] for one in facts.of_set(name)}
            if metric not in known and not _may_lack(metric, known):
                msg = f"gate {gate.name!r}: no metric {metric!r} is recorded of set {name!r}; "
                raise DefinitionError(msg + did_you_mean(str(metric), known))

    def bound(self, store: ModelStore, settings: Settings, facts: Facts | None = None) -> tuple[Gate, ...]:
        """All gates that a version of a project has to pass: those that every version has, and these.

        `facts`, of what is to be judged, are checked before (`check_subject`).
        """
        if facts is not None:
            self.check_subject(facts)
        views = FeaturesAvailable(Registry(settings.registry_url), settings.project)
        standing = (ArtifactWhole(store.artifacts), views)
        if not self.sets:
            return (*standing, *self.gates)
        # What evaluates loads torch and the lake, which whoever judges recorded metrics needs not have.
        from headrace.connectors.iceberg import IcebergCatalog
        from headrace.training.models.evaluator import Evaluator

        catalog = IcebergCatalog(settings.iceberg.catalog, settings.iceberg.properties)
        return (*standing, *on_rows(self.gates, Evaluator(self.sets, catalog, store.artifacts), store))

    def __or__(self, other: Examination) -> Examination:
        """What both ask for."""
        return Examination([*self.sets, *other.sets], [*self.gates, *other.gates])


class Governed:
    """A declared model with its gates. Subclass it by a pipeline that makes one.

    Attributes:
        evaluations: rows that its versions and candidates are evaluated on, beside the champion.
        gates: what they must pass, beyond what every version must.
        evaluating: when they are judged; with `promote=True` there is a gate.
    """

    evaluations: ClassVar[Sequence[EvaluationSet]] = ()
    gates: ClassVar[Sequence[Gate]] = ()
    evaluating: ClassVar[Evaluating | None] = None

    @classmethod
    def model_name(cls) -> str:
        """The model's name; empty for an abstract class."""
        raise NotImplementedError

    @classmethod
    def examination(cls) -> Examination:
        """What its versions have to pass. DefinitionError for a declaration that cannot be meant."""
        return Examination(cls.evaluations, cls.gates)

    @classmethod
    def gates_to_keep(cls) -> dict[str, Any]:
        """What its versions keep of the gates that it declares, so that none is verified without them."""
        module = sys.modules.get(cls.__module__)
        file = Path(getattr(module, "__file__", None) or cls.__module__).name
        asked = cls.examination()
        return kept_gates(file, [described(gate, asked.sets) for gate in asked.gates])

    @classmethod
    def check_promotion(cls, at: str) -> None:
        """DefinitionError, beginning with a place, where what passes is promoted, and no gate of the model's own asks.

        Gates that every version has to pass tell that it is whole, not that it is any good.
        """
        if cls.evaluating is not None and cls.evaluating.promote and not cls.gates:
            msg = f"{at}: evaluating: promote=True, and the model declares no gates, so that whatever is whole would "
            msg += "serve; add one, such as `gates = [NotWorse('recent', 'log_loss', 0.01)]`, or leave out promote"
            raise DefinitionError(msg)

    @classmethod
    def check_gates(cls, at: str, recorded: Iterable[str], task: str = "", label_time: str = "") -> None:
        """DefinitionError, beginning with a place, for gates that cannot be meant.

        Raises what `Examination.check_sets` does, and `check_label_time` of the column that the model declares.
        """
        try:
            asked = cls.examination()
            asked.check_sets(recorded, task)
            asked.check_label_time(label_time)
        except DefinitionError as error:
            msg = f"{at}: {error}"
            raise DefinitionError(msg) from error


def examination_in(file: Path, model: str) -> Examination:
    """What a Python file declares that a model must pass; DefinitionError when it has no such model."""
    from headrace.features.module import class_in

    return class_in(file, Governed, lambda kind: kind.model_name(), "model", model).examination()


def _may_lack(metric: str, recorded: set[str]) -> bool:
    """Whether a metric may be missing beside those recorded as it had no value: it is one of the same task."""
    return any(metric in names and (not recorded or recorded & set(names)) for names in METRICS_OF.values())


def _check_kinds(what: str, found: object, kind: type | None) -> None:
    """DefinitionError for what is no list of sets or gates."""
    expected = "gates: objects with a name and judge(subject)" if kind is None else f"{kind.__name__}s"
    if isinstance(found, str) or not isinstance(found, Sequence):
        msg = f"{what}: expected a list of {expected}, found {found!r}"
        raise DefinitionError(msg)
    for one in found:
        sound = isinstance(getattr(one, "name", None), str) and callable(getattr(one, "judge", None))
        if not (sound if kind is None else isinstance(one, kind)):
            msg = f"{what}: expected {expected}, found {one!r}"
            raise DefinitionError(msg)


def _check_gate(gate: Any, sets: Mapping[str, EvaluationSet]) -> None:
    """DefinitionError for a gate over rows whose metric they do not give, or which looks at it the wrong way."""
    name, metric = getattr(gate, "set", None), getattr(gate, "metric", None)
    if not isinstance(name, str) or name not in sets or metric is None:
        return
    at = f"gate over {name}/{metric}"
    if metric not in METRICS:
        msg = f"{at}: no metric {metric!r}; {did_you_mean(str(metric), METRICS)}"
        raise DefinitionError(msg)
    if METRICS[metric].rises != getattr(gate, "greater_is_better", False):
        rises = METRICS[metric].rises
        how = "leave out greater_is_better" if not rises else "set greater_is_better=True"
        how = "hold it beside the champion's by NotWorse" if isinstance(gate, AtMost) else how
        msg = f"{at}: {'more' if rises else 'less'} is better of {metric!r}; {how}"
        raise DefinitionError(msg)
    if isinstance(gate, SlicesNotWorse) and not sets[name].slices:
        msg = f"{at}: set {name!r} has no slices; name columns in its `slices`"
        raise DefinitionError(msg)
