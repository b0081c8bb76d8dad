"""Cases small enough to count by hand, and figures that the data do not define."""

import numpy as np
import pytest

from cutis.errors import InputError
from cutis.metrics import classification
from cutis.metrics.comparison import mcnemar
from cutis.metrics.intervals import percentile_interval, wilson_interval
from cutis.metrics.probability import brier_score, log_loss
from cutis.metrics.ranking import Ranking, macro_roc_auc, roc_auc
from cutis.metrics.selective import risk_coverage

#              answered: a  b  c
CONFUSION = np.array([[3.0, 1.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 0.0]])


def test_a_confusion_matrix_counted_by_hand():
    found = classification.confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    np.testing.assert_array_equal(found, [[1, 1, 0], [0, 1, 0], [1, 0, 0]])


def test_rates_counted_by_hand():
    np.testing.assert_allclose(classification.recall(CONFUSION), [3 / 4, 4 / 6, np.nan])
    np.testing.assert_allclose(classification.precision(CONFUSION), [3 / 5, 4 / 5, np.nan])
    np.testing.assert_allclose(classification.specificity(CONFUSION), [4 / 6, 3 / 4, 1])
    np.testing.assert_allclose(classification.f1(CONFUSION), [6 / 9, 8 / 11, np.nan])
    assert classification.accuracy(CONFUSION) == 0.7


def test_a_class_that_does_not_occur_takes_no_part_in_the_mean():
    assert classification.balanced_accuracy(CONFUSION) == pytest.approx((3 / 4 + 4 / 6) / 2)


def test_nothing_at_all_is_undefined_not_perfect():
    empty = np.zeros((3, 3))
    assert np.isnan(classification.accuracy(empty))
    assert np.isnan(classification.balanced_accuracy(empty))


def test_an_area_without_positives_is_nan_in_a_table_and_an_error_alone():
    negatives, score = np.zeros(3, bool), np.arange(3.0)
    assert np.isnan(Ranking.of(negatives, score).roc_auc())
    assert np.isnan(Ranking.of(negatives, score).average_precision())
    with pytest.raises(InputError, match="positives and negatives"):
        roc_auc(negatives, score)


def test_the_macro_area_is_over_classes_that_occur():
    truth = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.4, 0.5, 0.1], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1]])
    assert macro_roc_auc(truth, probabilities) == pytest.approx((0.75 + 0.75) / 2)


def test_a_score_that_is_nan_is_refused():
    with pytest.raises(InputError, match="nan"):
        Ranking.of(np.array([True, False]), np.array([0.5, np.nan]))


def test_positions_out_of_range_are_refused():
    inside = np.array([0, 1])
    for outside in (np.array([0, 2]), np.array([-1, 0])):
        with pytest.raises(InputError, match=r"truth: positions must lie in 0\.\.1"):
            classification.confusion_matrix(outside, inside, 2)
        with pytest.raises(InputError, match=r"predicted: positions must lie in 0\.\.1"):
            classification.confusion_matrix(inside, outside, 2)


@pytest.mark.parametrize(
    "figure",
    [
        lambda three, one: classification.confusion_matrix(three, one, 2),
        lambda three, one: mcnemar(three == 1, one == 1),
        lambda three, one: log_loss(one, np.eye(2)[three]),
        lambda three, one: brier_score(one, np.eye(2)[three]),
        lambda three, one: risk_coverage(three * 1.0, one * 1.0),
    ],
)
def test_one_case_is_not_stretched_to_three(figure):
    with pytest.raises(InputError, match="lengths differ"):
        figure(np.array([0, 1, 1]), np.array([1]))


def test_wilson_equals_the_published_example():
    """Newcombe 1998, Stat Med 17:857, table I, method 3: 81 of 263 and 15 of 148."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_wilson_of_nothing_is_an_error():
    with pytest.raises(InputError):
        wilson_interval(0, 0)


def test_an_interval_of_nothing_defined_is_nan():
    assert np.isnan(percentile_interval(np.full(5, np.nan))).all()
