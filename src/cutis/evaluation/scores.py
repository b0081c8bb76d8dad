"""`compare_scores`: several scores of the same cases against each other, overall and by band.

Areas and their differences have DeLong's intervals; everything else that of one bootstrap over cases,
in which each operating point is chosen anew on every replicate.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cutis.checks import BoolArray, FloatArray, require_fraction
from cutis.evaluation.estimates import Estimate, bootstrap_estimates, clusters_among
from cutis.metrics.comparison import holm
from cutis.metrics.decision import DecisionCurve, decision_curve
from cutis.metrics.delong import Area, AreaDifference, delong_auc, paired_delong
from cutis.metrics.operating_points import at_sensitivity
from cutis.metrics.ranking import Curve, Ranking, require_both_classes
from cutis.metrics.shares import share
from cutis.metrics.thresholds import Calls
from cutis.tables.scores import ScoreTable

ENOUGH = 20  # positives, and negatives, below which a band is not tested
SENSITIVITIES = (0.80, 0.90, 0.95)
RISKS = (0.02, 0.05, 0.10, 0.20)
CURVE_RISKS = np.arange(1, 51) / 100


@dataclass(frozen=True)
class Pair:
    """The area of one score less that of another; `adjusted_p` is Holm's over the family."""

    first: str
    second: str
    area: AreaDifference
    adjusted_p: float


@dataclass(frozen=True)
class AtSensitivity:
    """What a score spares when it must find a share of the positives.

    Attributes:
        sensitivity: That must at least be found.
        threshold: The highest that does.
        achieved: What it finds.
        specificity: Of the negatives, not called.
        biopsies: Per positive found, at the prevalence of the table.
    """

    sensitivity: float
    threshold: float
    achieved: float
    specificity: Estimate
    biopsies: Estimate


@dataclass(frozen=True)
class SpecificityGain:
    """Specificity of one score less that of another, both at the same sensitivity."""

    first: str
    second: str
    sensitivity: float
    gain: Estimate


@dataclass(frozen=True, eq=False)
class Benefit:
    """The decision curve of a score that reads as a probability.

    `estimates` has the net benefit at the `RISKS`, with intervals.
    """

    curve: DecisionCurve
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True)
class Band:
    """The cases of one band.

    Attributes:
        band: Its name.
        cases, positives: In it.
        areas: By score; None where positives or negatives are missing.
        pairs: Empty where a band has fewer than `ENOUGH` positives or negatives.
    """

    band: str
    cases: int
    positives: int
    areas: Mapping[str, Area] | None
    pairs: tuple[Pair, ...]

    @property
    def too_few(self) -> bool:
        """Whether the band is too small to be tested."""
        return min(self.positives, self.cases - self.positives) < ENOUGH


@dataclass(frozen=True, eq=False)
class ScoreComparison:
    """What several scores of the same cases are worth; mappings are by score, or by covariate."""

    scores: tuple[str, ...]
    cases: int
    positives: int
    clusters: int
    areas: Mapping[str, Area]
    curves: Mapping[str, Curve]
    pairs: tuple[Pair, ...]
    at_sensitivity: Mapping[str, tuple[AtSensitivity, ...]]
    specificity_gains: tuple[SpecificityGain, ...]
    benefits: Mapping[str, Benefit]  # of the scores between 0 and 1
    bands: Mapping[str, tuple[Band, ...]]
    replicates: int
    seed: int


def compare_scores(
    table: ScoreTable,
    *,
    sensitivities: tuple[float, ...] = SENSITIVITIES,
    replicates: int = 2000,
    seed: int = 0,
) -> ScoreComparison:
    """Judge scores on the same cases and against each other.

    Args:
        table: Truth, scores, and bands to look at them by.
        sensitivities: At which specificities are compared.
        replicates, seed: Of the bootstrap.

    Raises:
        InputError: positives or negatives are missing, a sensitivity is out of range, or too few
            replicates.
    """
    positives, _negatives = require_both_classes(table.positive, "comparing scores")
    for sensitivity in sensitivities:
        require_fraction("sensitivity", sensitivity)
    probabilities = [
        name for name, score in table.scores.items() if score.min() >= 0 and score.max() <= 1
    ]
    estimates = bootstrap_estimates(
        _figures(table, sensitivities, probabilities),
        table.clusters,
        replicates=replicates,
        seed=seed,
        is_share=lambda name: name.startswith("specificity/"),
        counted={
            f"specificity/{name}/{sensitivity}": clusters_among(table.clusters, ~table.positive)
            for name in table.scores
            for sensitivity in sensitivities
        },
    )
    rankings = {name: Ranking.of(table.positive, score) for name, score in table.scores.items()}
    everything = np.ones(len(table), dtype=bool)
    return ScoreComparison(
        scores=tuple(table.scores),
        cases=len(table),
        positives=positives,
        clusters=len(np.unique(table.clusters)),
        areas=_areas(table, everything),
        curves={name: ranking.roc_curve() for name, ranking in rankings.items()},
        pairs=_pairs(table, everything),
        at_sensitivity={
            name: tuple(
                _at_sensitivity(ranking, sensitivity, name, estimates)
                for sensitivity in sensitivities
            )
            for name, ranking in rankings.items()
        },
        specificity_gains=tuple(
            SpecificityGain(a, b, sensitivity, estimates[f"gain/{a}/{b}/{sensitivity}"])
            for a, b in combinations(table.scores, 2)
            for sensitivity in sensitivities
        ),
        benefits={
            name: Benefit(
                decision_curve(table.positive, table.scores[name], thresholds=CURVE_RISKS),
                {f"{risk:g}": estimates[f"benefit/{name}/{risk}"] for risk in RISKS},
            )
            for name in probabilities
        },
        bands={name: _bands(table, name) for name in table.bands},
        replicates=replicates,
        seed=seed,
    )


