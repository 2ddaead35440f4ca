"""What a class of a declared model says beside its options: a misspelt one is no attribute that nobody reads."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property
from types import FunctionType
from typing import Any

from headrace.errors import DefinitionError, did_you_mean

#: Names this much alike (`difflib`'s ratio) differ by a letter or two of ten: `epoch` and `epochs`; `table_name` and
#: `label_time` do not, and a template may well mean the one.
MISSPELT = 0.8
#: What is called by its name, so that a plain value of that name ends a run where it is called.
METHODS = (FunctionType, classmethod, staticmethod)
#: What is read by its name: a user may put a constant in place of one of their own.
PROPERTIES = (property, cached_property)


def check_options(cls: type[Any], at: str, *, abstract: bool) -> None:
    """DefinitionError, beginning with a place, for a plain attribute that is no option of its bases, or hides a method.

    A user's own are names that begin with an underscore, constants in capitals, methods, properties and classes, and
    what a base of the user's declares; of an `abstract` class all that is not nearly an option (`MISSPELT`).

    >>> class Base:
    ...     epochs: int = 1
    >>> class Own(Base):
    ...     learning_rate = 3
    >>> check_options(Own, "model.py:8: training Own", abstract=False)
    Traceback (most recent call last):
    headrace.errors.DefinitionError: model.py:8: training Own: learning_rate = 3 is no option; known: epochs; ...
    """
    bases = cls.__mro__[1:-1]
    options = {name for base in bases for name in vars(base).get("__annotations__", {})} - {"definition"}
    known = options | {name for base in bases for name in vars(base)}
    for name, value in vars(cls).items():
        _check_hides_none(name, value, bases, at, is_ours=_is_ours(cls))
        if _is_own(name, value) or name in known:
            continue
        if not abstract or get_close_matches(name, options, cutoff=MISSPELT):
            msg = f"{at}: {name} = {value!r} is no option; {did_you_mean(name, options)}; what is your own begins with "
            raise DefinitionError(msg + "'_' or is in capitals")


def _is_own(name: str, value: object) -> bool:
    """Whether an attribute is a user's own, and meant to be."""
    return name.startswith("_") or name.isupper() or _is_code(value)


def _is_code(value: object) -> bool:
    """Whether an attribute is a method, a property, a class or the like, and no plain value."""
    return callable(value) or hasattr(type(value), "__get__")


def _is_ours(cls: type[Any]) -> bool:
    """Whether a class is headrace's, and no user's."""
    return cls.__module__.startswith("headrace.")


def _check_hides_none(name: str, value: object, bases: Sequence[type[Any]], at: str, *, is_ours: bool) -> None:
    """DefinitionError for a plain value that hides a method of a base, and for whatever hides a private one of ours.

    `is_ours`: the class is headrace's own, whose methods may override private ones.
    """
    home = next((base for base in bases if name in vars(base)), None)
    if home is None or name.startswith("__"):
        return
    found = vars(home)[name]
    if isinstance(found, METHODS) or (_is_ours(home) and isinstance(found, PROPERTIES)):
        private = _is_ours(home) and name.startswith("_")
        if not _is_code(value) or (private and not is_ours):
            msg = f"{at}: {name} = {value!r} hides the method {home.__name__}.{name}; "
            msg += "" if private else "write a method to override it, or "
            raise DefinitionError(msg + "give what is your own another name")
