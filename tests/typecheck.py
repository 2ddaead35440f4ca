"""mypy strict over every file, through a link tree.

On an editable install mypy sees one file and says all is well, so the rooms are linked under their import name and the
number of files seen is compared with the number there is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from .link_tree import ROOT, link_tree

TREE = ROOT / ".typed" / "headrace"


def main() -> int:
    """Run mypy; 1 when it finds an error or saw fewer files than there are."""
    expected = link_tree(ROOT, TREE)
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
