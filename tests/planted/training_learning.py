"""Faults that are planted in `training/learning`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a micro-batch that is looked at alone replaces the calibration of those before",
        "training/learning/metrics.py",
        "sums + np.concatenate(found)",
        "np.concatenate(found)",
        "tests/training/learning/test_metrics.py::test_sums_are_the_same_bits_whether_looked_at_often_or_once",
    ),
    Mutant(
        "a training is made again in micro-batches of another size",
        "training/learning/definition_json.py",
        'batch_rows=plain["batch_rows"]',
        "batch_rows=512",
        "tests/training/models/test_rebuild.py::test_a_version_is_made_again_though_its_table_has_grown_and_its_files_are_gone",
    ),
    Mutant(
        "a resumed learner forgets its optimizer",
        "training/learning/torch_learner.py",
        '{"state": found.optimizer,',
        '{"state": {},',
        "tests/training/learning/test_learner.py::test_a_learner_goes_on_elsewhere_bit_for_bit[logistic-momentum]",
    ),
    Mutant(
        "a gradient that is not finite is learnt from",
        "training/learning/guarding.py",
        "    if not math.isfinite(norm):",
        "    if False:",
        "tests/training/learning/test_learner.py::test_a_gradient_that_is_no_number_is_refused_though_the_loss_is_one",
    ),
    Mutant(
        "a checkpoint forgets where its rows were",
        "training/learning/trainer.py",
        "self._run.source = self.training.state_dict()",
        "self._run.source = None",
        "tests/training/learning/test_trainer.py::test_a_run_that_was_stopped_ends_as_one_that_was_not[31]",
    ),
    Mutant(
        "whatever an artifact names is called",
        "training/learning/artifact.py",
        "if not (isinstance(found, type) and issubclass(found, nn.Module)):",
        "if found is None:",
        "tests/training/learning/test_networks.py::test_nothing_but_a_torch_module_is_called",
    ),
    Mutant(
        "a detector of drift takes every part of its window for as sure as the whole",
        "training/learning/drift.py",
        "harmonic, log = 1 / before + 1 / (count - before),",
        "harmonic, log = 1 / before,",
        "tests/training/learning/test_drift.py::test_windows_are_cut_where_river_cuts_them[0-32]",
    ),
    Mutant(
        "a resumed detector of drift looks at other rows",
        "training/learning/drift.py",
        'made.seen = int(found["seen"])',
        'made.seen = int(found["seen"]) + 1',
        "tests/training/learning/test_drift.py::test_a_detector_goes_on_elsewhere_bit_for_bit",
    ),
    Mutant(
        "files of two runs are taken for a model",
        "training/learning/run_folder.py",
        "(self.artifact / MODEL).unlink(missing_ok=True)",
        "pass",
        "tests/training/learning/test_trainer.py::test_files_of_two_runs_are_never_taken_for_a_model",
    ),
    Mutant(
        "a trained version has no label cutoff",
        "training/learning/registering.py",
        "label_cutoff=outcome.label_cutoff",
        "label_cutoff=None",
        "tests/training/learning/test_label_cutoff.py::test_the_newest_label_is_the_cutoff_of_a_version_and_of_one_that_learned_on",
    ),
    Mutant(
        "an interval of few days is as narrow as its drawings",
        "training/learning/bootstrap.py",
        "return ratio * math.sqrt(count / (count - 1))",
        "return 1.0",
        "tests/training/learning/test_bootstrap.py::"
        "test_a_difference_is_claimed_as_rarely_as_they_say_of_however_few_days[5]",
    ),
    Mutant(
        "a replay counts answers that are no numbers",
        "training/learning/guarding.py",
        "wrong = ~np.isfinite(answers)",
        "wrong = np.zeros(len(answers), bool)",
        "tests/training/freshness/test_replay.py::"
        "test_an_answer_that_is_no_number_is_told_with_its_row_and_its_cadence",
    ),
    Mutant(
        "an interval is told of answers that are no numbers",
        "training/learning/bootstrap.py",
        "wrong = ~np.isfinite(given)",
        "wrong = np.isposinf(given)",
        "tests/training/learning/test_bootstrap.py::test_what_is_no_number_is_refused_by_every_metric[nan-auc]",
    ),
    Mutant(
        "an interval takes rows of a day for independent",
        "training/learning/bootstrap.py",
        'return cls(event_us // UNITS_US["d"],',
        "return cls(event_us,",
        "tests/training/learning/test_bootstrap.py::test_days_are_those_of_utc",
    ),
    Mutant(
        "of micro-batches that wait the last alone counts",
        "training/learning/metrics.py",
        "(*self._waiting, (answer, label))",
        "(*self._waiting[:0], (answer, label))",
        "tests/training/learning/test_metrics.py::test_sums_are_the_same_bits_whether_looked_at_often_or_once[binary]",
    ),
    Mutant(
        "sums of several micro-batches are added in another order",
        "training/learning/metrics.py",
        "np.add.reduceat(cls._each(seen), seen.starts).tolist()",
        "[cls._each(seen).sum()]",
        "tests/training/learning/test_metrics.py::test_sums_are_the_same_bits_whether_looked_at_often_or_once[binary]",
    ),
    Mutant(
        "a gradient by hand takes a value's rows once",
        "training/learning/networks.py",
        ".index_add_(0, places, each)",
        ".index_copy_(0, places, each)",
        "tests/training/learning/test_networks.py::test_gradients_by_hand_are_those_of_autograd[inputs2]",
    ),
    Mutant(
        "gradients that a network inherits are taken for its own",
        "training/learning/torch_learner.py",
        '_home(kind, "gradients") is _home(kind, "forward")',
        '_home(kind, "gradients") is not kind',
        "tests/training/learning/test_learner.py::"
        "test_a_network_with_a_forward_of_its_own_does_not_take_gradients_that_it_inherits",
    ),
    Mutant(
        "a device of torch that is no processor or GPU is taken",
        "training/learning/reproducible.py",
        "    if asked is None:\n        msg",
        "    if asked is None:\n        return torch.device(name)\n        msg",
        "tests/training/learning/test_reproducible.py::test_a_name_of_no_device_is_refused",
    ),
    Mutant(
        "a GPU that is not here is looked for when rows are there",
        "training/learning/reproducible.py",
        'if int(asked["number"] or 0) >= count:',
        'if int(asked["number"] or 0) > count:',
        "tests/training/learning/test_reproducible.py::test_a_gpu_that_is_not_here_is_refused",
    ),
    Mutant(
        "a machine without memory rejects a model",
        "training/learning/predictor.py",
        "        if is_of_machine(error):\n            raise\n",
        "",
        "tests/training/learning/test_artifact.py::"
        "test_what_the_machine_lacks_is_no_fault_of_the_files[Greedy-allocate memory]",
    ),
    Mutant(
        "a machine without memory says that a network cannot be made",
        "training/learning/artifact.py",
        "        if is_of_machine(error):\n            raise\n",
        "",
        "tests/training/learning/test_artifact.py::"
        "test_what_the_machine_lacks_is_no_fault_of_the_files[GreedyFromTheStart-allocate memory]",
    ),
    Mutant(
        "a training reads its rows before it looks for its device",
        "training/learning/pipeline.py",
        "        device_of(device)  #",
        "        #",
        "tests/training/learning/test_reproducible.py::test_a_training_refuses_a_device_before_it_reads_anything",
    ),
    Mutant(
        "splits are looked at by nobody before rows are learnt",
        "training/learning/pipeline.py",
        "        check_apart(self.rows(snapshot, TRAIN), others)",
        "        check_apart(self.rows(snapshot, TRAIN), {})",
        "tests/training/learning/test_definition.py::test_rows_that_train_are_evaluated_on_by_nobody",
    ),
    Mutant(
        "what learnt from no row becomes a version",
        "training/learning/registering.py",
        "    if not outcome.trained.kept.rows_learned:",
        "    if outcome.trained.kept.rows_learned < 0:",
        "tests/training/learning/test_definition.py::test_what_learnt_from_no_row_is_not_registered",
    ),
    Mutant(
        "rows are refused without end",
        "training/learning/trainer.py",
        "        if refused > self.plan.most_refused * counters.rows_visited:",
        "        if refused > counters.rows_visited:",
        "tests/training/learning/test_trainer.py::test_a_run_ends_where_most_rows_are_refused_unless_it_may_go_on",
    ),
    Mutant(
        "labels of evaluation splits are not looked at",
        "training/learning/pipeline.py",
        "                self._newest_label(rows)\n",
        "                pass\n",
        "tests/training/learning/test_label_cutoff.py::"
        "test_labels_of_an_evaluation_split_are_looked_at_before_learning_too",
    ),
)
