"""How good the probabilities themselves are."""

import numpy as np

from cutis.checks import FloatArray, IntArray, require_same_length
from cutis.metrics.shares import weighted_mean


def log_loss(
    truth: IntArray, probabilities: FloatArray, *, weights: FloatArray | None = None
) -> FloatArray:
    """Mean negative log of the probability of the truth, clipped at the smallest double step.

    Args:
        truth: Shape (n,), positions.
        probabilities: Shape (n, k).
        weights: Shape (n,) or (r, n); default, every row counts one.

    Returns:
        Shape () or (r,), in nats; nan without cases.

    Raises:
        InputError: lengths differ.
    """
    n = require_same_length(truth=truth, probabilities=probabilities)
    given = probabilities[np.arange(n), truth]
    return weighted_mean(-np.log(np.maximum(given, np.finfo(np.float64).eps)), weights)


def brier_score(
    truth: IntArray, probabilities: FloatArray, *, weights: FloatArray | None = None
) -> FloatArray:
    """Mean squared distance to the one-hot truth, summed over classes (Brier 1950): 0 to 2.

    Arguments, shapes and errors are those of `log_loss`.
    """
    n = require_same_length(truth=truth, probabilities=probabilities)
    distance = (probabilities**2).sum(axis=1) - 2 * probabilities[np.arange(n), truth] + 1
    return weighted_mean(distance, weights)
