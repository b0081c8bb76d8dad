"""Risk against coverage."""

from matplotlib.figure import Figure

from cutis.evaluation.certainty import SelectivePrediction
from cutis.evaluation.figures.style import COLOURS


def risk_coverage_figure(selection: SelectivePrediction) -> Figure:
    """Share of wrong answers among the cases kept, from the most certain to all."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(selection.curve.coverage[1:], selection.curve.risk[1:], color=COLOURS[0])
    for name, estimate in selection.estimates.items():
        if name.startswith("risk_at_"):
            coverage = estimate.n / selection.estimates["aurc"].n
            axes.plot([coverage] * 2, [estimate.low, estimate.high], color=COLOURS[5], linewidth=2)
            axes.plot(coverage, estimate.value, "o", color=COLOURS[5], markersize=4)
    axes.set(xlim=(0, 1.01), ylim=(0, None))
    axes.set_xlabel("Coverage: share of cases the classifier answers itself")
    axes.set_ylabel("Share of these answers that is wrong")
    axes.grid(color="#EEEEEE")
    axes.set_title("Risk against coverage, 95 % intervals")
    return figure
