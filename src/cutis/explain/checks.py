"""What the checks of a map come to, for one picture and for many."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cutis.checks import BoolArray, FloatArray, UInt8Array
from cutis.errors import InputError
from cutis.evaluation.estimates import Estimate, bootstrap_estimates
from cutis.explain.attribution import Attribution, Method
from cutis.explain.overlap import Overlap, overlap
from cutis.explain.sanity import causal_curves, randomised_cascade
from cutis.models.trained import TrainedClassifier

NO_MASK = Overlap(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class MapCheck:
    """The checks of one map; nan where something is not defined or was not asked for.

    Attributes:
        deletion, insertion: Areas under the curves; small and large are good.
        randomised: Rank correlation with the map of a network of shuffled weights; near 0 is good.
        mass_inside, pointing: On the lesion; to be compared with `area_share`, which is chance.
    """

    deletion: float
    insertion: float
    randomised: float
    mass_inside: float = math.nan
    pointing: float = math.nan
    area_share: float = math.nan


def check_map(
    model: TrainedClassifier,
    frame: UInt8Array,
    attribution: Attribution,
    *,
    mask: BoolArray | None = None,
    seed: int = 0,
) -> MapCheck:
    """Check one map.

    Args:
        model: Whose answer was explained.
        frame: Shape (h, w, 3), uint8, the picture.
        attribution: The map.
        mask: Shape (h, w), true on the lesion.
        seed: Of everything random.

    Raises:
        InputError: as `randomised_cascade`, `causal_curves` and `overlap`.
    """
    curves = causal_curves(model, frame, attribution, seed=seed)
    cascade = randomised_cascade(
        model, frame, attribution.target, method=attribution.method, seed=seed
    )
    on_lesion = NO_MASK if mask is None else overlap(attribution.evidence, mask)
    return MapCheck(
        deletion=curves.deletion_area,
        insertion=curves.insertion_area,
        randomised=cascade.last,
        mass_inside=on_lesion.mass_inside,
        pointing=on_lesion.pointing,
        area_share=on_lesion.area_share,
    )


@dataclass(frozen=True, eq=False)
class MethodChecks:
    """The checks of one method over many pictures: means with intervals over lesions.

    `insertion_gain` is insertion less deletion; to be compared with that of noise, which is not 0.
    `gain_inside` and `gain_pointing` are the means of what lies on the lesion less the lesion's own
    share of the picture; an interval above 0 says that the maps find the lesion.
    """

    method: Method
    estimates: dict[str, Estimate]


def summarise_checks(
    method: Method,
    checks: Sequence[MapCheck],
    clusters: npt.NDArray[np.str_],
    *,
    replicates: int = 2000,
    seed: int = 0,
) -> MethodChecks:
    """Average over pictures; each figure over those where it is defined.

    Args:
        method: That made the maps.
        checks: One for each picture.
        clusters: Shape (n,), what is drawn together, such as `Manifest.clusters` gives.
        replicates, seed: Of the bootstrap.

    Raises:
        InputError: no pictures, or too few replicates.
    """
    if not checks:
        raise InputError("no maps to check")
    names = ("deletion", "insertion", "randomised", "mass_inside", "pointing", "area_share")
    values = {name: np.array([getattr(check, name) for check in checks]) for name in names}
    values["insertion_gain"] = values["insertion"] - values["deletion"]
    values["gain_inside"] = values["mass_inside"] - values["area_share"]
    values["gain_pointing"] = values["pointing"] - values["area_share"]

    def means(weights: FloatArray) -> dict[str, FloatArray]:
        return {name: _weighted_mean(column, weights) for name, column in values.items()}

    counts = {name: int(np.isfinite(column).sum()) for name, column in values.items()}
    estimates = bootstrap_estimates(
        means, clusters, positives=counts, replicates=replicates, seed=seed
    )
    return MethodChecks(method, estimates)


def _weighted_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    defined = np.isfinite(values)
    total = weights[:, defined].sum(axis=1)
    summed = weights[:, defined] @ values[defined]
    undefined = np.full(len(weights), np.nan)
    return np.asarray(np.divide(summed, total, out=undefined, where=total > 0))
