"""What a class of a declared model says beside its options: a misspelt one is no attribute that nobody reads."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from headrace.errors import DefinitionError, did_you_mean

#: Names this much alike (`difflib`'s ratio) differ by a letter or two of ten: `epoch` and `epochs`; `table_name` and
#: `label_time` do not, and a template may well mean the one.
MISSPELT = 0.8


def check_options(cls: type[Any], at: str, *, abstract: bool) -> None:
    """DefinitionError, beginning with a place, for a plain attribute of a class that is no option of its bases.

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
        if _is_own(name, value) or name in known:
            continue
        if not abstract or get_close_matches(name, options, cutoff=MISSPELT):
            msg = f"{at}: {name} = {value!r} is no option; {did_you_mean(name, options)}; what is your own begins with "
            raise DefinitionError(msg + "'_' or is in capitals")


def _is_own(name: str, value: object) -> bool:
    """Whether an attribute is a user's own, and meant to be."""
    return name.startswith("_") or name.isupper() or callable(value) or hasattr(type(value), "__get__")
