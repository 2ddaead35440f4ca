"""Plots of a run: one panel for each loss or metric, training and evaluation together."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Names of parts of an SVG are made of this and not at random, so that equal runs have equal plots.
SALT = "headrace"
COLUMNS = 2
PANEL_INCHES = (5.0, 3.0)
DOTS_PER_INCH = 100


def plot_run(scalars: pa.Table, title: str) -> dict[str, bytes]:
    """The run's scalars over the rows visited, as `run.svg` and `run.png`; equal scalars give equal bytes.

    `scalars` has the columns step, rows, name (`train/loss`, `eval/auc`) and value.
    """
    return drawn("run", lambda: _figure(_series(scalars), title))


def drawn(name: str, figure: Callable[[], Figure]) -> dict[str, bytes]:
    """A figure as `name.svg` and `name.png`; one that is made alike gives the same bytes."""
    with rc_context({"svg.hashsalt": SALT, "svg.fonttype": "path"}):
        made = figure()
        return {
            f"{name}.svg": _written(made, "svg", {"Date": None, "Creator": None}),
            f"{name}.png": _written(made, "png", {"Software": None}),
        }


Series = dict[str, dict[str, list[tuple[int, float]]]]


def _series(scalars: pa.Table) -> Series:
    """By metric and then by what it is of, values over rows."""
    found: Series = defaultdict(lambda: defaultdict(list))
    for row in scalars.to_pylist():
        part, _, metric = row["name"].partition("/")
        found[metric][part].append((row["rows"], row["value"]))
    return found


def _figure(series: Series, title: str) -> Figure:
    lines = -(-max(1, len(series)) // COLUMNS)
    figure = Figure(figsize=(PANEL_INCHES[0] * COLUMNS, PANEL_INCHES[1] * lines), layout="constrained")
    figure.suptitle(title)
    for place, metric in enumerate(sorted(series), start=1):
        _panel(figure.add_subplot(lines, COLUMNS, place), metric, series[metric])
    return figure


def _panel(axes: Axes, metric: str, parts: dict[str, list[tuple[int, float]]]) -> None:
    """One metric; a value that is not finite is a gap."""
    for part, points in sorted(parts.items()):
        rows, values = np.array(points, np.float64).T
        values[~np.isfinite(values)] = np.nan
        axes.plot(rows, values, label=part, linewidth=1, marker="o" if part == "eval" else "", markersize=4)
    axes.set_title(metric)
    axes.set_xlabel("rows visited")
    axes.legend()


def _written(figure: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
    return out.getvalue()
