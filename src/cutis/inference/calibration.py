"""Calibration: maps from a network's probabilities to honest ones, fitted on validation.

A map is fitted on one split and judged on another. Temperature keeps every order and every answer;
vector scaling also shifts classes, which a network trained for balanced classes needs before its
probabilities can mean frequencies; Dirichlet calibration also learns which class the network takes for
which; isotonic regression assumes least and needs most data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cutis.checks import FloatArray, IntArray
from cutis.readout import LogLinearMap, log_probabilities, softmax

_BOUNDS = (0.05, 20.0)  # temperatures worth trying
_RIDGE = 1e-3  # holds scales and shifts finite for a class with few cases
_SPREAD = 0.3  # standard deviation of what a class takes of another's log probability


class Calibration(Protocol):
    """A fitted map of probabilities (n, k) to probabilities (n, k)."""

    def __call__(self, probabilities: FloatArray) -> FloatArray:
        """Calibrated probabilities; rows sum to 1."""


def fit_temperature(probabilities: FloatArray, truth: IntArray) -> LogLinearMap:
    """Logits divided by the one temperature of least log loss (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    logits = log_probabilities(probabilities)

    def loss(log_temperature: float) -> float:
        return _log_loss(logits / np.exp(log_temperature), truth)

    found = minimize_scalar(loss, bounds=tuple(np.log(_BOUNDS)), method="bounded")
    classes = probabilities.shape[1]
    return LogLinearMap(np.eye(classes) / np.exp(found.x), np.zeros(classes))


def fit_vector_scaling(probabilities: FloatArray, truth: IntArray) -> LogLinearMap:
    """Scales and shifts of least log loss, held near 1 and 0 by a faint ridge (Guo et al. 2017)."""
    return _fit_log_linear(probabilities, truth, between_classes=None)


def fit_dirichlet(probabilities: FloatArray, truth: IntArray) -> LogLinearMap:
    """The matrix and shifts of least log loss (Kull et al. 2019, with their off-diagonal ridge).

    What a class takes of another's log probability is held near 0 as by a normal prior, so that few
    cases give vector scaling and many a matrix.
    """
    return _fit_log_linear(probabilities, truth, between_classes=1 / (len(truth) * _SPREAD**2))


def _fit_log_linear(
    probabilities: FloatArray, truth: IntArray, *, between_classes: float | None
) -> LogLinearMap:
    """Least mean log loss, with a ridge towards the map that changes nothing.

    Args:
        between_classes: The ridge off the diagonal; None keeps everything there at 0.
    """
    from scipy.optimize import minimize

    logits = log_probabilities(probabilities)
    n, k = logits.shape
    one_hot, diagonal = np.eye(k)[truth], np.eye(k, dtype=bool)
    start = np.vstack([diagonal, np.zeros(k)])  # the transposed scale above the shift
    ridge, free = np.full((k + 1, k), _RIDGE), np.ones((k + 1, k))
    ridge[:k][~diagonal] = between_classes or 0
    free[:k][~diagonal] = between_classes is not None

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        found = flat.reshape(start.shape)
        scaled = logits @ found[:k] + found[k]
        error = (softmax(scaled) - one_hot) / n
        away = found - start
        gradient = np.vstack([logits.T @ error, error.sum(axis=0)]) + ridge * away
        penalty = 0.5 * float((ridge * away**2).sum())
        return _log_loss(scaled, truth) + penalty, (gradient * free).ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B").x.reshape(start.shape)
    return LogLinearMap(found[:k].T, found[k])


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
    "dirichlet": fit_dirichlet,
    "isotonic": IsotonicCalibration.fit,
}


def _log_loss(logits: FloatArray, truth: IntArray) -> float:
    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=1)[np.arange(len(truth)), truth].mean())
