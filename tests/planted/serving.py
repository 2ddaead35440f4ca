"""Faults that are planted in `serving`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "the index of a data frame is a key",
        "serving/given.py",
        'given.reset_index(drop=True) if hasattr(given, "reset_index") else given',
        "given",
        "tests/serving/test_online.py::test_entities_are_taken_as_rows_as_columns_and_as_a_table[DataFrame]",
    ),
    Mutant(
        "a request for no feature is answered",
        "serving/given.py",
        "    if not names:",
        "    if names is None:",
        "tests/serving/test_online.py::test_what_names_no_features_is_refused[none]",
    ),
    Mutant(
        "a kept tile that is still open",
        "serving/cache.py",
        "(self._now_us() - SETTLE_S * SECOND_US) // level * level",
        "-(-self._now_us() // level) * level",
        "tests/serving/test_cache.py::test_an_open_tile_is_always_read",
    ),
    Mutant(
        "what a late event brings back after an erasure is not known",
        "serving/erasure.py",
        "for one in found for start in one.tiles]",
        "for one in found[:1] for start in one.tiles]",
        "tests/serving/test_erasure.py::test_what_a_late_event_brings_back_is_known_and_erased_again[tiles]",
    ),
)
