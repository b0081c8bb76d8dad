"""Shares and means that are nan, and never a polite number, where there is nothing to share."""

import numpy as np

from cutis.checks import FloatArray


def share(
    part: FloatArray | float, whole: FloatArray | float, *, undefined: float = np.nan
) -> FloatArray:
    """`part / whole`, broadcast; `undefined` where the whole is not above zero."""
    shape = np.broadcast(part, whole).shape
    whole = np.broadcast_to(whole, shape)
    return np.asarray(np.divide(part, whole, out=np.full(shape, undefined), where=whole > 0))


def weighted_mean(values: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Mean over cases (n,) for one or many rows of weights, (n,) or (r, n): shape () or (r,)."""
    if weights is None:
        weights = np.ones(len(values))
    return share(weights @ values, weights.sum(axis=-1))
