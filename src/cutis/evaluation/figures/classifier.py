"""Curves, confusion matrix, sensitivities and training history of one classifier."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cutis.checks import FloatArray
from cutis.errors import InputError
from cutis.evaluation.classifier import Evaluation
from cutis.evaluation.estimates import Estimate
from cutis.evaluation.figures.style import (
    COLOURS,
    STYLES,
    line_look,
    name_curves,
    unit_square,
)
from cutis.metrics.ranking import Curve
from cutis.wording import words

MOST_NAMED = 30  # classes whose curves can be told apart by colour and line
UNNAMED = "#CCCCCC"
MOST_WITH_SHARES = 12  # classes whose shares are written into a confusion matrix


def roc_figure(evaluation: Evaluation) -> Figure:
    """One ROC curve per class, and the malignant roll-up in black."""
    figure, axes = unit_square(
        "False positive rate (1 - specificity)", "True positive rate (sensitivity)"
    )
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    areas = _estimates(evaluation, "roc_auc")
    named = _draw_curves(axes, evaluation.roc_curves, areas)
    axes.set_title(f"ROC curves, split {evaluation.split} (n = {evaluation.images})")
    name_curves(axes, title=f"AUC [95 % interval]{named}")
    return figure


def precision_recall_figure(evaluation: Evaluation) -> Figure:
    """One precision-recall curve per class, and the malignant roll-up in black."""
    figure, axes = unit_square("Recall (sensitivity)", "Precision (positive predictive value)")
    estimates = _estimates(evaluation, "average_precision")
    # The precision at a threshold holds for the recall gained there: the area drawn is the AP.
    curves = {
        name: Curve(
            np.append(0, each.x), np.append(each.y[0], each.y), np.append(np.inf, each.thresholds)
        )
        for name, each in evaluation.precision_recall_curves.items()
    }
    named = _draw_curves(axes, curves, estimates, drawstyle="steps-pre")
    axes.set_title(f"Precision-recall curves, split {evaluation.split} (n = {evaluation.images})")
    name_curves(axes, title=f"AP [95 % interval]{named}", loc="lower left")
    return figure


def confusion_figure(evaluation: Evaluation) -> Figure:
    """Counts, shaded by the share of each true class; few classes have their shares written too."""
    counts = evaluation.confusion
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    k = len(evaluation.classes)
    few = k <= MOST_WITH_SHARES
    side = max(4.5, (0.75 if few else 0.27) * k + 2)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    labels = [words(name) for name in evaluation.classes]
    size = 8 if few else 7
    turned = {"rotation": 40, "ha": "right"} if few else {"rotation": 90}
    axes.set_xticks(range(k), labels, fontsize=size, **turned)
    axes.set_yticks(range(k), labels, fontsize=size)
    for (row, column), share in np.ndenumerate(shares):
        count = counts[row, column]
        text = f"{count:.0f}\n{share:.0%}" if few and totals[row, 0] else f"{count:.0f}"
        if few or count:  # zeros of many classes would hide the rest
            colour = "white" if share > 0.55 else "#222222"
            axes.text(column, row, text, ha="center", va="center", fontsize=size - 1, color=colour)
    axes.set_xlabel("Answer")
    axes.set_ylabel("Truth")
    shown = "and share" if few else "in shades of the share"
    axes.set_title(f"Confusion matrix: counts {shown} of the true class")
    return figure


def recall_figure(evaluation: Evaluation) -> Figure:
    """Sensitivity of each class with its interval."""
    names = list(evaluation.classes)
    figure = Figure(figsize=(7, 0.45 * len(names) + 1.5), layout="constrained")
    axes = figure.subplots()
    for row, name in enumerate(reversed(names)):
        estimate = evaluation.per_class["recall"][name]
        axes.plot([estimate.low, estimate.high], [row, row], color=COLOURS[0], linewidth=2)
        axes.plot(estimate.value, row, "o", color=COLOURS[0])
    counts = evaluation.class_counts
    labels = [f"{words(name)} (n = {counts[name]})" for name in reversed(names)]
    axes.set_yticks(range(len(names)), labels, fontsize=8)
    axes.set(xlim=(0, 1), ylim=(-0.5, len(names) - 0.5))
    axes.grid(axis="x", color="#DDDDDD")
    axes.set_title("Sensitivity by class, 95 % interval")
    return figure


def history_figure(history: Path) -> Figure:
    """Loss and validation figures by epoch.

    Args:
        history: The `history.csv` of a run folder.

    Raises:
        InputError: no such file, no table, or it lacks columns or epochs.
    """
    epochs = _read_history(history)
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for axes, names in (
        (losses, ("train_loss", "val_loss")),
        (scores, ("val_macro_auc", "val_balanced_accuracy")),
    ):
        for colour, style, name in zip(COLOURS, STYLES, names, strict=False):
            values = epochs[name]
            axes.plot(
                epochs["epoch"] + 1,
                values,
                style,
                marker="o",
                markersize=3,
                color=colour,
                label=words(name),
            )
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="#EEEEEE")
        axes.legend(frameon=False, fontsize=8)
    losses.set_title("Loss")
    scores.set_title("Validation figures")
    return figure


def _estimates(evaluation: Evaluation, name: str) -> dict[str, Estimate]:
    found = dict(evaluation.per_class[name])
    if evaluation.malignant:
        found["malignant"] = evaluation.malignant[name]
    return found


def _draw_curves(
    axes: Axes,
    curves: Mapping[str, Curve],
    estimates: Mapping[str, Estimate],
    *,
    drawstyle: Literal["default", "steps-pre"] = "default",
) -> str:
    """Draw every curve, and say which of them have a name where there are too many to name all.

    The malignant roll-up always has one, beside `MOST_NAMED` classes with the lowest estimates.
    """
    names = list(curves)
    rolled_up = names.pop() if names and names[-1] == "malignant" else None
    lowest = set(sorted(names, key=lambda name: estimates[name].value)[:MOST_NAMED])
    for name in names:
        if name not in lowest:
            curve = curves[name]
            axes.plot(curve.x, curve.y, color=UNNAMED, linewidth=0.8, drawstyle=drawstyle)
    named = [name for name in names if name in lowest]
    drawn = [(name, *line_look(index), 1.3) for index, name in enumerate(named)]
    if rolled_up is not None:
        drawn.append((rolled_up, "black", "-", 2.0))
    for name, colour, style, width in drawn:
        axes.plot(
            curves[name].x,
            curves[name].y,
            style,
            color=colour,
            linewidth=width,
            drawstyle=drawstyle,
            label=f"{words(name)}: {estimates[name]}",
        )
    return f", the lowest {MOST_NAMED} of {len(names)} classes" if len(names) > MOST_NAMED else ""


def _read_history(history: Path) -> dict[str, FloatArray]:
    if history.is_dir():
        raise InputError(f"{history}: a folder; give the history.csv of a run")
    try:
        with history.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except FileNotFoundError:
        raise InputError(f"{history}: no such file") from None
    except OSError as fault:
        raise InputError(f"{history}: cannot be read ({fault.strerror})") from fault
    except (UnicodeDecodeError, csv.Error) as fault:
        raise InputError(f"{history}: not a CSV table ({fault})") from fault
    if not rows:
        raise InputError(f"{history}: no epochs in it")
    wanted = ("epoch", "train_loss", "val_loss", "val_macro_auc", "val_balanced_accuracy")
    try:
        return {name: np.array([float(row[name]) for row in rows]) for name in wanted}
    except (KeyError, ValueError, TypeError) as fault:
        raise InputError(f"{history}: not a history of epochs (column {fault})") from None
