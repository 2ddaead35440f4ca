"""Faults that are planted in `examples`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "features of the demo are those of two minutes after departure",
        "examples/late_flights/departures.py",
        'asked_at=spine["departed_at"] - AHEAD',
        'asked_at=spine["departed_at"] + AHEAD',
        "tests/examples/test_late_flights.py::test_features_are_those_of_what_had_been_reported_at_departure",
    ),
    Mutant(
        "a label of the demo is known before its arrival is reported",
        "examples/late_flights/departures.py",
        'known_at=spine["flight_id"].map(landed["reported_at"])',
        'known_at=spine["flight_id"].map(landed["at"])',
        "tests/examples/test_late_flights.py::test_a_label_is_that_of_the_arrival_and_known_when_this_is_reported",
    ),
    Mutant(
        "a flight of the demo is answered by a model of a later time",
        "examples/late_flights/replay.py",
        'np.searchsorted(leaves, last, side="right")',
        'np.searchsorted(leaves, newest, side="right")',
        "tests/examples/test_late_flights.py::test_each_flight_is_answered_by_the_model_of_its_departure",
    ),
    Mutant(
        "what is online is read as of the departure, not as of when its features were asked for",
        "examples/late_flights/online.py",
        'at=row["departed_at"] - AHEAD)',
        'at=row["departed_at"])',
        "tests/examples/test_late_flights.py::test_what_is_learned_is_what_was_online",
    ),
    Mutant(
        "a count that was missing before its entity's time is taken for any that is missing",
        "examples/late_flights/online.py",
        'if _was_unknown(row[name], value) and begun >= row["departed_at"] - AHEAD:',
        "if not same(value.value, row[name]):",
        "tests/examples/test_late_flights.py::test_a_feature_that_is_not_what_was_online_is_found_out[last_delay]",
    ),
    Mutant(
        "a session is that of all users",
        "examples/session/features.py",
        'shop.groupby(["user", "category"])',
        'shop.groupby("category")',
        "tests/examples/test_session.py::"
        "test_from_the_sixth_view_on_a_model_that_knows_the_session_beats_the_static_one",
    ),
    Mutant(
        "a session has the view that is to be foretold",
        "examples/session/rows.py",
        'offered(seen[seen["at"] >= BEGIN])',
        'offered(seen[seen["at"] >= BEGIN].assign(at=seen["at"] + timedelta(microseconds=1)))',
        "tests/examples/test_session.py::test_a_session_is_the_users_own_views_of_the_half_hour_before",
    ),
    Mutant(
        "a user without views in the session is told apart by what was before it",
        "examples/session/features.py",
        "(f.views_of_category_30m / f.views_30m).fill_null(0.0)",
        "f.views_of_category_30m.fill_null(-1)",
        "tests/examples/test_session.py::test_before_the_first_view_both_choose_the_same",
    ),
)
