"""Faults that are planted in `training/freshness`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a history's rows are told by their places in it",
        "training/freshness/history.py",
        "    kept = np.searchsorted(positions, batch.positions.numpy())\n",
        "    kept = np.searchsorted(positions, batch.positions.numpy())\n    batch = fitted.encode(table)\n",
        "tests/training/freshness/test_replay.py::test_rows_of_a_history_are_known_by_their_places_in_the_snapshot",
    ),
    Mutant(
        "a replay learns from a label that has not come",
        "training/freshness/history.py",
        "int(np.searchsorted(came, before_us))]",
        "int(np.searchsorted(came, before_us)) + 1]",
        "tests/training/freshness/test_replay.py::test_answers_are_those_of_a_loop_that_follows_the_clock[daily-86400000000]",
    ),
    Mutant(
        "the guard of a replay lets a label of its own instant through",
        "training/freshness/history.py",
        "early = self.label_us[places] >= clock_us",
        "early = self.label_us[places] > clock_us",
        "tests/training/freshness/test_replay.py::test_a_planted_leak_is_found",
    ),
    Mutant(
        "a replay begins with labels that had not come",
        "training/freshness/history.py",
        "rows.where(TimeRange(times.label, None, instant_us))",
        "rows.where(TimeRange(times.event, None, instant_us))",
        "tests/training/freshness/test_measure.py::test_every_label_that_came_is_visited_once_and_each_row_tested",
    ),
    Mutant(
        "a gain is claimed though the interval holds 0",
        "training/freshness/points.py",
        "    if difference.holds_zero:",
        "    if False:",
        "tests/training/freshness/test_measure.py::test_no_gain_is_claimed_where_no_time_is_unlike_another[0]",
    ),
    Mutant(
        "a measurement refuses what its class allows to be refused",
        "training/freshness/measuring.py",
        "Plan(chosen.plan.epochs, most_refused=chosen.plan.most_refused)",
        "Plan(chosen.plan.epochs)",
        "tests/training/freshness/test_measure.py::test_more_refused_rows_than_are_declared_end_a_measurement",
    ),
    Mutant(
        "a replay makes a new model of no rows",
        "training/freshness/replay.py",
        "if not all(drawn.count(epoch) for epoch in",
        "if not any(True for epoch in",
        "tests/training/freshness/test_replay.py::"
        "test_the_former_model_stays_where_no_row_is_there_to_make_a_new_one_of[daily:decay=1s]",
    ),
    Mutant(
        "superseded labels are replayed",
        "training/freshness/measuring.py",
        "labelled(pipeline.facts_of(PinnedRows(snapshot)), times",
        "labelled(PinnedRows(snapshot), times",
        "tests/training/models/test_facts_learned.py::test_freshness_replays_last_facts_or_nothing",
    ),
)
