"""`LabelsPlausible`: whether what a version was told is what the champion can believe, window by window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from headrace.errors import (
    ArtifactError,
    ColumnTypeError,
    DatasetError,
    DefinitionError,
    ModelError,
    UnknownColumnError,
)
from headrace.features.duration import parse_duration
from headrace.features.instant import instant_of
from headrace.registry.model_facts import numbered
from headrace.training.learning.spec import BINARY
from headrace.training.models.bound_gate import BoundGate
from headrace.training.models.gates import GateResult, Subject

if TYPE_CHECKING:
    from headrace.registry.model_facts import Facts, ModelVersion
    from headrace.training.data.labels import Label
    from headrace.training.data.rows import PinnedRows
    from headrace.training.models.label_windows import LabelWindow

#: The tail of the trusted windows, whose shape says how rare worse ones are: the worst of a hundred, and at least so
#: many of them that their mean is worth something.
TAIL, LEAST_TAIL = 0.01, 10
#: Fewer trusted windows have no tail.
LEAST_WINDOWS = 50


@dataclass(frozen=True)
class LabelsPlausible:
    """No window of the labels that a version learned is more implausible to the champion than honest ones ever are.

    A gate over later rows asks whether the model became worse, which a few bad labels do not show. This one asks of the
    labels themselves: of those that the champion has not learned, window by window of when they were known, how far
    their log loss is above what its own chances expect (`LabelWindow.surprise`). Honest labels are off by more than
    chance, too, as those of a storm hang together. So the bound is a quantile of trusted windows: what the worst of a
    version's exceeds with the chance `false_alarms`, were they as these. Where so few exceed it, the excesses of the
    worst trusted ones are taken for exponential (peaks over a threshold: J. Pickands, "Statistical inference using
    extreme order statistics", 1975).

    Attributes:
        set: the evaluation set of trusted rows: a history that is long enough to have had bad days.
        label_time: the column of when a label was known: an instant, or bigint µs.
        false_alarms: the share of honest versions that may be refused.
        every: how long a window is.
        least_rows: windows of fewer labels are not judged, as chance alone moves them; the evidence counts them.
    """

    set: str
    label_time: str
    false_alarms: float = 0.05
    every: str = "1h"
    least_rows: int = 50

    def __post_init__(self) -> None:
        if not (isinstance(self.label_time, str) and self.label_time):
            msg = f"gate {self.name!r}: label_time: expected the name of a column, found {self.label_time!r}"
            raise DefinitionError(msg)
        if not (isinstance(self.false_alarms, float) and 0 < self.false_alarms < 1):
            msg = f"gate {self.name!r}: false_alarms: expected a share between 0 and 1, found {self.false_alarms!r}"
            raise DefinitionError(msg)
        if type(self.least_rows) is not int or self.least_rows < 1:
            msg = f"gate {self.name!r}: least_rows: expected a whole number, 1 or more, found {self.least_rows!r}"
            raise DefinitionError(msg)
        if not parse_duration(self.every):
            msg = f"gate {self.name!r}: every: expected a duration above 0, found {self.every!r}"
            raise DefinitionError(msg)

    @property
    def name(self) -> str:
        """What is held beside what."""
        return f"labels learned as plausible as those of {self.set}"

    def check_label_time(self, told: str, whom: str) -> None:
        """DefinitionError where another column than the gate's told somebody when labels were known, who is in `whom`.

        By another one some that were learned would be left out. Where none did (an empty name), any may be it.

        >>> LabelsPlausible("history", "seen_at").check_label_time("known_at", "told run 'late-1'")
        Traceback (most recent call last):
        headrace.errors.DefinitionError: ...: label_time: expected 'known_at', which told run 'late-1' when its...
        """
        if told and told != self.label_time:
            msg = f"gate {self.name!r}: label_time: expected {told!r}, which {whom} when its labels were known, "
            raise DefinitionError(msg + f"found {self.label_time!r}")

    def judge(self, subject: Subject) -> GateResult:
        """DefinitionError: without rows there is nothing to judge by. `Examination.bound` gives it those of its set."""
        del subject
        msg = f"gate {self.name!r}: set {self.set!r} is no evaluation set; declare it among the `evaluations`"
        raise DefinitionError(msg)

    def bound(self, trusted: Sequence[float], windows: int) -> float:
        """The most surprise that the worst of so many windows may have, by that of the trusted ones.

        It is never less than what chance alone makes of so many, were labels independent and chances true.

        >>> gate = LabelsPlausible("history", "known_at", false_alarms=0.05)
        >>> round(gate.bound([0.0] * 100, 500), 2)
        3.72
        """
        share, ordered = self.false_alarms / windows, np.sort(trusted)
        count = max(LEAST_TAIL, int(len(ordered) * TAIL))
        tail = count / len(ordered)
        if share >= tail:
            found = float(np.quantile(ordered, 1 - share))
        else:
            threshold = ordered[-count - 1]
            found = float(threshold + (ordered[-count:] - threshold).mean() * np.log(tail / share))
        return max(NormalDist().inv_cdf(1 - share), found)


@dataclass(frozen=True)
class LearnedLabels(BoundGate[LabelsPlausible]):
    """A `LabelsPlausible` with the rows that it judges by."""

    def judge(self, subject: Subject) -> GateResult:
        """Passed when no window of labels surprises the champion beyond the bound; the evidence has the worst ones.

        Passed also without a champion, and where it has learned all of them. Failed where it is not known what the
        subject learned, such as from a topic, where it is broken or learns another label than the champion, as where it
        comes from a version of another model that did, or learned by another label time; where its rows have no label
        that the champion can be asked of, and where no window has enough of them.

        Raises what `Evaluator` does of the trusted rows and of the champion, DefinitionError for one of another task or
        a `label_time` by which the subject did not learn, and DatasetError for too few trusted rows, or one without a
        time.
        """
        from headrace.training.models.increment import increment_of
        from headrace.training.models.learned import GONE

        champion = subject.champion
        if champion is None:
            return GateResult(self.name, True, evidence={"champion": None})
        line, known = self._apart(subject, champion)
        why = self._other_label(subject.facts, champion) or self._of_other_models(line, subject.model, champion)
        if why is not None:
            return self._failed(champion, why)
        trusted = self._trusted(champion)
        try:
            parts = increment_of([facts for _, facts in line], known, self.evaluator.table)
            both = sum(self._among_trusted(rows) for _, rows in parts)
        except GONE as error:
            return self._failed(champion, f"what labels it learned is not known: {error}")
        if both:
            why = f"it learned {both:,} of the rows that it is judged by; take a set of rows that it did not"
            return self._failed(champion, why, learned_rows=both)
        try:
            learned = [self._let_through(facts, rows) for facts, rows in parts]
            found = self._windows(learned, champion, leave_out=True)
        except (DatasetError, UnknownColumnError, ColumnTypeError) as error:
            return self._failed(champion, str(error))
        return self._beside(champion, trusted, found, sum(rows.count().kept for _, rows in parts))

    def _other_label(self, facts: Facts, champion: ModelVersion) -> str | None:
        """Why labels that a subject learned say nothing to the champion; None: they are of the same label."""
        try:
            label = self._label(facts)
        except (ArtifactError, ModelError) as error:
            return str(error)
        theirs = self._label(champion.facts)
        if label == theirs:
            return None
        return f"it learns another label than the champion, which says nothing of it: {label!r}, not {theirs!r}"

    def _label(self, facts: Facts) -> Label | None:
        return self.evaluator.load(facts.artifact).fitted.encoding.label

    def _trusted(self, champion: ModelVersion) -> list[LabelWindow]:
        """The windows of the trusted rows. DatasetError: they are too few."""
        rows = self.evaluator.rows(self.gate.set)
        trusted = [one for one in self._windows([rows], champion) if self._is_judged(one)]
        if len(trusted) < LEAST_WINDOWS:
            msg = f"gate {self.name!r}: {len(trusted):,} windows of {self.gate.least_rows:,} labels or more in "
            raise DatasetError(msg + f"{rows}, expected at least {LEAST_WINDOWS}; take a longer history")
        return trusted

    def _apart(self, subject: Subject, champion: ModelVersion) -> tuple[list[tuple[str, Facts]], list[Facts]]:
        """The subject behind what it comes from and the champion does not; and the facts of the champion's line.

        Of this line the facts of other models' versions only that learned the champion's label: a row whose other label
        one learned says nothing of this one.
        """
        line = self.store.lineage(champion.name).line
        names = {one.name for one in line}
        *before, own = self.line(subject)
        known = [one for one in line if one.model == champion.model or self._other_label(one.facts, champion) is None]
        return [*((name, facts) for name, facts in before if name not in names), own], [one.facts for one in known]

    def _of_other_models(self, line: Sequence[tuple[str, Facts]], model: str, champion: ModelVersion) -> str | None:
        """Why labels that other models learned on the way say nothing to the champion; None: none did, or they do."""
        for name, facts in line[:-1]:
            why = None if numbered(name)[0] == model else self._unlike(facts, champion)
            if why is not None:
                return f"it comes from {name}: {why}"
        return None

    def _unlike(self, facts: Facts, champion: ModelVersion) -> str | None:
        """Why the labels of another model's version cannot be asked of the champion; None: they can."""
        told = _label_time(facts.training) or self.gate.label_time
        if told != self.gate.label_time:
            return f"it learned by label time {told!r}, and this gate judges by {self.gate.label_time!r}"
        return self._other_label(facts, champion)

    def _among_trusted(self, learned: PinnedRows) -> int:
        """How many of some rows are trusted ones, whatever they are worth."""
        from headrace.training.models.learned import shared

        trusted = self.evaluator.rows(self.gate.set)
        return shared(learned, trusted, self.evaluator.table(trusted.snapshot.table))

    def _let_through(self, facts: Facts, rows: PinnedRows) -> PinnedRows:
        """The rows that were learned; DefinitionError: by another label time, so that the gate would leave some out."""
        from headrace.training.models.increment import let_through

        who = f"run {facts.training['run']!r}" if "run" in facts.training else "its training"
        self.gate.check_label_time(_label_time(facts.training), f"told {who}")
        return let_through(facts, rows, self.gate.label_time)

    def _windows(
        self, parts: Iterable[PinnedRows], champion: ModelVersion, *, leave_out: bool = False
    ) -> list[LabelWindow]:
        """The windows of some rows, as the champion sees them; without those whose label is bad, where that is said."""
        from headrace.training.data.label_time import LabelTime
        from headrace.training.models.evaluator import labelled
        from headrace.training.models.label_windows import LabelWindows

        times, predictor = LabelTime(self.gate.label_time), self.evaluator.load(champion.facts.artifact)
        if predictor.recipe.model.task != BINARY:
            msg = f"gate {self.name!r}: {champion.name} is of task {predictor.recipe.model.task!r}; "
            raise DefinitionError(msg + f"expected {BINARY!r}, whose answers are chances")
        gathered = LabelWindows(parse_duration(self.gate.every))
        for rows in parts:
            times.check(str(rows), rows.snapshot.schema)
            for some in labelled(predictor, rows, times.columns, leave_out=leave_out):
                known = times.known_us(some.rows)
                if known.null_count:
                    msg = f"{rows}: label time {times.column} is missing: {known.null_count:,} of {len(known):,} rows"
                    raise DatasetError(msg)
                gathered.add(known.to_numpy(), some.answer, some.label)
        return gathered.windows()

    def _is_judged(self, window: LabelWindow) -> bool:
        return window.rows >= self.gate.least_rows

    def _beside(
        self, champion: ModelVersion, trusted: Sequence[LabelWindow], found: Sequence[LabelWindow], rows: int
    ) -> GateResult:
        """What the windows of so many rows say beside those that are trusted."""
        judged = [one for one in found if self._is_judged(one)]
        labels, few = sum(one.rows for one in found), sum(one.rows for one in found if not self._is_judged(one))
        seen = {"champion": champion.name, "windows": len(judged), "labels": labels, "labels_of_few": few}
        if rows > labels:
            seen["left_out"] = rows - labels
        if not rows:
            return GateResult(self.name, True, evidence=seen)
        if not labels:
            return self._failed(champion, f"none of its {rows:,} rows has a label and a time of it")
        if not judged:
            return self._failed(
                champion, f"no window has {self.gate.least_rows:,} labels or more: too few to be judged"
            )
        bound = self.gate.bound([one.surprise for one in trusted], len(judged))
        worst = max(judged, key=_surprise)
        beyond = sum(one.surprise > bound for one in judged)
        shown = {"beyond": beyond, "worst": _shown(worst), "worst_trusted": _shown(max(trusted, key=_surprise))}
        by = {"rows": str(self.evaluator.rows(self.gate.set)), "trusted_windows": len(trusted)}
        return GateResult(self.name, not beyond, worst.surprise, bound, {**seen, **shown, **by})

    def _failed(self, champion: ModelVersion, why: str, **shown: Any) -> GateResult:
        return GateResult(self.name, False, evidence={"champion": champion.name, "why": why, **shown})


def _label_time(training: Mapping[str, Any]) -> str:
    """The column of when labels were known, by which a version was trained; empty where none is recorded."""
    from headrace.training.streaming.candidates import LABEL_TIME

    # A stream keeps it beside its rules, a full training in its definition; somebody's own may be anything.
    kept = (training, training.get("definition"))
    return next((str(one[LABEL_TIME]) for one in kept if isinstance(one, Mapping) and one.get(LABEL_TIME)), "")


def _surprise(window: LabelWindow) -> float:
    return window.surprise


def _shown(window: LabelWindow) -> dict[str, Any]:
    """A window as evidence shows it."""
    values = asdict(window)
    return {"from": instant_of(values.pop("from_us")).isoformat(), **values}
