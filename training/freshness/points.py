"""What each cadence was worth: its metric with an interval, beside a static model, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.training.data.rows import RowCount
from headrace.training.data.snapshot import Snapshot
from headrace.training.freshness.cadences import STATIC
from headrace.training.freshness.history import History, Integers
from headrace.training.freshness.replay import Replayed
from headrace.training.learning.bootstrap import BlockBootstrap, Interval
from headrace.training.learning.definition import TrainingDefinition
from headrace.training.learning.metrics import METRICS, Floats

#: What a cost is told for: a hundredth of the metric.
POINT = 0.01
BETTER, WORSE = "better", "worse"


@dataclass(frozen=True, slots=True)
class Point:
    """One cadence.

    Attributes:
        metric: over all rows that were tested.
        difference: from the static model's, by the same drawings; None of that model itself.
        by_day: the metric of each day; NaN where it is not defined.
        shown: `better` or `worse` than static where the interval of the difference leaves 0 out, else empty.
        updates: how often it learned; `rows_visited` and `cpu_s` are what that took.
        kept: how often there was no row to make a new model of, so that the former one stayed.
        refused: rows of `rows_visited` that the learner's guard refused.
    """

    cadence: str
    metric: Interval
    difference: Interval | None
    by_day: Floats
    shown: str
    updates: int
    kept: int
    rows_visited: int
    refused: int
    cpu_s: float

    @property
    def cpu_s_per_point(self) -> float | None:
        """CPU seconds for each hundredth by which the metric was better; None where it was not shown to be."""
        if self.difference is None or self.shown != BETTER:
            return None
        return self.cpu_s * POINT / abs(self.difference.value)


@dataclass(frozen=True, slots=True)
class Freshness:
    """What fresh models were worth.

    Attributes:
        start_us: where the replay began.
        rows: how many rows of the snapshot have a label, and how many do not.
        known: rows that the model of the start was trained on; `tested` came after the start.
        days: the UTC days of the rows tested, counted from 1970: the blocks that were drawn.
    """

    definition: TrainingDefinition
    snapshot: Snapshot
    metric: str
    start_us: int
    rows: RowCount
    known: int
    tested: int
    days: Integers
    points: Sequence[Point]


def points_of(history: History, metric: str, replayed: Sequence[Replayed], drawn: BlockBootstrap) -> list[Point]:
    """The points of cadences, of which one is static."""
    labels = history.labels[history.first :]
    static = next(one.answers for one in replayed if one.cadence.every == STATIC)
    return [_point(one, metric, static, labels, drawn) for one in replayed]


def drawn_days(history: History, seed: int) -> BlockBootstrap:
    """Drawings of the days that were tested; TrainingError where there are too few."""
    return BlockBootstrap.by_day(history.event_us[history.first :], seed=seed)


def _point(one: Replayed, metric: str, static: Floats, labels: Floats, drawn: BlockBootstrap) -> Point:
    beside = one.cadence.every != STATIC
    # A model that never learned is the static one, though it was asked of other numbers of rows at once, which adds up
    # in another order.
    answers = one.answers if one.updates else static
    difference = drawn.difference(metric, answers, static, labels) if beside else None
    return Point(
        one.cadence.name,
        drawn.metric(metric, answers, labels),
        difference,
        drawn.by_block(metric, answers, labels),
        "" if difference is None else _shown(metric, difference),
        one.updates,
        one.kept,
        one.rows_visited,
        one.refused,
        one.cpu_s,
    )


def _shown(metric: str, difference: Interval) -> str:
    if difference.holds_zero:
        return ""
    return BETTER if (difference.value > 0) == METRICS[metric].rises else WORSE
