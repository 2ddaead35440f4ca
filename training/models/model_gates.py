"""Gates that load a model: how it does on pinned rows beside the champion, its stored answer, how soon it answers.

torch is loaded when such a gate judges, not before: whoever lists or promotes versions needs none.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from headrace.errors import ArtifactError, DatasetError, DefinitionError, ModelError, RequestError, did_you_mean
from headrace.registry.model_facts import Evaluation, ModelVersion
from headrace.training.learning.metrics import METRICS_OF
from headrace.training.models.bound_gate import BoundGate
from headrace.training.models.gates import Gate, GateResult, Subject
from headrace.training.models.labels_plausible import LabelsPlausible, LearnedLabels
from headrace.training.models.store import ModelStore

if TYPE_CHECKING:
    from headrace.training.learning.predictor import Example, Predictor
    from headrace.training.models.evaluator import Evaluated, Evaluator
    from headrace.training.models.learned import Learned

#: What a model's own files make go wrong: it fails its gate, while a disk or a table that is away is no verdict.
FAULTS = (ArtifactError, ModelError, DatasetError, RequestError)
MS_PER_NS = 1e-6


@dataclass(frozen=True)
class StoredAnswer:
    """The model gives to the row that its artifact keeps the answer that it gave when it was made."""

    name: str = "stored answer"

    def judge(self, subject: Subject) -> GateResult:
        """Passed when the answers agree but for 32-bit rounding; the evidence has both, and the row."""
        try:
            _, example = _asked(subject)
        except FAULTS as error:
            return GateResult(self.name, False, evidence={"why": str(error)})
        evidence = {"row": dict(example.row), "expected": example.expected, "found": example.found}
        return GateResult(self.name, example.is_answered, example.found, example.expected, evidence)


@dataclass(frozen=True)
class AnswersWithin:
    """A prediction of a single row, the stored one, takes at most so long, for all but the slowest.

    Attributes:
        milliseconds: the bound, wall time in this process: from a row of JSON to its answer, without a network.
        quantile: the share of predictions that must be within it.
        predictions: how many are timed, after as many more as a tenth of them.
    """

    milliseconds: float
    quantile: float = 0.99
    predictions: int = 500

    def __post_init__(self) -> None:
        sound = self.milliseconds >= 0 and 0 < self.quantile <= 1 and self.predictions >= 1
        if not sound:
            msg = f"{self}: expected milliseconds >= 0, a quantile above 0 and up to 1, and at least one prediction"
            raise ModelError(msg)

    @property
    def name(self) -> str:
        """The quantile and the bound."""
        return f"p{100 * self.quantile:g} of a prediction at most {self.milliseconds:g} ms"

    def judge(self, subject: Subject) -> GateResult:
        """Passed up to the bound; the evidence has the median, too."""
        try:
            predictor, example = _asked(subject)
        except FAULTS as error:
            return GateResult(self.name, False, evidence={"why": str(error)})
        _times_ms(predictor, example, self.predictions // 10)
        times = _times_ms(predictor, example, self.predictions)
        value = float(np.quantile(times, self.quantile, method="higher"))
        evidence = {"predictions": self.predictions, "median_ms": float(np.median(times))}
        return GateResult(self.name, value <= self.milliseconds, value, self.milliseconds, evidence)


@dataclass(frozen=True)
class OnRows(BoundGate[Gate]):
    """A gate over metrics, judged after the subject and the champion were evaluated, here and now, on the same rows.

    What was found of a version is kept in the store beside what is known of it; a candidate's is among the evidence.

    Attributes:
        set: by whose metrics the gate judges.
    """

    set: str

    def judge(self, subject: Subject) -> GateResult:
        """What the gate says of the metrics found; failed for a model that cannot be evaluated, or has another label.

        Failed also where it, or a version that it comes from, has learned from the rows, unless the set allows that.

        Raises what `Evaluator.evaluated` does of rows, and of the champion everything: neither is the subject's fault.
        """
        champion = subject.champion
        theirs = None if champion is None else self._evaluated(champion.facts.artifact, champion)
        try:
            self.evaluator.load(subject.facts.artifact)
        except FAULTS as error:
            return self._broken(error)
        try:
            own = self._evaluated(subject.facts.artifact, subject.version)
        except (ArtifactError, ModelError) as error:
            return self._broken(error)
        self._check_metric(own)
        if theirs is not None and theirs.label != own.label:
            return self._other_label(own, theirs)
        learned = self.evaluator.learned(self.set, self.line(subject))
        result = self._held_out(self.gate.judge(_with(subject, own, theirs)), learned)
        shown = {"rows": own.evaluation.rows, "labelled_rows": own.counted, "metrics": _whole(own.evaluation.metrics)}
        return replace(result, evidence={**result.evidence, **shown})

    def _held_out(self, result: GateResult, learned: Learned) -> GateResult:
        """A result with what was learned of the rows; no model is proved by those that it has learned from."""
        evidence = {**result.evidence, **learned.evidence}
        if not learned.rows or self.evaluator.sets[self.set].may_be_learned:
            return replace(result, evidence=evidence)
        why = "it has learned from these rows; judge it by others, or say of the set that it may be learned"
        return replace(result, passed=False, evidence={**evidence, "why": why})

    def _broken(self, error: Exception) -> GateResult:
        evidence = {"why": str(error), "rows": str(self.evaluator.rows(self.set))}
        return GateResult(self.name, False, evidence=evidence)

    def _check_metric(self, own: Evaluated) -> None:
        """Raise for a metric that no model of this task, or none on these rows, has: no fault of the subject."""
        metric = getattr(self.gate, "metric", None)
        if metric is None or metric in own.evaluation.metrics:
            return
        if metric not in METRICS_OF[own.task]:
            msg = f"gate {self.name!r}: {metric!r} is no metric of task {own.task!r}; "
            raise DefinitionError(msg + did_you_mean(str(metric), METRICS_OF[own.task]))
        msg = f"gate {self.name!r}: {metric!r} is not defined on {own.evaluation.rows}, "
        raise DatasetError(msg + f"{own.counted:,} labelled rows: are all labels the same? choose other rows")

    def _evaluated(self, artifact: str, version: ModelVersion | None) -> Evaluated:
        found = self.evaluator.evaluated(self.set, artifact)
        if version is not None:
            self._record(version, found.evaluation)
        return found

    def _record(self, version: ModelVersion, found: Evaluation) -> None:
        """Keep what is not known yet; another order of summing may have given what is known in other last digits."""
        known = self.store.registry.evaluations(version)
        names = {name for one in known if (one.set, one.rows) == (found.set, found.rows) for name in one.metrics}
        new = {name: value for name, value in found.metrics.items() if name not in names}
        if new:
            self.store.evaluate(version.name, replace(found, metrics=new))

    def _other_label(self, own: Evaluated, theirs: Evaluated) -> GateResult:
        why = "it learns another label than the champion, so that no metric of theirs compares"
        labels = {"label": repr(own.label), "champion_label": repr(theirs.label)}
        return GateResult(self.name, False, evidence={"why": why, **labels})


def on_rows(gates: Iterable[Gate], evaluator: Evaluator, store: ModelStore) -> tuple[Gate, ...]:
    """The gates, those over a set of the evaluator's judged by what is found on it; others as they are."""
    return tuple(_on_rows(gate, evaluator, store) for gate in gates)


