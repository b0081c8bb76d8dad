"""What is gained when a classifier may leave its least certain cases to a person.

A case is kept when `confidence >= threshold`, so equally certain cases are kept or left together.
Coverage is the share of cases kept, and risk the mean loss over them.
"""

from dataclasses import dataclass

import numpy as np

from cutis.checks import FloatArray, IntArray, require_fraction, require_same_length
from cutis.errors import InputError
from cutis.metrics.shares import share


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Coverage and risk at every threshold, for one or many rows of weights (El-Yaniv 2010)."""

    thresholds: FloatArray  # (t,), falling from inf, where nothing is kept
    coverage: FloatArray  # (..., t), rising from 0 to 1
    risk: FloatArray  # (..., t); nan where nothing is kept

    @property
    def area(self) -> FloatArray:
        """Mean risk over all coverages, shape (...): AURC; less is better.

        The area under the curve on which equally certain cases are kept in random order. That makes
        it the same for a weight of two as for two copies; the mean over the n risks of Geifman and
        El-Yaniv (2017) approaches it as n grows.
        """
        risk = np.nan_to_num(self.risk)
        before, after = self.coverage[..., :-1], self.coverage[..., 1:]
        lost_before, lost_after = before * risk[..., :-1], after * risk[..., 1:]
        width = after - before
        loss = share(lost_after - lost_before, width, undefined=0.0)
        # Within a group the losses so far are lost_before + loss (c - before); divide by c, integrate.
        growth = np.log(share(after, before, undefined=1.0))
        areas = loss * width + (lost_before - loss * before) * growth
        return np.asarray(areas.sum(axis=-1))


@dataclass(frozen=True, eq=False)
class SelectivePoints:
    """A threshold with its coverage and risk, one for each row of weights, shape (...)."""

    threshold: FloatArray
    coverage: FloatArray
    risk: FloatArray


def risk_coverage(
    confidence: FloatArray, loss: FloatArray, *, weights: FloatArray | None = None
) -> RiskCoverage:
    """The risk at every coverage.

    Args:
        confidence: Shape (n,). Larger is more certain.
        loss: Shape (n,), such as 1 for a wrong answer and 0 for a right one.
        weights: Shape (n,) or (r, n); default, every case counts one.

    Raises:
        InputError: lengths differ, there is no case, or a confidence or loss is nan.

    Example:
        >>> curve = risk_coverage(np.array([0.9, 0.8, 0.6, 0.5]), np.array([0.0, 0, 1, 1]))
        >>> curve.coverage
        array([0.  , 0.25, 0.5 , 0.75, 1.  ])
        >>> curve.risk.round(2)
        array([ nan, 0.  , 0.  , 0.33, 0.5 ])
    """
    n = require_same_length(confidence=confidence, loss=loss)
    if not n or np.isnan(confidence).any() or np.isnan(loss).any():
        raise InputError("a risk-coverage curve needs cases, and neither confidence nor loss nan")
    if weights is None:
        weights = np.ones(n)
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    kept = _sums(weights.T[order], ends)
    lost = _sums((weights * loss).T[order], ends)
    thresholds = np.append(np.inf, falling[ends])
    return RiskCoverage(thresholds, share(kept, kept[..., -1:]), share(lost, kept))


def excess_area(
    confidence: FloatArray, loss: FloatArray, *, weights: FloatArray | None = None
) -> FloatArray:
    """`RiskCoverage.area` above that of the best order of the same losses (Geifman 2019): E-AURC.

    Zero for a confidence that puts every smaller loss first.

    Args:
        confidence, loss, weights: As in `risk_coverage`.

    Returns:
        Shape () or (r,).
    """
    area = risk_coverage(confidence, loss, weights=weights).area
    return area - risk_coverage(-loss, loss, weights=weights).area


def risk_at_coverage(curve: RiskCoverage, coverage: float) -> SelectivePoints:
    """The most selective threshold that still keeps at least a share `coverage` of the cases.

    Raises:
        InputError: `coverage` is not in [0, 1].
    """
    require_fraction("coverage", coverage)
    # Counts divided by counts: what should be 0.8 may come out a rounding step below it.
    return _chosen(curve, (curve.coverage >= coverage - 1e-12).argmax(axis=-1))


def coverage_at_risk(curve: RiskCoverage, risk: float) -> SelectivePoints:
    """The largest coverage whose risk is at most `risk`; threshold inf and coverage 0 if there is none.

    The threshold is chosen on the cases it is judged on; carry it to others for an honest figure.

    Raises:
        InputError: `risk` is below 0 or nan.
    """
    require_fraction("risk", risk, high=np.inf)
    allowed = curve.risk <= risk + 1e-12
    last = curve.risk.shape[-1] - 1 - allowed[..., ::-1].argmax(axis=-1)
    return _chosen(curve, np.where(allowed.any(axis=-1), last, 0))


def _chosen(curve: RiskCoverage, position: IntArray) -> SelectivePoints:
    def taken(values: FloatArray) -> FloatArray:
        return np.asarray(np.take_along_axis(values, position[..., None], axis=-1)[..., 0])

    return SelectivePoints(curve.thresholds[position], taken(curve.coverage), taken(curve.risk))


def _sums(in_order: FloatArray, ends: IntArray) -> FloatArray:
    """Sums of (n,) or (n, r) up to each end, from zero: (t,) or (r, t)."""
    sums = np.cumsum(in_order, axis=0)[ends]
    return np.moveaxis(np.concatenate([np.zeros_like(sums[:1]), sums]), 0, -1)
