"""`CandidateJudge`: judges the candidates of a streaming run as they arrive, at the evaluating schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from headrace.errors import RegistryConflictError, TransitionError
from headrace.features.duration import parse_duration
from headrace.registry.database import now
from headrace.registry.model_facts import Candidate, Facts
from headrace.registry.model_states import Alias, Decision, Life, State
from headrace.registry.models import Judgement
from headrace.training.continual.declared import Evaluating
from headrace.training.continual.serving import WAY, gate_words, let_serve
from headrace.training.models.gates import Gate
from headrace.training.models.store import Admission, CandidateStatus, ModelStore

#: Begins the reason of a judgement that a judge made; those that somebody made by hand are left to them.
ON_ARRIVAL = "judged on arrival"


def due_candidate(
    evaluating: Evaluating, candidates: Sequence[CandidateStatus], at: datetime
) -> tuple[Candidate | None, str]:
    """The candidate of a run that is to be judged at an instant, and why; None, and why not.

    Without a condition each is, in their order; else the newest one, and those in between never are. The first is at
    once, as nothing of the run was judged before.
    """
    in_order = sorted(candidates, key=lambda one: one.candidate.facts.rows_seen)
    judged = [one for one in in_order if one.judgements]
    rows = judged[-1].candidate.facts.rows_seen if judged else 0
    waiting = [one.candidate for one in in_order if not judged or one.candidate.facts.rows_seen > rows]
    if not waiting:
        return None, "no candidate waits"
    if evaluating.always:
        return waiting[0], "each candidate is"
    newest = waiting[-1]
    if not judged:
        return newest, "none of this run was yet"
    found = newest.facts.rows_seen - rows
    passed = at - judged[-1].judgements[-1].at
    words = f"{found:,} rows and {passed} after the last judgement"
    by_rows = evaluating.rows is not None and found >= evaluating.rows
    by_time = evaluating.every is not None and passed >= timedelta(microseconds=parse_duration(evaluating.every))
    return (newest if by_rows or by_time else None), words


class CandidateJudge:
    """Judges the candidates of one run of a streaming trainer, and lets those serve that pass where that is declared.

    Args:
        run: the trainer, as its candidates name it.
        gates: gives the gates anew for the facts of each candidate, as they pin the newest rows when they first judge.
        by: who, for the store's history.
        tell: is given each decision, with its reason.
        clock: tells the time of decisions.
    """

    def __init__(
        self,
        store: ModelStore,
        model: str,
        run: str,
        evaluating: Evaluating,
        gates: Callable[[Facts], Sequence[Gate]],
        by: str,
        *,
        tell: Callable[[str], None] = lambda _: None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.store, self.model, self.run, self.evaluating, self.by = store, model, run, evaluating, by
        self._gates, self._tell, self._clock = gates, tell, clock

    def step(self) -> list[Admission]:
        """Judge every candidate that is due; what became of each. Evidence is kept either way.

        Raises what `ModelStore.admit` does, and what a gate raises when it cannot answer.
        """
        self._finish()
        found: list[Admission] = []
        while True:
            candidate, why = due_candidate(self.evaluating, self._candidates(), self._clock())
            if candidate is None:
                self._say(f"judge: not due: {why}")
                return found
            self._say(f"judge: due: {_short(candidate)}, {candidate.facts.rows_seen:,} rows seen: {why}")
            found.append(self._judged(candidate, why))

    def _candidates(self) -> list[CandidateStatus]:
        """Those of this run."""
        known = self.store.candidates(self.model) if self.model in self.store.models() else []
        return [one for one in known if one.candidate.trainer == self.run]

    def _judged(self, candidate: Candidate, why: str) -> Admission:
        champion = self._champion()
        decision = Decision(self.by, f"{ON_ARRIVAL}: {why}")
        admission = self.store.admit(candidate, self._gates(candidate.facts), decision)
        for result in admission.results:
            self._say(f"judge: {_short(candidate)}: {gate_words(result)}")
        if admission.version is None:
            self._say(f"judge: {_short(candidate)} is refused; the evidence is kept")
            return admission
        self._say(f"judge: {_short(candidate)} is {admission.version.name}")
        self._let_serve(admission.version.name, champion, decision)
        return admission

    def _finish(self) -> None:
        """Make versions of those that passed, and let the last one serve, where a judge was stopped before it did."""
        judged = [one for one in self._candidates() if one.judgements]
        if not judged:
            return
        life = self.store.history(self.model)
        last = max((self._admitted(one, life) for one in judged), key=lambda one: one.candidate.facts.rows_seen)
        if last.version is None or not _passed_here(last.judgements[-1]):
            return
        judgement, name = last.judgements[-1], f"{self.model}@{last.version}"
        then = life.holder(Alias.CHAMPION, judgement.at)
        if self.store.status(name).state in WAY and then == self._champion():
            self._let_serve(name, then, Decision(self.by, judgement.decision.reason))

    def _admitted(self, judged: CandidateStatus, life: Life) -> CandidateStatus:
        """A judged candidate as it is once it has become a version, if it passed."""
        made = judged.version is not None and life.state(judged.version) is not State.TRAINED
        if made or not _passed_here(judged.judgements[-1]):
            return judged
        version = self.store.finish_admission(judged.candidate)
        self._say(f"judge: {_short(judged.candidate)} passed before, and is {version.name}")
        return replace(judged, version=version.number)

    def _let_serve(self, name: str, champion: int | None, decision: Decision) -> None:
        if not self.evaluating.promote:
            return
        try:
            let_serve(self.store, name, champion, replace(decision, reason=f"passed its gates; {decision.reason}"))
        except (RegistryConflictError, TransitionError) as error:
            self._say(f"judge: {name} does not serve: {error}")
        self._say(f"judge: {name} is {self.store.status(name).state}")

    def _champion(self) -> int | None:
        known = self.model in self.store.models()
        return self.store.history(self.model).holder(Alias.CHAMPION) if known else None

    def _say(self, text: str) -> None:
        self._tell(f"{self.model}: {text}")


def _short(candidate: Candidate) -> str:
    """A candidate by the first digits of its artifact, as `headrace model list --candidates` shows it."""
    return f"candidate {candidate.facts.artifact[:12]}"


def _passed_here(judgement: Judgement) -> bool:
    return judgement.passed and judgement.decision.reason.startswith(ON_ARRIVAL)
