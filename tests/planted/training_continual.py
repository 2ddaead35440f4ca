"""Faults that are planted in `training/continual`."""

from __future__ import annotations

from .mutant import Mutant

INTERRUPTED = (
    "tests/training/continual/test_judging.py::"
    "test_a_candidate_that_passed_before_the_registry_failed_becomes_a_version"
)
MUTANTS = (
    Mutant(
        "a schedule learns on over views that have changed",
        "training/continual/scheduler.py",
        "self.platform.settings.project, parent.facts.features, parent.name)",
        "self.platform.settings.project, {}, parent.name)",
        "tests/training/continual/test_scheduler.py::test_nothing_learns_on_from_a_version_whose_views_have_changed_since",
    ),
    Mutant(
        "a retraining waits for a row more than it asks for",
        "training/continual/due.py",
        'found >= asked, f"{found:,} rows came',
        'found > asked, f"{found:,} rows came',
        "tests/training/continual/test_due.py::test_a_retraining_is_due_when_its_rows_have_come[2000-True]",
    ),
    Mutant(
        "a retraining is due though nothing came",
        "training/continual/due.py",
        "if newest.snapshot == known.snapshot:",
        "if False:",
        "tests/training/continual/test_due.py::test_without_new_rows_nothing_is_due_however_long_it_was",
    ),
    Mutant(
        "a commit without rows is learned on from",
        "training/continual/due.py",
        "if retraining.learns_on and not known.learnable else None",
        "if False else None",
        "tests/training/continual/test_scheduler.py::test_a_commit_without_rows_is_nothing_to_learn_on_from",
    ),
    Mutant(
        "rows are asked for since the champion's, which newer versions have learned",
        "training/continual/gathering.py",
        "learnable=_is_learnable(pipeline, versions.newest, snapshot)",
        "learnable=_is_learnable(pipeline, versions.all[0] if versions.all else None, snapshot)",
        "tests/training/continual/test_scheduler.py::test_what_a_newer_version_learned_is_no_news_to_the_champion",
    ),
    Mutant(
        "rows that do not train are learned on from",
        "training/continual/gathering.py",
        "if not rows.filters:",
        "if True:",
        "tests/training/continual/test_scheduler.py::"
        "test_rows_none_of_which_trains_are_waited_behind_without_a_failure",
    ),
    Mutant(
        "an error of an own step at a look ends the schedule",
        "training/continual/gathering.py",
        "except Exception:  #",
        "except RecursionError:  #",
        "tests/training/continual/test_scheduler.py::test_what_an_own_step_cannot_choose_is_a_failure_of_the_training",
    ),
    Mutant(
        "a version that passed is forgotten when its promotion fails",
        "training/continual/scheduler.py",
        "lease.fail(told, keep=self._has_passed(goal) and not isinstance(error, RegistryConflictError))",
        "lease.fail(told)",
        "tests/training/continual/test_scheduler.py::"
        "test_a_version_that_passed_is_promoted_when_a_promotion_that_failed_can_be",
    ),
    Mutant(
        "a version is promoted again though its gates saw another champion",
        "training/continual/scheduler.py",
        "keep=self._has_passed(goal) and not isinstance(error, RegistryConflictError)",
        "keep=self._has_passed(goal)",
        "tests/training/continual/test_scheduler.py::test_a_version_does_not_serve_whose_gates_saw_another_champion",
    ),
    Mutant(
        "what failed before its verdict is kept to be judged beside the champion of then",
        "training/continual/scheduler.py",
        "keep=self._has_passed(goal) and",
        "keep=goal.task is Task.EVALUATE and",
        "tests/training/continual/test_scheduler.py::test_what_failed_before_its_verdict_is_decided_anew",
    ),
    Mutant(
        "drift that was answered is answered again",
        "training/continual/due.py",
        "risen is None or (seen is not None and risen.at <= seen)",
        "risen is None",
        "tests/training/continual/test_due.py::test_drift_is_due_in_rows_that_the_newest_version_has_not_seen",
    ),
    Mutant(
        "versions are judged by the learning schedule",
        "training/continual/due.py",
        "    if evaluating.always:\n        yield",
        "    if True:\n        yield",
        "tests/training/continual/test_scheduler.py::test_the_serving_version_changes_only_when_gates_are_asked",
    ),
    Mutant(
        "learning goes on from what a refused version learned",
        "training/continual/known.py",
        "while parent is not None and parent.state is State.TRAINED:",
        "while False:",
        "tests/training/continual/test_due.py::test_a_refusal_puts_out_all_that_nobody_judged_on_the_way_to_it_and_after_it",
    ),
    Mutant(
        "who lost a lease registers what it learned",
        "training/continual/scheduler.py",
        "        lease.renew()\n        evidence",
        "        evidence",
        "tests/training/continual/test_scheduler.py::test_who_lost_the_work_registers_nothing",
    ),
    Mutant(
        "a killed retraining begins anew",
        "training/continual/scheduler.py",
        "return pipeline.learn_on(files, after, source, run.folder, resume=resume,",
        "return pipeline.learn_on(files, after, source, run.folder, resume=False,",
        "tests/training/continual/test_scheduler.py::test_a_kill_in_between_changes_neither_row_visits_nor_the_model",
    ),
    Mutant(
        "who is kept out of a run's folder takes that for a failure",
        "training/continual/scheduler.py",
        "        except FolderTakenError as error:\n            return self._kept_out(goal, lease, state, error)\n",
        "",
        "tests/training/continual/test_scheduler.py::"
        "test_who_takes_over_from_a_run_that_still_goes_on_leaves_it_its_checkpoint",
    ),
    Mutant(
        "who is kept out of a run's folder counts a failure of who is in it",
        "registry/schedules.py",
        "self._changed(held, replace(seen, holder=None, until=None, goal=held.goal))",
        "self._changed(held, replace(held, holder=None, until=None))",
        "tests/training/continual/test_scheduler.py::"
        "test_who_takes_over_from_a_run_that_still_goes_on_leaves_it_its_checkpoint",
    ),
    Mutant(
        "a rise of losses is told at a place of the rows that were read",
        "training/continual/losses.py",
        "RisenLosses(position + 1,",
        "RisenLosses(position - rows.snapshot.files[0].start + 1,",
        "tests/training/continual/test_scheduler.py::test_drift_is_due_after_it_and_not_before",
    ),
    Mutant(
        "a candidate is judged a row too late",
        "training/continual/judging.py",
        "found >= evaluating.rows",
        "found > evaluating.rows",
        "tests/training/continual/test_judging.py::test_production_changes_only_when_the_evaluating_schedule_says_so",
    ),
    Mutant(
        "a verdict without a version stays without one",
        "training/continual/judging.py",
        "version = self.store.finish_admission(judged.candidate)\n",
        "if judged.version is None:\n            return judged\n"
        "        version = self.store.finish_admission(judged.candidate)\n",
        f"{INTERRUPTED}[no version]",
    ),
    Mutant(
        "a version that was not verified stays so",
        "training/continual/judging.py",
        "made = judged.version is not None and life.state(judged.version) is not State.TRAINED",
        "made = judged.version is not None",
        f"{INTERRUPTED}[not verified]",
    ),
    Mutant(
        "a judge promotes what somebody admitted by hand",
        "training/continual/judging.py",
        "judgement.passed and judgement.decision.reason.startswith(ON_ARRIVAL)",
        "judgement.passed",
        "tests/training/continual/test_judging.py::test_what_was_admitted_by_hand_is_left_to_whoever_did",
    ),
    Mutant(
        "a schedule takes another model's version for its own of that number",
        "training/continual/gathering.py",
        "    return number if model == version.model else None",
        "    return number",
        "tests/training/continual/test_scheduler.py::test_a_refusal_says_nothing_of_the_same_number_of_another_model",
    ),
)
