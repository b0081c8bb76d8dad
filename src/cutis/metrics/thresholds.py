"""What every threshold of a score finds and falsely calls, and the area above a sensitivity.

A case is called positive when `score >= threshold`, so equal scores are called together. Thresholds
fall from infinity, where nothing is called.
"""

from dataclasses import dataclass

import numpy as np

from cutis.checks import BoolArray, FloatArray, require_fraction
from cutis.metrics.ranking import Ranking, require_both_classes
from cutis.metrics.shares import share


@dataclass(frozen=True, eq=False)
class Calls:
    """Positives found and negatives called by mistake at each threshold, for one or many weightings."""

    thresholds: FloatArray  # (t,), falling from inf
    found: FloatArray  # (..., t), rising from 0 to the positives
    alarms: FloatArray  # (..., t), rising from 0 to the negatives

    @classmethod
    def of(cls, ranking: Ranking, weights: FloatArray | None = None) -> "Calls":
        """Count at infinity and at every distinct score.

        Args:
            ranking: Of the n cases.
            weights: Shape (n,) or (r, n); default, every case counts one.
        """
        found, alarms = (_sums_from_zero(tally) for tally in ranking.tallies(weights))
        return cls(np.append(np.inf, ranking.thresholds), found, alarms)

    @property
    def positives(self) -> FloatArray:
        """All of them, shape (...)."""
        return np.asarray(self.found[..., -1])

    @property
    def negatives(self) -> FloatArray:
        """All of them, shape (...)."""
        return np.asarray(self.alarms[..., -1])

    @property
    def sensitivity(self) -> FloatArray:
        """Share of the positives that is called, (..., t); nan without positives."""
        return share(self.found, self.positives[..., None])

    @property
    def specificity(self) -> FloatArray:
        """Share of the negatives that is not called, (..., t); nan without negatives."""
        return share(self.negatives[..., None] - self.alarms, self.negatives[..., None])

    def partial_area(self, *, min_sensitivity: float) -> FloatArray:
        """Area under the ROC curve and above a sensitivity, shape (...); nan where a class is missing.

        The integral of specificity over sensitivity from `min_sensitivity` to 1.

        Raises:
            InputError: `min_sensitivity` is not in [0, 1].
        """
        require_fraction("min_sensitivity", min_sensitivity)
        sensitivity, specificity = self.sensitivity, self.specificity
        height = np.diff(sensitivity)
        # Each stretch of the curve counts from where it rises above the wanted sensitivity.
        above = np.diff(np.maximum(sensitivity, min_sensitivity))
        start = specificity[..., 1:] - np.diff(specificity) * share(above, height, undefined=0.0)
        return np.asarray((above * (start + specificity[..., 1:]) / 2).sum(axis=-1))


def partial_auc(positive: BoolArray, score: FloatArray, *, min_sensitivity: float = 0.8) -> float:
    """The part of the ROC-AUC above a sensitivity, from 0 to 1 - `min_sensitivity`.

    Above 0.8 it ranges from 0 to 0.2, and the ISIC 2024 challenge ranked by it; guessing gives 0.02.

    Args:
        positive: Shape (n,).
        score: Shape (n,). Larger is more suspicious.
        min_sensitivity: Only the curve above it counts.

    Raises:
        InputError: a class is missing, a score is nan, or lengths differ.

    Example:
        >>> truth = np.array([True, True, False, False])
        >>> round(partial_auc(truth, np.array([0.9, 0.4, 0.6, 0.1])), 3)
        0.1
    """
    ranking = Ranking.of(positive, score)
    require_both_classes(positive, "the partial ROC-AUC")
    return float(Calls.of(ranking).partial_area(min_sensitivity=min_sensitivity))


def _sums_from_zero(tally: FloatArray) -> FloatArray:
    sums = np.zeros((*tally.shape[:-1], tally.shape[-1] + 1))
    np.cumsum(tally, axis=-1, out=sums[..., 1:])
    return sums
