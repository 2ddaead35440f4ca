"""How callers name a feature: `view:feature`, in requests and in training sets."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.errors import RequestError


@dataclass(frozen=True, slots=True)
class Reference:
    """A feature as callers name it: `view:feature`.

    >>> Reference.parse("fraud_features:failed_1h")
    Reference(view='fraud_features', feature='failed_1h')
    """

    view: str
    feature: str

    def __str__(self) -> str:
        return f"{self.view}:{self.feature}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The reference; RequestError when it is not `view:feature`."""
        view, colon, feature = text.partition(":")
        if not (view and colon and feature):
            msg = f"feature {text!r}: expected 'view:feature'"
            raise RequestError(msg)
        return cls(view, feature)
