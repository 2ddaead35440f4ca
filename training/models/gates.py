"""Gates: what a version must pass before it may go on, as code; each says what it measured, and against what."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from headrace.connectors.artifacts import Artifacts
from headrace.errors import ArtifactError, DefinitionError
from headrace.registry.model_facts import Evaluation, Facts, ModelVersion
from headrace.registry.store import Registry
from headrace.training.models.described import described
from headrace.training.models.views import changed_views, version_in_force

#: What the rows of a slice are recorded by, beside its metrics.
ROWS = "rows"


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate found.

    Attributes:
        value, bound: what was measured, and what it was held against, in the metric's unit; None where there is none.
        evidence: what else was seen, as plain JSON values; of a failure, why.
        asked: the gate itself, as plain values (`described`); `judge` fills it in.
    """

    name: str
    passed: bool
    value: float | None = None
    bound: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: the facts of a version or candidate, beside the champion of its model, if there is one.

    Attributes:
        evaluations: how well the champion did, on which rows.
        parent: the version that the subject started from, if it did.
        version: the subject itself, where it is a version and no candidate.
        artifacts: where its files are, for gates that load them.
    """

    model: str
    facts: Facts
    champion: ModelVersion | None = None
    evaluations: Sequence[Evaluation] = ()
    parent: ModelVersion | None = None
    version: ModelVersion | None = None
    artifacts: Artifacts | None = None

    def files(self) -> dict[str, bytes]:
        """The subject's files. ArtifactError when one is missing or damaged, or nothing says where they are."""
        if self.artifacts is None:
            msg = f"model {self.model!r}: artifact {self.facts.artifact}: judged without a store of artifacts"
            raise ArtifactError(msg)
        return self.artifacts.get(self.facts.artifact)

    def of_champion(self, name: str) -> Mapping[str, float]:
        """The champion's metrics on the very rows of one of the subject's evaluation sets, whenever they were taken."""
        rows = self.facts.evaluated.get(name)
        return ChainMap(*(dict(one.metrics) for one in self.evaluations if (one.set, one.rows) == (name, rows)))


class Gate(Protocol):
    """One check of a version. It answers or raises; a raised error (a disk, a database) is no verdict."""

    @property
    def name(self) -> str:
        """What is checked, as evidence and commands show it."""
        ...

    def judge(self, subject: Subject) -> GateResult:
        """The verdict."""
        ...


@dataclass(frozen=True)
class ArtifactWhole:
    """The artifact is there, and every byte of it is as it was written."""

    artifacts: Artifacts
    name: str = "artifact whole"

    def judge(self, subject: Subject) -> GateResult:
        """Passed when every file has its hash; the evidence names the one that has not."""
        try:
            files = self.artifacts.get(subject.facts.artifact)
        except ArtifactError as error:
            return GateResult(self.name, False, evidence={"why": str(error)})
        return GateResult(self.name, True, evidence={"bytes": {name: len(content) for name, content in files.items()}})


@dataclass(frozen=True)
class FeaturesAvailable:
    """Each feature view that the model reads is served in the version that it learned from.

    What serves counts, or the newest registered version where none serves yet. A version that names no view though its
    parent reads some was registered without them: nothing is known of what it reads.
    """

    views: Registry
    project: str
    name: str = "features available"

    def judge(self, subject: Subject) -> GateResult:
        """Passed when all fingerprints agree; the evidence has the difference of those that do not."""
        parent = subject.parent
        if parent is not None and parent.facts.features and not subject.facts.features:
            read = ", ".join(sorted(parent.facts.features))
            why = f"no feature views are recorded, but {parent.name}, its parent, reads {read}; register it with those "
            return GateResult(self.name, False, evidence={"why": why + "that it reads", "views": {}})
        known = subject.facts.features
        found = {view: version_in_force(self.views, self.project, view) for view in known}
        wrong = changed_views(self.views, self.project, known)
        return GateResult(self.name, not wrong, evidence={"views": found, **({"changed": wrong} if wrong else {})})


