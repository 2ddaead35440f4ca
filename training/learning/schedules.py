"""The share of the learning rate at each step: a function of the steps made, so that it has no state of its own."""

from __future__ import annotations

import math

from headrace.training.learning.spec import ScheduleSpec


def factor(schedule: ScheduleSpec, step: int) -> float:
    """By what the rate is multiplied in a step, the first being 0.

    >>> [round(factor(ScheduleSpec("cosine", {"steps": 4}), step), 3) for step in (0, 1, 2, 4, 9)]
    [1.0, 0.854, 0.5, 0.0, 0.0]
    >>> [factor(ScheduleSpec("step", {"every": 10, "factor": 0.5}), step) for step in (9, 10, 25)]
    [1.0, 0.5, 0.25]
    >>> [factor(ScheduleSpec(warmup=4), step) for step in (0, 1, 3, 4)]
    [0.25, 0.5, 1.0, 1.0]
    """
    rising = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    return rising * _falling(schedule, max(0, step - schedule.warmup))


def _falling(schedule: ScheduleSpec, step: int) -> float:
    """The share without the warm-up, of the steps after it."""
    given = schedule.arguments
    if schedule.name == "step":
        return float(given.get("factor", 0.1) ** (step // given.get("every", 1_000)))
    if schedule.name == "cosine":
        # I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
        floor, share = given.get("floor", 0.0), min(1.0, step / given.get("steps", 1_000))
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))
    if schedule.name == "inverse_sqrt":
        return 1 / math.sqrt(1 + step / given.get("scale", 1_000))
    return 1.0
