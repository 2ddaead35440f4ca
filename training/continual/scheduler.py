"""`Scheduler`: does what is due of a model's learning and evaluating schedules, one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from shutil import rmtree

from headrace.connectors.artifacts import Artifacts
from headrace.errors import DefinitionError, FolderTakenError, RegistryConflictError
from headrace.registry.database import now
from headrace.registry.model_facts import ModelVersion
from headrace.registry.model_states import Decision, State
from headrace.registry.models import ModelRegistry
from headrace.registry.schedules import ScheduleRegistry, ScheduleState
from headrace.runtime.platform import Platform
from headrace.training.continual.due import Goal, Task, Verdict, decide, pause
from headrace.training.continual.gathering import failures_in, known_of
from headrace.training.continual.lease import LEASE, Lease, this_worker
from headrace.training.continual.serving import WAY, gate_words, let_serve
from headrace.training.learning.events import Event, Subscriber
from headrace.training.learning.pipeline import TrainingOutcome, TrainingPipeline
from headrace.training.learning.registering import register
from headrace.training.learning.run_folder import RunFolder
from headrace.training.models.store import ModelStore
from headrace.training.models.views import check_unchanged


class Outcome(StrEnum):
    """What became of a step."""

    DONE = "done"
    NOTHING = "nothing was due"
    FAILED = "failed"
    BUSY = "another process is at work"


#: After these a step goes no further.
ENDING = frozenset({Outcome.FAILED, Outcome.BUSY})


class Scheduler:
    """Trains, judges and promotes the versions of a model as its pipeline declares it.

    Args:
        pipeline: declares `retraining`, `evaluating` or both, and the gates that its versions have to pass.
        by: who, for the store's history.
        tell: is given each decision, with its reason.
        subscribers: by event of training, who is told.
        clock: tells the time of decisions, and of what is registered.
        lease: how long after this process's last word another one may take its work over.

    Raises DefinitionError for a pipeline that declares no schedule.
    """

    def __init__(
        self,
        pipeline: TrainingPipeline,
        by: str,
        *,
        tell: Callable[[str], None] = lambda _: None,
        subscribers: Mapping[str, Sequence[Subscriber]] | None = None,
        clock: Callable[[], datetime] = now,
        lease: timedelta = LEASE,
    ) -> None:
        if pipeline.retraining is None and pipeline.evaluating is None:
            msg = f"{pipeline.chosen.at} declares no schedule; set "
            raise DefinitionError(msg + "`retraining = Retraining(...)`, `evaluating = Evaluating(...)` or both")
        self.pipeline, self.by = pipeline, by
        self.platform: Platform = pipeline.platform
        settings, url = self.platform.settings, self.platform.settings.registry_url
        self.store = ModelStore(ModelRegistry(url, settings.project, clock), Artifacts(settings.artifacts_folder))
        self.schedules = ScheduleRegistry(url, settings.project, clock)
        self._tell, self._subscribers = tell, subscribers or {}
        self._clock, self._lease = clock, lease

    @property
    def model(self) -> str:
        """The model's name."""
        return self.pipeline.chosen.name

    @property
    def folder(self) -> Path:
        """Where runs are kept while they last, and what was seen of losses."""
        return self.platform.settings.home / "training" / self.model / "schedule"

    def look(self) -> tuple[Verdict, Verdict]:
        """Whether an evaluation is due, and whether a retraining is, or what was left of one; nothing is done."""
        state = self.schedules.state(self.model)
        known = known_of(self.pipeline, self.store, state, self._clock(), self.folder)
        evaluation, retraining = decide(self.pipeline.retraining, self.pipeline.evaluating, known)
        left = self._left(state)
        if left is None:
            return evaluation, retraining
        return (left, retraining) if left.task is Task.EVALUATE else (evaluation, left)

    def step(self) -> Outcome:
        """Finish what another process left undone, then do what is due: judge, train, judge, each at most once.

        A failure is told, kept, and ends the step; it is tried again when its pause is over.
        """
        undone = self._left_undone()
        if undone in ENDING:
            return undone
        done = undone is Outcome.DONE
        for task in (Task.EVALUATE, Task.RETRAIN):
            found = self._due(task)
            if found in ENDING:
                return found
            done = done or found is Outcome.DONE
        # What has just been learned may be judged at once.
        found = self._due(Task.EVALUATE) if found is Outcome.DONE else found
        return found if found in ENDING or not done else Outcome.DONE

    def forgive(self) -> None:
        """Forget what went wrong, so that it is tried again at once."""
        self.schedules.forgive(self.schedules.state(self.model))

    def _left_undone(self) -> Outcome:
        """What became of a goal that its worker left; of none nothing."""
        state = self.schedules.state(self.model)
        if self._is_held(state):
            return Outcome.BUSY
        left = self._left(state)
        if left is None or left.goal is None:
            return Outcome.NOTHING
        self._say(f"{left.task}: taken over, {state.holder or 'a worker'} left it: {left.goal.reason}")
        return self._do(state, left.goal)

    def _left(self, state: ScheduleState) -> Verdict | None:
        """Whether a goal that its worker left is to be taken up; None where there is none, or its worker is at it."""
        if state.goal is None or state.is_held(self._clock()):
            return None
        goal, failures = Goal.of_json(state.goal), failures_in(state)
        why = f"left undone: {goal.reason}"
        held = failures and pause(self.pipeline.retraining, failures, self._clock())
        return Verdict(goal.task, f"{why}; {held}") if held else Verdict(goal.task, why, goal)

    def _due(self, task: Task) -> Outcome:
        """What became of a task that may be due."""
        state = self.schedules.state(self.model)
        if self._is_held(state):
            return Outcome.BUSY
        verdict = next(one for one in self.look() if one.task is task)
        self._say(f"{task}: {'due' if verdict.due else 'not due'}: {verdict.why}")
        return Outcome.NOTHING if verdict.goal is None else self._do(state, verdict.goal)

    def _is_held(self, state: ScheduleState) -> bool:
        held = state.is_held(self._clock())
        if held and state.until is not None:
            self._say(
                f"{state.holder} is at work, until {state.until.isoformat(timespec='seconds')} if it says no more"
            )
        return held

    def _do(self, state: ScheduleState, goal: Goal) -> Outcome:
        """Work towards a goal, unless another process began first."""
        try:
            held = self.schedules.begin(state, this_worker(), goal.to_json(), self._lease)
        except RegistryConflictError as error:
            self._say(str(error))
            return Outcome.BUSY
        lease = Lease(self.schedules, held, self._lease)
        try:
            with lease:
                self._work(goal, lease)
            lease.finish()
        except FolderTakenError as error:
            return self._kept_out(goal, lease, state, error)
        except Exception as error:  # whatever a user's own step raises is a failure, and a schedule goes on
            return self._failed(goal, lease, error)
        except BaseException:
            with suppress(RegistryConflictError):
                lease.leave()
            raise
        return Outcome.DONE

    def _kept_out(self, goal: Goal, lease: Lease, seen: ScheduleState, error: FolderTakenError) -> Outcome:
        """Leave a run to whoever lost its lease and is in its folder still; its checkpoint is what is gone on from."""
        self._say(f"{goal.task}: left: {error}")
        try:
            lease.give_back(seen)
        except RegistryConflictError as lost:
            self._say(str(lost))
        return Outcome.BUSY

    def _failed(self, goal: Goal, lease: Lease, error: Exception) -> Outcome:
        """Tell and keep a failure; the run begins anew, as its checkpoint may be what is wrong.

        A version that passed waits for no judgement any more, so that the goal to let it serve is kept, unless another
        one serves by now than its gates had beside it.
        """
        told = f"{type(error).__name__}: {error}"
        self._say(f"{goal.task}: failed: {told}")
        try:
            lease.fail(told, keep=self._has_passed(goal) and not isinstance(error, RegistryConflictError))
        except RegistryConflictError as lost:
            self._say(str(lost))
        else:
            self._run_folder(goal).checkpoint.unlink(missing_ok=True)
        return Outcome.FAILED

    def _has_passed(self, goal: Goal) -> bool:
        """Whether a goal's version passed its gates, and is on the way to where it can serve."""
        return goal.task is Task.EVALUATE and self.store.status(f"{self.model}@{goal.version}").state in WAY

    def _work(self, goal: Goal, lease: Lease) -> None:
        if goal.task is Task.RETRAIN:
            self._retrain(goal, lease)
        else:
            self._evaluate(goal, lease)

    def _retrain(self, goal: Goal, lease: Lease) -> None:
        """Train to a goal, from where another process was stopped; then register, once."""
        parent = None if goal.version is None else self.store.version(f"{self.model}@{goal.version}")
        run = self._run_folder(goal)
        outcome = self._trained(goal, parent, run, lease)
        lease.renew()
        evidence = {"schedule": {"task": goal.task, "rows_visited": outcome.trained.kept.rows_visited}}
        decision = Decision(self.by, goal.reason, evidence)
        made = register(self.store, outcome, decision, parent=parent, trainer=f"schedule-{goal.snapshot}")
        run.checkpoint.unlink(missing_ok=True)
        rmtree(run.artifact, ignore_errors=True)  # the store has it
        beginning = "from scratch" if parent is None else f"from {parent.name}"
        self._say(f"{goal.task}: {made.name} learned {beginning}, {made.facts.rows_seen:,} rows visited")

    def _trained(self, goal: Goal, parent: ModelVersion | None, run: RunFolder, lease: Lease) -> TrainingOutcome:
        pipeline, resume = self.pipeline, run.checkpoint.is_file()
        source, told = f"{pipeline.chosen.source}@{goal.snapshot}", self._listening(lease)
        if parent is None:
            return pipeline.train(source, run.folder, resume=resume, subscribers=told, plots=False)
        check_unchanged(self.platform.registry, self.platform.settings.project, parent.facts.features, parent.name)
        after = parent.facts.snapshots[pipeline.chosen.source]
        files = self.store.files(parent.name)
        return pipeline.learn_on(files, after, source, run.folder, resume=resume, subscribers=told)

    def _listening(self, lease: Lease) -> dict[str, Sequence[Subscriber]]:
        """Who is told of training: the caller's subscribers, and a check that the work is still this process's."""

        def still_ours(_: Event) -> None:
            lease.check()

        return {**self._subscribers, "micro_batch": [*self._subscribers.get("micro_batch", ()), still_ours]}

    def _run_folder(self, goal: Goal) -> RunFolder:
        return RunFolder(self.folder / f"{goal.snapshot}-from-{goal.version or 'scratch'}")

    def _evaluate(self, goal: Goal, lease: Lease) -> None:
        """Judge a version unless it was, and let it serve where that is declared and it passed."""
        name, decision = f"{self.model}@{goal.version}", Decision(self.by, goal.reason)
        if self.store.status(name).state is State.TRAINED:
            # Bound anew each time: gates pin the newest rows when they first judge.
            facts = self.store.version(name).facts
            gates = self.pipeline.examination().bound(self.store, self.platform.settings, facts)
            for result in self.store.verify(name, gates, decision):
                self._say(f"{goal.task}: {name}: {gate_words(result)}")
        if self.pipeline.evaluating is not None and self.pipeline.evaluating.promote:
            lease.renew()
            chosen = replace(decision, reason=f"passed its gates; {decision.reason}")
            let_serve(self.store, name, goal.champion, chosen)
        self._say(f"{goal.task}: {name} is {self.store.status(name).state}")

    def _say(self, text: str) -> None:
        self._tell(f"{self.model}: {text}")
