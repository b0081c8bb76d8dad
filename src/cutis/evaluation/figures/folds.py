"""Figures fold by fold, or repeat by repeat."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from cutis.evaluation.figures.style import COLOURS
from cutis.evaluation.folds import Spread
from cutis.wording import words_of_parts

DRAWN = (
    "macro_roc_auc",
    "balanced_accuracy",
    "accuracy",
    "macro_f1",
    "malignant/roc_auc",
    "malignant/sensitivity",
    "malignant/specificity",
)


def spread_figure(figures: Mapping[str, Spread], *, part: str, together: str) -> Figure:
    """A row per figure: one dot per part, and the common estimate with its interval above them.

    Args:
        figures: By name; of `DRAWN`, those that are there.
        part: What a dot is.
        together: What the estimate is.
    """
    drawn = [name for name in DRAWN if name in figures]
    figure = Figure(figsize=(7.2, 0.9 + 0.5 * len(drawn)), layout="constrained")
    axes = figure.subplots()
    for row, name in enumerate(drawn):
        spread, first = figures[name], row == 0
        axes.plot(
            spread.values,
            np.full(len(spread.values), row + 0.15),
            "o",
            color=COLOURS[0],
            alpha=0.7,
            markersize=5,
            label=part if first else None,
        )
        estimate = spread.estimate
        axes.plot([estimate.low, estimate.high], [row - 0.15] * 2, color=COLOURS[5], linewidth=2)
        axes.plot(
            estimate.value,
            row - 0.15,
            "D",
            color=COLOURS[5],
            markersize=5,
            label=together if first else None,
        )
    axes.set_yticks(range(len(drawn)), [words_of_parts(name) for name in drawn])
    axes.set(xlim=(None, 1.0), ylim=(len(drawn) - 0.5, -0.5))
    axes.grid(axis="x", color="#EEEEEE")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
