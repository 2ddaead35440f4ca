"""Faults that are planted in `runtime`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "live begins one record after history ends",
        "runtime/cutover.py",
        "start = archived.next_offset\n",
        "start = archived.next_offset + 1\n",
        "tests/runtime/test_cutover.py",
    ),
    Mutant(
        "a run over a union forgets which version of a dimension it joins",
        "runtime/cutover.py",
        "(), dimensions=dimensions, members=tuple(parts))",
        "(), members=tuple(parts))",
        "tests/pipelines/test_joined_union.py::test_a_run_pins_and_records_each_history_and_the_dimension",
    ),
    Mutant(
        "two runs write one training's folder",
        "runtime/exclusive.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "tests/training/learning/test_trainer.py::test_two_runs_at_once_never_share_a_folder",
    ),
    Mutant(
        "jars that are older than their sources are well",
        "runtime/stack/doctor.py",
        "file.stat().st_mtime > built",
        "file.stat().st_mtime < built",
        "tests/runtime/stack/test_doctor.py::test_jars_that_are_older_than_their_sources_are_found_out",
    ),
)
