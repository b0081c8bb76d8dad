"""Cross-fitting: what is fitted on some lesions is asked about others.

Whatever is chosen on such answers is not flattered by the fit. Images of one lesion stay together.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from cutis.checks import BoolArray, FloatArray, IntArray, require_same_length
from cutis.errors import InputError

FOLDS = 5

Labels = npt.NDArray[np.generic]
Map = Callable[[FloatArray], FloatArray]  # of probabilities (n, k)
Fit = Callable[[FloatArray, IntArray], Map]  # from probabilities (n, k) and truth (n,)


def require_lesions(lesions: Labels, *, source: str = "") -> None:
    """Check that there are lesions enough to fit on some and ask about others.

    Args:
        lesions: Shape (n,), which images belong together.
        source: Opens the message, such as the name of their table.

    Raises:
        InputError: fewer than `FOLDS` lesions.
    """
    distinct = len(np.unique(lesions))
    if distinct < FOLDS:
        place = f"{source}: " if source else ""
        raise InputError(
            f"{place}cross-fitting needs at least {FOLDS} lesions, there are {distinct}"
        )


def folds_of(lesions: Labels) -> IntArray:
    """A fold in 0..`FOLDS`-1 for every image, shape (n,): like sizes, and each lesion in one.

    Args:
        lesions: Shape (n,), which images belong together.

    Raises:
        InputError: fewer than `FOLDS` lesions.

    Example:
        >>> folds_of(np.array(["a", "a", "b", "c", "d", "e"])).tolist()
        [0, 0, 4, 3, 2, 1]
    """
    from sklearn.model_selection import GroupKFold

    require_lesions(lesions)
    fold = np.empty(len(lesions), dtype=np.intp)
    for number, (_elsewhere, here) in enumerate(GroupKFold(FOLDS).split(lesions, groups=lesions)):
        fold[here] = number
    return fold


def parts_of(fold: IntArray) -> Iterator[tuple[BoolArray, BoolArray]]:
    """For every fold its rows and all others, two masks of shape (n,)."""
    for number in np.unique(fold):
        yield fold == number, fold != number


def cross_fitted(
    fit: Fit, probabilities: FloatArray, truth: IntArray, fold: IntArray
) -> FloatArray:
    """Calibrated probabilities, shape (n, k), of each fold by the map that was fitted on the others.

    Args:
        fit: Makes the map.
        probabilities: Shape (n, k).
        truth: Shape (n,), positions.
        fold: Shape (n,), of `folds_of`.

    Raises:
        InputError: the lengths differ, or as `fit`.
    """
    require_same_length(probabilities=probabilities, truth=truth, fold=fold)
    calibrated = np.empty(probabilities.shape)
    for here, elsewhere in parts_of(fold):
        calibrated[here] = fit(probabilities[elsewhere], truth[elsewhere])(probabilities[here])
    return calibrated
