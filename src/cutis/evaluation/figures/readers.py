"""The plots of a reader study: the curve with every reader as a point, gains, confusion, agreement."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cutis.evaluation.figures.style import COLOURS, unit_square
from cutis.evaluation.literature import CONTEXT_ONLY
from cutis.evaluation.reader_results import Counts, ReaderComparison
from cutis.wording import counted

MODEL, READER, MEAN, LITERATURE = COLOURS[0], COLOURS[1], COLOURS[5], COLOURS[7]
LITERATURE_MARKERS = "sDv^<>pX"
MOST_NAMED = 30  # readers whose names still fit beside a row


def curve_figure(found: ReaderComparison) -> Figure:
    """The model's ROC curve, every reader as a point, and the mean reader with standard deviations."""
    figure, axes = unit_square("1 - specificity", "Sensitivity")
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    axes.plot(
        found.curve.x, found.curve.y, color=MODEL, linewidth=2, label=f"model, AUC {found.area}"
    )
    _draw_model_point(axes, found)
    _draw_readers(axes, found)
    _draw_mean(axes, found)
    _draw_literature(axes, found)
    axes.set_title(
        f"{found.title}\n{found.images} images, {found.positives} positive", fontsize="medium"
    )
    axes.legend(loc="lower right", fontsize=8, frameon=True, framealpha=0.9)
    return figure


def gains_figure(found: ReaderComparison) -> Figure:
    """The model's sensitivity less each reader's, at the reader's specificity, with intervals."""
    named = [(each.reader, each.images, each.against_model.gain) for each in found.readers]
    named.sort(key=lambda row: (np.isnan(row[2].value), row[2].value))
    rows = [*named, ("mean reader", found.images, found.mean.against_model.gain)]
    figure = Figure(figsize=(7, 0.26 * len(rows) + 1.4), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="#444444", linewidth=1)
    for height, (name, _images, gain) in enumerate(rows):
        colour = MEAN if name == "mean reader" and height == len(rows) - 1 else READER
        axes.plot([gain.low, gain.high], [height, height], color=colour, linewidth=2)
        axes.plot(gain.value, height, "o", color=colour, markersize=5)
    if len(rows) <= MOST_NAMED:
        labels = [f"{name} (n = {images})" for name, images, _gain in rows]
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(named)} readers, and their mean on top")
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.grid(axis="x", color="#DDDDDD")
    axes.set_xlabel("Sensitivity of the model less that of the reader, 95 % interval")
    axes.set_title("At each reader's own specificity")
    return figure


def confusion_figure(found: ReaderComparison) -> Figure:
    """Confusion matrices of the model and of all readings, side by side."""
    figure = Figure(figsize=(8, 3.9), layout="constrained")
    panels = figure.subplots(1, 2)
    pooled = Counts(
        *(
            sum(getattr(each.answers.counts, name) for each in found.readers)
            for name in Counts.__dataclass_fields__
        )
    )
    _draw_counts(panels[0], found.model.counts, f"model, from {found.threshold.value:.3g} on")
    readings = counted(sum(each.images for each in found.readers), "reading")
    _draw_counts(panels[1], pooled, f"{counted(len(found.readers), 'reader')}, {readings}")
    return figure


def agreement_figure(found: ReaderComparison) -> Figure:
    """Cohen's kappa of every pair of readers."""
    names = [each.reader for each in found.readers]
    side = min(max(4.2, 0.4 * len(names) + 2), 9)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    kappa = np.where(np.eye(len(names), dtype=bool), np.nan, found.pairs.kappa)
    image = axes.imshow(kappa, cmap="cividis", vmin=0, vmax=1)
    axes.set_facecolor("#DDDDDD")  # undefined
    if len(names) <= MOST_NAMED:
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
    if len(names) <= 12:
        for (row, column), value in np.ndenumerate(kappa):
            text = "" if np.isnan(value) else f"{value:.2f}"
            colour = "white" if value < 0.55 else "#222222"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    figure.colorbar(image, ax=axes, shrink=0.8, label="Cohen's kappa")
    axes.set_title("Agreement of readers with each other")
    return figure


def _draw_model_point(axes: Axes, found: ReaderComparison) -> None:
    point = found.model
    axes.plot(
        1 - point.specificity.value,
        point.sensitivity.value,
        "o",
        color=MODEL,
        markersize=9,
        markerfacecolor="white",
        markeredgewidth=2,
        label=f"model from {found.threshold.value:.3g} on",
    )


def _draw_readers(axes: Axes, found: ReaderComparison) -> None:
    points = np.array(
        [
            [1 - each.answers.specificity.value, each.answers.sensitivity.value]
            for each in found.readers
        ]
    )
    drawn = int((~np.isnan(points).any(axis=1)).sum())
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=34,
        color=READER,
        edgecolor="#7A5200",
        linewidth=0.7,
        zorder=3,
        label=f"readers ({drawn}), {found.under_curve} under the curve",
    )


def _draw_mean(axes: Axes, found: ReaderComparison) -> None:
    mean = found.mean
    axes.errorbar(
        1 - mean.specificity.value,
        mean.sensitivity.value,
        xerr=np.nan_to_num(mean.specificity_sd),
        yerr=np.nan_to_num(mean.sensitivity_sd),
        fmt="P",
        color=MEAN,
        markersize=10,
        capsize=4,
        zorder=4,
        label="mean reader, standard deviation",
    )


def _draw_literature(axes: Axes, found: ReaderComparison) -> None:
    for index, point in enumerate(found.literature):
        axes.plot(
            1 - point.specificity,
            point.sensitivity,
            LITERATURE_MARKERS[index % len(LITERATURE_MARKERS)],
            color=LITERATURE,
            markerfacecolor="none",
            markersize=7,
            label=f"{point.name}, n = {point.n} ({CONTEXT_ONLY})",
        )


def _draw_counts(axes: Axes, counts: Counts, title: str) -> None:
    table = np.array(
        [
            [counts.true_positives, counts.false_negatives],
            [counts.false_positives, counts.true_negatives],
        ],
        dtype=float,
    )
    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.zeros_like(table), where=totals > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks([0, 1], ["yes", "no"])
    axes.set_yticks([0, 1], ["positive", "negative"])
    axes.set(xlabel="Answer", ylabel="Truth", title=title)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{table[row, column]:.0f}\n{share:.0%}" if totals[row, 0] else "0"
        colour = "white" if share > 0.55 else "#222222"
        axes.text(column, row, text, ha="center", va="center", color=colour)
