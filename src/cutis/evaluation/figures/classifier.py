"""Curves, confusion matrix, sensitivities and training history of one classifier."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cutis.checks import FloatArray
from cutis.errors import InputError
from cutis.evaluation.classifier import Evaluation
from cutis.evaluation.estimates import Estimate
from cutis.evaluation.figures.style import COLOURS, STYLES, unit_square, words
from cutis.metrics.ranking import Curve


def roc_figure(evaluation: Evaluation) -> Figure:
    """One ROC curve per class, and the malignant roll-up in black."""
    figure, axes = unit_square(
        "False positive rate (1 - specificity)", "True positive rate (sensitivity)"
    )
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    _draw_curves(axes, evaluation.roc_curves, _estimates(evaluation, "roc_auc"), steps=False)
    axes.set_title(f"ROC curves, {evaluation.split} split (n = {evaluation.images})")
    axes.legend(loc="lower right", fontsize=8, frameon=False, title="AUC [95 % interval]")
    return figure


def precision_recall_figure(evaluation: Evaluation) -> Figure:
    """One precision-recall curve per class, and the malignant roll-up in black."""
    figure, axes = unit_square("Recall (sensitivity)", "Precision (positive predictive value)")
    estimates = _estimates(evaluation, "average_precision")
    _draw_curves(axes, evaluation.precision_recall_curves, estimates, steps=True)
    axes.set_title(f"Precision-recall curves, {evaluation.split} split (n = {evaluation.images})")
    axes.legend(loc="lower left", fontsize=8, frameon=False, title="AP [95 % interval]")
    return figure


def confusion_figure(evaluation: Evaluation) -> Figure:
    """Counts, shaded by the share of each true class."""
    counts = evaluation.confusion
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    k = len(evaluation.classes)
    side = max(4.5, 0.75 * k + 2)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    labels = [words(name) for name in evaluation.classes]
    axes.set_xticks(range(k), labels, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(k), labels, fontsize=8)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{counts[row, column]:.0f}\n{share:.0%}" if totals[row, 0] else "0"
        colour = "white" if share > 0.55 else "#222222"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xlabel("Answer")
    axes.set_ylabel("Truth")
    axes.set_title("Confusion matrix: counts and share of the true class")
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
    axes.set_xlim(0, 1)
    axes.grid(axis="x", color="#DDDDDD")
    axes.set_title("Sensitivity by class, 95 % interval")
    return figure


def history_figure(history: Path) -> Figure:
    """Loss and validation figures by epoch.

    Args:
        history: The `history.csv` of a run folder.

    Raises:
        InputError: no such file, or it lacks columns.
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
    axes: Axes, curves: Mapping[str, Curve], estimates: Mapping[str, Estimate], *, steps: bool
) -> None:
    for index, (name, curve) in enumerate(curves.items()):
        rolled_up = name == "malignant" and index == len(curves) - 1
        axes.plot(
            curve.x,
            curve.y,
            STYLES[index // len(COLOURS) % len(STYLES)],
            color="black" if rolled_up else COLOURS[index % len(COLOURS)],
            linewidth=2.0 if rolled_up else 1.3,
            drawstyle="steps-post" if steps else "default",
            label=f"{words(name)}: {estimates[name]}",
        )


def _read_history(history: Path) -> dict[str, FloatArray]:
    try:
        with history.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except FileNotFoundError:
        raise InputError(f"{history}: no such file") from None
    wanted = ("epoch", "train_loss", "val_loss", "val_macro_auc", "val_balanced_accuracy")
    try:
        return {name: np.array([float(row[name]) for row in rows]) for name in wanted}
    except (KeyError, ValueError, TypeError) as fault:
        raise InputError(f"{history}: not a history of epochs (column {fault})") from None
