"""`EvaluationSet`: rows that models are evaluated on, by a name that gates use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.errors import DefinitionError, RequestError, did_you_mean
from headrace.registry.model_facts import NAME
from headrace.training.data.fact_conditions import CHOICES, FactChoice
from headrace.training.data.filter_text import leading_filters
from headrace.training.data.filters import RowFilter

_FACTS, _WHERE, _BY, _EVEN_LEARNED = " facts ", " where ", " by ", " even learned"


@dataclass(frozen=True)
class EvaluationSet:
    """Rows of a table on which a model is evaluated, and the columns whose values slice its metrics.

    Attributes:
        name: as gates name it, such as `recent` or `frozen`.
        source: `namespace.table@SNAPSHOT`; without a snapshot the newest there is when models are judged, which is then
            the same for all of them.
        filters: which of its rows; all of them hold.
        slices: columns; each metric is also told for each of their values.
        may_be_learned: whether a version may have learned from some of them: of rows that tell whether it has forgotten
            what it knew. Else a gate over the set fails when it has.
        facts: of a label join's table the facts that are taken, one of `CHOICES`; None: each id has one.

    Raises DefinitionError for a name that no version can keep metrics by, a source that is no table, and for filters or
    slices that are no list.

    >>> EvaluationSet.of("recent=raw.trips@8 where at >= 2013-10-01T00:00:00Z by line").slices
    ('line',)
    """

    name: str
    source: str
    filters: Sequence[RowFilter] = ()
    slices: Sequence[str] = ()
    may_be_learned: bool = False
    facts: FactChoice | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            msg = f"evaluation set {self.name!r}: expected a letter, then letters, digits, '_', '-' or '.', 100 at most"
            raise DefinitionError(msg)
        if "." not in self.source:
            msg = f"evaluation set {self.name!r}: source {self.source!r}: expected namespace.table or "
            raise DefinitionError(msg + "namespace.table@SNAPSHOT")
        if self.facts not in (None, *CHOICES):
            msg = f"evaluation set {self.name!r}: facts is {self.facts!r}; {did_you_mean(str(self.facts), CHOICES)}"
            raise DefinitionError(msg)
        for what in ("filters", "slices"):
            found = getattr(self, what)
            if isinstance(found, str) or not isinstance(found, Sequence):
                msg = f"evaluation set {self.name!r}: {what}: expected a list of them, found {found!r}"
                raise DefinitionError(msg)

    @classmethod
    def of(cls, text: str) -> EvaluationSet:
        """The set that `NAME=TABLE[@SNAPSHOT] [facts WHICH] [where FILTERS] [by COLUMN, COLUMN] [even learned]` says.

        Raises RequestError for a text that is none, DefinitionError for a name or a table that is none.
        """
        name, equals, rest = text.partition("=")
        source, _, rest = rest.partition(" ")
        if not (name and equals and source):
            raise RequestError(_expected(text, text))
        filters: tuple[RowFilter, ...] = ()
        rest = f" {rest}" if rest else ""
        rest, learned = rest.removesuffix(_EVEN_LEARNED), rest.endswith(_EVEN_LEARNED)
        facts, rest = _facts(rest)
        if rest.startswith(_WHERE):
            filters, rest = leading_filters(rest.removeprefix(_WHERE))
        slices = [one.strip() for one in rest.removeprefix(_BY).split(",")] if rest.startswith(_BY) else []
        if (rest and not slices) or not all(one.isidentifier() for one in slices):
            raise RequestError(_expected(text, rest.strip()))
        return cls(name, source, filters, tuple(slices), learned, facts)


def _facts(rest: str) -> tuple[Any, str]:
    """Which facts a text begins with, which is judged with the set, and what follows; None where it says nothing."""
    if not rest.startswith(_FACTS):
        return None, rest
    which, space, rest = rest.removeprefix(_FACTS).partition(" ")
    return which, space + rest


def _expected(text: str, found: str) -> str:
    return (
        f"evaluation set {text!r}: expected NAME=TABLE[@SNAPSHOT] [facts WHICH] [where FILTERS] "
        "[by COLUMN, COLUMN] [even learned], such as 'recent=raw.trips where at >= 2013-10-01T00:00:00Z by line', "
        f"found {found!r}"
    )
