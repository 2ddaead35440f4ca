"""Faults that are planted in `registry`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a model changes though another change came first",
        "registry/models.py",
        '{**named, "revision": life.revision}.items()',
        "named.items()",
        "tests/registry/test_models.py::test_a_version_is_never_retired_while_it_becomes_champion_again",
    ),
    Mutant(
        "a promotion does not ask what its maker believed",
        "registry/models.py",
        "    if holder == expected:\n        if holder == wanted:",
        "    if True:\n        if holder == wanted:",
        "tests/registry/test_models.py::test_a_promotion_on_a_wrong_belief_names_the_winner",
    ),
    Mutant(
        "a clock that runs backwards turns the history of a model round",
        "registry/models.py",
        "max(clock, newest + MICROSECOND)",
        "clock",
        "tests/registry/test_models.py::test_a_clock_that_runs_backwards_does_not_turn_history_round",
    ),
    Mutant(
        "a version is verified by gates that failed",
        "registry/model_states.py",
        'gate.get("passed") is not True',
        "not gate",
        "tests/registry/test_models.py::test_nothing_is_verified_without_passed_gates",
    ),
    Mutant(
        "two work on a schedule at once",
        "registry/schedules.py",
        "if seen.is_held(at):",
        "if False:",
        "tests/registry/test_schedules.py::test_who_begins_works_until_the_end_and_nobody_else_does",
    ),
    Mutant(
        "who lost a lease ends the work of who has it",
        "registry/schedules.py",
        '{**named, "revision": seen.revision}.items()',
        "named.items()",
        "tests/registry/test_schedules.py::test_a_worker_that_says_no_more_is_succeeded_and_can_end_nothing",
    ),
    Mutant(
        "a version is verified by whatever gates are asked",
        "registry/kept_gates.py",
        "return [one for one in gates_of(facts) if one not in asked]",
        "return []",
        "tests/training/models/test_kept_gates.py::test_a_version_is_not_verified_without_the_gates_that_it_keeps",
    ),
    Mutant(
        "a gate of the same name stands in for a kept one",
        "registry/kept_gates.py",
        "if one not in asked]",
        "if one['name'] not in [other.get('name') for other in asked if other]]",
        "tests/training/models/test_kept_gates.py::test_a_laxer_gate_is_no_stand_in_even_under_the_same_name",
    ),
    Mutant(
        "evidence that is made up moves a version past its gates",
        "registry/models.py",
        "            if after is State.VERIFIED:\n",
        "            if False:\n",
        "tests/training/models/test_kept_gates.py::test_made_up_evidence_is_no_way_past_the_kept_gates",
    ),
    Mutant(
        "a parent of another model is looked for in the child's",
        "registry/models.py",
        "model=named, number=number)",
        "model=model, number=number)",
        "tests/registry/test_models.py::test_a_parent_is_any_version_of_the_project",
    ),
    Mutant(
        "a store whose parents are numbers is opened",
        "registry/database.py",
        "    if isinstance(kind, String) != isinstance(column.type, String):",
        "    if False:",
        "tests/registry/test_models.py::test_a_store_whose_parents_are_numbers_is_of_another_version",
    ),
)
