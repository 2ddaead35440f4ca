"""What made a model besides its data: the sources of headrace and the installed packages, as inventories."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from headrace.registry.model_facts import Inventory

#: The rooms whose code can change a model. Tests, benchmarks and examples cannot.
ROOMS = (
    "features",
    "compiler",
    "registry",
    "connectors",
    "runtime",
    "pipelines",
    "serving",
    "training",
    "jobs",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """The hashes of code and environment."""

    code: str
    environment: str


def code_inventory() -> Inventory:
    """The SHA-256 of each Python file of the installed headrace, by its path within the package.

    >>> "headrace/training/models/origin.py" in code_inventory().entries
    True
    """
    return Inventory({name: sha256(file.read_bytes()).hexdigest() for name, file in _sources()})


def environment_inventory() -> Inventory:
    """The version of each installed distribution, by its normalized name, and of Python.

    >>> environment_inventory().entries["python"] == platform.python_version()
    True
    """
    found = {"python": platform.python_version(), "python implementation": platform.python_implementation()}
    for metadata in (one.metadata for one in distributions()):
        # Of two with one name the first on the path is imported. What a broken removal left has no name.
        if metadata["Name"]:
            found.setdefault(_normalized(metadata["Name"]), metadata["Version"])
    return Inventory(found)


def code_hash() -> str:
    """The hash of the sources of the installed headrace: the same on every machine with the same sources."""
    return code_inventory().hash


def environment_hash() -> str:
    """The hash of the versions of Python and of all installed distributions."""
    return environment_inventory().hash


def _sources() -> Iterator[tuple[str, Path]]:
    for package in ("headrace", *(f"headrace.{room}" for room in ROOMS)):
        spec = find_spec(package)
        if spec is None or spec.origin is None:  # a room that an installation left out
            continue
        folder = Path(spec.origin).parent
        found = folder.glob("*.py") if package == "headrace" else folder.rglob("*.py")
        for file in found:
            yield f"{package.replace('.', '/')}/{file.relative_to(folder).as_posix()}", file


def _normalized(name: str) -> str:
    """A distribution's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
