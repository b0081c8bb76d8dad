"""The section about two-sided questions."""

from collections.abc import Mapping, Sequence

from cutis.evaluation.figures.questions import decision_figure, question_roc_figure
from cutis.evaluation.questions import QuestionReport
from cutis.evaluation.section import (
    Section,
    Table,
    as_content,
    estimate_lines,
    shown,
    shown_ends,
)
from cutis.tables.manifest import Drawn
from cutis.wording import words


def questions_section(
    reports: Sequence[QuestionReport],
    *,
    unanswered: Mapping[str, str] | None = None,
    without_points: Mapping[str, str] | None = None,
    drawn: Drawn,
) -> Section:
    """Areas, operating points and decision curves of every question.

    Args:
        reports: At least one.
        unanswered: Why other questions could not be judged, by their name.
        without_points: Why validation gives no thresholds for some of `reports`, by their name.
        drawn: What the bootstrap draws.
    """
    why = "".join(f" Not asked: {reason}." for reason in (unanswered or {}).values())
    chosen = "".join(f"No thresholds: {reason}. " for reason in (without_points or {}).values())
    if any(report.points for report in reports):
        chosen = (
            f"Thresholds were chosen on validation and carried over. {chosen}Predictive values "
            "(PPV, NPV) and the number needed to biopsy are for a prevalence of "
            f"{100 * reports[0].prevalence:.4g} %. "
        )
    return Section(
        "questions",
        "Two-sided questions",
        text=(
            "A question is answered by the probability of its positive side over that of both sides; "
            "images of other diagnoses take no part. AUC with DeLong's interval for clustered cases; "
            f"all other intervals are bootstrapped over {drawn}. The partial AUC is the area above a "
            "sensitivity of 0.8, at most 0.2; it rests on the fifth of the positives that is ranked "
            "last, and with few of them its interval is too narrow. Sensitivity at a specificity, and "
            f"the reverse, are points of the curve, chosen on these same cases.{why}",
            f"{chosen}Decision curves take the model's probabilities at their word, and hold for the "
            "prevalence of these cases.",
        ),
        tables=(_areas(reports), *(_points(report) for report in reports if report.points)),
        plots={
            "ROC curves of the questions": question_roc_figure(reports),
            "Decision curves of the questions": decision_figure(reports),
        },
        content={report.task.name: _content(report) for report in reports},
    )


def _areas(reports: Sequence[QuestionReport]) -> Table:
    rows = [
        ("positive / negative", *(f"{each.positives} / {each.negatives}" for each in reports)),
        (
            "AUC (DeLong)",
            *(f"{shown(a.auc)}\n{shown_ends(a.low, a.high)}" for a in (r.area for r in reports)),
        ),
    ]
    for name in reports[0].estimates:
        cells = (estimate_lines(each.estimates[name]) for each in reports)
        rows.append((words(name), *cells))
    return Table(("Figure", *(each.task.title for each in reports)), tuple(rows))


def _points(report: QuestionReport) -> Table:
    names = list(report.points[0].estimates)
    rows = tuple(
        (
            point.name,
            f"{point.chosen.threshold:.4g}",
            *(estimate_lines(point.estimates[name]) for name in names),
        )
        for point in report.points
    )
    header = ("Threshold for", "threshold", *map(words, names))
    return Table(header, rows, caption=report.task.title)


def _content(report: QuestionReport) -> dict[str, object]:
    return {
        "title": report.task.title,
        "positives": report.positives,
        "negatives": report.negatives,
        "left_out": report.left_out,
        "delong": as_content(report.area),
        "estimates": as_content(report.estimates),
        "prevalence": report.prevalence,
        "operating_points": as_content(report.points),
        "decision_curve": as_content(report.decision),
    }
