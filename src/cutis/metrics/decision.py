"""What a classifier's answers are worth in a clinic: predictive values, biopsies, net benefit."""

from dataclasses import dataclass

import numpy as np

from cutis.checks import BoolArray, FloatArray, require_fraction
from cutis.errors import InputError
from cutis.metrics.ranking import Ranking
from cutis.metrics.shares import share
from cutis.metrics.thresholds import Calls


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit by threshold probability, in true positives per case.

    The threshold probability is the risk at which a biopsy is just worth its harm: at 0.05, one
    melanoma found outweighs 19 needless biopsies. Biopsying nobody has net benefit 0 everywhere.
    """

    thresholds: FloatArray  # (t,)
    net_benefit: FloatArray  # (..., t), of biopsying where the probability reaches the threshold
    biopsy_all: FloatArray  # (..., t)

    @property
    def biopsies_avoided(self) -> FloatArray:
        """Needless biopsies spared per case against biopsying all, at equal cancers found; (..., t).

        nan at threshold 0, where a needless biopsy costs nothing.
        """
        odds = self.thresholds / (1 - self.thresholds)
        return share(self.net_benefit - self.biopsy_all, odds)


def predictive_values(
    sensitivity: FloatArray | float, specificity: FloatArray | float, *, prevalence: float
) -> tuple[FloatArray, FloatArray]:
    """Positive and negative predictive value where a share `prevalence` is malignant.

    Test sets are enriched with cancers, so the predictive values counted on them hold for no clinic.

    Args:
        sensitivity, specificity: Any shape, both the same.
        prevalence: In [0, 1].

    Returns:
        Arrays of that shape; nan where nothing is called, or everything.

    Raises:
        InputError: the prevalence is out of range.

    Example:
        >>> ppv, npv = predictive_values(0.9, 0.8, prevalence=0.1)
        >>> round(float(ppv), 4), round(float(npv), 4)
        (0.3333, 0.9863)
    """
    require_fraction("prevalence", prevalence)
    hits = np.asarray(sensitivity) * prevalence
    misses = (1 - np.asarray(sensitivity)) * prevalence
    kept = np.asarray(specificity) * (1 - prevalence)
    alarms = (1 - np.asarray(specificity)) * (1 - prevalence)
    return share(hits, hits + alarms), share(kept, kept + misses)


def number_needed_to_biopsy(ppv: FloatArray | float) -> FloatArray:
    """Biopsies per cancer found, one over the positive predictive value, of any shape.

    inf where biopsies find nothing, nan where none is done.

    Example:
        >>> float(number_needed_to_biopsy(0.25))
        4.0
    """
    needed = np.where(np.isnan(ppv), np.nan, np.inf)
    return np.asarray(np.divide(1.0, ppv, out=needed, where=np.greater(ppv, 0)))


def decision_curve(
    positive: BoolArray,
    probability: FloatArray,
    *,
    thresholds: FloatArray | None = None,
    prevalence: float | None = None,
    weights: FloatArray | None = None,
) -> DecisionCurve:
    """Net benefit of biopsying every lesion whose probability reaches a threshold.

    Sensitivity times prevalence, minus false positive rate times one minus prevalence times the odds
    of the threshold (Vickers and Elkin 2006). Probabilities that are not calibrated lose by it.

    Args:
        positive: Shape (n,).
        probability: Shape (n,), of being positive.
        thresholds: Shape (t,), in [0, 1); default 0.01 to 0.5 in steps of 0.01.
        prevalence: Where the curve shall hold; default, the share of positives among the cases.
        weights: Shape (n,) or (r, n); default, every case counts one.

    Returns:
        Curves of shape (t,) or (r, t); nan where a class is missing but its rate is needed.

    Raises:
        InputError: a probability, a threshold or the prevalence is out of range, or lengths differ.
    """
    if thresholds is None:
        thresholds = np.arange(1, 51) / 100
    ranking = Ranking.of(positive, probability)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise InputError("probability: values must lie in [0, 1]; were logits passed?")
    if not ((thresholds >= 0) & (thresholds < 1)).all():
        raise InputError("thresholds: must lie in [0, 1)")
    calls = Calls.of(ranking, weights)
    # A case is called when its probability is at least the threshold: count the scores that are.
    position = np.searchsorted(-ranking.thresholds, -thresholds, side="right")
    found, alarms = calls.found[..., position], calls.alarms[..., position]
    positives, negatives = calls.positives[..., None], calls.negatives[..., None]
    odds = thresholds / (1 - thresholds)
    if prevalence is None:
        cases = positives + negatives
        return DecisionCurve(
            thresholds,
            share(found - alarms * odds, cases),
            share(positives - negatives * odds, cases),
        )
    require_fraction("prevalence", prevalence)
    sensitivity, false_positive_rate = share(found, positives), share(alarms, negatives)
    biopsy_all = prevalence - (1 - prevalence) * odds
    return DecisionCurve(
        thresholds,
        sensitivity * prevalence - false_positive_rate * (1 - prevalence) * odds,
        np.broadcast_to(biopsy_all, found.shape),
    )
