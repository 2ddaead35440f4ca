"""Steps that a user's class overrides: they take what they are called with, and what they raise is told at its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, Signature, getattr_static, signature
from types import FunctionType
from typing import Any

from headrace.errors import DefinitionError, HeadraceError, UserFunctionError
from headrace.features.place import place_of_code, place_of_error


def guard_steps(cls: type[Any], base: type[Any], steps: Sequence[str], what: str) -> None:
    """Check the steps of `base` that a class overrides, and let what these raise name the step, its file and the line.

    An error of headrace's own comes as it is; another as UserFunctionError. Steps that a class inherits from another
    subclass of `base` were looked at there.

    Raises:
        DefinitionError: one cannot be called as the step of `base` is; with the signature that is expected.

    >>> class Base:
    ...     def rows(self, split: str): return 1
    >>> class Own(Base):
    ...     def rows(self): return 2
    >>> guard_steps(Own, Base, ["rows"], "training Own")
    Traceback (most recent call last):
    headrace.errors.DefinitionError: ...: training Own: step 'rows' is rows(self); expected rows(self, split: str)
    """
    for step in steps:
        home = next(one for one in cls.__mro__ if step in vars(one))
        if home is not cls and issubclass(home, base):
            continue
        own = getattr_static(cls, step)
        function = own.__func__ if isinstance(own, staticmethod | classmethod) else own
        if not isinstance(function, FunctionType):
            msg = f"{what}: step {step!r} is {own!r}; expected a method {_shown(step, signature(getattr(base, step)))}"
            raise DefinitionError(msg)
        named = f"{what}: step {step!r}"
        _check(function, signature(getattr(base, step)), named, bound=not isinstance(own, staticmethod))
        told = _telling(function, named)
        setattr(cls, step, type(own)(told) if function is not own else told)


def _check(function: FunctionType, expected: Signature, named: str, *, bound: bool) -> None:
    """DefinitionError for a function that cannot be called by the parameters of a step, `self` among them if bound."""
    parameters = list(expected.parameters.values())[0 if bound else 1 :]
    by_name = {one.name: None for one in parameters if one.kind is Parameter.KEYWORD_ONLY}
    try:
        signature(function).bind(*[None] * (len(parameters) - len(by_name)), **by_name)
    except TypeError as error:
        step = named.rpartition(" ")[2].strip("'")
        msg = f"{place_of_code(function.__code__)}: {named} is {_shown(step, signature(function))}; expected "
        raise DefinitionError(msg + _shown(step, expected)) from error


def _shown(step: str, found: Signature) -> str:
    """A step as its `def` has it, without the quotes of annotations that are not evaluated."""
    return f"{step}{found}".replace("'", "")


def _telling(function: FunctionType, named: str) -> Callable[..., Any]:
    """A function whose errors are told by name, with the line of its file that raised them."""

    @wraps(function)
    def told(*given: Any, **by_name: Any) -> Any:
        try:
            return function(*given, **by_name)
        except HeadraceError:
            raise
        except Exception as error:
            where = place_of_error(error, function.__code__.co_filename) or place_of_code(function.__code__)
            msg = f"{where}: {named} raised {type(error).__name__}: {error}"
            raise UserFunctionError(msg) from error

    return told
