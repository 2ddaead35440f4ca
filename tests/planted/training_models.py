"""Faults that are planted in `training/models`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a version of which most rows were refused is not made again",
        "training/models/rebuild.py",
        "replace(found.plan, most_refused=1.0)",
        "found.plan",
        "tests/training/models/test_rebuild.py::test_a_version_of_which_most_rows_were_refused_is_made_again",
    ),
    Mutant(
        "metrics over different rows are compared",
        "training/models/gates.py",
        "if (one.set, one.rows) == (name, rows)",
        "if one.set == name",
        "tests/training/models/test_gates.py::test_metrics_over_other_rows_are_not_compared",
    ),
    Mutant(
        "a candidate that failed becomes a version",
        "training/models/store.py",
        "        if not passed:\n            return Admission(results, None)\n",
        "",
        "tests/training/models/test_store.py::test_a_candidate_becomes_a_version_only_at_a_gate_and_once",
    ),
    Mutant(
        "models are evaluated on whatever rows there are by now",
        "training/models/evaluator.py",
        "if name not in self._rows:",
        "if True:",
        "tests/training/models/test_model_gates.py::test_rows_that_come_while_models_are_judged_are_seen_by_none_of_them",
    ),
    Mutant(
        "slices are those of other rows where labels were left out",
        "training/models/evaluator.py",
        "kept = np.searchsorted(block.positions, batch.positions.numpy())",
        "kept = np.arange(len(batch))",
        "tests/training/models/test_model_gates.py::test_what_is_found_on_rows_equals_a_plain_loop_and_is_recorded_of_both",
    ),
    Mutant(
        "the champion is held beside by what was recorded of it",
        "training/models/model_gates.py",
        "evaluations=() if theirs is None else (theirs.evaluation,))",
        "evaluations=subject.evaluations)",
        "tests/training/models/test_model_gates.py::test_a_champion_is_asked_here_and_now_whatever_its_facts_tell_of_the_same_rows",
    ),
    Mutant(
        "models of two labels are compared",
        "training/models/model_gates.py",
        "if theirs is not None and theirs.label != own.label:",
        "if theirs is not None and theirs.label is None:",
        "tests/training/models/test_model_gates.py::test_a_model_of_another_label_is_not_held_beside_the_champion",
    ),
    Mutant(
        "any answer to the stored row will do",
        "training/models/model_gates.py",
        "GateResult(self.name, example.is_answered, ",
        "GateResult(self.name, True, ",
        "tests/training/models/test_model_gates.py::test_a_model_with_another_answer_fails_with_both",
    ),
    Mutant(
        "a model is proved by rows that it has learned from",
        "training/models/model_gates.py",
        "if not learned.rows or ",
        "if True or ",
        "tests/training/models/test_learned.py::test_a_gate_over_rows_that_were_learned_from_fails_unless_the_set_allows_it",
    ),
    Mutant(
        "rows that came after a training count as learned by it",
        "training/models/learned.py",
        "yield -1, later",
        "yield 0, later",
        "tests/training/models/test_learned.py::test_what_a_full_training_learned_is_counted_and_what_came_later_is_not",
    ),
    Mutant(
        "a training of a kind that nobody knows is taken for a stream",
        "training/models/learned.py",
        "    if kind == STREAM:",
        "    if kind not in (FULL, LEARNED_ON):",
        "tests/training/models/test_learned.py::"
        "test_what_somebody_wrote_by_hand_is_not_known_and_neither_stops_the_gate_nor_the_line[kind]",
    ),
    Mutant(
        "a misspelt metric rejects a version",
        "training/models/governed.py",
        "            self.check_subject(facts)\n",
        "            pass\n",
        "tests/jobs/test_model_gates.py::test_a_misspelt_set_or_metric_is_no_verdict",
    ),
    Mutant(
        "a metric that had no value yet is taken for a misspelt one",
        "training/models/governed.py",
        "            if metric not in known and not _may_lack(metric, known):",
        "            if metric not in known:",
        "tests/training/continual/test_judging.py::"
        "test_a_candidate_of_one_label_so_far_is_refused_and_those_behind_it_are_judged",
    ),
    Mutant(
        "a slice of a handful of rows decides",
        "training/models/gates.py",
        "if name not in few]",
        "if few is not None]",
        "tests/training/models/test_gates.py::test_slices_of_few_rows_are_told_and_not_judged",
    ),
    Mutant(
        "a changed view is learned from",
        "training/models/views.py",
        "        if found != version:",
        "        if False:",
        "tests/training/streaming/test_pipeline.py::test_views_that_made_the_rows_are_facts_and_changed_ones_are_refused_with_the_difference",
    ),
    Mutant(
        "a version that learned on is rebuilt by another optimizer",
        "training/models/rebuild.py",
        "replace(found, fine_tuning=found.recipe.optimizer, plan=plan)",
        "replace(found, plan=plan)",
        "tests/training/continual/test_scheduler.py::test_each_row_is_visited_once_from_version_to_version",
    ),
    Mutant(
        "what learnt from rows that it was evaluated on is not made again",
        "training/models/rebuild.py",
        "    def check_splits(self",
        "    def unchecked_splits(self",
        "tests/training/models/test_rebuild.py::test_what_learnt_from_rows_that_it_was_evaluated_on_is_made_again_all_the_same",
    ),
    Mutant(
        "labels that say the contrary surprise nobody",
        "training/models/label_windows.py",
        "(answer - label) * odds",
        "(label - answer) * odds",
        "tests/training/models/test_labels_plausible.py::"
        "test_a_minute_of_flipped_labels_refuses_what_learned_it_and_the_same_minute_as_it_was_does_not",
    ),
    Mutant(
        "the champion is asked of labels that it has learned",
        "training/models/increment.py",
        "in outside(span, [one.offsets[name] for one in earlier if name in one.offsets]):",
        "in [span]:",
        "tests/training/models/test_labels_plausible.py::"
        "test_labels_that_the_champion_has_learned_are_not_asked_of_it_again",
    ),
    Mutant(
        "labels of which nothing is known have passed",
        "training/models/labels_plausible.py",
        'return self._failed(champion, f"what labels it learned is not known: {error}")',
        'return GateResult(self.name, True, evidence={"why": str(error)})',
        "tests/training/models/test_labels_plausible.py::test_labels_of_which_nothing_is_known_have_not_passed",
    ),
    Mutant(
        "the bound knows nothing of how many windows there are",
        "training/models/labels_plausible.py",
        "self.false_alarms / windows, np.sort",
        "self.false_alarms, np.sort",
        "tests/training/models/test_labels_plausible.py::test_of_honest_versions_as_many_are_refused_as_is_said",
    ),
    Mutant(
        "labels of an ancestor that nobody judged are passed with its child",
        "training/models/labels_plausible.py",
        "for name, facts in before if name not in names)",
        "for name, facts in before if False)",
        "tests/training/models/test_labels_plausible.py::"
        "test_labels_of_an_ancestor_that_nobody_judged_are_asked_of_with_those_of_its_child",
    ),
    Mutant(
        "labels that a stream refused are asked of its candidate",
        "training/models/evaluator.py",
        "_leaving_out(predictor.fitted) if leave_out else predictor.fitted",
        "predictor.fitted",
        "tests/training/models/test_labels_plausible.py::test_rows_that_the_stream_refused_are_not_asked_of_it",
    ),
    Mutant(
        "rows of a stream without a label time refuse its candidate",
        "training/models/increment.py",
        'if facts.training.get("kind") != STREAM or cutoff is None:',
        "if True:",
        "tests/training/models/test_labels_plausible.py::test_rows_that_the_stream_refused_are_not_asked_of_it",
    ),
    Mutant(
        "rows that the query of a stream left out are taken for learned",
        "training/models/learned.py",
        'chosen = rows.where(*filters_where(str(facts.training.get(WHERE, ""))))',
        "chosen = rows",
        "tests/training/models/test_labels_plausible.py::test_rows_that_the_stream_refused_are_not_asked_of_it",
    ),
    Mutant(
        "labels are judged by a champion of another label",
        "training/models/labels_plausible.py",
        "if label == theirs:",
        "if True:",
        "tests/training/models/test_labels_plausible.py::"
        "test_what_learned_another_label_or_is_broken_or_from_other_columns_fails",
    ),
    Mutant(
        "no training anew passes after labels were corrected",
        "training/models/increment.py",
        '(NotFoundError, DatasetError) if facts.training["kind"] == FULL else (NotFoundError,)',
        "(NotFoundError,)",
        "tests/training/models/test_learned.py::test_a_training_anew_after_labels_were_corrected_is_asked_all_its_rows",
    ),
    Mutant(
        "labels raise the bound that they are held against",
        "training/models/labels_plausible.py",
        "if both:",
        "if False:",
        "tests/training/models/test_labels_plausible.py::test_what_learned_trusted_rows_is_not_judged_by_them",
    ),
    Mutant(
        "a gate takes another label time than its version learned by",
        "training/models/labels_plausible.py",
        "if found != expected:",
        "if False:",
        "tests/training/models/test_labels_plausible.py::"
        "test_a_label_time_by_which_the_version_did_not_learn_is_no_verdict",
    ),
    Mutant(
        "the rows that a kept gate is held against may change",
        "training/models/described.py",
        "return found if chosen is None else",
        "return found if True else",
        "tests/training/models/test_kept_gates.py::test_other_rows_of_a_set_make_another_gate",
    ),
    Mutant(
        "a candidate is judged without the gates that it keeps",
        "training/models/store.py",
        "        changed = check_change(what, kept.facts, [described(gate) for gate in asked], gates_changed)\n",
        "        changed = {}\n",
        "tests/training/models/test_kept_gates.py::test_a_candidate_is_not_admitted_without_the_gates_that_it_keeps",
    ),
    Mutant(
        "what is trained forgets the gates of its definition",
        "training/learning/pipeline.py",
        "return {**made, **self.gates_to_keep()}",
        "return made",
        "tests/training/models/test_kept_gates.py::test_what_is_trained_from_a_definition_keeps_its_gates_and_passes_by_them_alone",
    ),
)
