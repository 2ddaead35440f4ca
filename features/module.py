"""A user's file as a module of its own, with every error at a line of that file."""

from __future__ import annotations

import hashlib
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace.errors import DefinitionError, HeadraceError
from headrace.features.place import place_of_error


def run_file(file: Path) -> ModuleType:
    """Run the file as a fresh module whose name no other file has.

    DefinitionError, with file and line, for whatever is wrong in it.
    """
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
