"""The plot of a measurement: what each cadence was worth beside what it cost, and how the metric went."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headrace.features.instant import date_of
from headrace.training.freshness.points import Freshness, Point
from headrace.training.learning.plots import drawn

INCHES = (11.0, 7.5)
#: Days of which a mean is drawn, so that weekdays are even and a line can be followed.
SMOOTHED_DAYS = 7


def plot_freshness(found: Freshness) -> dict[str, bytes]:
    """`freshness.svg` and `freshness.png`; an equal measurement gives equal bytes."""
    return drawn("freshness", lambda: _figure(found))


def _figure(found: Freshness) -> Figure:
    figure = Figure(figsize=INCHES, layout="constrained")
    figure.suptitle(f"{found.definition.name}, {found.snapshot.table}: {found.metric} by cadence")
    grid = figure.add_gridspec(2, 2)
    beside = [point for point in found.points if point.difference is not None]
    _differences(figure.add_subplot(grid[0, 0]), beside, found.metric)
    _costs(figure.add_subplot(grid[0, 1]), beside, found.metric)
    _days(figure.add_subplot(grid[1, :]), found)
    return figure


def _differences(axes: Axes, points: list[Point], metric: str) -> None:
    """Each difference from static with its interval."""
    for place, point in enumerate(reversed(points)):
        _whisker(axes, point, place, vertical=False)
    axes.set_yticks(range(len(points)), [point.cadence for point in reversed(points)])
    axes.axvline(0, color="gray", linewidth=1)
    axes.set_xlabel(f"{metric}, less that of static (95 %)")


def _costs(axes: Axes, points: list[Point], metric: str) -> None:
    """The same over the rows that were visited."""
    for point in points:
        _whisker(axes, point, point.rows_visited, vertical=True)
        if point.difference is not None:
            place = (point.rows_visited, point.difference.value)
            axes.annotate(point.cadence, place, (5, 3), textcoords="offset points", fontsize=7)
    axes.set_xscale("symlog")
    axes.axhline(0, color="gray", linewidth=1)
    axes.set_xlabel("rows visited")
    axes.set_ylabel(f"{metric}, less that of static")


def _whisker(axes: Axes, point: Point, place: float, *, vertical: bool) -> None:
    if point.difference is None:
        return
    found = point.difference
    away = np.abs([[found.value - found.low], [found.high - found.value]])
    if vertical:
        axes.errorbar(place, found.value, yerr=away, fmt="o", color="C0", markersize=4, capsize=3)
    else:
        axes.errorbar(found.value, place, xerr=away, fmt="o", color="C0", markersize=4, capsize=3)


def _days(axes: Axes, found: Freshness) -> None:
    """The metric over the days, as means of a week."""
    days = [date_of(int(day)) for day in found.days]
    width = min(SMOOTHED_DAYS, len(days))
    for point in found.points:
        means = np.convolve(point.by_day, np.full(width, 1 / width), mode="valid")
        axes.plot(days[width - 1 :], means, label=point.cadence, linewidth=1)  # type: ignore[arg-type]
    axes.set_ylabel(f"{found.metric}, means of {width} days")
    axes.legend(fontsize=7, ncols=2)
