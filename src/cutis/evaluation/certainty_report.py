"""The sections about leaving cases to a person and about sets of diagnoses."""

from collections.abc import Sequence

from cutis.evaluation.certainty import ConformalSets, SelectivePrediction
from cutis.evaluation.figures.certainty import risk_coverage_figure
from cutis.evaluation.section import Section, Table, as_content, estimate_cells
from cutis.wording import words


def selection_section(selection: SelectivePrediction) -> Section:
    """The risk-coverage curve and its figures."""
    rows = [
        (_name(name), *estimate_cells(estimate), str(estimate.n))
        for name, estimate in selection.estimates.items()
    ]
    return Section(
        "selective_prediction",
        "Leaving uncertain cases to a person",
        text=(
            "Cases are kept by the probability of their answer, equally certain ones together; n are "
            "those that are answered. Thresholds were chosen on the cases they are judged on; carry "
            "them to other cases for an honest figure.",
        ),
        tables=(Table(("Figure", "Value", "95 % interval", "n"), tuple(rows)),),
        plots={"Share of wrong answers against coverage": risk_coverage_figure(selection)},
        content=as_content(selection.estimates),
    )


def conformal_section(versions: Sequence[ConformalSets]) -> Section:
    """Achieved coverage and size of conformal sets."""
    header = ("Figure", *(_title(sets) for sets in versions))
    rows = [
        ("coverage, all cases", *(str(sets.coverage) for sets in versions)),
        ("mean set size", *(str(sets.size) for sets in versions)),
        ("empty sets", *(str(sets.empty) for sets in versions)),
    ]
    first = versions[0]
    absent = [words(name) for name, cases in first.calibration_cases.items() if not cases]
    why = f" Not for every class: validation has no case of {', '.join(absent)}." if absent else ""
    for name, estimate in first.coverage_by_class.items():
        rows.append(
            (
                f"coverage, {words(name)} (n = {estimate.positives}, "
                f"validation {first.calibration_cases[name]})",
                *(str(sets.coverage_by_class[name]) for sets in versions),
            )
        )
    return Section(
        "conformal_sets",
        "Sets of diagnoses with a stated coverage",
        text=(
            "A conformal set holds every diagnosis that validation cases do not make implausible. "
            "The coverage is promised on average over all cases, or for every class; below is what "
            f"was achieved. A class with few validation cases gets large sets.{why}",
        ),
        tables=(Table(header, tuple(rows)),),
        content=[
            {
                "level": sets.level,
                "per_class": sets.per_class,
                "coverage": as_content(sets.coverage),
                "coverage_by_class": as_content(sets.coverage_by_class),
                "mean_set_size": as_content(sets.size),
                "empty_sets": as_content(sets.empty),
                "calibration_cases": dict(sets.calibration_cases),
            }
            for sets in versions
        ],
    )


def _title(sets: ConformalSets) -> str:
    return f"{sets.level:.0%} {'for every class' if sets.per_class else 'on average'}"


def _name(name: str) -> str:
    if name == "aurc":
        return "area under the risk-coverage curve"
    return f"error rate when at least {float(name.removeprefix('risk_at_')):.0%} are answered"