def _figures(
    table: ScoreTable, sensitivities: tuple[float, ...], probabilities: list[str]
) -> Callable[[FloatArray], dict[str, FloatArray]]:
    rankings = {name: Ranking.of(table.positive, score) for name, score in table.scores.items()}
    pairs = list(combinations(rankings, 2))

    def figures(weights: FloatArray) -> dict[str, FloatArray]:
        found: dict[str, FloatArray] = {}
        for name, ranking in rankings.items():
            calls = Calls.of(ranking, weights)
            for wanted in sensitivities:
                point = at_sensitivity(calls, wanted)
                found[f"specificity/{name}/{wanted}"] = point.specificity
                hits = point.sensitivity * calls.positives
                alarms = (1 - point.specificity) * calls.negatives
                found[f"biopsies/{name}/{wanted}"] = share(hits + alarms, hits)
        for a, b in pairs:
            for wanted in sensitivities:
                found[f"gain/{a}/{b}/{wanted}"] = (
                    found[f"specificity/{a}/{wanted}"] - found[f"specificity/{b}/{wanted}"]
                )
        for name in probabilities:
            curve = decision_curve(
                table.positive, table.scores[name], thresholds=np.array(RISKS), weights=weights
            )
            for column, risk in enumerate(RISKS):
                found[f"benefit/{name}/{risk}"] = curve.net_benefit[:, column]
        return found

    return figures


def _at_sensitivity(
    ranking: Ranking, sensitivity: float, name: str, estimates: Mapping[str, Estimate]
) -> AtSensitivity:
    point = at_sensitivity(Calls.of(ranking), sensitivity)
    return AtSensitivity(
        sensitivity=sensitivity,
        threshold=float(point.threshold),
        achieved=float(point.sensitivity),
        specificity=estimates[f"specificity/{name}/{sensitivity}"],
        biopsies=estimates[f"biopsies/{name}/{sensitivity}"],
    )


def _areas(table: ScoreTable, rows: BoolArray) -> dict[str, Area]:
    return {
        name: delong_auc(table.positive[rows], score[rows], clusters=table.clusters[rows])
        for name, score in table.scores.items()
    }


def _differences(table: ScoreTable, rows: BoolArray) -> dict[tuple[str, str], AreaDifference]:
    return {
        (a, b): paired_delong(
            table.positive[rows],
            table.scores[a][rows],
            table.scores[b][rows],
            clusters=table.clusters[rows],
        )
        for a, b in combinations(table.scores, 2)
    }


def _pairs(table: ScoreTable, rows: BoolArray) -> tuple[Pair, ...]:
    found = _differences(table, rows)
    adjusted = holm({f"{a}/{b}": difference.p for (a, b), difference in found.items()})
    return tuple(Pair(a, b, each, adjusted[f"{a}/{b}"]) for (a, b), each in found.items())


def _bands(table: ScoreTable, covariate: str) -> tuple[Band, ...]:
    """Areas in every band; the differences of all bands of a covariate are one family."""
    members, order = table.bands[covariate]
    bands = [_untested(table, band, members == band) for band in order]
    tested = {
        band.band: _differences(table, members == band.band) for band in bands if not band.too_few
    }
    adjusted = holm(
        {
            f"{band}/{a}/{b}": difference.p
            for band, found in tested.items()
            for (a, b), difference in found.items()
        }
    )
    return tuple(
        Band(
            band.band,
            band.cases,
            band.positives,
            band.areas,
            tuple(
                Pair(a, b, difference, adjusted[f"{band.band}/{a}/{b}"])
                for (a, b), difference in tested.get(band.band, {}).items()
            ),
        )
        for band in bands
    )


def _untested(table: ScoreTable, band: str, rows: BoolArray) -> Band:
    positives, cases = int(table.positive[rows].sum()), int(rows.sum())
    areas = _areas(table, rows) if 0 < positives < cases else None
    return Band(band, cases, positives, areas, ())
