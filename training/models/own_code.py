"""The user's own code behind a model, as an inventory of what is in its files: their paths and other modules aside."""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: What the file of the definition itself is called, whatever its name; no module is named so, or it would be left out.
DEFINITION = "<definition>"
#: Something of a module by name, among the values of a declaration.
NAMED = re.compile(r"([A-Za-z_][\w.]*):\w+")
#: Modules of these are in other inventories: in that of headrace's code, and in Python's version.
NOT_OWN = frozenset({"headrace", *sys.stdlib_module_names})
#: Where distributions are installed, whose versions are in the inventory of the environment.
INSTALLED = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib"))


def definition_code(kind: type) -> Mapping[str, str]:
    """The SHA-256 of the file that declares a class, and of each module from beside it that is imported there, by name.

    Modules are found by the import statements of the files, followed from file to file; an import by
    `importlib.import_module` is not seen. Taken once a class, as what is declared does not change with its file.

    Returns: nothing for a class of headrace's own, and for one that has no file, or none any more, as of an interactive
        session.
    """
    return _declared(kind).entries


def named_code(values: Any, files: Iterable[str | Path] = ()) -> dict[str, str]:
    """The SHA-256 of each own module that values name as `module:thing`, those that it imports included.

    Args:
        values: values of JSON.
        files: modules, folders or archives of modules that are there besides; all of them are the user's own.
    """
    return _named(values, files).entries


def own_files(kind: type, values: Any) -> dict[str, Path]:
    """The files whose code `definition_code` of a class and `named_code` of values are, by module; but for its own."""
    found = {**_named(values, ()).paths, **_declared(kind).paths}
    return {name: file for name, file in found.items() if name != DEFINITION}


def _named(values: Any, files: Iterable[str | Path]) -> _Files:
    paths = [Path(file).resolve() for file in files]
    found = _Files([path for path in paths if path.is_dir()])
    for path in paths:
        found.add_all(path)
    for name in sorted(set(named_modules(values))):
        top = name.partition(".")[0]
        folder = None if top in NOT_OWN else _folder_of(top)
        if folder is not None:
            found.roots.append(folder)
        found.add_module(name)
    return found


def named_modules(values: Any) -> Iterator[str]:
    """The modules that values name as `module:thing`, however deep.

    >>> list(named_modules({"model": {"module": "nets:Deep"}, "rate": 0.1}))
    ['nets']
    """
    if isinstance(values, str):
        if match := NAMED.fullmatch(values):
            yield match[1]
    elif isinstance(values, Mapping):
        yield from (name for one in values.values() for name in named_modules(one))
    elif isinstance(values, list | tuple):
        yield from (name for one in values for name in named_modules(one))


@cache
def _declared(kind: type) -> _Files:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    path = Path(file or "").resolve()
    if not path.is_file() or kind.__module__.partition(".")[0] == "headrace":
        return _Files([])
    found = _Files([path.parent, _top_of(path.parent)])
    found.add(DEFINITION, path)
    return found


class _Files:
    """Files, and their hashes, by the names of their modules, with what they import from some folders."""

    def __init__(self, roots: list[Path]) -> None:
        self.roots = roots
        self.paths: dict[str, Path] = {}
        self.entries: dict[str, str] = {}

    def add_all(self, path: Path) -> None:
        """A module, all modules of a folder, or an archive as it is."""
        if path.is_dir():
            for file in sorted(path.rglob("*.py")):
                self.add(_module_name(file.relative_to(path)), file)
        elif path.is_file():
            self.add(path.stem if path.suffix == ".py" else path.name, path)

    def add_module(self, name: str) -> None:
        """A module, and the packages around it, where they are in one of the folders."""
        if name.partition(".")[0] in NOT_OWN:
            return
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            file = self._file_of(parts[:count])
            if file is not None:
                self.add(".".join(parts[:count]), file)

    def add(self, name: str, file: Path) -> None:
        """A file under a name, and what it imports."""
        if name in self.entries or _is_installed(file):
            return
        content = file.read_bytes()
        self.paths[name], self.entries[name] = file, sha256(content).hexdigest()
        if file.suffix == ".py":
            for imported in sorted(set(_imports(content, _package_of(file)))):
                self.add_module(imported)

    def _file_of(self, parts: list[str]) -> Path | None:
        """The file of a module, or of a package; None where no folder has it."""
        for root in self.roots:
            place = root.joinpath(*parts)
            for file in (place / "__init__.py", place.with_suffix(".py")):
                if file.is_file():
                    return file
        return None


def _imports(content: bytes, package: str) -> Iterator[str]:
    """The modules that a file may import, by all of its import statements; what is imported from one may be another."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(filter(None, [*above, node.module]))
            yield from filter(None, (base, *(f"{base}.{one.name}".lstrip(".") for one in node.names)))


def _top_of(folder: Path) -> Path:
    """The folder in which the outermost package around a folder lies; itself where it is in none."""
    return _top_of(folder.parent) if (folder / "__init__.py").is_file() else folder


def _package_of(file: Path) -> str:
    """The package of a file, as a dotted name; empty where it is in none."""
    return ".".join(file.parent.relative_to(_top_of(file.parent)).parts)


def _module_name(file: Path) -> str:
    """The name of a module by its path within a folder."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _folder_of(top: str) -> Path | None:
    """Where a module or package that is importable here lies; None where it is installed, built in or not there."""
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    places = [] if spec is None else [*(spec.submodule_search_locations or []), *filter(None, [spec.origin])]
    folder = Path(places[0]).resolve().parent if places else None
    return None if folder is None or _is_installed(folder) else folder


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in INSTALLED)
