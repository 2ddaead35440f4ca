"""A user's file as a module of its own, with every error at a line of that file."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from headrace.errors import DefinitionError, HeadraceError, did_you_mean
from headrace.features.place import place_of_error

T = TypeVar("T")
#: The beginning of an error that says where: a file with an ending, and a line.
_PLACED = re.compile(r"[^:]*\.\w+:\d+")
#: The folders that `class_in` has made importable; behind all others in `sys.path`, the newest first.
OWN_FOLDERS: set[str] = set()


def run_file(file: Path) -> ModuleType:
    """Run the file as a fresh module whose name no other file has. While it runs, modules beside it are importable.

    DefinitionError, with file and line, for whatever is wrong in it; an error of headrace's own as what it is, and with
    the line too.
    """
    name = f"headrace_user_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        msg = f"{file}: no such Python file"
        raise DefinitionError(msg)
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importable(str(file.resolve().parent)):
            spec.loader.exec_module(module)
    except HeadraceError as error:
        _locate(error, file)
        raise
    except SyntaxError as error:
        msg = f"{error.filename}:{error.lineno}: {error.msg}"
        raise DefinitionError(msg) from error
    except Exception as error:
        raise _located(error, file) from error
    return module


def class_in(file: Path, base: type[T], name_of: Callable[[type[T]], str], what: str, name: str = "") -> type[T]:
    """The subclass of `base` that a file declares, or the one with a name. `name_of` an abstract one is empty.

    Modules beside the file stay importable, since a network is imported by its name when it is made; what is installed
    under the name of one goes before it.

    Raises:
        DefinitionError: the file is wrong, has none, no such one, two of one name, or several and none was named.
    """
    resolved = file.resolve()
    _keep_importable(str(resolved.parent))
    found = named_classes(run_file(resolved), base, name_of, what)
    if not found:
        msg = f"{file}: declares no {what} that has a name; write a subclass of {base.__name__}"
        raise DefinitionError(msg)
    if name and name not in found:
        msg = f"{file}: no {what} {name!r}; {did_you_mean(name, found)}"
        raise DefinitionError(msg)
    if not name and len(found) > 1:
        msg = f"{file}: has more than one {what} ({', '.join(sorted(found))}); name one with --name"
        raise DefinitionError(msg)
    return found[name] if name else next(iter(found.values()))


def named_classes(
    module: ModuleType, base: type[T], name_of: Callable[[type[T]], str], what: str
) -> dict[str, type[T]]:
    """The subclasses of `base` that a user's module itself declares, by their names; those of an empty name are none.

    DefinitionError for two of one name: the first would vanish.
    """
    # A class that has two names in the module is one.
    kinds = dict.fromkeys(one for one in vars(module).values() if isinstance(one, type) and issubclass(one, base))
    found: dict[str, type[T]] = {}
    for kind in kinds:
        name = name_of(kind) if kind.__module__ == module.__name__ else ""
        if name in found:
            classes = f"classes {found[name].__name__} and {kind.__name__}"
            msg = f"{module.__file__}: {classes} are both {what} {name!r}; rename one"
            raise DefinitionError(msg)
        if name:
            found[name] = kind
    return found


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    """Have modules of a folder importable for a while."""
    added = folder not in sys.path
    if added:
        sys.path.insert(_own_place(), folder)
    try:
        yield
    finally:
        if added and folder in sys.path:
            sys.path.remove(folder)


def _keep_importable(folder: str) -> None:
    """Have modules of a folder importable from now on, before those of the other own folders."""
    if folder in OWN_FOLDERS and folder in sys.path:
        sys.path.remove(folder)
    if folder not in sys.path:
        sys.path.insert(_own_place(), folder)
        OWN_FOLDERS.add(folder)


def _own_place() -> int:
    """Where own folders begin in `sys.path`."""
    return next((place for place, one in enumerate(sys.path) if one in OWN_FOLDERS), len(sys.path))


def _locate(error: HeadraceError, file: Path) -> None:
    """Let an error begin with the line of the user's file that it passed through, unless it begins with a place."""
    place, said = place_of_error(error, str(file)), str(error)
    if place is not None and not _PLACED.match(said):
        error.args = (f"{place}: {said}",)


def _located(error: Any, file: Path) -> DefinitionError:
    """An error of the user's own code, with its line."""
    return DefinitionError(f"{place_of_error(error, str(file)) or file}: {type(error).__name__}: {error}")
