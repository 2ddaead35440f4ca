"""mypy strict over every file, through a link tree.

On an editable install mypy sees one file and says all is well, so the rooms are linked under their import name and the
number of files seen is compared with the number there is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / ".typed" / "headrace"


def rooms() -> list[str]:
    """The rooms that setup.py installs."""
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    found = re.search(r"^ROOMS = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit("setup.py: no ROOMS list")
    return re.findall(r'"(\w+)"', found.group(1))


def link_tree() -> int:
    """Make the link tree afresh; returns how many Python files it holds."""
    TREE.mkdir(parents=True, exist_ok=True)
    for old in TREE.iterdir():
        old.unlink()
    for name in rooms():
        (TREE / name).symlink_to(ROOT / name, target_is_directory=True)
    for file in (ROOT / "headrace").glob("*.py*"):
        (TREE / file.name).symlink_to(file)
    (TREE / "py.typed").touch()
    return sum(len(list((ROOT / name).rglob("*.py"))) for name in [*rooms(), "headrace"])


def main() -> int:
    """Run mypy; 1 when it finds an error or saw fewer files than there are."""
    expected = link_tree()
    command = [sys.executable, "-m", "mypy", "-p", "headrace", "-v", "--config-file", str(ROOT / "pyproject.toml")]
    command += ["--cache-dir", str(ROOT / ".mypy_cache")]
    run = subprocess.run(command, cwd=ROOT / ".typed", capture_output=True, text=True, check=False, env=_environment())
    seen = set(re.findall(r"Found source: +BuildSource\(path='([^']+\.py)'", run.stderr))
    sys.stdout.write(run.stdout)
    if run.returncode == 0 and len(seen) != expected:
        sys.stdout.write(f"mypy saw {len(seen)} files of {expected}\n")
        return 1
    return run.returncode


def _environment() -> dict[str, str]:
    return {**os.environ, "MYPYPATH": str(ROOT / ".typed")}


if __name__ == "__main__":
    sys.exit(main())
