"""Environments of rivals: each a virtual environment of its own, made by uv from the versions in `setup.py`.

A rival is an extra of this package, `rival-NAME`; its packages are installed without headrace and its pins.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

from headrace.errors import NotFoundError, PreflightError
from headrace.runtime.progress import Progress

#: In the environment, what was installed in it.
INSTALLED = "requirements.txt"


@dataclass(frozen=True)
class Environments:
    """The environments under a folder, made when they are first asked for and kept.

    Raises:
        PreflightError: uv cannot install the packages, for want of a network for example.
    """

    folder: Path
    progress: Progress

    def python(self, rival: str) -> Path:
        """The interpreter of a rival's environment."""
        place, wanted = self.folder / rival, "\n".join(requirements(rival))
        installed = place / INSTALLED
        if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
            with self.progress.step(f"install {wanted.replace(chr(10), ', ')}"):
                _uv("venv", "--clear", "--python", sys.executable, str(place))
                _uv("pip", "install", "--python", str(place / "bin" / "python"), *wanted.splitlines())
            installed.write_text(wanted, encoding="utf-8")
        return place / "bin" / "python"


def requirements(rival: str) -> list[str]:
    """What `setup.py` says of a rival, pinned; NotFoundError when it knows none of the name.

    >>> [text.partition("==")[0] for text in requirements("asof")]
    ['pandas', 'polars', 'pyarrow']
    """
    asked = [Requirement(text) for text in requires("headrace") or []]
    extra = {"extra": f"rival-{rival}"}
    found = [
        one for one in asked if one.marker is not None and not one.marker.evaluate() and one.marker.evaluate(extra)
    ]
    if not found:
        msg = f"no rival {rival!r} among the extras of setup.py"
        raise NotFoundError(msg)
    return [f"{one.name}{_extras(one)}{one.specifier}" for one in found]


def variables(folder: Path) -> dict[str, str]:
    """What a rival's process finds in its environment: the user's, but temporary files go into a folder, and nobody is
    told of the run.
    """
    return {**os.environ, "TMPDIR": str(folder), "FEAST_USAGE": "False"}


def _extras(one: Requirement) -> str:
    return f"[{','.join(sorted(one.extras))}]" if one.extras else ""


def _uv(*arguments: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    try:
        run = subprocess.run([str(uv), *arguments, "--quiet"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        msg = f"no {uv}; `make setup` installs it"
        raise PreflightError(msg) from error
    if run.returncode:
        msg = f"uv {' '.join(arguments)} failed: {run.stderr.strip()}"
        raise PreflightError(msg)
