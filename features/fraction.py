"""Shares such as 0.99, as whole millionths: the rank of a quantile is then the same in every engine."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.errors import DefinitionError

MILLION = 1_000_000


def per_million(verb: str, share: Any) -> int:
    """A share of 0 to 1 in millionths; DefinitionError, naming the verb, for all else and for more than six decimals.

    >>> per_million("quantile", 0.99), per_million("quantile", 1)
    (990000, 1000000)
    """
    is_number = isinstance(share, int | float) and not isinstance(share, bool)
    # By its decimals, as it was written: 0.07 * 1,000,000 is not quite 70,000.
    found = Decimal(str(share)) * MILLION if is_number else Decimal(-1)
    if not (found.is_finite() and 0 <= found <= MILLION and found == int(found)):
        msg = f"{verb}({share!r}): expected a share from 0 to 1 with at most six decimals, such as 0.99"
        raise DefinitionError(msg)
    return int(found)
