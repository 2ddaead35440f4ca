"""Faults that are planted in `jobs`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a difference prints all rows of a value",
        "jobs/diff.py",
        "rows.slice(0, SHOWN_ROWS)",
        "rows",
        "tests/jobs/test_diff.py::test_of_the_rows_of_a_value_a_screen_is_printed",
    ),
    Mutant(
        "a difference whose rows were not looked up is not told",
        "jobs/diff.py",
        "found.differences if one.rows is None",
        "found.differences if one.rows is one",
        "tests/jobs/test_diff.py::test_values_whose_rows_were_not_looked_up_are_counted",
    ),
    Mutant(
        "a dry run takes a reason that a verification refuses",
        "jobs/model_gates.py",
        "    if why is not None:\n",
        "    if why is not None and status.state is not State.TRAINED:\n",
        "tests/jobs/test_model_gates.py::test_a_reason_for_changed_gates_passes_a_dry_run_only_where_a_verification_takes_it",
    ),
    Mutant(
        "of a version that is verified it is said that it is not verified without more gates",
        "jobs/model_gates.py",
        "status.state is State.TRAINED and (names :=",
        "(names :=",
        "tests/jobs/test_model_gates.py::test_a_gate_that_the_file_has_changed_is_asked_by_a_decision_alone",
    ),
    Mutant(
        "the rate of a run is beside the rows of the one before it",
        "jobs/train.py",
        "pace, total = Pace(), event.rows * event.epochs",
        "total = event.rows * event.epochs",
        "tests/jobs/test_train.py::test_of_several_runs_each_is_told_by_itself",
    ),
    Mutant(
        "rows that nobody has counted are all there are",
        "jobs/train.py",
        "counted(done, total, pace.of(done))",
        "counted(done, max(done, total), pace.of(done))",
        "tests/jobs/test_train.py::test_what_learns_on_tells_no_share_of_rows_that_nobody_has_counted[some rows]",
    ),
    Mutant(
        "a broken store is found after hours of learning",
        "jobs/train.py",
        "    store = ModelStore.at(settings) if register else None",
        "    store = None",
        "tests/jobs/test_train.py::test_a_broken_store_is_found_before_anything_is_learnt",
    ),
    Mutant(
        "the name of a training in a file is ignored of a version",
        "jobs/freshness.py",
        "    if name:",
        "    if not model:",
        "tests/jobs/test_freshness.py::test_what_is_not_known_is_said",
    ),
    Mutant(
        "of other code that rebuilds a version the user's own is not told",
        "jobs/model_rebuild.py",
        '"code", OWN, "environment"',
        '"code", "environment"',
        "tests/jobs/test_model_rebuild.py::test_another_module_of_your_own_is_a_warning_that_names_it",
    ),
    Mutant(
        "a least of rows is asked of no slices",
        "jobs/model_gates.py",
        "if self.least_rows and not self.slices_not_worse:",
        "if self.least_rows and self.slices_not_worse == ():",
        "tests/jobs/test_model_gates.py::test_a_least_of_rows_for_no_slices_is_refused",
    ),
    Mutant(
        "modules beside a definition stay behind",
        "jobs/k8s.py",
        "for one in (file, *own.values())}",
        "for one in (file,)}",
        "tests/jobs/test_k8s.py::test_modules_beside_the_file_that_it_imports_or_names_travel_with_it",
    ),
    Mutant(
        "a crontab's line lacks where modules are",
        "training/continual/cron.py",
        'if python_path else ""',
        'if not python_path else ""',
        "tests/jobs/test_schedule.py::test_a_crontab_line_runs_as_it_stands",
    ),
    Mutant(
        "a learner is tried with modules that no worker has",
        "training/streaming/trial.py",
        "for one in before if one not in folders",
        "for one in before",
        "tests/jobs/test_schedule.py::"
        "test_a_learner_beside_the_file_that_no_worker_would_have_is_refused_before_its_job_starts",
    ),
    Mutant(
        "a learner is tried with modules that its file has imported and no worker has",
        "training/streaming/trial.py",
        "alone.keys() | _imported_from(folders)",
        "alone.keys() | _imported_from(set())",
        "tests/jobs/test_schedule.py::"
        "test_a_learner_beside_the_file_that_no_worker_would_have_is_refused_before_its_job_starts",
    ),
    Mutant(
        "modules beside the first file go before those of the newest",
        "features/module.py",
        "        sys.path.remove(folder)\n    if folder not in sys.path:",
        "        pass\n    if folder not in sys.path:",
        "tests/training/learning/test_definition.py::"
        "test_modules_beside_a_file_are_importable_wherever_it_is_and_those_of_the_newest_file_first",
    ),
)
