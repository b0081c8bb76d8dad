"""How far readers agree beyond chance: Cohen's kappa for two, Fleiss' for any number of them."""

from typing import Literal

import numpy as np

from cutis.checks import FloatArray, IntArray
from cutis.errors import InputError
from cutis.metrics.shares import share, weighted_mean

Weighting = Literal["none", "linear", "quadratic"]
_POWERS = {"none": 0, "linear": 1, "quadratic": 2}


def cohen_kappa(confusion: FloatArray, *, weighting: Weighting = "none") -> FloatArray:
    """Agreement of two readers beyond chance (Cohen 1960, 1968).

    Args:
        confusion: Shape (..., k, k) of counts or weights, as `classification.confusion_matrix` gives
            it for the answers of one reader and the other; so it bootstraps like every other figure.
        weighting: Of a disagreement: "none" counts all alike, "linear" and "quadratic" by how many
            steps the answers lie apart, for classes in a meaningful order.

    Returns:
        Shape (...), at most 1; nan where both readers gave one and the same answer throughout.

    Raises:
        InputError: the matrix is not square, or the weighting has another name.

    Example:
        >>> float(cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])).round(3))
        0.4
    """
    if confusion.ndim < 2 or confusion.shape[-1] != confusion.shape[-2]:
        raise InputError(f"confusion: shape {confusion.shape} is not square")
    if weighting not in _POWERS:
        raise InputError(f"weighting: {weighting!r} is none of {', '.join(_POWERS)}")
    steps = abs(np.subtract.outer(np.arange(confusion.shape[-1]), np.arange(confusion.shape[-1])))
    cost = np.where(steps > 0, steps.astype(np.float64) ** _POWERS[weighting], 0.0)
    rows, columns = confusion.sum(axis=-1), confusion.sum(axis=-2)
    seen = (cost * confusion).sum(axis=(-2, -1))
    by_chance = np.einsum("...i,ij,...j->...", rows, cost, columns)
    return 1 - share(seen * confusion.sum(axis=(-2, -1)), by_chance)


def fleiss_kappa(ratings: IntArray, *, weights: FloatArray | None = None) -> FloatArray:
    """Agreement of many readers beyond chance (Fleiss 1971); they need not be the same for each case.

    The number of readings may differ between cases: every case counts one in the observed agreement,
    every reading one in the agreement by chance.

    Args:
        ratings: Shape (n, k), how many readers gave case i the answer j.
        weights: Shape (n,) or (r, n); default, every case counts one.

    Returns:
        Shape () or (r,), at most 1; nan where all readings are the same answer.

    Raises:
        InputError: a count is negative, or a case has fewer than two readings.

    Example:
        >>> float(fleiss_kappa(np.array([[3, 0], [0, 3], [2, 1]])).round(3))
        0.55
    """
    readings = ratings.sum(axis=1)
    if (ratings < 0).any() or (readings < 2).any():
        raise InputError("ratings: every case needs at least two readings, and no count below zero")
    agreed = (ratings * (ratings - 1)).sum(axis=1) / (readings * (readings - 1))
    if weights is None:
        weights = np.ones(len(ratings))
    answers = weights @ ratings
    chance = (share(answers, answers.sum(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    return 1 - share(1 - weighted_mean(agreed, weights), 1 - chance)
