"""The plots of scores against each other: ROC curves, areas by band, decision curves."""

from matplotlib.figure import Figure

from cutis.evaluation.figures.style import line_look, name_curves, unit_square
from cutis.evaluation.scores import ScoreComparison
from cutis.wording import words


def roc_figure(found: ScoreComparison) -> Figure:
    """One ROC curve per score."""
    figure, axes = unit_square("1 - specificity", "Sensitivity")
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    for index, (name, curve) in enumerate(found.curves.items()):
        colour, style = line_look(index)
        label = f"{words(name)}: {found.areas[name]}"
        axes.plot(curve.x, curve.y, style, color=colour, linewidth=1.8, label=label)
    axes.set_title(f"ROC curves, {found.cases} cases, {found.positives} positive", fontsize=11)
    name_curves(axes, title="AUC [95 % interval]")
    return figure


def bands_figure(found: ScoreComparison, covariate: str) -> Figure:
    """The area of every score in every band, with intervals."""
    bands = found.bands[covariate]
    figure = Figure(figsize=(6.4, 0.62 * len(bands) + 1.6), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0.5, color="#BBBBBB", linewidth=1)
    for index, name in enumerate(found.scores):
        colour, _style = line_look(index)
        axes.plot([], [], "o-", color=colour, label=words(name))
        for row, band in enumerate(reversed(bands)):
            if band.areas is None:
                continue
            area, height = band.areas[name], row + 0.14 * ((len(found.scores) - 1) / 2 - index)
            axes.plot([area.low, area.high], [height, height], color=colour, linewidth=2)
            face = "white" if band.too_few else colour
            axes.plot(area.auc, height, "o", color=colour, markerfacecolor=face, markersize=6)
    labels = [f"{band.band}\n{band.positives} / {band.cases}" for band in reversed(bands)]
    axes.set_yticks(range(len(bands)), labels, fontsize=8)
    axes.set(xlim=(0, 1.01), ylim=(-0.6, len(bands) - 0.4), xlabel="AUC, 95 % interval")
    axes.set_title(
        f"By {words(covariate)}: positives / cases; hollow: too few to test", fontsize=10
    )
    axes.grid(axis="x", color="#EEEEEE")
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    return figure


def decision_figure(found: ScoreComparison) -> Figure:
    """Net benefit by threshold probability."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0, color="#444444", linewidth=1, label="biopsy nobody")
    for index, name in enumerate(found.scores):
        if name not in found.benefits:
            continue
        colour, style = line_look(index)
        curve = found.benefits[name].curve
        axes.plot(curve.thresholds, curve.net_benefit, style, color=colour, label=words(name))
    everybody = next(iter(found.benefits.values())).curve
    axes.plot(everybody.thresholds, everybody.biopsy_all, ":", color="#666666", label="biopsy all")
    prevalence = found.positives / found.cases
    axes.set_ylim(-0.6 * prevalence, 1.1 * prevalence)
    axes.set(xlabel="Threshold probability", ylabel="Net benefit (true positives per case)")
    axes.set_title("Decision curves, scores taken as probabilities", fontsize=11)
    axes.grid(color="#EEEEEE")
    axes.legend(fontsize=8, frameon=False)
    return figure
