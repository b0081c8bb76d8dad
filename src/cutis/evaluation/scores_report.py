"""The report of several scores against each other."""

from collections.abc import Iterator, Sequence

from cutis.evaluation.estimates import HOW_DRAWN, Estimate
from cutis.evaluation.figures import scores as figures
from cutis.evaluation.report import Heading
from cutis.evaluation.scores import ENOUGH, RISKS, Band, Pair, ScoreComparison
from cutis.evaluation.section import (
    Card,
    Section,
    Table,
    as_content,
    estimate_cells,
    estimate_lines,
    shown,
    shown_ends,
    shown_p,
)
from cutis.wording import words


def scores_heading(found: ScoreComparison) -> Heading:
    """What stands above and below the report."""
    grouped = found.clusters < found.cases
    of_clusters = f" in {found.clusters} clusters" if grouped else ""
    drawn = "Whole clusters are drawn." if grouped else "Every row is drawn on its own."
    return Heading(
        title="Scores against each other",
        subtitle=f"{', '.join(map(words, found.scores))}: {found.cases} cases{of_clusters}, "
        f"{found.positives} positive.",
        method="Intervals of areas and their differences are DeLong's; all others come from "
        f"{found.replicates} bootstrap replicates (seed {found.seed}; {HOW_DRAWN}) with the same "
        f"weights for every score, operating points being chosen anew on each. {drawn}",
        facts={
            "scores": list(found.scores),
            "cases": found.cases,
            "positives": found.positives,
            "clusters": found.clusters,
            "interval": {
                "level": 0.95,
                "method": f"DeLong for areas, else bootstrap, {HOW_DRAWN}",
                "replicates": found.replicates,
                "seed": found.seed,
            },
        },
    )


def scores_sections(found: ScoreComparison) -> list[Section]:
    """Areas, operating points, decision curves, and one section per covariate."""
    sections = [_areas(found), _operating_points(found)]
    if found.benefits:
        sections.append(_benefits(found))
    return [*sections, *(_bands(found, covariate) for covariate in found.bands)]


def _areas(found: ScoreComparison) -> Section:
    cards = [
        Card(f"{words(name)}, AUC", Estimate(a.auc, a.low, a.high, found.cases, found.positives))
        for name, a in found.areas.items()
    ]
    tables = (_pair_table(found.pairs),) if found.pairs else ()
    return Section(
        "areas",
        "Areas under the ROC curves",
        cards=tuple(cards),
        tables=tables,
        plots={"ROC curves of the scores, with areas in the legend": figures.roc_figure(found)},
        content={"areas": as_content(found.areas), "pairs": as_content(found.pairs)},
    )


def _pair_table(pairs: Sequence[Pair]) -> Table:
    rows = [
        (
            f"{words(pair.first)} - {words(pair.second)}",
            *_difference_cells(pair),
            shown(pair.area.z),
            shown_p(pair.area.p),
            shown_p(pair.adjusted_p),
        )
        for pair in pairs
    ]
    header = ("Difference of AUC", "Value", "95 % interval", "z", "p", "p, adjusted")
    return Table(header, tuple(rows), caption="Paired test of DeLong; p adjusted by Holm")


def _operating_points(found: ScoreComparison) -> Section:
    rows = [
        (
            f"{words(name)}, at least {point.sensitivity:.0%}",
            f"{point.threshold:.4g}",
            shown(point.achieved),
            estimate_lines(point.specificity),
            estimate_lines(point.biopsies),
        )
        for name, points in found.at_sensitivity.items()
        for point in points
    ]
    header = ("Sensitivity", "Threshold", "Achieved", "Specificity", "Biopsies per positive found")
    gains = [
        (
            f"{words(gain.first)} - {words(gain.second)}, at least {gain.sensitivity:.0%}",
            *estimate_cells(gain.gain),
        )
        for gain in found.specificity_gains
    ]
    tables = [Table(header, tuple(rows))]
    if gains:
        tables.append(Table(("Difference of specificity", "Value", "95 % interval"), tuple(gains)))
    return Section(
        "operating_points",
        "Operating points",
        text=(
            "The threshold is the highest that finds at least the wanted share of the positives, "
            "chosen on these same cases and anew on every replicate. Biopsies per positive found hold "
            f"for the prevalence here, {found.positives / found.cases:.1%}.",
        ),
        tables=tuple(tables),
        content={
            "at_sensitivity": as_content(found.at_sensitivity),
            "specificity_gains": as_content(found.specificity_gains),
        },
    )


def _benefits(found: ScoreComparison) -> Section:
    rows = [
        (words(name), *(estimate_lines(benefit.estimates[f"{risk:g}"]) for risk in RISKS))
        for name, benefit in found.benefits.items()
    ]
    left_out = [words(name) for name in found.scores if name not in found.benefits]
    note = f" Not between 0 and 1, so left out: {', '.join(left_out)}." if left_out else ""
    return Section(
        "decision_curves",
        "Decision curves",
        text=(
            "Net benefit of biopsying from a threshold probability on, in true positives per case. The "
            "scores are taken as probabilities of being positive; one that is not calibrated loses by "
            f"it, which says nothing about its ranking.{note}",
        ),
        tables=(Table(("Net benefit at", *(f"{risk:g}" for risk in RISKS)), tuple(rows)),),
        plots={
            "Decision curves of the scores, of biopsying all and of nobody": (
                figures.decision_figure(found)
            )
        },
        content=as_content(found.benefits),
    )


def _bands(found: ScoreComparison, covariate: str) -> Section:
    bands = found.bands[covariate]
    header = ("Band", "Positives / n", *(f"{words(name)}, AUC" for name in found.scores))
    rows = [_area_row(band, found.scores) for band in bands]
    tables = [Table(header, tuple(rows))]
    tested = [*_tested_rows(bands)]
    if tested:
        tables.append(
            Table(
                ("Difference of AUC", "Value", "95 % interval", "p", "p, adjusted"),
                tuple(tested),
                caption="Paired test of DeLong within each band; p adjusted by Holm over this table",
            )
        )
    return Section(
        f"by_{covariate}",
        f"By {words(covariate)}",
        text=(
            f"A band with fewer than {ENOUGH} positives or negatives is shown, and not tested. "
            "Differences between bands are not tested: bands hold different cases.",
        ),
        tables=tuple(tables),
        plots={
            f"Areas of the scores by {words(covariate)}, with intervals": figures.bands_figure(
                found, covariate
            )
        },
        content=as_content(bands),
    )


def _area_row(band: Band, names: Sequence[str]) -> tuple[str, ...]:
    counts = f"{band.positives} / {band.cases}{', too few' if band.too_few else ''}"
    areas = band.areas
    if areas is None:
        return (band.band, counts, *("undefined" for _name in names))
    found = [areas[name] for name in names]
    cells = [f"{shown(area.auc)}\n{shown_ends(area.low, area.high)}" for area in found]
    return (band.band, counts, *cells)


def _tested_rows(bands: Sequence[Band]) -> Iterator[tuple[str, ...]]:
    for band in bands:
        for pair in band.pairs:
            yield (
                f"{band.band}: {words(pair.first)} - {words(pair.second)}",
                *_difference_cells(pair),
                shown_p(pair.area.p),
                shown_p(pair.adjusted_p),
            )


def _difference_cells(pair: Pair) -> tuple[str, str]:
    return shown(pair.area.difference), shown_ends(pair.area.low, pair.area.high)
