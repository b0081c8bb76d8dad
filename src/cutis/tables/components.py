"""What belongs together through anything that its rows share."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def components(groups: Sequence[Sequence[str]]) -> npt.NDArray[np.int64]:
    """Label rows by the connected component that shared group names make.

    Args:
        groups: Columns of names, each of length n; "" ties a row to nothing.

    Returns:
        Shape (n,), labels from 0.

    Example:
        >>> components([["a", "a", "", "b"], ["", "p", "p", ""]]).tolist()
        [0, 0, 0, 1]
    """
    n = len(groups[0])
    rows, names = [], []
    offset = n
    for column in groups:
        codes, uniques = pd.factorize(np.array([name or None for name in column], object))
        known = np.flatnonzero(codes >= 0)
        rows.append(known)
        names.append(codes[known] + offset)
        offset += len(uniques)
    ends = (np.concatenate(rows), np.concatenate(names))
    graph = coo_array((np.ones(len(ends[0]), bool), ends), shape=(offset, offset))
    labels = connected_components(graph, directed=False)[1][:n]
    return pd.factorize(labels)[0].astype(np.int64)
