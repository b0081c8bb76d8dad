"""How well a score ranks positives above negatives: ROC and precision-recall curves and areas.

A case is called positive when `score >= threshold`, so equal scores are called together.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from cutis.checks import BoolArray, FloatArray, IntArray, require_same_length
from cutis.errors import InputError
from cutis.metrics.classification import mean_over_defined
from cutis.metrics.shares import share


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
    """Cases sorted by falling score and grouped by ties, ready for many rows of weights."""

    order: IntArray  # (n,), rows by falling score
    starts: IntArray  # (t,), where each group of equal scores begins
    thresholds: FloatArray  # (t,), falling
    positive: BoolArray  # (n,), in sorted order

    @classmethod
    def of(cls, positive: BoolArray, score: FloatArray) -> "Ranking":
        """Sort once.

        Args:
            positive: Shape (n,).
            score: Shape (n,). Larger is more suspicious.

        Raises:
            InputError: lengths differ, `positive` is not boolean, or a score is nan.
        """
        n = require_same_length(positive=positive, score=score)
        if positive.dtype != bool:
            raise InputError(f"positive: {positive.dtype} instead of bool; compare, as in y == 1")
        if np.isnan(score).any():
            raise InputError("score: contains nan")
        order = np.argsort(-score, kind="stable")
        falling = score[order]
        starts = np.flatnonzero(np.append(True, falling[1:] != falling[:-1])[:n])
        return cls(order, starts, falling[starts], positive[order])

    def areas(self, weights: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """ROC-AUC and average precision, which share all of their work.

        Cases are first summed up between one group of ties that holds a positive and the next, by one
        sparse product for all rows of weights, so that thousands of replicates cost little more than
        reading their weights once.

        Args:
            weights: Shape (n,) or (r, n), at least 0; default, every case counts one.

        Returns:
            ROC-AUC with ties counted half (Hanley and McNeil 1982, the Mann-Whitney statistic), nan
            without positives or negatives; and the sum over thresholds of precision times the gain in
            recall, nan without positives. Shapes () or (r,).
        """
        if weights is None:
            weights = np.ones(len(self.order))
        sums = self._stretch_sums @ weights.T  # (3 stretches,) or (3 stretches, r)
        positives, tied, passed = sums.reshape(3, -1, *weights.shape[:-1])
        found = np.cumsum(positives, axis=0)
        alarms = np.cumsum(passed + tied, axis=0)
        total_positive, total_negative = found[-1], alarms[-1]
        losses = np.einsum("s...,s...->...", positives, alarms - 0.5 * tied)
        precision = share(found, found + alarms, undefined=0.0)
        gained = np.einsum("s...,s...->...", positives, precision)
        pairs = total_positive * total_negative
        return share(pairs - losses, pairs), share(gained, total_positive)

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
        require_both_classes(self.positive, "a ROC curve")
        positives, negatives = self.tallies()
        y = np.append(0.0, np.cumsum(positives) / positives.sum())
        x = np.append(0.0, np.cumsum(negatives) / negatives.sum())
        return Curve(x, y, np.append(np.inf, self.thresholds))

    def precision_recall_curve(self) -> Curve:
        """Precision against recall.

        Raises:
            InputError: positives are missing.
        """
        positives, negatives = self.tallies()
        if not positives.any():
            raise InputError("a precision-recall curve needs positives")
        found, alarms = np.cumsum(positives), np.cumsum(negatives)
        return Curve(found / positives.sum(), found / (found + alarms), self.thresholds)

    def tallies(self, weights: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Positives and negatives in each group of ties, by falling threshold.

        Args:
            weights: Shape (n,) or (r, n); default, every case counts one.

        Returns:
            Two arrays of shape (t,) or (r, t).
        """
        if weights is None:
            found = np.add.reduceat(self.positive.astype(np.float64), self.starts)
            return found, self._group_sizes.astype(np.float64) - found
        sums = self._group_sums @ weights.T
        found, passed = np.moveaxis(sums.reshape(2, -1, *weights.shape[:-1]), 1, -1)
        return found, passed

    def placements(self) -> FloatArray:
        """Share of the other class that each case is ranked right against, ties counted half.

        The placement values of Hanley and Hajian-Tilaki (1997), which are the structural components
        of DeLong et al. (1988): the mean over the positives is the ROC-AUC, and so is the mean over
        the negatives.

        Returns:
            Shape (n,), in the order of the rows that `of` was given; nan for every case of a class
            that has no other class to be ranked against.
        """
        positives, negatives = self.tallies()
        found, alarms = np.cumsum(positives), np.cumsum(negatives)
        above = found - 0.5 * positives
        below = alarms[-1:] - alarms + 0.5 * negatives
        shares = np.stack([share(above, found[-1:]), share(below, alarms[-1:])])
        group = np.repeat(np.arange(len(self.starts)), self._group_sizes)
        placed = np.empty(len(self.order))
        placed[self.order] = shares[self.positive.astype(np.intp), group]
        return placed

    @cached_property
    def _stretch_sums(self) -> csr_array:
        """Adds up weights (n,), in the order of the cases, over stretches of the ranking: (3s, n).

        A stretch ends with a group of ties that holds a positive, and the last one with the last
        case. The rows give the positives of each stretch, then the negatives tied with them, then
        the negatives passed on the way there.
        """
        group = np.repeat(np.arange(len(self.starts)), self._group_sizes)
        ends = np.unique(group[self.positive])
        stretch = np.searchsorted(ends, group)
        kind = np.where(self.positive, 0, np.where(np.isin(group, ends), 1, 2))
        row = kind * (len(ends) + 1) + stretch
        shape = (3 * (len(ends) + 1), len(self.order))
        return csr_array((np.ones(len(self.order)), (row, self.order)), shape=shape)

    @cached_property
    def _group_sums(self) -> csr_array:
        """Adds up weights (n,), in the order of the cases, over groups of ties: (2t, n)."""
        group = np.repeat(np.arange(len(self.starts)), self._group_sizes)
        row = np.where(self.positive, group, group + len(self.starts))
        shape = (2 * len(self.starts), len(self.order))
        return csr_array((np.ones(len(self.order)), (row, self.order)), shape=shape)

    @property
    def _group_sizes(self) -> IntArray:
        """Cases in each group of ties, (t,)."""
        return np.diff(self.starts, append=len(self.order))


