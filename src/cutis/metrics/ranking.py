"""How well a score ranks positives above negatives: ROC and precision-recall curves and areas.

A case is called positive when `score >= threshold`, so equal scores are called together.
"""

from dataclasses import dataclass

import numpy as np

from cutis.checks import BoolArray, FloatArray, IntArray, require_same_length
from cutis.errors import InputError
from cutis.metrics.classification import mean_over_defined


@dataclass(frozen=True, eq=False)
class Curve:
    """Points of a curve by falling threshold, the first one at infinity.

    `x` is the false positive rate and `y` the true positive rate of a ROC curve; of a
    precision-recall curve `x` is recall and `y` precision, without a point at infinity.
    """

    x: FloatArray
    y: FloatArray
    thresholds: FloatArray


@dataclass(frozen=True, eq=False)
class Ranking:
    """Cases sorted by falling score and grouped by ties, ready for many rows of weights.

    Raises:
        InputError: lengths differ, or a score is nan.
    """

    order: IntArray  # (n,), rows by falling score
    starts: IntArray  # (t,), where each group of equal scores begins
    thresholds: FloatArray  # (t,), falling
    positive: BoolArray  # (n,), in sorted order

    @classmethod
    def of(cls, positive: BoolArray, score: FloatArray) -> "Ranking":
        """Sort once."""
        n = require_same_length(positive=positive, score=score)
        if np.isnan(score).any():
            raise InputError("score: contains nan")
        order = np.argsort(-score, kind="stable")
        falling = score[order]
        starts = np.flatnonzero(np.append(True, falling[1:] != falling[:-1])[:n])
        return cls(order, starts, falling[starts], positive[order])

    def areas(self, weights: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """ROC-AUC and average precision, which share all of their work.

        Only groups of ties that hold a positive are looked at, against one running sum of weights, so
        that thousands of bootstrap replicates cost little more than that sum.

        Args:
            weights: Shape (n,) or (r, n); default, every case counts one.

        Returns:
            ROC-AUC with ties counted half (Hanley and McNeil 1982, the Mann-Whitney statistic), nan
            without positives or negatives; and the sum over thresholds of precision times the gain in
            recall, nan without positives. Shapes () or (r,).
        """
        ranked = np.ones(len(self.order)) if weights is None else weights[..., self.order]
        running = np.cumsum(ranked, axis=-1)
        hits = np.flatnonzero(self.positive)
        if not len(hits):
            undefined = np.full(ranked.shape[:-1], np.nan)
            return undefined, undefined
        group = np.searchsorted(self.starts, hits, side="right") - 1
        groups, first_hit = np.unique(group, return_index=True)
        start = self.starts[groups]
        end = np.append(self.starts, len(self.order))[groups + 1] - 1
        positives = np.add.reduceat(ranked[..., hits], first_hit, axis=-1)  # (..., g)
        called = running[..., end]
        found = np.cumsum(positives, axis=-1)
        negatives = called - (running[..., start] - ranked[..., start]) - positives  # in the group
        total_positive = found[..., -1]
        total_negative = running[..., -1] - total_positive
        below = total_negative[..., None] - (called - found)
        wins = (positives * (below + 0.5 * negatives)).sum(axis=-1)
        gained = (positives * _ratio(found, called, undefined=0.0)).sum(axis=-1)
        return _ratio(wins, total_positive * total_negative), _ratio(gained, total_positive)

    def roc_auc(self, weights: FloatArray | None = None) -> FloatArray:
        """The first of `areas`."""
        return self.areas(weights)[0]

    def average_precision(self, weights: FloatArray | None = None) -> FloatArray:
        """The second of `areas`."""
        return self.areas(weights)[1]

    def roc_curve(self) -> Curve:
        """True positive rate against false positive rate.

        Raises:
            InputError: positives or negatives are missing.
        """
        positives, negatives = self._tallies()
        if not positives.any() or not negatives.any():
            raise InputError("a ROC curve needs positives and negatives")
        y = np.append(0.0, np.cumsum(positives) / positives.sum())
        x = np.append(0.0, np.cumsum(negatives) / negatives.sum())
        return Curve(x, y, np.append(np.inf, self.thresholds))

    def precision_recall_curve(self) -> Curve:
        """Precision against recall.

        Raises:
            InputError: positives are missing.
        """
        positives, negatives = self._tallies()
        if not positives.any():
            raise InputError("a precision-recall curve needs positives")
        found, alarms = np.cumsum(positives), np.cumsum(negatives)
        return Curve(found / positives.sum(), found / (found + alarms), self.thresholds)

    def _tallies(self) -> tuple[FloatArray, FloatArray]:
        """Positives and negatives in each group of ties, both (t,)."""
        sizes = np.diff(np.append(self.starts, len(self.order)))
        positives = np.add.reduceat(self.positive.astype(np.float64), self.starts)
        return positives, sizes - positives


def roc_auc(positive: BoolArray, score: FloatArray) -> float:
    """Area under the ROC curve of one score.

    Raises:
        InputError: positives or negatives are missing, a score is nan, or lengths differ.

    Example:
        >>> roc_auc(np.array([True, True, False]), np.array([0.9, 0.4, 0.4]))
        0.75
    """
    area = float(Ranking.of(positive, score).roc_auc())
    if np.isnan(area):
        raise InputError("the ROC-AUC needs positives and negatives")
    return area


def macro_roc_auc(truth: IntArray, probabilities: FloatArray) -> float:
    """Mean one-against-rest ROC-AUC over the classes that occur; nan when fewer than two do.

    Args:
        truth: Shape (n,), positions.
        probabilities: Shape (n, k).
    """
    per_class = [
        float(Ranking.of(truth == k, probabilities[:, k]).roc_auc())
        for k in range(probabilities.shape[1])
    ]
    return float(mean_over_defined(np.array(per_class)))


def _ratio(
    numerator: FloatArray, denominator: FloatArray, *, undefined: float = np.nan
) -> FloatArray:
    out = np.full(np.shape(numerator), undefined)
    return np.asarray(np.divide(numerator, denominator, out=out, where=np.asarray(denominator) > 0))
