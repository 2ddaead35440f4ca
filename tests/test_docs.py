"""The documentation keeps its word: links lead somewhere, Python compiles, and named commands and tests exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.jobs.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
README_LINES = 150

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|/|\s)headrace\s+((?:--\w+ \S+\s+)*)([a-z][\w-]*)")
#: The gates would be empty if a pattern broke: the pages have at least so many of each.
LEAST = {"links": 40, "python": 3, "commands": 20, "tests": 30}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Text, file and anchor of every relative link."""
    for text, target in LINK.findall(prose(page)):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield text, (page.parent / file if file else page), anchor


def blocks(page: Path, language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def commands(page: Path) -> Iterator[str]:
    """Every command of headrace that a console block runs."""
    for body in blocks(page, "console"):
        for line in body.splitlines():
            if line.startswith("$ "):
                yield from (command for _, command in COMMAND.findall(line))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page: Path) -> None:
    broken = [
        f"{file}#{anchor}"
        for _, file, anchor in links(page)
        if not file.exists() or (anchor and anchor not in anchors(file))
    ]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_to_a_test_names_one_that_is_there(page: Path) -> None:
    absent = [text for text, file in linked_tests(page) if not re.search(rf"\b{text}\(", file.read_text("utf-8"))]
    assert not absent


def linked_tests(page: Path) -> list[tuple[str, Path]]:
    """Links whose text is the name of a function, in backticks."""
    found = [(re.fullmatch(r"`(\w+)`", text), file) for text, file, _ in links(page)]
    return [(name.group(1), file) for name, file in found if name and file.suffix in {".py", ".java"}]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_python_block_compiles(page: Path) -> None:
    for body in blocks(page, "python"):
        ast.parse(body)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_exists(page: Path) -> None:
    assert not set(commands(page)) - set(COMMANDS)


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < README_LINES


def test_the_gates_are_not_empty() -> None:
    found = {
        "links": sum(len(list(links(page))) for page in PAGES),
        "python": sum(len(blocks(page, "python")) for page in PAGES),
        "commands": sum(len(list(commands(page))) for page in PAGES),
        "tests": sum(len(linked_tests(page)) for page in PAGES),
    }
    assert all(found[name] >= least for name, least in LEAST.items()), found
