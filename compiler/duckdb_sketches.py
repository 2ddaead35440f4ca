"""Quantiles and the most frequent values in DuckDB SQL, by the rules of `buckets.py` and `tally.py`."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.compiler.buckets import GREATEST_BUCKET, LEAST, SHIFT, SPAN
from headrace.compiler.tally import BOUND, HEAD_BYTES
from headrace.features.fraction import MILLION
from headrace.features.scalar import BOOL, INT, STR

#: How much smaller than the largest number one is that counts as 0.
_SMALLER = 1 << (SPAN >> (52 - SHIFT))


def rounded_sql(x: str) -> str:
    """What a number rounds to: the leading bits of the double."""
    bits = f"CAST(CAST(abs({x}) AS BIT) AS BIGINT)"
    leading = f"least(({bits} + {1 << (SHIFT - 1)}) >> {SHIFT}, {GREATEST_BUCKET}) << {SHIFT}"
    return f"CASE WHEN abs({x}) < {LEAST!r} THEN 0e0 ELSE sign({x}) * CAST(CAST({leading} AS BIT) AS DOUBLE) END"


def quantile_sql(x: str, within: str, per_million: int) -> str:
    """One quantile; a share as DECIMAL makes DuckDB find the rank in whole numbers.

    >>> "DECIMAL" in quantile_sql("x", "", 990_000)
    True
    """
    share = f"CAST({per_million / MILLION:.6f} AS DECIMAL(7, 6))"
    found = f"quantile_disc({rounded_sql(x)}, {share}) {within}"
    least = f"max(abs({rounded_sql(x)})) {within} / {_SMALLER}"
    return f"CASE WHEN abs({found}) <= {least} THEN 0e0 ELSE {found} END"


def quantiles_sql(x: str, within: str, per_million: Sequence[int]) -> str:
    """A list of quantiles; NULL without a value."""
    values = ", ".join(quantile_sql(x, within, share) for share in per_million)
    return f"CASE WHEN count({x}) {within} > 0 THEN [{values}] END"


#: How many bytes a value takes, by its type.
BYTES_SQL = {STR: "octet_length(encode(e.key))", INT: "8", BOOL: "1"}


def top_k_sql(x: str, within: str, type_: str, size: int) -> str:
    """The most frequent values; NULL without a value, and where the values do not fit.

    The few first ones are selected rather than all sorted: in a frame before each row that is most of the time.

    >>> "octet_length" in top_k_sql("x", "", "str", 3)
    True
    """
    entries = f"map_entries(histogram({x}) {within})"
    taken = f"list_sum([{HEAD_BYTES} + {BYTES_SQL[type_]} FOR e IN {entries}])"
    counted = f"[{{'n': -CAST(e.value AS BIGINT), 'value': e.key}} FOR e IN {entries}]"
    return f"CASE WHEN {taken} <= {BOUND} THEN [e.value FOR e IN list_aggregate({counted}, 'min', {size})] END"