@dataclass(frozen=True)
class NotWorse:
    """A recorded metric is not worse than the champion's, on the same rows, by more than a margin.

    A negative margin asks for better. Without a champion there is nothing to be worse than.
    """

    set: str
    metric: str
    margin: float = 0.0
    greater_is_better: bool = False

    def __post_init__(self) -> None:
        _check_finite(self, self.margin)

    @property
    def name(self) -> str:
        """The set, the metric and what it is beside."""
        return f"{self.set}/{self.metric} not worse than the champion's"

    def judge(self, subject: Subject) -> GateResult:
        """Passed within the margin; failed also where either has no such metric on these rows."""
        value = subject.facts.of_set(self.set).get(self.metric)
        if value is None:
            return _unrecorded(self.name, subject, f"{self.set}/{self.metric}")
        if subject.champion is None:
            return GateResult(self.name, True, value, evidence={"champion": None})
        theirs = subject.of_champion(self.set).get(self.metric)
        if theirs is None:
            return _incomparable(self.name, subject, self.set, value)
        bound = theirs + (-self.margin if self.greater_is_better else self.margin)
        passed = value >= bound if self.greater_is_better else value <= bound
        evidence = {"champion": subject.champion.name, "champion_value": theirs, "margin": self.margin}
        return GateResult(self.name, passed, value, bound, {**evidence, "rows": subject.facts.evaluated[self.set]})


@dataclass(frozen=True)
class SlicesNotWorse:
    """No slice of a recorded metric is worse than the champion's, on the same rows, by more than a margin.

    So that a gain on the whole does not hide a loss of some. A slice of which the champion has no rows is held beside
    nothing; the evidence has it, and how many rows each slice has, where that was recorded.

    Attributes:
        least_rows: slices of fewer rows are not judged, as chance alone moves them; the evidence has them.
    """

    set: str
    metric: str
    margin: float
    greater_is_better: bool = False
    least_rows: int = 0

    def __post_init__(self) -> None:
        _check_finite(self, self.margin)
        if type(self.least_rows) is not int or self.least_rows < 0:
            msg = f"gate {self.name!r}: least_rows: expected a whole number, 0 or more, found {self.least_rows!r}"
            raise DefinitionError(msg)

    @property
    def name(self) -> str:
        """The set, the metric and what it is beside."""
        return f"slices of {self.set}/{self.metric} not worse than the champion's"

    def judge(self, subject: Subject) -> GateResult:
        """Passed when the worst slice is within the margin; the value is by how much that one is worse."""
        metrics = subject.facts.of_set(self.set)
        own = _slices(metrics, self.metric)
        rows = {name: int(count) for name, count in _slices(metrics, ROWS).items()}
        if not own:
            return _unrecorded(self.name, subject, f"{self.set}/{self.metric}/SLICE")
        if subject.champion is None:
            return GateResult(self.name, True, evidence={"champion": None, "slices": own, "slice_rows": rows})
        theirs = _slices(subject.of_champion(self.set), self.metric)
        if not theirs:
            return _incomparable(self.name, subject, self.set, None)
        return self._beside(subject.champion, own, theirs, rows)

    def _beside(
        self, champion: ModelVersion, own: Mapping[str, float], theirs: Mapping[str, float], rows: Mapping[str, int]
    ) -> GateResult:
        """What slices say beside the champion's."""
        # Without a count nothing tells that a slice has too few.
        few = sorted(name for name in own if rows.get(name, self.least_rows) < self.least_rows)
        worse = {name: self._worse(own[name], theirs[name]) for name in sorted(own) if name in theirs}
        judged = [value for name, value in worse.items() if name not in few]
        lost = sorted(theirs.keys() - own.keys())
        seen = {"worse_by": worse, "slice_rows": rows, "too_few_rows": few, "not_recorded": lost}
        alone = {name: value for name, value in own.items() if name not in theirs}
        why = {} if judged else {"why": self._none_judged(worse)}
        evidence = {"champion": champion.name, **seen, "without_champion": alone, **why}
        worst = max(judged, default=None)
        passed = not lost and worst is not None and worst <= self.margin
        return GateResult(self.name, passed, worst, self.margin, evidence)

    def _none_judged(self, worse: Mapping[str, float]) -> str:
        """Why of the slices, of which these are the champion's too, none was judged."""
        if not worse:
            return "no slice is there to be held beside the champion's"
        return f"each slice that the champion has too is of fewer than {self.least_rows:,} rows: too few to be judged"

    def _worse(self, own: float, theirs: float) -> float:
        return theirs - own if self.greater_is_better else own - theirs


