"""Functions of the user's by name, as they travel to a worker: `package.module:function`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any, cast

from headrace.errors import SettingsError, did_you_mean

#: How a function is named.
FUNCTION = re.compile(r"[\w.]+:\w+")


def function_named(path: str, what: str) -> Callable[..., Any]:
    """The function of a name; `what` it is to be, for messages.

    Raises:
        SettingsError: there is none.

    >>> function_named("json:dumps", "subscriber")([1])
    '[1]'
    """
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        msg = f"{what} {path!r}: module {module_name!r} cannot be imported: {error}; expected "
        msg += "'package.module:function', in a file that `python_files` names or a package that is installed"
        raise SettingsError(msg) from error
    found = getattr(module, name, None)
    if not callable(found):
        known = [one for one in vars(module) if callable(getattr(module, one)) and not one.startswith("_")]
        msg = f"{what} {path!r}: module {module_name!r} has no function {name!r}; "
        raise SettingsError(msg + did_you_mean(name, known))
    return cast("Callable[..., Any]", found)
