"""What all reports of benchmarks share: how settings and tables stand on the page, and how figures are kept."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path


class BenchmarkReport(ABC):
    """Everything that a run of a benchmark found out: a frozen dataclass, which is told, documented and kept.

    Attributes:
        benchmark: the name in the marks around its place on the page.
        parameters: what it ran with.
        facts: what it ran on.
    """

    benchmark: str
    parameters: Mapping[str, float]
    facts: Mapping[str, str]

    @abstractmethod
    def markdown(self) -> str:
        """The report for the documentation."""

    def text(self) -> str:
        """The report for a terminal."""
        return self.markdown()

    def measured(self, more: str = "") -> str:
        """The head of the report: what it ran with, `more` that is to be said of that, and what it ran on."""
        return f"Measured with {settings_text(self.parameters)}{more}.\n{facts_text(self.facts)}."

    def to_json(self) -> str:
        """Every figure."""
        return json.dumps(vars(self), default=asdict, indent=1)

    def save(self, path: Path) -> None:
        """Write the JSON, into a folder that may be new."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_json() + "\n", encoding="utf-8")


def settings_text(parameters: Mapping[str, float]) -> str:
    """What a benchmark ran with.

    >>> settings_text({"rows": 1000, "rounds": 3})
    'rows 1,000; rounds 3'
    """
    return "; ".join(f"{name} {value:,}" for name, value in parameters.items())


def facts_text(facts: Mapping[str, str]) -> str:
    """What it ran on.

    >>> facts_text({"cores": "2", "memory": "23 GiB"})
    'cores 2; memory 23 GiB'
    """
    return "; ".join(f"{name} {value}" for name, value in facts.items())


def table(lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first line is its head.

    >>> table([("side", "s"), ("ours", "1")])
    '| side | s |\\n| --- | --- |\\n| ours | 1 |'
    """
    head, *body = lines
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *body])
