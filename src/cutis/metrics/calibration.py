"""Whether a stated probability happens as often as it says.

Forecasts are compared with what was observed, bin by bin. The bins are fixed by the cases at hand and
stay the same in every row of bootstrap weights.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit, logit

from cutis.checks import BoolArray, FloatArray, IntArray, require_same_length
from cutis.errors import InputError
from cutis.metrics.intervals import wilson_interval
from cutis.metrics.shares import share, weighted_mean

Binning = Callable[[FloatArray], IntArray]


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Stated and observed shares in each bin that holds a case, by rising forecast."""

    forecast: FloatArray  # (b,), mean in the bin
    observed: FloatArray  # (b,), share of events in the bin
    low: FloatArray  # (b,), Wilson interval of `observed`, the cases taken as independent
    high: FloatArray  # (b,)
    n: IntArray  # (b,)


@dataclass(frozen=True, eq=False)
class BrierParts:
    """Murphy's decomposition of a Brier score; all fields of shape () or (r,)."""

    brier: FloatArray
    reliability: FloatArray  # squared distance of forecast and observed share; less is better
    resolution: FloatArray  # how far the bins' observed shares spread; more is better
    uncertainty: FloatArray  # of the events themselves

    @property
    def residual(self) -> FloatArray:
        """What the bins hide: brier - (reliability - resolution + uncertainty).

        Zero where all forecasts in a bin are equal (Stephenson et al. 2008 split it further).
        """
        return self.brier - (self.reliability - self.resolution + self.uncertainty)


def equal_width(bins: int = 15) -> Binning:
    """Bins of one width over [0, 1], closed on the right as Guo et al. (2017) have them."""
    edges = np.arange(1, _at_least_one(bins)) / bins
    return lambda forecast: np.searchsorted(edges, forecast, side="left")


def equal_mass(bins: int = 15) -> Binning:
    """Bins with as equal numbers of cases as equal forecasts, which stay together, allow.

    The adaptive bins of Nixon et al. (2019).
    """
    shares = np.arange(1, _at_least_one(bins)) / bins

    def assign(forecast: FloatArray) -> IntArray:
        if not len(forecast):
            return np.zeros(0, dtype=np.intp)
        edges = np.quantile(forecast, shares, method="inverted_cdf")
        return np.searchsorted(np.unique(edges), forecast, side="left")

    return assign


def top_label(truth: IntArray, probabilities: FloatArray) -> tuple[FloatArray, BoolArray]:
    """The probability of each answer, and whether the answer was right: the top-label question.

    Args:
        truth: Shape (n,), positions.
        probabilities: Shape (n, k); of equal ones the first is the answer.

    Returns:
        Two arrays of shape (n,).

    Raises:
        InputError: lengths differ.
    """
    require_same_length(truth=truth, probabilities=probabilities)
    return probabilities.max(axis=1), np.asarray(probabilities.argmax(axis=1) == truth)


def calibration_error(
    forecast: FloatArray,
    event: BoolArray,
    *,
    binning: Binning | None = None,
    weights: FloatArray | None = None,
) -> FloatArray:
    """Expected calibration error: mean distance of stated and observed share over the cases.

    It is biased upwards, the more so the fewer cases a bin holds; compare it only between equal
    numbers of cases and equal bins.

    Args:
        forecast: Shape (n,), in [0, 1]; with `top_label`, the usual ECE.
        event: Shape (n,), whether it happened.
        binning: `equal_width(15)` by default, or `equal_mass`.
        weights: Shape (n,) or (r, n); default, every case counts one.

    Returns:
        Shape () or (r,), 0 to 1; nan without cases.

    Raises:
        InputError: a forecast is out of range, or lengths differ.

    Example:
        >>> right = np.array([True, True, True, False])
        >>> float(calibration_error(np.full(4, 0.95), right).round(3))
        0.2
    """
    count, stated, observed = _bin_sums(forecast, event, binning, weights)
    return share(abs(stated - observed).sum(axis=-1), count.sum(axis=-1))


def classwise_calibration_error(
    truth: IntArray,
    probabilities: FloatArray,
    *,
    binning: Binning | None = None,
    weights: FloatArray | None = None,
) -> FloatArray:
    """Mean over all classes of the `calibration_error` of each class against the rest (Kull 2019).

    Args:
        truth: Shape (n,), positions.
        probabilities: Shape (n, k).
        binning, weights: As in `calibration_error`.

    Returns:
        Shape () or (r,), 0 to 1; nan without cases.

    Raises:
        InputError: a probability is out of range, or lengths differ.
    """
    require_same_length(truth=truth, probabilities=probabilities)
    errors = [
        calibration_error(probabilities[:, k], truth == k, binning=binning, weights=weights)
        for k in range(probabilities.shape[1])
    ]
    return np.asarray(np.mean(errors, axis=0))


def reliability_curve(
    forecast: FloatArray,
    event: BoolArray,
    *,
    binning: Binning | None = None,
    level: float = 0.95,
) -> ReliabilityCurve:
    """What a reliability diagram shows (DeGroot and Fienberg 1983), one point for each bin with a case.

    Args:
        forecast, event, binning: As in `calibration_error`.
        level: Of the intervals.

    Raises:
        InputError: a forecast is out of range, or lengths differ.
    """
    count, stated, observed = _bin_sums(forecast, event, binning, None)
    held = count > 0
    n, events = count[held].astype(int), observed[held].astype(int)
    ends = [wilson_interval(e, m, level=level) for e, m in zip(events, n, strict=True)]
    low, high = np.reshape(ends, (-1, 2)).T
    return ReliabilityCurve(stated[held] / n, events / n, low, high, n)


