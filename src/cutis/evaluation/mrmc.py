"""Several readers, several cases: do mean areas under ROC curves differ beyond these readers?

The analysis of Obuchowski and Rockette (Commun Stat Simul Comput 1995, 24:285) with the degrees of
freedom of Hillis (Stat Med 2007, 26:596). Areas are a table of treatments by readers, all from the same
cases; a treatment is a way of reading, such as readers alone and readers with a model. A model that
stands against readers is a treatment whose area is the same in every column: with two treatments the
analysis is that of the differences of each reader, which Hillis derives for a standalone reader too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from cutis.checks import BoolArray, FloatArray, require_fraction, require_same_length
from cutis.errors import InputError
from cutis.metrics.delong import Labels
from cutis.metrics.ranking import Ranking, require_both_classes

_ROUNDING = 1e-12  # a variance of areas below this, a standard error of a millionth, is rounding


@dataclass(frozen=True)
class MeanArea:
    """The mean area of one treatment over readers, for other readers and other cases."""

    area: float
    standard_error: float
    degrees_of_freedom: float
    low: float
    high: float


@dataclass(frozen=True)
class Contrast:
    """The mean area of one treatment minus that of another, tested against zero.

    With random readers the result speaks of other readers too and `degrees_of_freedom` are Hillis's;
    with fixed readers it speaks of these readers and other cases, and they are infinite. All but the
    difference are nan where the standard error is zero or undefined.
    """

    difference: float
    standard_error: float
    degrees_of_freedom: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class ErrorCovariances:
    """Means of the covariance matrix of areas from the same cases.

    Attributes:
        variance: Of one area.
        same_reader: Between treatments of one reader (Cov1); nan with one treatment.
        same_treatment: Between readers of one treatment (Cov2); nan with one reader.
        neither: Between different readers of different treatments (Cov3).
    """

    variance: float
    same_reader: float
    same_treatment: float
    neither: float


@dataclass(frozen=True, eq=False)
class MultiReaderAnalysis:
    """What an Obuchowski-Rockette analysis found.

    `f`, `degrees_of_freedom` of the error term and `p` test whether all treatments have the same mean
    area, readers and cases both being drawn; nan with one reader, of whom nothing generalises.

    Attributes:
        treatments: t names.
        readers: r names.
        areas: Shape (t, r).
        means: Of each treatment.
        covariances: The error covariances, averaged.
        f, numerator_degrees, degrees_of_freedom, p: The test of all treatments.
        random_readers: Each pair of treatments, the first minus the second.
        fixed_readers: The same for these very readers.
    """

    treatments: tuple[str, ...]
    readers: tuple[str, ...]
    areas: FloatArray
    means: tuple[MeanArea, ...]
    covariances: ErrorCovariances
    f: float
    numerator_degrees: int
    degrees_of_freedom: float
    p: float
    random_readers: dict[str, Contrast]
    fixed_readers: dict[str, Contrast]


def obuchowski_rockette(
    areas: FloatArray,
    covariance: FloatArray,
    *,
    treatments: Sequence[str],
    readers: Sequence[str],
    level: float = 0.95,
) -> MultiReaderAnalysis:
    """Compare the mean areas of treatments over readers.

    Args:
        areas: Shape (t, r), treatments by readers; t is at least 2.
        covariance: Shape (t r, t r), of the areas row by row, as `delong_covariance` or
            `jackknife_covariance` give it for scores in that order.
        treatments, readers: Names, t and r of them.
        level: Of the intervals.

    Raises:
        InputError: shapes do not fit, there are fewer than two treatments, or no reader.
    """
    require_fraction("level", level)
    t, r = _require_shapes(areas, covariance, treatments, readers)
    blocks = covariance.reshape(t, r, t, r)
    found = _mean_covariances(blocks)
    interaction = _beyond_rounding(_interaction_mean_square(areas))
    treatment = r * float(np.var(areas.mean(axis=1), ddof=1))
    between_cases = _beyond_rounding(found.same_treatment - found.neither) if r > 1 else 0.0
    error = interaction + r * between_cases
    degrees = _degrees_of_freedom(error, interaction, (t - 1) * (r - 1))
    statistic = treatment / error if error > 0 else float("nan")
    # Fixed readers: Var(error) - Cov1 + (r - 1) max(Cov2 - Cov3, 0).
    fixed = _beyond_rounding(found.variance - found.same_reader) + (r - 1) * between_cases
    pairs = [(a, b) for a in range(t) for b in range(a + 1, t)]
    differences = {
        f"{treatments[a]} - {treatments[b]}": float(areas[a].mean() - areas[b].mean())
        for a, b in pairs
    }
    return MultiReaderAnalysis(
        treatments=tuple(treatments),
        readers=tuple(readers),
        areas=areas,
        means=tuple(_mean_area(areas[i], blocks[i, :, i], level) for i in range(t)),
        covariances=found,
        f=statistic,
        numerator_degrees=t - 1,
        degrees_of_freedom=degrees,
        p=_p_of_f(statistic, t - 1, degrees),
        random_readers={
            name: _contrast(difference, 2 / r * error, degrees, level)
            for name, difference in differences.items()
        },
        fixed_readers={
            name: _contrast(difference, 2 / r * fixed, float("inf"), level)
            for name, difference in differences.items()
        },
    )


def jackknife_covariance(
    positive: BoolArray, scores: FloatArray, *, clusters: Labels | None = None
) -> tuple[FloatArray, FloatArray]:
    """The areas of several scores of the same cases, and their covariance by leaving out clusters.

    What DeLong's covariance is to Obuchowski and Rockette, this is to Dorfman, Berbaum and Metz
    (1992); the two agree but for terms of the order of one over the number of cases.

    Args:
        positive: Shape (n,).
        scores: Shape (m, n).
        clusters: Shape (n,), left out together; default, every case is its own.

    Returns:
        Areas, shape (m,), and their covariance, shape (m, m), nan where leaving one cluster out
        leaves a class empty.

    Raises:
        InputError: a class is missing, a score is nan, or lengths differ.
    """
    require_both_classes(positive, "the ROC-AUC")
    n = len(positive)
    labels = np.arange(n) if clusters is None else np.asarray(clusters)
    require_same_length(positive=positive, clusters=labels)
    names, member = np.unique(labels, return_inverse=True)
    left_out = (member != np.arange(len(names))[:, None]).astype(np.float64)  # (c, n)
    rankings = [Ranking.of(positive, score) for score in scores]
    areas = np.array([float(ranking.roc_auc()) for ranking in rankings])
    without = np.stack([ranking.roc_auc(left_out) for ranking in rankings])  # (m, c)
    deviations = without - without.mean(axis=1, keepdims=True)
    return areas, np.asarray((len(names) - 1) / len(names) * deviations @ deviations.T)


def _require_shapes(
    areas: FloatArray, covariance: FloatArray, treatments: Sequence[str], readers: Sequence[str]
) -> tuple[int, int]:
    t, r = len(treatments), len(readers)
    if t < 2 or r < 1:
        raise InputError(f"{t} treatments and {r} readers; two treatments and a reader are needed")
    if areas.shape != (t, r):
        raise InputError(f"areas: shape {areas.shape}, expected {(t, r)}")
    if covariance.shape != (t * r, t * r):
        raise InputError(f"covariance: shape {covariance.shape}, expected {(t * r, t * r)}")
    return t, r


def _mean_covariances(blocks: FloatArray) -> ErrorCovariances:
    """Means of `blocks` (t, r, t, r) by what the two areas share."""
    t, r = blocks.shape[:2]
    treatment, reader = np.meshgrid(np.arange(t), np.arange(r), indexing="ij")
    flat = blocks.reshape(t * r, t * r)
    same_treatment = treatment.ravel()[:, None] == treatment.ravel()
    same_reader = reader.ravel()[:, None] == reader.ravel()
    return ErrorCovariances(
        variance=_mean(flat[same_treatment & same_reader]),
        same_reader=_mean(flat[~same_treatment & same_reader]),
        same_treatment=_mean(flat[same_treatment & ~same_reader]),
        neither=_mean(flat[~same_treatment & ~same_reader]),
    )


def _interaction_mean_square(areas: FloatArray) -> float:
    """MS(T*R) of the two-way table; nan with one reader."""
    t, r = areas.shape
    if r < 2:
        return float("nan")
    rows, columns = areas.mean(axis=1, keepdims=True), areas.mean(axis=0, keepdims=True)
    residual = areas - rows - columns + areas.mean()
    return float((residual**2).sum() / ((t - 1) * (r - 1)))


def _mean_area(areas: FloatArray, covariance: FloatArray, level: float) -> MeanArea:
    """One treatment alone, from areas (r,) and covariance (r, r) (Hillis 2007, ddf_H_single)."""
    r = len(areas)
    mean = float(areas.mean())
    if r < 2:
        return MeanArea(mean, *(float("nan"),) * 4)
    spread = _beyond_rounding(float(areas.var(ddof=1)))
    between = _beyond_rounding(_mean(covariance[~np.eye(r, dtype=bool)]))
    error = spread + r * between
    degrees = _degrees_of_freedom(error, spread, r - 1)
    standard_error = float(np.sqrt(error / r))
    low, high = _interval(mean, standard_error, degrees, level, least=0)
    return MeanArea(mean, standard_error, degrees, low, high)


def _contrast(difference: float, variance: float, degrees: float, level: float) -> Contrast:
    if not variance > 0:
        return Contrast(difference, *(float("nan"),) * 5)
    standard_error = float(np.sqrt(variance))
    low, high = _interval(difference, standard_error, degrees, level, least=-1)
    statistic = abs(difference) / standard_error
    p = float(2 * t_distribution.sf(statistic, degrees))
    return Contrast(difference, standard_error, degrees, low, high, p)


def _p_of_f(statistic: float, numerator: int, denominator: float) -> float:
    if np.isinf(denominator):
        return float(chi2.sf(numerator * statistic, numerator))
    return float(f_distribution.sf(statistic, numerator, denominator))


def _interval(
    centre: float, standard_error: float, degrees: float, level: float, *, least: float
) -> tuple[float, float]:
    """Symmetric, as far as what is measured can lie: from `least` to 1."""
    half = t_distribution.ppf(0.5 + level / 2, degrees) * standard_error
    low, high = np.clip([centre - half, centre + half], least, 1)
    return float(low), float(high)


def _degrees_of_freedom(error: float, mean_square: float, own_degrees: int) -> float:
    """Hillis's ddf_H: (MS + r max(cov, 0))^2 / (MS^2 / df of MS); infinite where MS is zero."""
    if mean_square == 0:
        return float("inf")
    return error**2 / (mean_square**2 / own_degrees) if own_degrees else float("nan")


def _beyond_rounding(variance: float) -> float:
    """The variance where it is one; 0 where it is negative or rounding, nan where undefined."""
    return 0.0 if variance < _ROUNDING else variance


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else float("nan")
