"""Where to put the threshold, and what a threshold chosen elsewhere gives here.

A threshold is chosen on validation cases and carried to the test cases; chosen and judged on the same
cases it flatters itself. Every choice exists for one set of cases, and as a choice on `Calls` for
many rows of bootstrap weights at once.
"""

from dataclasses import dataclass

import numpy as np

from cutis.checks import BoolArray, FloatArray, IntArray, require_fraction, require_same_length
from cutis.errors import InputError
from cutis.metrics.ranking import Ranking, require_both_classes
from cutis.metrics.shares import share
from cutis.metrics.thresholds import Calls


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold and what it gives on some cases."""

    threshold: float
    sensitivity: float
    specificity: float

    def carried_to(self, positive: BoolArray, score: FloatArray) -> "OperatingPoint":
        """The same threshold on other cases; see `carried`.

        Raises:
            InputError: a class is missing, a score is nan, or lengths differ.
        """
        require_both_classes(positive, "an operating point")
        points = carried(self.threshold, positive, score)
        return OperatingPoint(self.threshold, float(points.sensitivity), float(points.specificity))


@dataclass(frozen=True, eq=False)
class OperatingPoints:
    """One operating point for each row of weights; nan where a class is missing."""

    threshold: FloatArray  # (...)
    sensitivity: FloatArray  # (...)
    specificity: FloatArray  # (...)


def sensitivity_at_specificity(
    malignant: BoolArray, score: FloatArray, *, specificity: float
) -> OperatingPoint:
    """Best sensitivity among thresholds that keep at least `specificity`.

    A lesion is called malignant when `score >= threshold`, so equal scores are called together. The
    threshold falls as far as the specificity allows.

    Args:
        malignant: Shape (n,). The histopathology truth.
        score: Shape (n,). Larger is more suspicious; any monotone scale will do.
        specificity: Fraction of benign lesions to call benign, in [0, 1].

    Returns:
        The operating point. Its threshold is one of `score`, or inf when nothing may be called.

    Raises:
        InputError: the lengths differ, a score is nan, or one of the two classes is absent.

    Example:
        >>> truth = np.array([True, True, False, False])
        >>> sensitivity_at_specificity(truth, np.array([0.9, 0.4, 0.6, 0.1]), specificity=1.0)
        OperatingPoint(threshold=0.9, sensitivity=0.5, specificity=1.0)
    """
    return _only(at_specificity(_calls(malignant, score), specificity))


def specificity_at_sensitivity(
    malignant: BoolArray, score: FloatArray, *, sensitivity: float
) -> OperatingPoint:
    """Best specificity among thresholds that find at least `sensitivity`.

    The threshold is as high as the sensitivity allows.

    Args:
        malignant, score: As in `sensitivity_at_specificity`.
        sensitivity: Fraction of malignant lesions to find, in [0, 1].

    Raises:
        InputError: the lengths differ, a score is nan, or one of the two classes is absent.

    Example:
        >>> truth = np.array([True, True, False, False])
        >>> specificity_at_sensitivity(truth, np.array([0.9, 0.4, 0.6, 0.1]), sensitivity=1.0)
        OperatingPoint(threshold=0.4, sensitivity=1.0, specificity=0.5)
    """
    return _only(at_sensitivity(_calls(malignant, score), sensitivity))


def youden_point(malignant: BoolArray, score: FloatArray) -> OperatingPoint:
    """Largest sum of sensitivity and specificity (Youden 1950); of equals the most sensitive.

    Args:
        malignant, score: As in `sensitivity_at_specificity`.

    Raises:
        InputError: the lengths differ, a score is nan, or one of the two classes is absent.
    """
    return _only(at_best_tradeoff(_calls(malignant, score), alarms_per_miss=1.0))


def least_cost_point(
    malignant: BoolArray,
    score: FloatArray,
    *,
    miss_cost: float,
    alarm_cost: float = 1.0,
    prevalence: float | None = None,
) -> OperatingPoint:
    """Smallest expected cost per case (Zweig and Campbell 1993); of equals the most sensitive.

    Args:
        malignant, score: As in `sensitivity_at_specificity`.
        miss_cost: Of a malignant lesion that is not called.
        alarm_cost: Of a benign lesion that is called, in the same unit.
        prevalence: Share of malignant lesions where the threshold will be used; default, as here.

    Raises:
        InputError: a cost is not positive, the prevalence is not between 0 and 1, the lengths differ,
            a score is nan, or one of the two classes is absent.
    """
    calls = _calls(malignant, score)
    if prevalence is None:
        prevalence = float(np.mean(malignant))
    slope = alarms_per_miss(miss_cost=miss_cost, alarm_cost=alarm_cost, prevalence=prevalence)
    return _only(at_best_tradeoff(calls, alarms_per_miss=slope))


def alarms_per_miss(*, miss_cost: float, alarm_cost: float, prevalence: float) -> float:
    """Weight of the false positive rate against the sensitivity, the slope of Zweig and Campbell.

    Raises:
        InputError: a cost is not positive, or the prevalence is not between 0 and 1.

    Example:
        >>> alarms_per_miss(miss_cost=20, alarm_cost=1, prevalence=0.2)
        0.2
    """
    if not (miss_cost > 0 and alarm_cost > 0):
        raise InputError(f"costs: {miss_cost} and {alarm_cost}; both must be above zero")
    if not 0 < prevalence < 1:
        raise InputError(f"prevalence: {prevalence} is not between 0 and 1")
    return alarm_cost * (1 - prevalence) / (miss_cost * prevalence)


def at_specificity(calls: Calls, specificity: float) -> OperatingPoints:
    """`sensitivity_at_specificity` for every row of weights, shape () or (r,).

    Raises:
        InputError: the specificity is not in [0, 1].
    """
    require_fraction("specificity", specificity)
    allowed = calls.specificity >= specificity  # true, then false
    return _chosen(calls, np.maximum(allowed.sum(axis=-1) - 1, 0))


def at_sensitivity(calls: Calls, sensitivity: float) -> OperatingPoints:
    """`specificity_at_sensitivity` for every row of weights, shape () or (r,).

    Raises:
        InputError: the sensitivity is not in [0, 1].
    """
    require_fraction("sensitivity", sensitivity)
    return _chosen(calls, np.asarray((calls.sensitivity >= sensitivity).argmax(axis=-1)))


def at_best_tradeoff(calls: Calls, *, alarms_per_miss: float) -> OperatingPoints:
    """Largest sensitivity minus `alarms_per_miss` times the false positive rate, in every row.

    Of equal points the most sensitive; `alarms_per_miss` of 1 gives Youden's. Shape () or (r,).
    """
    # Multiplied out, so that whole counts stay exact and equal points stay equal.
    gain = calls.found * calls.negatives[..., None]
    gain = gain - alarms_per_miss * calls.alarms * calls.positives[..., None]
    last_best = gain.shape[-1] - 1 - gain[..., ::-1].argmax(axis=-1)
    return _chosen(calls, np.asarray(last_best))


def carried(
    threshold: float,
    positive: BoolArray,
    score: FloatArray,
    *,
    weights: FloatArray | None = None,
) -> OperatingPoints:
    """What a threshold from elsewhere gives on these cases.

    Args:
        threshold: Chosen on other cases, on the same scale.
        positive, score: Shape (n,).
        weights: Shape (n,) or (r, n); default, every case counts one.

    Returns:
        Arrays of shape () or (r,); nan where a class is missing.

    Raises:
        InputError: lengths differ, or a score is nan.
    """
    n = require_same_length(positive=positive, score=score)
    if np.isnan(score).any():
        raise InputError("score: contains nan")
    if weights is None:
        weights = np.ones(n)
    called = score >= threshold
    return OperatingPoints(
        threshold=np.full(weights.shape[:-1], threshold),
        sensitivity=share(weights @ (positive & called), weights @ positive),
        specificity=share(weights @ (~positive & ~called), weights @ ~positive),
    )


def _calls(malignant: BoolArray, score: FloatArray) -> Calls:
    ranking = Ranking.of(malignant, score)
    require_both_classes(malignant, "an operating point")
    return Calls.of(ranking)


def _chosen(calls: Calls, position: IntArray) -> OperatingPoints:
    defined = (calls.positives > 0) & (calls.negatives > 0)

    def taken(rates: FloatArray) -> FloatArray:
        values = np.take_along_axis(rates, position[..., None], axis=-1)[..., 0]
        return np.where(defined, values, np.nan)

    return OperatingPoints(
        threshold=np.where(defined, calls.thresholds[position], np.nan),
        sensitivity=taken(calls.sensitivity),
        specificity=taken(calls.specificity),
    )


def _only(points: OperatingPoints) -> OperatingPoint:
    return OperatingPoint(
        float(points.threshold), float(points.sensitivity), float(points.specificity)
    )
