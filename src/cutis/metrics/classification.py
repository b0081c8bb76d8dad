"""Figures of a confusion matrix, all written for stacks (..., k, k) of them.

Rows are the truth, columns the answers. What a matrix cannot define, such as the recall of a class
that does not occur, is nan; macro means are over the classes that do occur.
"""

import numpy as np
from scipy.sparse import csr_array

from cutis.checks import FloatArray, IntArray, require_same_length
from cutis.errors import InputError
from cutis.metrics.shares import share


def confusion_matrix(
    truth: IntArray, predicted: IntArray, classes: int, *, weights: FloatArray | None = None
) -> FloatArray:
    """Count, or weigh, every pair of truth and answer.

    Args:
        truth, predicted: Shape (n,), positions below `classes`.
        classes: k.
        weights: Shape (n,) or (r, n) for r replicates; default, every row counts one.

    Returns:
        Shape (k, k), or (r, k, k).

    Raises:
        InputError: lengths differ, or a position is out of range.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
        array([[1., 1.],
               [0., 1.]])
    """
    n = require_same_length(truth=truth, predicted=predicted)
    for name, values in (("truth", truth), ("predicted", predicted)):
        if n and not (values.min() >= 0 and values.max() < classes):
            raise InputError(f"{name}: positions must lie in 0..{classes - 1}")
    cell = truth * classes + predicted
    if weights is None:
        flat = np.bincount(cell, minlength=classes * classes).astype(np.float64)
        return flat.reshape(classes, classes)
    sums = csr_array((np.ones(n), (cell, np.arange(n))), shape=(classes * classes, n))
    return (sums @ weights.T).T.reshape(*weights.shape[:-1], classes, classes)


def accuracy(confusion: FloatArray) -> FloatArray:
    """Share of right answers, shape (...), of counts (..., k, k); nan without cases."""
    return share(_diagonal(confusion).sum(axis=-1), confusion.sum(axis=(-2, -1)))


def recall(confusion: FloatArray) -> FloatArray:
    """Per class (..., k): share of its cases that were found, or sensitivity; nan when it has none."""
    return share(_diagonal(confusion), confusion.sum(axis=-1))


def precision(confusion: FloatArray) -> FloatArray:
    """Per class (..., k): share of its answers that were right; nan when it was never answered."""
    return share(_diagonal(confusion), confusion.sum(axis=-2))


def specificity(confusion: FloatArray) -> FloatArray:
    """Per class (..., k): share of the other cases not taken for it; nan when there are none."""
    hits = _diagonal(confusion)
    total = confusion.sum(axis=(-2, -1))[..., None]
    negatives = total - confusion.sum(axis=-1)
    false_alarms = confusion.sum(axis=-2) - hits
    return share(negatives - false_alarms, negatives)


def f1(confusion: FloatArray) -> FloatArray:
    """Per class (..., k): 2 TP / (2 TP + FP + FN); nan where a class neither occurs nor is answered."""
    return share(2 * _diagonal(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def balanced_accuracy(confusion: FloatArray) -> FloatArray:
    """Mean recall over the classes that occur, shape (...); what the ISIC 2018 challenge ranked by."""
    return mean_over_defined(recall(confusion))


def mean_over_defined(per_class: FloatArray) -> FloatArray:
    """Mean over the last axis of (..., k) without nan, shape (...); nan where nothing is defined."""
    defined = ~np.isnan(per_class)
    return share(np.where(defined, per_class, 0.0).sum(axis=-1), defined.sum(axis=-1))


def _diagonal(confusion: FloatArray) -> FloatArray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)