@dataclass(frozen=True)
class AtMost:
    """A recorded metric is at most a bound, whatever the champion has: an error of calibration, a latency.

    >>> facts = Facts(artifact="0" * 64, code="1" * 64, environment="2" * 64,
    ...     metrics={"recent/calibration_error": 0.04}, evaluated={"recent": "August"})
    >>> AtMost("recent", "calibration_error", 0.02).judge(Subject("flights", facts)).passed
    False
    """

    set: str
    metric: str
    bound: float

    def __post_init__(self) -> None:
        _check_finite(self, self.bound)

    @property
    def name(self) -> str:
        """The set, the metric and the bound."""
        return f"{self.set}/{self.metric} at most {self.bound:g}"

    def judge(self, subject: Subject) -> GateResult:
        """Passed up to the bound; failed also where there is no such metric."""
        value = subject.facts.of_set(self.set).get(self.metric)
        if value is None:
            return _unrecorded(self.name, subject, f"{self.set}/{self.metric}")
        rows = {"rows": subject.facts.evaluated[self.set]}
        return GateResult(self.name, value <= self.bound, value, self.bound, rows)


def judge(subject: Subject, gates: Iterable[Gate]) -> tuple[GateResult, ...]:
    """What each gate says, all of them asked, so that a failure does not hide another."""
    return tuple(_asked(gate, subject) for gate in gates)


def evidence_of(results: Iterable[GateResult]) -> dict[str, Any]:
    """Results as the evidence of a move, failures included.

    >>> evidence_of([GateResult("recent/log_loss at most 0.6", True, 0.5, 0.6)])["gates"][0]["value"]
    0.5
    """
    return {"gates": [_plain(asdict(result)) for result in results]}


def _asked(gate: Gate, subject: Subject) -> GateResult:
    """What a gate says, with what it was when it was asked: one may note something while it judges."""
    asked = described(gate)
    return replace(gate.judge(subject), asked=asked)


def _slices(metrics: Mapping[str, float], metric: str) -> dict[str, float]:
    """A metric of each slice."""
    parts = {name: name.partition("/") for name in metrics}
    return {slice_: metrics[name] for name, (found, _, slice_) in parts.items() if found == metric and slice_}


def _check_finite(gate: Gate, bound: float) -> None:
    """DefinitionError for a bound that everything or nothing passes."""
    if not math.isfinite(bound):
        msg = f"gate {gate.name!r}: expected a finite number to hold it against, found {bound!r}"
        raise DefinitionError(msg)


def _plain(value: Any) -> Any:
    """A value as JSON has it: a number that is not finite, which a failed gate may well show, as text."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _unrecorded(name: str, subject: Subject, metric: str) -> GateResult:
    """What was never measured has not passed."""
    why = f"no metric {metric!r} is recorded"
    return GateResult(name, False, evidence={"why": why, "recorded": sorted(subject.facts.metrics)})


def _incomparable(name: str, subject: Subject, set_: str, value: float | None) -> GateResult:
    """Two numbers over different rows say nothing of which model is better."""
    champion = subject.champion.name if subject.champion else None
    theirs = sorted({one.rows for one in subject.evaluations if one.set == set_})
    why = f"{champion} has no such metric on these rows; evaluate it on them, and record it"
    rows = {"rows": subject.facts.evaluated[set_], "champion_rows": theirs}
    return GateResult(name, False, value, evidence={"why": why, "champion": champion, **rows})
