"""What came of comparing served values with history: values, to be printed and to be acted upon."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from headrace.compiler.tiles import WindowMode
from headrace.connectors.frame import html_table

#: How many differences a text shows; JSON has all.
SHOWN_DIFFERENCES = 10


class Cause(StrEnum):
    """Why a served value is not that of history, as far as it was proven.

    - `late row`: rows arrived after the value was served, or were judged late and are in it all the same.
    - `tail rounding`: windows are served in whole tiles.
    - `not yet materialized`: rows that the job had not committed when the value was served.
    - `unknown entity`: the store knows an entity by rows of any time; history by those before the asked time.
    - `expired`: tiles of the window may have been deleted by retention.
    - `estimate`: more different values than are counted exactly.
    - `unexplained`: none of these makes the value equal.
    """

    LATE_ROW = "late row"
    TAIL_ROUNDING = "tail rounding"
    NOT_MATERIALIZED = "not yet materialized"
    UNKNOWN_ENTITY = "unknown entity"
    EXPIRED = "expired"
    ESTIMATE = "estimate"
    UNEXPLAINED = "unexplained"


class Kind(StrEnum):
    """How a served value differs: `missing` and `extra` where one side is NULL."""

    DIFFERENT = "different"
    MISSING = "missing"
    EXTRA = "extra"

    @classmethod
    def of(cls, served: Any, history: Any) -> Kind:
        """The kind of a difference.

        >>> str(Kind.of(None, 0)), str(Kind.of(0, None)), str(Kind.of(1, 2))
        ('missing', 'extra', 'different')
        """
        if served is None or history is None:
            return cls.MISSING if served is None else cls.EXTRA
        return cls.DIFFERENT


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not that of history. `causes` together make it equal; `detail` has rows, offsets and times."""

    feature: str
    entity: Mapping[str, Any]
    asked_at: datetime
    kind: Kind
    served: Any
    status: str | None
    history: Any
    causes: tuple[Cause, ...]
    detail: str

    @property
    def cause(self) -> str:
        """The causes as one text."""
        return " and ".join(self.causes)

    @property
    def is_explained(self) -> bool:
        """Whether its causes were proven."""
        return Cause.UNEXPLAINED not in self.causes

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "feature": self.feature,
            "entity": dict(self.entity),
            "asked_at": self.asked_at.isoformat(),
            "kind": self.kind.value,
            "served": self.served,
            "status": self.status,
            "history": self.history,
            "causes": [cause.value for cause in self.causes],
            "detail": self.detail,
        }

    def to_text(self) -> str:
        """What differs and why, and what shows it."""
        entity = ", ".join(f"{name}={value!r}" for name, value in self.entity.items()) or "a request alone"
        values = f"served {shown(self.served)}, history {shown(self.history)}"
        return f"{self.feature} of {entity} at {self.asked_at.isoformat()}: {values}: {self.cause}\n  {self.detail}"


@dataclass(frozen=True, slots=True)
class FeatureLine:
    """One feature: how many values were compared, how they differ, and by what cause."""

    feature: str
    compared: int
    equal: int
    different: int
    missing: int
    extra: int
    causes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, feature: str, compared: int, differences: Sequence[Difference]) -> FeatureLine:
        """The line of a feature's differences.

        >>> FeatureLine.of("clicks_1h", 3, []).equal
        3
        """
        kinds = Counter(one.kind for one in differences)
        causes = Counter(one.cause for one in differences)
        counts = (kinds[Kind.DIFFERENT], kinds[Kind.MISSING], kinds[Kind.EXTRA])
        return cls(feature, compared, compared - len(differences), *counts, dict(causes.most_common()))

    def to_row(self) -> dict[str, Any]:
        """The line with its causes as one text."""
        causes = ", ".join(f"{name} {count:,}" for name, count in self.causes.items())
        numbers = {name: getattr(self, name) for name in ("compared", "equal", "different", "missing", "extra")}
        return {"feature": self.feature, **numbers, "causes": causes or None}


@dataclass(frozen=True)
class Consistency:
    """Served values of one version of a view beside those of history.

    Attributes:
        windows: the mode in which history was computed.
        histories: the table and its snapshot, of a union those of each source, and when that was `committed_at`.
        notes: what bounds the comparison, such as how far the job and the archive are.
        left_out: the features of which the store alone has no value, with the reason.
    """

    view: str
    version: str
    generation: int
    windows: WindowMode
    histories: tuple[tuple[str, int], ...]
    committed_at: datetime
    notes: tuple[str, ...]
    left_out: Mapping[str, str]
    features: tuple[FeatureLine, ...]
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences without a proven cause."""
        return tuple(one for one in self.differences if not one.is_explained)

    @property
    def holds(self) -> bool:
        """Whether every difference is explained."""
        return not self.unexplained

    @property
    def compared(self) -> int:
        """How many values were compared."""
        return sum(line.compared for line in self.features)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with every difference."""
        return {
            "view": self.view,
            "version": self.version,
            "generation": self.generation,
            "windows": self.windows,
            "histories": [{"table": table, "snapshot_id": snapshot} for table, snapshot in self.histories],
            "committed_at": self.committed_at.isoformat(),
            "notes": list(self.notes),
            "left_out": dict(self.left_out),
            "compared": self.compared,
            "unexplained": len(self.unexplained),
            "features": [{**line.to_row(), "causes": dict(line.causes)} for line in self.features],
            "differences": [one.to_dict() for one in self.differences],
        }

    def to_json(self) -> str:
        """The whole as JSON text."""
        return json.dumps(self.to_dict(), indent=2, default=_plain)

    def head(self) -> list[str]:
        """What was compared with what, in a few lines."""
        of = f"view {self.view}, version {self.version}, generation {self.generation}"
        read = ", ".join(f"{table}, snapshot {snapshot}" for table, snapshot in self.histories)
        beside = f"history {read} of {self.committed_at.isoformat()}"
        return [f"{of}: served values beside {beside}, windows {self.windows}", *self.notes]

    def summary(self) -> list[str]:
        """Some differences, the unexplained ones first, and the verdict."""
        ordered = sorted(self.differences, key=lambda one: one.is_explained)
        shown = [one.to_text() for one in ordered[:SHOWN_DIFFERENCES]]
        left = len(ordered) - len(shown)
        more = [f"and {left:,} more; --format json has all"] if left else []
        counts = {"compared": self.compared, "differing": len(ordered), "unexplained": len(self.unexplained)}
        verdict = "values " + ", ".join(f"{name}: {count:,}" for name, count in counts.items())
        return [*shown, *more, *self._left_out(), verdict]

    def _left_out(self) -> Iterator[str]:
        """What was not compared."""
        for name, why in self.left_out.items():
            yield f"on-demand feature {name} is left out, for it {why}; a log of what was served is compared whole"

    def _repr_html_(self) -> str:
        """The lines of the features as a table."""
        import pyarrow as pa

        rows = [line.to_row() for line in self.features]
        return html_table(pa.Table.from_pylist(rows), self.summary()[-1])


def lines_of(compared: Mapping[str, int], differences: Iterable[Difference]) -> Iterator[FeatureLine]:
    """The line of each feature, in order."""
    listed = list(differences)
    for feature, count in compared.items():
        yield FeatureLine.of(feature, count, [one for one in listed if one.feature == feature])


def shown(value: Any) -> str:
    """A value in a text.

    >>> shown(None), shown("a1")
    ('NULL', "'a1'")
    """
    return "NULL" if value is None else value.isoformat() if isinstance(value, datetime) else repr(value)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
