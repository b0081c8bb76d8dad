"""How often intervals that promise 95 % hold the truth, images that share a lesion included.

    python benchmarks/interval_coverage.py

Scores are drawn from two normal populations, so that the true areas and rates are known. Images of a
lesion, or lesions of a patient, share a part of their score. Wilson's and Clopper and Pearson's
coverage is not simulated but summed over all outcomes. With fifteen positives or more every interval
should cover 93 to 97 %; with three or eight, what they cover is shown. Clopper and Pearson's and
Newcombe's may cover more; those marked "wrong on purpose" take the images of a lesion for independent
cases and show what that costs.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from record import RESULTS, record
from scipy.stats import binom, norm

from cutis.evaluation.estimates import bootstrap_estimates, clusters_among
from cutis.files import write_json
from cutis.metrics.delong import delong_auc, newcombe_interval, paired_delong
from cutis.metrics.intervals import clopper_pearson_interval, wilson_interval
from cutis.metrics.operating_points import carried
from cutis.metrics.ranking import Ranking, roc_auc

SIMULATIONS, REPLICATES = 2_000, 500
SHARED = 0.6  # part of the variance that is common to a lesion or patient
THRESHOLD = 0.5

Interval = tuple[float, float]


@dataclass(frozen=True)
class Coverage:
    """How one interval did on one kind of data."""

    interval: str
    data: str
    coverage: float
    too_low: float  # share of intervals that end below the truth
    too_high: float  # share of intervals that begin above it
    mean_width: float
    simulations: int
    wrong_on_purpose: bool = False


@dataclass(frozen=True)
class Cohort:
    """Cases with known populations: negatives are N(0, 1), positives N(shift, 1)."""

    positive: np.ndarray
    score: np.ndarray
    second: np.ndarray  # the score of a weaker system on the same cases
    cluster: np.ndarray


@dataclass(frozen=True)
class Design:
    """How cohorts are drawn, and the figures that are true of them."""

    data: str
    clusters: int
    largest: int  # cases per cluster are uniform in 1..largest
    positive_share: float
    auc: float
    second_auc: float = 0.75
    mixed: bool = False  # a cluster may hold both classes, as a patient does

    @property
    def shift(self) -> float:
        """Distance of the two populations."""
        return float(np.sqrt(2) * norm.ppf(self.auc))

    def draw(self, generator: np.random.Generator) -> Cohort:
        """Draw a cohort in which both classes occur."""
        sizes = generator.integers(1, self.largest + 1, self.clusters)
        cluster = np.repeat(np.arange(self.clusters), sizes)
        unit = len(cluster) if self.mixed else self.clusters
        ill = generator.permutation(unit) < round(self.positive_share * unit)
        positive = ill if self.mixed else ill[cluster]
        common = np.sqrt(SHARED) * generator.normal(size=(2, self.clusters))[:, cluster]
        own = np.sqrt(1 - SHARED) * generator.normal(size=(2, len(cluster)))
        score = self.shift * positive + common[0] + own[0]
        weaker = float(np.sqrt(2) * norm.ppf(self.second_auc)) * positive
        second = weaker + 0.7 * (common[0] + own[0]) + np.sqrt(0.51) * (common[1] + own[1])
        return Cohort(positive, score, second, cluster)

    @property
    def truth(self) -> dict[str, float]:
        """Every figure in the populations."""
        sensitivity = float(norm.sf(THRESHOLD - self.shift))
        return {
            "auc": self.auc,
            "difference": self.auc - self.second_auc,
            "sensitivity": sensitivity,
            "specificity": float(norm.cdf(THRESHOLD)),
        }


SINGLE = [
    Design(f"{n} cases, {share:.0%} positive, AUC {auc}", n, 1, share, auc)
    for n, share in ((100, 0.2), (300, 0.1), (1000, 0.1))
    for auc in (0.7, 0.85, 0.95)
]
# Here about a quarter of the cohorts are separated perfectly, and DeLong alone would claim certainty.
SMALL = Design("45 cases, 33 % positive, AUC 0.99", 45, 1, 1 / 3, 0.99)
# Named ways to give each figure of a cohort its interval.
Methods = dict[str, Callable[[Cohort], dict[str, Interval]]]
LESIONS = Design("200 lesions of 1 to 6 images, 30 % positive, AUC 0.85", 200, 6, 0.3, 0.85)
PATIENTS = Design(
    "150 patients of 1 to 6 lesions of either class, AUC 0.85", 150, 6, 0.3, 0.85, mixed=True
)
RARE = [
    Design(f"150 cases, {n} positive, AUC {auc}", 150, 1, n / 150, auc)
    for n in (3, 8)
    for auc in (0.8, 0.93)
]
INDEPENDENT = Design("400 cases, 20 % positive, AUC 0.85", 400, 1, 0.2, 0.85)


def judged(
    design: Design,
    methods: Methods,
    *,
    seed: int,
    wrong_on_purpose: bool = False,
) -> Iterator[Coverage]:
    """Coverage of every method's interval of every figure."""
    generator = np.random.default_rng(seed)
    found: dict[tuple[str, str], list[Interval]] = {}
    for _simulation in range(SIMULATIONS):
        cohort = design.draw(generator)
        for name, intervals_of in methods.items():
            for figure, ends in intervals_of(cohort).items():
                found.setdefault((name, figure), []).append(ends)
    for (name, figure), intervals in found.items():
        low, high = np.array(intervals).T
        truth = design.truth[figure]
        yield Coverage(
            interval=f"{name}, {figure}",
            data=design.data,
            coverage=round(float(((low <= truth) & (truth <= high)).mean()), 4),
            too_low=round(float((high < truth).mean()), 4),
            too_high=round(float((low > truth).mean()), 4),
            mean_width=round(float((high - low).mean()), 4),
            simulations=SIMULATIONS,
            wrong_on_purpose=wrong_on_purpose,
        )


