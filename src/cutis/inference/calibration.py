"""Calibration: maps from a network's probabilities to honest ones, fitted on validation.

A map is fitted on one split and judged on another. Temperature keeps every order and every answer;
vector scaling also shifts classes, which a network trained for balanced classes needs before its
probabilities can mean frequencies; isotonic regression assumes least and needs most data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cutis.checks import FloatArray, IntArray, require_same_length
from cutis.errors import InputError
from cutis.readout import VectorScaling, log_probabilities, softmax

_BOUNDS = (0.05, 20.0)  # temperatures worth trying
_RIDGE = 1e-3  # keeps vector scaling finite for a class with few cases


class Calibration(Protocol):
    """A fitted map of probabilities (n, k) to probabilities (n, k)."""

    def __call__(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities; rows sum to 1."""


def fit_temperature(probabilities: FloatArray, truth: IntArray) -> VectorScaling:
    """Logits divided by the one temperature of least log loss (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    logits = log_probabilities(probabilities)

    def loss(log_temperature: float) -> float:
        return _log_loss(logits / np.exp(log_temperature), truth)

    found = minimize_scalar(loss, bounds=tuple(np.log(_BOUNDS)), method="bounded")
    classes = probabilities.shape[1]
    return VectorScaling(np.full(classes, 1 / np.exp(found.x)), np.zeros(classes))


def fit_vector_scaling(probabilities: FloatArray, truth: IntArray) -> VectorScaling:
    """Scales and shifts of least log loss, held near 1 and 0 by a faint ridge (Guo et al. 2017)."""
    from scipy.optimize import minimize

    logits = log_probabilities(probabilities)
    n, k = logits.shape
    one_hot = np.eye(k)[truth]
    start = np.concatenate([np.ones(k), np.zeros(k)])

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        scaled = logits * parameters[:k] + parameters[k:]
        error = (softmax(scaled) - one_hot) / n
        away = parameters - start
        gradient = np.concatenate([(error * logits).sum(axis=0), error.sum(axis=0)])
        return (
            _log_loss(scaled, truth) + 0.5 * _RIDGE * float(away @ away),
            gradient + _RIDGE * away,
        )

    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    return VectorScaling(found.x[:k], found.x[k:])


@dataclass(frozen=True, eq=False)
class IsotonicCalibration:
    """A rising step function per class, one against the rest, then rows made to sum to 1 again.

    Source: Zadrozny and Elkan 2002. A class that validation lacks keeps its probabilities.
    """

    steps: tuple[Any, ...]  # k of sklearn's IsotonicRegression, None where the class is absent

    def __call__(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities (n, k)."""
        columns = [
            probabilities[:, k] if step is None else step.predict(probabilities[:, k])
            for k, step in enumerate(self.steps)
        ]
        raised = np.maximum(np.stack(columns, axis=1), 1e-6)
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    @classmethod
    def fit(cls, probabilities: FloatArray, truth: IntArray) -> "IsotonicCalibration":
        """Least squares under monotony, by scikit-learn."""
        from sklearn.isotonic import IsotonicRegression

        return cls(
            tuple(
                IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(
                    probabilities[:, k], truth == k
                )
                if (truth == k).any()
                else None
                for k in range(probabilities.shape[1])
            )
        )


CALIBRATIONS: Mapping[str, Callable[[FloatArray, IntArray], Calibration]] = {
    "temperature": fit_temperature,
    "vector": fit_vector_scaling,
    "isotonic": IsotonicCalibration.fit,
}


def fit_calibration(method: str, probabilities: FloatArray, truth: IntArray) -> Calibration:
    """Fit one of `CALIBRATIONS` on validation.

    Args:
        method: Its name.
        probabilities: Shape (n, k).
        truth: Shape (n,), positions below k.

    Raises:
        InputError: no such method, lengths differ, or there are no cases.
    """
    if method not in CALIBRATIONS:
        raise InputError(f"calibration {method!r}: choose one of {', '.join(CALIBRATIONS)}")
    if not require_same_length(probabilities=probabilities, truth=truth):
        raise InputError("calibration: there are no validation cases to fit it on")
    return CALIBRATIONS[method](probabilities, truth)


def _log_loss(logits: FloatArray, truth: IntArray) -> float:

    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=1)[np.arange(len(truth)), truth].mean())
