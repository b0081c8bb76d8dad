"""Intervals: the cluster bootstrap for any figure, and others for shares."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import binomtest
from scipy.stats import t as student

from cutis.checks import FloatArray, IntArray, require_fraction
from cutis.errors import InputError

_BLOCK_CELLS = 400_000  # weights held at a time: 3 MB, which stay in the caches
_ROUNDING = 1e-12  # what lies closer together than this is equal


def cluster_weights(
    clusters: npt.NDArray[np.generic] | IntArray, *, replicates: int, seed: int
) -> Iterator[FloatArray]:
    """Blocks of bootstrap weights: how often each row counts when clusters are drawn anew.

    As many clusters as there are are drawn with replacement; a row counts as often as its cluster
    was drawn. Lesions with several images are thus resampled whole (Field and Welsh 2007).

    Args:
        clusters: Shape (n,), any labels.
        replicates: r.
        seed: Of the draws; the weights do not depend on how they are blocked.

    Yields:
        Shape (b, n) with b summing to r.
    """
    names, member = np.unique(clusters, return_inverse=True)
    generator = np.random.default_rng(seed)
    block = max(_BLOCK_CELLS // max(len(member), 1), 1)
    for first in range(0, replicates, block):
        rows = min(block, replicates - first)
        drawn = generator.integers(len(names), size=(rows, len(names)))
        drawn += len(names) * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * len(names)).reshape(rows, -1)
        # A case's weights in all replicates lie together, as sums over cases want to read them.
        yield counts.T.astype(np.float64, order="C")[member].T


def bootstrap(
    figures: Callable[[FloatArray], Mapping[str, FloatArray]],
    clusters: npt.NDArray[np.generic] | IntArray,
    *,
    replicates: int = 2000,
    seed: int = 0,
) -> dict[str, FloatArray]:
    """Every figure on every replicate.

    Args:
        figures: Takes weights (b, n), returns named arrays (b,).
        clusters: Shape (n,).
        replicates, seed: As `cluster_weights`.

    Returns:
        Named arrays of shape (replicates,).
    """
    blocks = [
        figures(weights) for weights in cluster_weights(clusters, replicates=replicates, seed=seed)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def percentile_interval(values: FloatArray, *, level: float = 0.95) -> tuple[float, float]:
    """The central part of the replicates on which the figure is defined.

    nan where there are none, or where they do not vary, as with one cluster or when two systems differ
    on every case or on none: a spread of zero would claim certainty.

    Args:
        values: Shape (r,), the figure in each replicate, nan where it is undefined.
        level: Of the interval.

    Raises:
        InputError: the level is out of range.
    """
    require_fraction("level", level)
    defined = values[~np.isnan(values)]
    if not _vary(defined):
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    # Between infinite replicates, such as biopsies per cancer when none is found, nothing lies.
    method: Literal["linear", "inverted_cdf"] = (
        "linear" if np.isfinite(defined).all() else "inverted_cdf"
    )
    low, high = np.quantile(defined, [tail, 1 - tail], method=method)
    return float(low), float(high)


def share_interval(
    value: float,
    replicates: FloatArray,
    *,
    clusters: int,
    counted: int | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """Interval of a figure between 0 and 1 from its bootstrap replicates.

    Symmetric on the logit scale around the value, with the standard deviation of the replicates for
    clusters less one: the percentiles of a bootstrap over few clusters are too narrow, and they shift
    with its bias (Hesterberg 2015). At 0 and at 1, where hardly a replicate varies, it is Wilson's
    interval for as many independent cases as there are clusters, or the percentiles where they reach
    further.

    Args:
        value: The figure on all cases.
        replicates: Shape (r,), nan where a replicate does not define it.
        clusters: How many were drawn on each replicate; for an area, those of its smaller side.
        counted: How many of them the figure is a share of, such as those with the disease for a
            sensitivity; default, all.
        level: Of the interval.

    Returns:
        Both ends; nan with one cluster, for a figure at 0 or 1 that is a share of none, and for one in
        between that no replicate changes, as when it rests on one cluster.
    """
    defined = replicates[~np.isnan(replicates)]
    varies, inside = _vary(defined), _ROUNDING < value < 1 - _ROUNDING
    n = clusters if counted is None else counted
    if clusters < 2 or (not varies and (inside or not n)):
        return float("nan"), float("nan")
    if inside:
        error = float(defined.std(ddof=1)) * np.sqrt(clusters / (clusters - 1))
        return logit_interval(value, error, degrees=clusters - 1, level=level)
    ends = [percentile_interval(defined, level=level)] if varies else []
    if n:
        ends.append(wilson_interval(round(value * n), n, level=level))
    lows, highs = zip(*ends, strict=True)
    return min(lows), max(highs)


def _vary(defined: FloatArray) -> bool:
    """Whether there are replicates, none of them nan, that differ by more than rounding."""
    if not len(defined):
        return False
    return not np.isclose(defined.min(), defined.max(), rtol=0, atol=_ROUNDING)


def logit_interval(
    value: float, error: float, *, degrees: int, level: float = 0.95
) -> tuple[float, float]:
    """Interval of a figure between 0 and 1 that is symmetric on the logit scale.

    Args:
        value: Above 0 and below 1.
        error: Its standard error, on its own scale.
        degrees: Of freedom of the error, for Student's t; nan ends for none.
        level: Of the interval.

    Example:
        >>> [round(end, 3) for end in logit_interval(0.9, 0.03, degrees=40)]
        [0.821, 0.946]
    """
    require_fraction("level", level)
    half = student.ppf(0.5 + level / 2, degrees) * error / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))


def wilson_interval(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of a proportion that covers `level` on average (Wilson 1927).

    Raises:
        InputError: `n` is zero, or `successes` is not in 0..n.

    Example:
        >>> [round(end, 4) for end in wilson_interval(81, 263)]
        [0.2553, 0.3662]
    """
    return _proportion_interval(successes, n, level, "wilson")


def clopper_pearson_interval(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of a proportion that never covers less than `level` (Clopper and Pearson 1934).

    It is wider than it need be: with few cases it covers 97 to 99 % where 95 % is asked for.

    Raises:
        InputError: `n` is zero, or `successes` is not in 0..n.

    Example:
        >>> [round(end, 4) for end in clopper_pearson_interval(0, 10)]
        [0.0, 0.3085]
    """
    return _proportion_interval(successes, n, level, "exact")


def _proportion_interval(
    successes: int, n: int, level: float, method: Literal["wilson", "exact"]
) -> tuple[float, float]:
    if n < 1 or not 0 <= successes <= n:
        raise InputError(f"{successes} of {n} is not a proportion")
    if require_fraction("level", level) == 1:
        return 0.0, 1.0
    low, high = binomtest(int(successes), int(n)).proportion_ci(level, method=method)
    return float(low), float(high)