def by_delong(cohort: Cohort, clusters: np.ndarray | None) -> dict[str, Interval]:
    area = delong_auc(cohort.positive, cohort.score, clusters=clusters)
    gain = paired_delong(cohort.positive, cohort.score, cohort.second, clusters=clusters)
    return {"auc": (area.low, area.high), "difference": (gain.low, gain.high)}


def by_newcombe(cohort: Cohort) -> dict[str, Interval]:
    positives = int(cohort.positive.sum())
    auc = roc_auc(cohort.positive, cohort.score)
    return {"auc": newcombe_interval(auc, positives, len(cohort.positive) - positives)}


def by_bootstrap(cohort: Cohort, clusters: np.ndarray) -> dict[str, Interval]:
    ranking, second = (Ranking.of(cohort.positive, s) for s in (cohort.score, cohort.second))

    def figures(weights: np.ndarray) -> dict[str, np.ndarray]:
        auc = ranking.roc_auc(weights)
        at = carried(THRESHOLD, cohort.positive, cohort.score, weights=weights)
        return {
            "auc": auc,
            "difference": auc - second.roc_auc(weights),
            "sensitivity": at.sensitivity,
            "specificity": at.specificity,
        }

    sides = [clusters_among(clusters, rows) for rows in (cohort.positive, ~cohort.positive)]
    estimates = bootstrap_estimates(
        figures,
        clusters,
        replicates=REPLICATES,
        seed=int(cohort.score[0] * 1e6) % 2**32,
        is_share=lambda name: name != "difference",
        is_area=lambda name: name == "auc",
        counted={"auc": min(sides), "sensitivity": sides[0], "specificity": sides[1]},
    )
    return {name: (estimate.low, estimate.high) for name, estimate in estimates.items()}


def simulated() -> Iterator[Coverage]:
    """Simulate independent cases first, then lesions and patients with several."""
    delong: Methods = {"DeLong": lambda cohort: by_delong(cohort, None)}
    plain: Methods = {"plain bootstrap": lambda c: by_bootstrap(c, np.arange(len(c.positive)))}
    clustered: Methods = {
        "DeLong with clusters": lambda c: by_delong(c, c.cluster),
        "cluster bootstrap": lambda c: by_bootstrap(c, c.cluster),
    }
    by_counts: Methods = {"Newcombe": by_newcombe}
    for seed, design in enumerate([*SINGLE, SMALL]):
        yield from judged(design, delong | by_counts, seed=seed)
    yield from judged(INDEPENDENT, delong | plain, seed=100)
    for seed, design in enumerate(RARE, 400):
        yield from judged(design, delong | plain, seed=seed)
    for seed, design in ((200, LESIONS), (300, PATIENTS)):
        yield from judged(design, clustered, seed=seed)
        yield from judged(design, delong | plain, seed=seed, wrong_on_purpose=True)


def summed() -> Iterator[Coverage]:
    """Mean exact coverage over true shares from 0.02 to 0.98."""
    shares = np.linspace(0.02, 0.98, 193)
    for name, interval in (
        ("Wilson", wilson_interval),
        ("Clopper-Pearson", clopper_pearson_interval),
    ):
        for n in (20, 50, 200, 1000):
            low, high = np.array([interval(k, n) for k in range(n + 1)]).T
            chance = binom.pmf(np.arange(n + 1)[:, None], n, shares)
            below, above = high[:, None] < shares, low[:, None] > shares
            yield Coverage(
                interval=name,
                data=f"{n} cases, mean over true shares 0.02 to 0.98",
                coverage=round(float((chance * ~(below | above)).sum(axis=0).mean()), 4),
                too_low=round(float((chance * below).sum(axis=0).mean()), 4),
                too_high=round(float((chance * above).sum(axis=0).mean()), 4),
                mean_width=round(float((chance * (high - low)[:, None]).sum(axis=0).mean()), 4),
                simulations=0,
            )


def main() -> None:
    started = time.process_time()
    rows = [*summed(), *simulated()]
    result = {
        **record("python benchmarks/interval_coverage.py"),
        "nominal": 0.95,
        "simulations": SIMULATIONS,
        "bootstrap_replicates": REPLICATES,
        "shared_variance": SHARED,
        "simulation_error_95": round(float(1.96 * np.sqrt(0.95 * 0.05 / SIMULATIONS)), 4),
        "outside_93_to_97": [
            f"{row.interval}; {row.data}: {row.coverage:.3f}"
            for row in rows
            if not row.wrong_on_purpose and not 0.93 <= row.coverage <= 0.97
        ],
        "cpu_seconds": round(time.process_time() - started, 1),
        "intervals": [asdict(row) for row in rows],
    }
    write_json(RESULTS / "interval_coverage.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
