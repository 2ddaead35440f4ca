"""The integers that a feature can name: those of 64 bits, which is what a column of integers holds on every engine."""

from __future__ import annotations

from headrace.errors import DefinitionError

INT_RANGE = range(-(2**63), 2**63)


def beyond_64_bits(found: str) -> DefinitionError:
    """The error of an integer that no column can hold; `found` is how it was written, or what is known of it.

    >>> str(beyond_64_bits("9223372036854775808")).partition(";")[0]
    '9223372036854775808 is beyond 64 bits'
    """
    ends = f"{INT_RANGE.start:,} to {INT_RANGE.stop - 1:,}"
    return DefinitionError(f"{found} is beyond 64 bits; expected an int of {ends}, or a float, such as 1e20")
