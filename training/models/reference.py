"""How a version is named: `model@3` by number, `model@champion` by alias."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.errors import ModelError
from headrace.registry.model_states import Alias, alias_of


@dataclass(frozen=True, slots=True)
class Reference:
    """A version of a model, by its number or by the alias that it has.

    >>> Reference.of("flight_delays@3")
    Reference(model='flight_delays', version=3)
    """

    model: str
    version: int | Alias

    @classmethod
    def of(cls, text: str) -> Reference:
        """The reference that a text is.

        Raises:
            ModelError: the text has no model or no version.
            NotFoundError: there is no such alias; with a suggestion.
        """
        model, _, version = text.partition("@")
        if not model or not version:
            msg = f"{text!r}: expected MODEL@NUMBER or MODEL@ALIAS, such as 'flights@3' or 'flights@champion'"
            raise ModelError(msg)
        number = version.isascii() and version.isdigit()
        return cls(model, int(version) if number else alias_of(version))

    def __str__(self) -> str:
        return f"{self.model}@{self.version}"
