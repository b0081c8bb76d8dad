"""`Estimate`: one figure with its interval and denominators, and how figures become estimates."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cutis.checks import BoolArray, FloatArray
from cutis.errors import InputError
from cutis.metrics.intervals import bootstrap, percentile_interval, share_interval
from cutis.tables.manifest import Drawn

LEAST_REPLICATES = 100
HOW_DRAWN = "on the logit scale for rates and areas, percentiles for others"

AS_WHOLE: Mapping[Drawn, str] = {
    "patients": "Whole patients are drawn, so several lesions of one never count as independent.",
    "lesions": "Whole lesions are drawn, so several images of one never count as independent.",
    "images": "The manifest names no lesions, so images are drawn as if independent.",
}

OfName = Callable[[str], bool]  # whether something holds for the figure of a name


@dataclass(frozen=True)
class Estimate:
    """One figure with its 95 % interval and what it was measured on.

    `value`, `low` and `high` are nan where the data do not define them, as the ends of what was
    measured on one lesion, or of a difference that no replicate changes; `undefined_replicates` counts
    the bootstrap replicates that were left out for that reason.
    """

    value: float
    low: float
    high: float
    n: int
    positives: int | None = None
    undefined_replicates: int = 0

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"undefined (n = {self.n})"
        if math.isnan(self.low):
            return f"{self.value:z.3f} (no interval)"
        return f"{self.value:z.3f} [{self.low:z.3f}, {self.high:z.3f}]"


def bootstrap_estimates(
    figures: Callable[[FloatArray], Mapping[str, FloatArray]],
    clusters: npt.NDArray[np.generic],
    *,
    positives: Mapping[str, int] | None = None,
    replicates: int,
    seed: int,
    is_share: OfName = lambda _name: False,
    is_area: OfName = lambda _name: False,
    counted: Mapping[str, int] | None = None,
    grows_with_noise: OfName = lambda _name: False,
) -> dict[str, Estimate]:
    """Every figure with the interval of a cluster bootstrap.

    Args:
        figures: Takes weights (r, n), returns named arrays (r,). Weights of one give the values.
        clusters: Shape (n,); rows of one cluster are drawn together.
        positives: Denominators by the name of the figure.
        replicates, seed: Of the bootstrap.
        is_share: Which figures have `share_interval`; the others, such as differences, have the
            percentiles.
        is_area: Which shares are areas under one curve, known no better than the smaller of its two
            sides lets it be: they have the degrees of freedom of that side, which `counted` gives.
        counted: How many clusters a share is one of, by the name of the figure; default, all.
        grows_with_noise: Which figures have the bootstrap's own bias taken off their replicates
            first, as far as zero. A calibration error is otherwise larger in every replicate than its
            value, and its interval may leave the value out.

    Raises:
        InputError: too few replicates for an interval.
    """
    if replicates < LEAST_REPLICATES:
        raise InputError(
            f"replicates: {replicates} is too few for an interval; use {LEAST_REPLICATES} or more"
        )
    n = len(clusters)
    spread = bootstrap(figures, clusters, replicates=replicates, seed=seed)
    values = {name: float(value[0]) for name, value in figures(np.ones((1, n))).items()}
    for name in filter(grows_with_noise, spread):
        centred = spread[name] - np.nanmean(spread[name]) + values[name]
        spread[name] = np.maximum(centred, 0.0)
    drawn = len(np.unique(clusters))
    counted = counted or {}
    return {
        name: estimate_from(
            value,
            spread[name],
            clusters=counted[name] if is_area(name) else drawn,
            is_share=is_share(name),
            counted=counted.get(name),
            n=n,
            positives=(positives or {}).get(name),
        )
        for name, value in values.items()
    }


def estimate_from(
    value: float,
    replicates: FloatArray,
    *,
    clusters: int,
    is_share: bool,
    counted: int | None = None,
    n: int,
    positives: int | None = None,
) -> Estimate:
    """A value with the interval of its bootstrap replicates (r,).

    Args:
        value: The figure on all cases.
        replicates: Shape (r,).
        clusters: As `share_interval`.
        is_share: Whether the figure lies between 0 and 1; others take the percentiles.
        counted: How many of the clusters it is a share of; default, all.
        n, positives: What it was measured on.
    """
    low = high = math.nan
    if not math.isnan(value):
        low, high = (
            share_interval(value, replicates, clusters=clusters, counted=counted)
            if is_share
            else percentile_interval(replicates)
        )
    return Estimate(value, low, high, n, positives, int(np.isnan(replicates).sum()))


def clusters_among(clusters: npt.NDArray[np.generic], rows: BoolArray) -> int:
    """How many different clusters some rows belong to."""
    return len(np.unique(clusters[rows]))