def brier_parts(
    forecast: FloatArray,
    event: BoolArray,
    *,
    binning: Binning | None = None,
    weights: FloatArray | None = None,
) -> BrierParts:
    """Reliability, resolution and uncertainty of a yes-or-no forecast (Murphy 1973).

    Exact when the forecasts in a bin are equal, and else up to the `residual`. Summed over the classes
    of a classifier, `brier` is `probability.brier_score`.

    Args:
        forecast, event, binning, weights: As in `calibration_error`.

    Raises:
        InputError: a forecast is out of range, or lengths differ.
    """
    count, stated, observed = _bin_sums(forecast, event, binning, weights)
    cases = count.sum(axis=-1)
    base = share(observed.sum(axis=-1), cases)
    rate = share(observed, count, undefined=0.0)
    gap = share(stated, count, undefined=0.0) - rate
    spread = rate - base[..., None]
    return BrierParts(
        brier=weighted_mean((forecast - event) ** 2, weights),
        reliability=share((count * gap**2).sum(axis=-1), cases),
        resolution=share((count * spread**2).sum(axis=-1), cases),
        uncertainty=base * (1 - base),
    )


def calibration_line(
    forecast: FloatArray, event: BoolArray, *, weights: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Slope and intercept of the events' log-odds on the forecasts' log-odds (Cox 1958).

    Slope 1 and intercept 0 are ideal; a slope below 1 says that forecasts are too extreme. Forecasts
    of 0 and 1 are taken as 1e-7 and 1 - 1e-7.

    Args:
        forecast, event, weights: As in `calibration_error`.

    Returns:
        Slope and intercept by maximum likelihood, shape () or (r,); nan where no line is best, as
        when the forecasts separate the events, or all are equal.

    Raises:
        InputError: a forecast is out of range, or lengths differ.
    """
    _require_forecasts(forecast, event)
    x = logit(np.clip(forecast, 1e-7, 1 - 1e-7))
    y = event.astype(np.float64)
    slope, intercept = _logistic_fit(x, y, np.ones((1, len(x))), start=(0.0, 0.0))
    if weights is None:
        return slope.reshape(()), intercept.reshape(())
    # The line of all cases is close to that of a replicate, so few steps are left to go.
    start = (np.nan_to_num(slope[0]), np.nan_to_num(intercept[0]))
    slope, intercept = _logistic_fit(x, y, np.atleast_2d(weights), start=start)
    return slope.reshape(weights.shape[:-1]), intercept.reshape(weights.shape[:-1])


def _logistic_fit(
    x: FloatArray, y: FloatArray, weights: FloatArray, *, start: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Newton's method for all rows of weights (r, n) at once: slopes and intercepts, (r,)."""
    slope, intercept = (np.full(len(weights), value) for value in start)
    settled = np.zeros(len(weights), dtype=bool)
    for _step in range(50):
        expected = expit(slope[:, None] * x + intercept[:, None])
        error, spread = weights * (y - expected), weights * expected * (1 - expected)
        down, across = error.sum(axis=1), error @ x
        s0, s1, s2 = spread.sum(axis=1), spread @ x, spread @ x**2
        determinant = s0 * s2 - s1**2
        step = share(s0 * across - s1 * down, determinant)
        lift = share(s2 * down - s1 * across, determinant)
        settled = (abs(step) < 1e-9 * (1 + abs(slope))) & (abs(lift) < 1e-9 * (1 + abs(intercept)))
        slope, intercept = slope + step, intercept + lift
        if (settled | np.isnan(slope)).all():
            break
    return np.where(settled, slope, np.nan), np.where(settled, intercept, np.nan)


def _bin_sums(
    forecast: FloatArray,
    event: BoolArray,
    binning: Binning | None,
    weights: FloatArray | None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cases, summed forecasts and events of each bin, (..., b)."""
    n = _require_forecasts(forecast, event)
    bins = (binning or equal_width())(forecast)
    width = int(bins.max(initial=0)) + 1
    if weights is None:
        weights = np.ones(n)
    per_case = np.concatenate([np.ones(n), forecast, event])
    row = np.concatenate([bins, bins + width, bins + 2 * width])
    sums = csr_array((per_case, (row, np.tile(np.arange(n), 3))), shape=(3 * width, n))
    binned = (sums @ weights.T).reshape(3, width, *weights.shape[:-1])
    count, stated, observed = np.moveaxis(binned, 1, -1)
    return count, stated, observed


def _require_forecasts(forecast: FloatArray, event: BoolArray) -> int:
    n = require_same_length(forecast=forecast, event=event)
    if not ((forecast >= 0) & (forecast <= 1)).all():
        raise InputError("forecast: values must lie in [0, 1]; were logits passed?")
    return n


def _at_least_one(bins: int) -> int:
    if bins < 1:
        raise InputError(f"bins: {bins} is not a number of bins")
    return bins
