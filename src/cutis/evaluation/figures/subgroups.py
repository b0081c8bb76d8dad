"""Figures of subgroups beside each other."""

from matplotlib.figure import Figure

from cutis.evaluation.figures.style import COLOURS
from cutis.evaluation.subgroups import FIGURES, SubgroupAnalysis
from cutis.wording import words


def subgroup_figure(analysis: SubgroupAnalysis) -> Figure:
    """Every group that is large enough, with its interval; groups in their own order."""
    shown = [subgroup for subgroup in analysis.subgroups if not subgroup.too_few]
    figure = Figure(figsize=(12, 0.26 * len(shown) + 1.4), layout="constrained")
    panels = figure.subplots(1, len(FIGURES), sharey=True)
    columns = list(dict.fromkeys(subgroup.column for subgroup in shown))
    for axes, name in zip(panels, FIGURES, strict=True):
        for row, subgroup in enumerate(reversed(shown)):
            estimate = subgroup.estimates[name]
            colour = COLOURS[columns.index(subgroup.column) % len(COLOURS)]
            axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=1.5)
            axes.plot(estimate.value, row, "o", color=colour, markersize=4)
        axes.set_title(words(name), fontsize=9)
        axes.set(xlim=(0, 1), ylim=(-0.5, len(shown) - 0.5))
        axes.grid(axis="x", color="#DDDDDD")
        axes.tick_params(labelsize=7)
    labels = [f"{words(s.column)}: {s.group} (n = {s.images})" for s in reversed(shown)]
    panels[0].set_yticks(range(len(shown)), labels, fontsize=7)
    return figure
