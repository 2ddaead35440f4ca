"""A label join as a plan: what is read, what becomes of each row of both sources, and how that is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from headrace.compiler.build import plan_source
from headrace.compiler.codec import decode, encode
from headrace.compiler.plan import Column, SourcePlan, fingerprint_of
from headrace.errors import SettingsError
from headrace.features.label_join import FACT, FACT_NUMBER, LABEL, LABEL_TIME, LabelJoin, Missing
from headrace.features.scalar import DATETIME, INT, STR, Scalar


class Outcome(IntEnum):
    """What is told of a row that its own source accepts: three facts, and four reasons why it is a dead letter.

    A number, as `Verdict` is.

    >>> Outcome.WAITED.label, Outcome.WAITED.is_fact
    ('waited', True)
    """

    LABELLED = 1
    WAITED = 2
    CORRECTED = 3
    REPEATED = 4
    DUPLICATE = 5
    TOO_LATE = 6
    ORPHAN = 7

    @property
    def label(self) -> str:
        """The name that tables and people see."""
        return self.name.lower()

    @property
    def is_fact(self) -> bool:
        """Whether it is told of a logged row with what is known of its label."""
        return self in FACTS

    @property
    def reason(self) -> str:
        """Why a row with this outcome is a dead letter; KeyError for a fact."""
        return _REASONS[self]


FACTS = (Outcome.LABELLED, Outcome.WAITED, Outcome.CORRECTED)
_REASONS = {
    Outcome.REPEATED: "another logged row of this id is earlier",
    Outcome.DUPLICATE: "another label of this id is earlier",
    Outcome.TOO_LATE: "the label is later than wait and retention",
    Outcome.ORPHAN: "no row with this id was logged",
}
#: Which source a dead letter is of.
LOGGED, LABELS = "logged", "labels"


@dataclass(frozen=True, slots=True)
class LabelJoinPlan:
    """A label join under its name, with the plans of its two sources."""

    name: str
    logged: SourcePlan
    labels: SourcePlan
    on: tuple[tuple[str, str], ...]
    label: Column
    missing: Missing
    wait_us: int
    retention_us: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = encode(self)
        return plain

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LabelJoinPlan:
        """The plan from `to_dict`'s values; SettingsError for one that another version of headrace wrote."""
        try:
            return decode(cls, data)
        except TypeError as error:
            msg = f"label join {data.get('name')}: planned by another version of headrace ({error}); start it anew"
            raise SettingsError(msg) from error

    @property
    def version(self) -> str:
        """Eight hex digits that tell this definition, its sources' included, from every other."""
        return fingerprint_of(self.to_dict())

    @property
    def ids(self) -> tuple[Column, ...]:
        """The id's columns, as logged rows name them."""
        return tuple(self.logged.column(ours) for ours, _ in self.on)

    @property
    def corrects_us(self) -> int:
        """How long after the event time a label still counts."""
        return self.wait_us + self.retention_us

    @property
    def remembers_us(self) -> int:
        """How long after the newest row of an id, in event time, another row of it may still be accepted and count."""
        return self.corrects_us + max(self.logged.allowed_lateness_us, self.labels.allowed_lateness_us)

    @property
    def missing_value(self) -> Scalar:
        """What stands for a label that did not come in time, as a constant of the label's type."""
        return Scalar("literal", self.label.type, value=self.missing)

    @property
    def facts(self) -> tuple[Column, ...]:
        """The columns of a fact: those of the logged row, then what is known of its label."""
        label = Column(LABEL, self.label.type, optional=True)
        told = (Column(FACT, STR), Column(FACT_NUMBER, INT))
        return (*self.logged.columns, label, Column(LABEL_TIME, DATETIME, optional=True), *told)


def plan_label_join(name: str, join: LabelJoin) -> LabelJoinPlan:
    """The plan of a label join that is known by a name."""
    labels = plan_source(join.labels)
    return LabelJoinPlan(
        name=name,
        logged=plan_source(join.logged),
        labels=labels,
        on=join.on,
        label=labels.column(join.label),
        missing=join.missing,
        wait_us=join.wait_us,
        retention_us=join.retention_us,
    )
