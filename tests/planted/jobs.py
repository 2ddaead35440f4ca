"""Faults that are planted in `jobs`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a broken store is found after hours of learning",
        "jobs/train.py",
        "    store = ModelStore.at(settings) if register else None",
        "    store = None",
        "tests/jobs/test_train.py::test_a_broken_store_is_found_before_anything_is_learnt",
    ),
)
