"""The calibration section of a report."""

from cutis.evaluation.calibration import FIGURES, CalibrationReport
from cutis.evaluation.figures.calibration import reliability_figure
from cutis.evaluation.section import Section, Table, as_content, estimate_lines
from cutis.wording import counted, words


def calibration_section(report: CalibrationReport) -> Section:
    """Calibration errors, Brier parts and reliability diagrams of every version."""
    fitted = "No validation predictions were given, so nothing was fitted."
    if report.validation_cases:
        images = counted(report.validation_cases, "validation image")
        fitted = f"The maps were fitted on {images} and are judged here."
    elif report.cross_fitted:
        fitted = "Each lesion is read through maps that were fitted on the other lesions."
    return Section(
        "calibration",
        "Calibration",
        text=(
            f"Does a stated probability happen as often as it says? {fitted} ECE is the mean distance "
            "of stated and observed shares: classwise over all classes with 15 bins of one width, "
            "adaptive with 15 bins of equal mass, top label for the most probable class alone. It "
            "is biased upwards in small samples; the bootstrap's further bias is taken off its "
            "intervals. The Brier score summed over classes is reliability minus resolution plus "
            "uncertainty, up to what its bins hide. The diagrams have ten bins of equal mass; their "
            "bars are Wilson's intervals and take every image for an independent case.",
        ),
        tables=(
            Table(
                ("Figure", *report.estimates),
                tuple(
                    (
                        words(name),
                        *(
                            estimate_lines(estimates[name])
                            for estimates in report.estimates.values()
                        ),
                    )
                    for name in FIGURES
                ),
            ),
        ),
        plots={
            "Reliability diagrams of the most probable class and of every class": (
                reliability_figure(report)
            )
        },
        content={
            "validation_cases": report.validation_cases,
            "cross_fitted": report.cross_fitted,
            "versions": as_content(report.estimates),
            "reliability": as_content(report.reliability),
        },
    )
