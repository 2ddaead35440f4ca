"""Which facts of a label join are learned: as a condition of the query, and as filters of rows that are read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from headrace.errors import NotFoundError
from headrace.features.label_join import FACT_NUMBER, LABEL_TIME
from headrace.training.data.filters import Condition, Present, RowFilter

Which = Literal["all", "first", "labelled"]
#: By which facts are learned the condition that they meet, as Flink and Iceberg both read it, and the column in it.
CONDITIONS: Mapping[str, tuple[str, str]] = {
    "first": (f"{FACT_NUMBER} = 1", FACT_NUMBER),
    "labelled": (f"{LABEL_TIME} IS NOT NULL", LABEL_TIME),
}
_FILTERS: Mapping[str, tuple[RowFilter, ...]] = {
    "": (),
    CONDITIONS["first"][0]: (Condition(FACT_NUMBER, "==", 1),),
    CONDITIONS["labelled"][0]: (Present(LABEL_TIME),),
}


def filters_where(condition: str) -> tuple[RowFilter, ...]:
    """The filters of a condition; NotFoundError for one that headrace did not write.

    >>> [str(one) for one in filters_where("fact_number = 1")]
    ['fact_number == 1']
    """
    if condition not in _FILTERS:
        msg = f"rows where {condition!r}: a condition of another version of headrace; expected one of {list(_FILTERS)}"
        raise NotFoundError(msg)
    return _FILTERS[condition]
