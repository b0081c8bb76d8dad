"""Nobody's answer comes from a map that was fitted on their own lesion."""

import numpy as np
import pytest

from cutis.errors import InputError
from cutis.metrics.cross_fitting import FOLDS, cross_fitted, folds_of, require_lesions


def test_folds_keep_lesions_whole_and_are_of_like_size():
    lesions = np.random.default_rng(3).permutation(np.repeat(np.arange(50), 3))
    fold = folds_of(lesions)
    assert all(len(set(fold[lesions == lesion])) == 1 for lesion in range(50))
    assert np.bincount(fold).tolist() == [30] * FOLDS


def test_each_fold_is_read_through_a_map_of_the_others():
    """The map remembers the cases it was fitted on, here named by their truth."""
    cases = np.arange(20)
    fold = folds_of(cases // 2)

    def remember(_probabilities, truth):
        return lambda asked: np.tile(np.isin(cases, truth), (len(asked), 1)).astype(float)

    seen = cross_fitted(remember, np.zeros((20, 20)), cases, fold)
    assert np.array_equal(seen, fold[:, None] != fold[None, :])


def test_too_few_lesions_are_refused():
    with pytest.raises(InputError, match="needs at least 5 lesions, there are 4"):
        folds_of(np.arange(12) // 3)
    with pytest.raises(InputError, match=r"^m\.csv: cross-fitting needs at least 5 lesions"):
        require_lesions(np.arange(12) // 3, source="m.csv")
    require_lesions(np.arange(15) // 3, source="m.csv")


def test_a_truth_for_every_case_is_needed():
    with pytest.raises(InputError, match="lengths differ"):
        cross_fitted(
            lambda _given, _truth: np.asarray, np.zeros((3, 2)), np.zeros(2, int), np.zeros(3, int)
        )
