"""`Mutant`: a fault, and the test that must catch it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: `text`, which occurs once in `file`, becomes `fault`. `caught_by` is a test of pytest, or of JUnit."""

    name: str
    file: str
    text: str
    fault: str
    caught_by: str
