"""ROC and decision curves of the questions."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from cutis.evaluation.figures.style import (
    COLOURS,
    STYLES,
    name_curves,
    unit_square,
)
from cutis.evaluation.questions import QuestionReport
from cutis.wording import words


def question_roc_figure(reports: Sequence[QuestionReport]) -> Figure:
    """One ROC curve per question; thresholds carried from validation are points on it."""
    figure, axes = unit_square("1 - specificity", "Sensitivity")
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=1)
    for index, report in enumerate(reports):
        colour = COLOURS[index % len(COLOURS)]
        style = STYLES[(index + index // len(COLOURS)) % len(STYLES)]
        label = f"{words(report.task.name)}: {report.area}"
        axes.plot(report.curve.x, report.curve.y, style, color=colour, linewidth=1.5, label=label)
        for point in report.points:
            specificity = point.estimates["specificity"].value
            sensitivity = point.estimates["sensitivity"].value
            axes.plot(1 - specificity, sensitivity, "o", color=colour, markersize=4)
    name_curves(axes, title="AUC [DeLong, 95 %]", fontsize=7)
    carried = any(report.points for report in reports)
    axes.set_title(f"Questions{'; points: thresholds chosen on validation' if carried else ''}")
    return figure


def decision_figure(reports: Sequence[QuestionReport]) -> Figure:
    """Net benefit against the threshold probability, one panel per question, two in a row."""
    rows = (len(reports) + 1) // 2
    figure = Figure(figsize=(6.4, 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes in panels[len(reports) :]:
        axes.set_axis_off()
    for axes, report in zip(panels, reports, strict=False):
        curve = report.decision
        axes.plot(curve.thresholds, curve.net_benefit, color=COLOURS[0], label="by the model")
        axes.plot(curve.thresholds, curve.biopsy_all, "--", color=COLOURS[1], label="biopsy all")
        axes.axhline(0, color="#666666", linewidth=1, linestyle=":", label="biopsy none")
        top = max(float(curve.net_benefit.max()), float(curve.biopsy_all.max()), 0.01)
        axes.set_ylim(-0.2 * top, 1.1 * top)
        axes.set_title(words(report.task.name), fontsize=9)
        axes.grid(color="#EEEEEE")
        axes.tick_params(labelsize=7)
    figure.supxlabel("Threshold probability", fontsize=9)
    figure.supylabel("Net benefit, true positives per case", fontsize=9)
    panels[0].legend(frameon=False, fontsize=7)
    return figure
