"""A learner made once before its job is submitted, so that what it lacks is told to whoever starts it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pyarrow as pa

from headrace.errors import (
    ArtifactError,
    HeadraceError,
    ModelError,
    SettingsError,
    UnknownColumnError,
    UserFunctionError,
)
from headrace.features.module import OWN_FOLDERS
from headrace.registry.model_facts import LARGEST
from headrace.training.learning.learner import ChecksRows, Learner, Seeded
from headrace.training.streaming.function import Taught

#: What a learner has, by `Learner`.
PARTS = ("counters", "learn", "state", "resume", "artifact")

#: What workers have themselves, wherever a file that declares a model lies.
EVERYWHERE = frozenset({"__main__", "headrace"})

#: What to do where a version and a learner do not fit.
UNFIT = "; start from a version that has learned by such a learner of such columns, or leave out --from"


def check_learner(
    taught: Taught, columns: pa.Schema, files: Sequence[str | Path], start: str | None = None, left_out: str = ""
) -> int | None:
    """Make the learner here as the workers will, and let it look at the columns that it will be given, if it does that.

    Returns its seed; None where it has none.

    Args:
        taught: what the workers are told.
        columns: those that the learner is given.
        files: modules that are importable while it is made, as `python_files` of the workers.
        start: the name of the version whose files it is made with; None: it is made with none.
        left_out: what is said of columns that it is not given, where it misses one.

    Raises:
        SettingsError, ArtifactError: there is no such function, or files of the version are missing or damaged.
        ModelError: what it says itself of the version's files, or of columns beside them.
        HeadraceError: what it says itself of its arguments or columns, where it begins with no version.
        UserFunctionError: it raised something else.
        SettingsError: what it made is no learner, or its seed is none that a version can keep.
    """
    name = taught.learner.function
    asked = f"learner {name!r} with arguments {dict(taught.learner.arguments)!r}"
    with importable(files):
        try:
            learner = taught.trainer().learner
            if isinstance(learner, ChecksRows):
                _check_rows(learner, columns, left_out)
        except (SettingsError, ArtifactError):
            raise
        except HeadraceError as error:
            if start is None:
                raise
            msg = f"{start} does not fit {asked}: {error}{UNFIT}"
            raise ModelError(msg) from error
        except Exception as error:
            begun, todo = ("", "") if start is None else (f" and the files of {start}", UNFIT)
            msg = f"{asked}{begun}: {type(error).__name__}: {error}{todo}"
            raise UserFunctionError(msg) from error
        _check_parts(name, learner)
        return _seed_of(name, learner)


@contextmanager
def importable(files: Sequence[str | Path], *, beside: bool = False) -> Iterator[None]:
    """Have modules importable as Flink has them in its workers: a file without those beside it, a folder or an archive.

    Those beside the files that declare models are not, even if these have imported them: no worker has them. Modules of
    the names of files are others before and afterwards, so that two files of one name are two modules.

    Args:
        files: as `python_files` names them.
        beside: modules beside the files that declare models are importable, too.
    """
    paths = [Path(file).resolve() for file in files]
    alone = {path.stem: path for path in paths if path.suffix == ".py"}
    folders: Set[str] = frozenset() if beside else OWN_FOLDERS
    hidden = alone.keys() | _imported_from(folders)
    before, others = list(sys.path), _popped(hidden)
    with TemporaryDirectory() as folder:
        for path in alone.values():
            (Path(folder) / path.name).symlink_to(path)
        given = [folder, *(str(path) for path in paths if path.suffix != ".py")]
        sys.path[:] = [*given, *(one for one in before if one not in folders)]
        try:
            yield
        finally:
            sys.path[:] = before
            _popped(hidden)
            sys.modules.update(others)


def _imported_from(folders: Set[str]) -> set[str]:
    """The names of the modules and packages that were imported from one of some folders."""
    found = {name: module for name, module in list(sys.modules.items()) if "." not in name and name not in EVERYWHERE}
    return {name for name, one in found.items() if isinstance(one, ModuleType) and _folders_of(one) & folders}


def _folders_of(module: ModuleType) -> set[str]:
    """The folders that a module or package lies in."""
    parts = vars(module).get("__path__") or [vars(module).get("__file__") or ""]
    return {str(Path(part).parent) for part in parts}


def _popped(names: Set[str]) -> dict[str, ModuleType]:
    """Modules and packages, with what is in these, taken out of those that are imported."""
    chosen = [name for name in sys.modules if name.partition(".")[0] in names]
    return {name: sys.modules.pop(name) for name in chosen}


def _check_rows(learner: ChecksRows, columns: pa.Schema, left_out: str) -> None:
    """Let a learner look at columns. UnknownColumnError, with what was left out, where it misses one."""
    try:
        learner.check(columns)
    except UnknownColumnError as error:
        if not left_out:
            raise
        msg = f"{error}; {left_out}"
        raise UnknownColumnError(msg) from error


def _seed_of(name: str, learner: Learner) -> int | None:
    if not isinstance(learner, Seeded):
        return None
    found: object = learner.seed
    if type(found) is not int or not 0 <= found <= LARGEST:
        msg = f"learner {name!r}: seed: expected an integer from 0 to {LARGEST}, found {found!r}"
        raise SettingsError(msg)
    return found


def _check_parts(name: str, learner: Learner) -> None:
    lacks = [part for part in PARTS if not hasattr(learner, part)]
    if lacks:
        msg = f"learner {name!r} made {type(learner).__name__!r}, which has no {', '.join(lacks)}; expected a `Learner`"
        raise SettingsError(msg)
