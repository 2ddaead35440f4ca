"""The shape of a rule."""

from __future__ import annotations

from collections.abc import Callable

from headrace.features.scalar import Scalar

#: From the arguments of an ibis node, in its order, to the scalar: values are scalars already, the rest is ibis's own.
Rule = Callable[..., Scalar]
