"""Areas under ROC curves with the variance of DeLong, one curve or many on the same cases.

DeLong, DeLong and Clarke-Pearson 1988, computed from one sort per score as Sun and Xu (2014) do, so
that a million cases take a moment. With `clusters`, cases of one lesion or patient may depend on each
other in any way (Obuchowski 1997); without, every case is its own cluster and both are the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.stats import norm
from scipy.stats import t as student

from cutis.checks import BoolArray, FloatArray, IntArray, require_fraction, require_same_length
from cutis.errors import InputError
from cutis.metrics.intervals import logit_interval
from cutis.metrics.ranking import Ranking, require_both_classes

Labels = npt.NDArray[np.generic] | Sequence[object]

PRIOR_CASES = 2  # what the variance by the counts alone weighs beside DeLong's
_ROUNDING = 1e-28  # variances below this are rounding; true ones of a million cases reach 1e-25


@dataclass(frozen=True)
class Area:
    """A ROC-AUC with its variance and interval.

    `variance`, `low` and `high` are nan where a class has fewer than two clusters.
    """

    auc: float
    variance: float
    low: float
    high: float
    positives: int
    negatives: int

    def __str__(self) -> str:
        return _with_ends(self.auc, self.low, self.high)


@dataclass(frozen=True)
class AreaDifference:
    """The ROC-AUC of one score minus that of another on the same cases, tested against zero.

    `low`, `high`, `z` and `p` are nan where the variance is zero or undefined: the scores rank all
    pairs alike, are both perfect or gain the same on every case, or a class has fewer than two
    clusters.
    """

    difference: float
    variance: float
    low: float
    high: float
    z: float
    p: float
    positives: int
    negatives: int

    def __str__(self) -> str:
        return _with_ends(self.difference, self.low, self.high)


def delong_auc(
    positive: BoolArray,
    score: FloatArray,
    *,
    clusters: Labels | None = None,
    level: float = 0.95,
) -> Area:
    """The area under one ROC curve, with an interval that stays inside 0 and 1.

    The interval is symmetric on the logit scale, which covers better than the plain one near 1 (Qin
    and Hotilovac 2008), with Student's t for the clusters of the smaller class less one: the variance
    is an estimate too. Near 1 with few positives it is often too small where the area is too large, so
    for the interval it is drawn a little towards the variance that the counts alone suggest, which
    weighs as much as two cases (moderated as by Smyth 2004); next to an end what it adds never takes
    the interval beyond `newcombe_interval`. Where all pairs are ranked alike, as in perfect separation,
    DeLong's variance is zero and would claim certainty; the interval is then `newcombe_interval`.
    How these cover is measured by benchmarks/interval_coverage.py.

    Args:
        positive: Shape (n,).
        score: Shape (n,). Larger is more suspicious.
        clusters: Shape (n,), any labels such as lesion names; default, every case is its own.
        level: Of the interval.

    Raises:
        InputError: a class is missing, a score is nan, or lengths differ.

    Example:
        >>> truth = np.array([True, True, True, False, False, False])
        >>> print(delong_auc(truth, np.array([0.9, 0.8, 0.3, 0.4, 0.2, 0.1])))
        0.889 [0.092, 0.998]
    """
    require_fraction("level", level)
    positives, negatives = require_both_classes(positive, "the ROC-AUC")
    placements = Ranking.of(positive, score).placements()[None]
    member = _membership(len(positive), clusters)
    auc = float(_areas(placements, positive)[0])
    variance = _variance(placements, positive, member)
    independent = _clusters_per_class(positive, member)
    if variance == 0:
        low, high = newcombe_interval(auc, *independent, level=level)
    else:
        low, high = _moderated_interval(auc, variance, independent, level)
    return Area(auc, variance, low, high, positives, negatives)


def delong_covariance(
    positive: BoolArray, scores: FloatArray, *, clusters: Labels | None = None
) -> tuple[FloatArray, FloatArray]:
    """The areas of several scores of the same cases, and the covariance of these areas.

    Args:
        positive: Shape (n,).
        scores: Shape (m, n), one row per model or reader.
        clusters: As in `delong_auc`.

    Returns:
        Areas, shape (m,), and their covariance, shape (m, m), nan where a class has fewer than two
        clusters.

    Raises:
        InputError: a class is missing, a score is nan, or lengths differ.
    """
    require_both_classes(positive, "the ROC-AUC")
    placements = np.stack([Ranking.of(positive, score).placements() for score in scores])
    member = _membership(len(positive), clusters)
    return _areas(placements, positive), _covariance(placements, positive, member)


def paired_delong(
    positive: BoolArray,
    score_a: FloatArray,
    score_b: FloatArray,
    *,
    clusters: Labels | None = None,
    level: float = 0.95,
) -> AreaDifference:
    """Whether score A ranks the same cases better than score B: the area of A minus that of B.

    `z` and `p` are those of the published test. The interval has Student's t as in `delong_auc`, so
    with few cases it may hold zero where p is just below 0.05.

    Args:
        positive: Shape (n,).
        score_a, score_b: Shape (n,). Each only has to rank; their scales may differ.
        clusters, level: As in `delong_auc`.

    Raises:
        InputError: a class is missing, a score is nan, or lengths differ.
    """
    require_fraction("level", level)
    positives, negatives = require_both_classes(positive, "the difference of ROC-AUCs")
    ranked = [Ranking.of(positive, score).placements() for score in (score_a, score_b)]
    gained = (ranked[0] - ranked[1])[None]
    difference = float(_areas(gained, positive)[0])
    member = _membership(len(positive), clusters)
    variance = _variance(gained, positive, member)
    error = np.sqrt(variance) if variance > 0 else float("nan")
    degrees = min(_clusters_per_class(positive, member)) - 1
    half, z = student.ppf(0.5 + level / 2, degrees) * error, difference / error
    return AreaDifference(
        difference=difference,
        variance=variance,
        low=float(np.clip(difference - half, -1, 1)),
        high=float(np.clip(difference + half, -1, 1)),
        z=float(z),
        p=float(2 * norm.sf(abs(z))),
        positives=positives,
        negatives=negatives,
    )


def newcombe_interval(
    auc: float, positives: int, negatives: int, *, level: float = 0.95
) -> tuple[float, float]:
    """Interval of a ROC-AUC from the counts alone, meaningful at 0 and 1 too.

    The areas that a score test does not reject, with the variance of Hanley and McNeil (1982) at the
    area under test and equal group sizes (Newcombe 2006, Stat Med 25:559, method 5).

    Raises:
        InputError: a count is zero, or `auc` or `level` is not in [0, 1].

    Example:
        >>> [round(end, 3) for end in newcombe_interval(1.0, 20, 20)]
        [0.899, 1.0]
    """
    require_fraction("auc", auc)
    require_fraction("level", level)
    if positives < 1 or negatives < 1:
        raise InputError(f"{positives} positives and {negatives} negatives define no ROC-AUC")
    z = norm.ppf(0.5 + level / 2)

    def low_end(area: float) -> float:
        if area == 0 or level == 1:
            return 0.0
        last = min(area, 1 - 1e-12)  # at 1 itself the variance vanishes, which is no answer

        def beyond(low: float) -> float:
            return area - low - z * math.sqrt(_variance_by_counts(low, positives, negatives))

        return float(brentq(beyond, 0.0, last))

    return low_end(auc), 1 - low_end(1 - auc)


def _with_ends(value: float, low: float, high: float) -> str:
    ends = "(no interval)" if math.isnan(low) else f"[{low:z.3f}, {high:z.3f}]"
    return f"{value:z.3f} {ends}"


def _areas(placements: FloatArray, positive: BoolArray) -> FloatArray:
    """Means over the positives, (m,)."""
    return np.asarray(placements[:, positive].mean(axis=1))


def _covariance(placements: FloatArray, positive: BoolArray, member: IntArray) -> FloatArray:
    """Covariance (m, m) of the areas of `placements` (m, n) (Obuchowski 1997, section 3)."""
    deviations = placements - _areas(placements, positive)[:, None]
    in_cluster = csr_array((np.ones(len(member)), (np.arange(len(member)), member)))  # (n, c)
    of_positives = np.where(positive, deviations, 0.0) @ in_cluster / positive.sum()
    of_negatives = np.where(positive, 0.0, deviations) @ in_cluster / (~positive).sum()
    with_positives, with_negatives = _clusters_per_class(positive, member)
    across = of_positives @ of_negatives.T
    return np.asarray(
        _correction(with_positives) * (of_positives @ of_positives.T)
        + _correction(with_negatives) * (of_negatives @ of_negatives.T)
        + _correction(in_cluster.shape[1]) * (across + across.T)
    )


def _variance(placements: FloatArray, positive: BoolArray, member: IntArray) -> float:
    """Of one area, 0 where it is negative or rounding, nan where undefined."""
    variance = float(_covariance(placements, positive, member)[0, 0])
    return 0.0 if variance < _ROUNDING else variance


def _membership(n: int, clusters: Labels | None) -> IntArray:
    """Number of the cluster of each case, (n,)."""
    if clusters is None:
        return np.arange(n)
    require_same_length(positive=np.empty(n), clusters=clusters)
    return np.unique(np.asarray(clusters), return_inverse=True)[1]


def _clusters_per_class(positive: BoolArray, member: IntArray) -> tuple[int, int]:
    counted = [np.bincount(member[side]) for side in (positive, ~positive)]
    return int(np.count_nonzero(counted[0])), int(np.count_nonzero(counted[1]))


def _correction(count: int) -> float:
    """The factor that makes a sum of squared deviations an unbiased variance; nan for one."""
    return count / (count - 1) if count > 1 else float("nan")


def _variance_by_counts(auc: float, positives: int, negatives: int) -> float:
    """Hanley and McNeil's variance with both groups of their mean size (Newcombe 2006, method 5)."""
    extra = (positives + negatives) / 2 - 1
    spread = 1 + extra * (1 - auc) / (2 - auc) + extra * auc / (1 + auc)
    return auc * (1 - auc) * spread / (positives * negatives)


def _moderated_interval(
    auc: float, variance: float, independent: tuple[int, int], level: float
) -> tuple[float, float]:
    own = min(independent) - 1
    prior = _variance_by_counts(auc, *independent)
    moderated = (own * variance + PRIOR_CASES * prior) / (own + PRIOR_CASES)
    low, high = logit_interval(auc, np.sqrt(moderated), degrees=own + PRIOR_CASES, level=level)
    if variance < prior and np.sqrt(prior) > min(auc, 1 - auc):
        # So near an end the logit turns what the counts suggest into nearly any area.
        least, most = newcombe_interval(auc, *independent, level=level)
        return max(low, least), min(high, most)
    return low, high
