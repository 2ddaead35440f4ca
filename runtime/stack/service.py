"""A service of the stack: its processes, and the settings by which clients reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.runtime.stack.process import ProcessSpec
from headrace.runtime.stack.record import write_whole


@dataclass(frozen=True)
class Service:
    """What a service's module makes out of the plan; its configuration files are written by then.

    Attributes:
        name: as in `plan.SERVICES`.
        processes: in the order in which they are started.
        settings: nested settings that reach it, such as ``{"kafka": {"bootstrap_servers": "127.0.0.1:29092"}}``.
    """

    name: str
    processes: tuple[ProcessSpec, ...]
    settings: Mapping[str, Any]


def write_configuration(folder: Path, files: Mapping[str, str]) -> Path:
    """Write configuration files; returns their folder."""
    for name, text in files.items():
        write_whole(folder / name, text)
    return folder
