"""Public names of a package that are loaded on first use, so that importing the package stays cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names_from(package: str, home_of: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` (PEP 562): finds each public name in the module that `home_of` says.

    >>> names_from("headrace", {"did_you_mean": "headrace.errors"})("did_you_mean")("sum", ["sum_of"])
    "did you mean 'sum_of'?"
    """

    def find(name: str) -> Any:
        if name not in home_of:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(import_module(home_of[name]), name)

    return find
