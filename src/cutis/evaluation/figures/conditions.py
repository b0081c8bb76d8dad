"""Readers without and with the model, as arrows in the plane of the ROC curve."""

import numpy as np
from matplotlib.figure import Figure

from cutis.evaluation.conditions import ConditionComparison, TwoRates
from cutis.evaluation.figures.style import COLOURS, unit_square

READER, MEAN = COLOURS[1], COLOURS[5]


def conditions_figure(found: ConditionComparison) -> Figure:
    """An arrow for each reader who has both rates, from the point without the model to that with it."""
    figure, axes = unit_square("1 - specificity", "Sensitivity")
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    drawn = [
        each.rates
        for each in found.readers
        if not np.isnan([both.gain.value for both in each.rates.values()]).any()
    ]
    arrows = [(rates, READER, 1.2) for rates in drawn] + [(found.mean, MEAN, 2.4)]
    for rates, colour, width in arrows:
        start, end = (
            (
                1 - getattr(rates["specificity"], side).value,
                getattr(rates["sensitivity"], side).value,
            )
            for side in TwoRates.__dataclass_fields__
            if side != "gain"
        )
        axes.annotate(
            "",
            xy=end,
            xytext=start,
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": width},
        )
        axes.plot(*start, "o", color=colour, markerfacecolor="white", markersize=6)
        axes.plot(*end, "o", color=colour, markersize=6)
    axes.plot([], [], "o-", color=READER, label=f"readers ({len(drawn)})")
    axes.plot([], [], "o-", color=MEAN, linewidth=2.4, label="mean reader")
    axes.plot([], [], "o", color="#444444", markerfacecolor="white", label="without the model")
    axes.plot([], [], "o", color="#444444", label="with the model")
    axes.legend(loc="lower right", fontsize=8)
    axes.set_title("From reading alone to reading with the model")
    return figure
