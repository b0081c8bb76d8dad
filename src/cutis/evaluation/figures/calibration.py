"""Reliability diagrams."""

import math
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cutis.evaluation.calibration import CalibrationReport
from cutis.evaluation.figures.style import COLOURS
from cutis.metrics.calibration import ReliabilityCurve
from cutis.wording import words

_COLUMNS = 4
_MARKERS = "osD^vPX"


def reliability_figure(report: CalibrationReport) -> Figure:
    """One small diagram per class and one for the most probable class, every version in each."""
    panels = list(next(iter(report.reliability.values())))
    rows = math.ceil(len(panels) / _COLUMNS)
    figure = Figure(figsize=(2.9 * _COLUMNS, 2.9 * rows), layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        _panel(axes, {name: curves[panel] for name, curves in report.reliability.items()})
        axes.set_title(words(panel), fontsize=9)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    grid[0].legend(frameon=False, fontsize=7, loc="upper left")
    figure.supxlabel("Stated probability", fontsize=9)
    figure.supylabel("Observed share", fontsize=9)
    return figure


def _panel(axes: Axes, curves: Mapping[str, ReliabilityCurve]) -> None:
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    for index, (name, curve) in enumerate(curves.items()):
        spread = [curve.observed - curve.low, curve.high - curve.observed]
        axes.errorbar(
            curve.forecast,
            curve.observed,
            yerr=spread,
            fmt=f"{_MARKERS[index % len(_MARKERS)]}-",
            color=COLOURS[index % len(COLOURS)],
            markersize=3,
            linewidth=1,
            elinewidth=0.7,
            label=name,
        )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.tick_params(labelsize=7)
    axes.grid(color="#EEEEEE")
