"""Calibration as it is found on a split, before and after maps that were fitted on another.

The maps themselves are fitted in `cutis.inference.calibration`; here probabilities are judged, wherever
they come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cutis.checks import FloatArray, IntArray
from cutis.evaluation.estimates import Estimate, bootstrap_estimates
from cutis.metrics.calibration import (
    ReliabilityCurve,
    brier_parts,
    calibration_error,
    classwise_calibration_error,
    equal_mass,
    reliability_curve,
    top_label,
)
from cutis.metrics.probability import brier_score, log_loss

FIGURES = (
    "classwise_ece",
    "classwise_adaptive_ece",
    "top_label_ece",
    "log_loss",
    "brier_score",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
)
GROWING = frozenset(name for name in FIGURES if name.endswith("_ece")) | {
    "brier_reliability",
    "brier_resolution",
}  # with noise: bins of few cases differ from one another by chance
AS_GIVEN = "as given"


@dataclass(frozen=True, eq=False)
class CalibrationReport:
    """What each version of the same probabilities is worth.

    Attributes:
        estimates: Version -> name of `FIGURES` -> estimate; the first version is `AS_GIVEN`.
        reliability: Version -> class -> curve of that class against the rest; "top label" too.
        validation_cases: How many other cases the maps were fitted on; 0 when there were none.
        cross_fitted: Whether each lesion's maps were fitted on the rest of these cases.
    """

    estimates: Mapping[str, Mapping[str, Estimate]]
    reliability: Mapping[str, Mapping[str, ReliabilityCurve]]
    validation_cases: int
    cross_fitted: bool


def judge_calibration(
    truth: IntArray,
    versions: Mapping[str, FloatArray],
    classes: tuple[str, ...],
    clusters: npt.NDArray[np.generic],
    *,
    validation_cases: int = 0,
    cross_fitted: bool = False,
    replicates: int = 1000,
    seed: int = 0,
) -> CalibrationReport:
    """Judge one or several versions of probabilities on the same cases.

    Args:
        truth: Shape (n,), positions in `classes`.
        versions: Name -> probabilities (n, k).
        classes: Their k names.
        clusters: Shape (n,); what the bootstrap draws whole.
        validation_cases, cross_fitted: What the maps behind the versions were fitted on.
        replicates, seed: Of the bootstrap.
    """
    return CalibrationReport(
        estimates={
            name: bootstrap_estimates(
                _Forecasts(truth, probabilities).figures,
                clusters,
                replicates=replicates,
                seed=seed,
                grows_with_noise=lambda figure: figure in GROWING,
            )
            for name, probabilities in versions.items()
        },
        reliability={
            name: _curves(truth, probabilities, classes) for name, probabilities in versions.items()
        },
        validation_cases=validation_cases,
        cross_fitted=cross_fitted,
    )


@dataclass(frozen=True, eq=False)
class _Forecasts:
    truth: IntArray
    probabilities: FloatArray

    def figures(self, weights: FloatArray) -> dict[str, FloatArray]:
        confidence, right = top_label(self.truth, self.probabilities)
        parts = [
            brier_parts(self.probabilities[:, k], self.truth == k, weights=weights)
            for k in range(self.probabilities.shape[1])
        ]
        return {
            "classwise_ece": classwise_calibration_error(
                self.truth, self.probabilities, weights=weights
            ),
            "classwise_adaptive_ece": classwise_calibration_error(
                self.truth, self.probabilities, binning=equal_mass(), weights=weights
            ),
            "top_label_ece": calibration_error(confidence, right, weights=weights),
            "log_loss": log_loss(self.truth, self.probabilities, weights=weights),
            "brier_score": brier_score(self.truth, self.probabilities, weights=weights),
            "brier_reliability": np.sum([part.reliability for part in parts], axis=0),
            "brier_resolution": np.sum([part.resolution for part in parts], axis=0),
            "brier_uncertainty": np.sum([part.uncertainty for part in parts], axis=0),
        }


def _curves(
    truth: IntArray, probabilities: FloatArray, classes: tuple[str, ...]
) -> dict[str, ReliabilityCurve]:
    confidence, right = top_label(truth, probabilities)
    curves = {"top label": reliability_curve(confidence, right, binning=equal_mass(10))}
    for k, name in enumerate(classes):
        curves[name] = reliability_curve(probabilities[:, k], truth == k, binning=equal_mass(10))
    return curves
