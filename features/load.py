"""Load a user's file: into a module of its own, with every error at a line of that file."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace.errors import DefinitionError, HeadraceError
from headrace.features.place import place_of_error
from headrace.features.source import Source, SourceSchema
from headrace.features.transformation import Transformation
from headrace.features.view import FeaturePipeline, View


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a file defines: sources and views by name, and the pipeline class of each view."""

    sources: dict[str, SourceSchema]
    views: dict[str, View]
    pipelines: dict[str, type[FeaturePipeline]]


def load_views(path: str | Path) -> Definitions:
    """The sources and views that a Python file defines.

    The file is run as a fresh module on every call. DefinitionError, with file and line, for whatever is wrong in it,
    and for a file without a view.
    """
    file = Path(path).resolve()
    module = _run(file)
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    for value in vars(module).values():
        if isinstance(value, Transformation):
            value.aggregate()
    own = [kind for kind in classes if kind.__module__ == module.__name__]
    pipelines = {kind.view.name: kind for kind in own if issubclass(kind, FeaturePipeline) and "view" in vars(kind)}
    if not pipelines:
        msg = f"{path}: defines no view; write a subclass of FeaturePipeline"
        raise DefinitionError(msg)
    views = {name: kind.view for name, kind in pipelines.items()}
    sources = [kind.schema for kind in own if issubclass(kind, Source)] + [view.source for view in views.values()]
    return Definitions({source.name: source for source in sources}, views, pipelines)


def _run(file: Path) -> ModuleType:
    """Run the file as a module whose name no other file has."""
    name = f"headrace_user_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        msg = f"{file}: no such Python file"
        raise DefinitionError(msg)
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except HeadraceError:
        raise
    except SyntaxError as error:
        msg = f"{error.filename}:{error.lineno}: {error.msg}"
        raise DefinitionError(msg) from error
    except Exception as error:
        raise _located(error, file) from error
    return module


def _located(error: Any, file: Path) -> DefinitionError:
    """An error of the user's own code, with its line."""
    return DefinitionError(f"{place_of_error(error, str(file)) or file}: {type(error).__name__}: {error}")