def _on_rows(gate: Gate, evaluator: Evaluator, store: ModelStore) -> Gate:
    name = getattr(gate, "set", None)
    if name not in evaluator.sets:
        return gate
    if isinstance(gate, LabelsPlausible):
        return LearnedLabels(gate, evaluator, store)
    return OnRows(gate, evaluator, store, name)


def _asked(subject: Subject) -> tuple[Predictor, Example]:
    from headrace.training.learning.predictor import asked

    return asked(subject.files())


def _times_ms(predictor: Predictor, example: Example, count: int) -> list[float]:
    """How long each of so many predictions took."""
    found = []
    for _ in range(count):
        start = time.perf_counter_ns()
        predictor.score([example.row])
        found.append((time.perf_counter_ns() - start) * MS_PER_NS)
    return found


def _with(subject: Subject, own: Evaluated, theirs: Evaluated | None) -> Subject:
    """The subject with the metrics that were found in place of any that were recorded of the set."""
    found, facts = own.evaluation, subject.facts
    others = {name: value for name, value in facts.metrics.items() if name.partition("/")[0] != found.set}
    metrics = others | {f"{found.set}/{name}": value for name, value in found.metrics.items()}
    changed = replace(facts, metrics=metrics, evaluated={**facts.evaluated, found.set: found.rows})
    return replace(subject, facts=changed, evaluations=() if theirs is None else (theirs.evaluation,))


def _whole(metrics: Mapping[str, float]) -> dict[str, Any]:
    """The metrics of all rows, without those of slices."""
    return {name: value for name, value in metrics.items() if "/" not in name}
