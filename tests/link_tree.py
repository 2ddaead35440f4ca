"""The rooms linked under their import name, for whatever cannot see them through an editable install."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def rooms(root: Path = ROOT) -> list[str]:
    """The rooms that setup.py installs."""
    text = (root / "setup.py").read_text(encoding="utf-8")
    found = re.search(r"^ROOMS = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit("setup.py: no ROOMS list")
    return re.findall(r'"(\w+)"', found.group(1))


def link_tree(root: Path, package: Path) -> int:
    """Make `package`, the folder `headrace`, of links into a tree, afresh; returns how many Python files it holds."""
    package.mkdir(parents=True, exist_ok=True)
    for old in package.iterdir():
        old.unlink()
    for name in rooms(root):
        (package / name).symlink_to(root / name, target_is_directory=True)
    for file in (root / "headrace").glob("*.py*"):
        (package / file.name).symlink_to(file)
    (package / "py.typed").touch()
    return sum(len(list((root / name).rglob("*.py"))) for name in [*rooms(root), "headrace"])
