"""What all reports of benchmarks share: how settings and tables stand on the page, and how figures are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


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


def save(path: Path, text: str) -> None:
    """Write a report's JSON, into a folder that may be new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
