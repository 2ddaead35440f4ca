"""Which facts of a label join are learned: as a condition of a query, and as filters of rows in a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from headrace.errors import NotFoundError
from headrace.features.label_join import FACT_NUMBER, LABEL_TIME
from headrace.training.data.filters import Condition, Present, RowFilter

Which = Literal["all", "first", "labelled"]
#: The same of a table as it stands, and the last fact of each id: on a stream a later one may still come.
FactChoice = Literal["all", "first", "labelled", "last"]
#: By which facts are learned the condition that they meet, as Flink and Iceberg both read it, and the column in it.
CONDITIONS: Mapping[str, tuple[str, str]] = {
    "first": (f"{FACT_NUMBER} = 1", FACT_NUMBER),
    "labelled": (f"{LABEL_TIME} IS NOT NULL", LABEL_TIME),
}
#: The choice that a row alone does not tell.
LAST: Final = "last"
#: All that can be chosen of a table.
CHOICES: tuple[FactChoice, ...] = get_args(FactChoice)
#: The filters of each choice that a row alone tells.
FACT_FILTERS: Mapping[str, tuple[RowFilter, ...]] = {
    "all": (),
    "first": (Condition(FACT_NUMBER, "==", 1),),
    "labelled": (Present(LABEL_TIME),),
}
_FILTERS = {"": (), **{condition: FACT_FILTERS[which] for which, (condition, _) in CONDITIONS.items()}}


def filters_where(condition: str) -> tuple[RowFilter, ...]:
    """The filters of a condition; NotFoundError for one that headrace did not write.

    >>> [str(one) for one in filters_where("fact_number = 1")]
    ['fact_number == 1']
    """
    if condition not in _FILTERS:
        msg = f"rows where {condition!r}: a condition of another version of headrace; expected one of {list(_FILTERS)}"
        raise NotFoundError(msg)
    return _FILTERS[condition]
