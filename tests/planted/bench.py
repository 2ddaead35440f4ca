"""Faults that are planted in `bench`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a process that ends while it is read ends a benchmark",
        "bench/measure.py",
        "with suppress(psutil.NoSuchProcess):\n            return",
        "with suppress(ZeroDivisionError):\n            return",
        "tests/bench/test_measure.py::test_processes_that_end_while_they_are_read_are_in_their_parents_count",
    ),
    Mutant(
        "a Python worker that outlives its shell costs nobody anything",
        "bench/measure.py",
        "        return sum(self._used.values())",
        "        return sum(map(_used_by_all, self._identities))",
        "tests/bench/test_measure.py::test_what_a_child_used_is_known_though_its_parent_was_ended_before_it",
    ),
    Mutant(
        "a streaming trainer that learned a row twice is measured",
        "bench/streaming/benchmark.py",
        "or spans != [(rows, 0, rows - 1, True)]:",
        "or not spans:",
        "tests/bench/test_streaming.py::test_a_run_that_did_not_learn_each_row_once_is_refused",
    ),
    Mutant(
        "the start of a job is taken for the cost of its rows",
        "bench/streaming/figures.py",
        ".median - self.start.client_cpu_s",
        ".median",
        "tests/bench/test_streaming.py::test_the_report_tells_starts_from_further_rows_and_has_what_checkpoints_cost",
    ),
    Mutant(
        "a side of a benchmark may learn what it likes",
        "bench/trainer/benchmark.py",
        "if not abs(learnt.log_loss - expected) <= TOLERANCE:",
        "if abs(learnt.log_loss - expected) > 1_000 * TOLERANCE:",
        "tests/bench/test_trainer.py::test_a_side_that_learns_something_else_is_refused",
    ),
)
