"""The rival of users' functions: a general Python function of PyFlink, called with one row after the other."""

from __future__ import annotations

from pyflink.table import DataTypes
from pyflink.table.udf import udf


def charge(cents: int) -> int:
    """What `views/charges.py` computes.

    >>> charge(60_000), charge(199)
    (180000, 212)
    """
    return cents * 3 if cents > 50_000 else cents * 107 // 100


charged = udf(charge, result_type=DataTypes.BIGINT())