def require_both_classes(positive: BoolArray, figure: str) -> tuple[int, int]:
    """Return the numbers of positives and negatives.

    Raises:
        InputError: one of the classes is missing; the message says that `figure` needs both.
    """
    positives = int(np.count_nonzero(positive))
    negatives = len(positive) - positives
    if not positives or not negatives:
        raise InputError(
            f"{figure} needs positives and negatives; there are {positives} and {negatives}"
        )
    return positives, negatives


def roc_auc(positive: BoolArray, score: FloatArray) -> float:
    """Area under the ROC curve of one score, ties counted half (Hanley and McNeil 1982).

    Args:
        positive: Shape (n,).
        score: Shape (n,). Larger is more suspicious.

    Raises:
        InputError: positives or negatives are missing, a score is nan, or lengths differ.

    Example:
        >>> roc_auc(np.array([True, True, False]), np.array([0.9, 0.4, 0.4]))
        0.75
    """
    ranking = Ranking.of(positive, score)
    require_both_classes(positive, "the ROC-AUC")
    return float(ranking.roc_auc())


def average_precision(positive: BoolArray, score: FloatArray) -> float:
    """Mean precision over the positives, each at its own threshold.

    Args:
        positive: Shape (n,).
        score: Shape (n,). Larger is more suspicious; equal scores are called together.

    Raises:
        InputError: positives are missing, a score is nan, or lengths differ.

    Example:
        >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]))
        0.8333333333333333
    """
    area = float(Ranking.of(positive, score).average_precision())
    if np.isnan(area):
        raise InputError("the average precision needs positives")
    return area


def macro_roc_auc(truth: IntArray, probabilities: FloatArray) -> float:
    """Mean one-against-rest ROC-AUC over the classes that occur; nan when fewer than two do.

    Args:
        truth: Shape (n,), positions.
        probabilities: Shape (n, k).

    Raises:
        InputError: lengths differ, or a probability is nan.
    """
    per_class = [
        float(Ranking.of(truth == k, probabilities[:, k]).roc_auc())
        for k in range(probabilities.shape[1])
    ]
    return float(mean_over_defined(np.array(per_class)))
