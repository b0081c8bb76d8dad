"""Tests of two systems: published examples, slow loops, and what cannot be tested."""

import itertools

import numpy as np
import pytest

from cutis.errors import InputError
from cutis.metrics.classification import balanced_accuracy, confusion_matrix
from cutis.metrics.comparison import holm, mcnemar, paired_permutation_test
from cutis.metrics.intervals import clopper_pearson_interval
from cutis.metrics.ranking import Ranking, roc_auc
from cutis.metrics.shares import share


def test_mcnemar_equals_the_published_example():
    """Fagerland et al. 2013, BMC Med Res Methodol 13:91, table 1: 21 children, p = 0.070 and 0.039."""
    before = np.repeat([True, True, False, False], [1, 1, 7, 12])
    after = np.repeat([True, False, True, False], [1, 1, 7, 12])
    test = mcnemar(before, after)
    assert (test.only_a, test.only_b) == (1, 7)
    assert (test.exact_p, test.mid_p) == pytest.approx((0.0703, 0.0391), abs=5e-5)


def test_systems_that_fail_on_the_same_cases_do_not_differ():
    test = mcnemar(np.array([True, False]), np.array([True, False]))
    assert (test.exact_p, test.mid_p) == (1, 1)
    balanced = mcnemar(np.array([True, False] * 3), np.array([False, True] * 3))
    assert (balanced.exact_p, balanced.mid_p) == (1, 1)  # by the pmf's rounding it would be above


def accuracy_of(right):
    return lambda weights: weights @ right / weights.sum(axis=-1)


def test_the_exact_test_tries_every_exchange_of_lesions():
    lesion = np.array([0, 0, 1, 2, 2, 2, 3])
    right_a, right_b = np.array([1, 1, 1, 1, 0, 1, 1]), np.array([0, 1, 0, 0, 0, 1, 1])
    test = paired_permutation_test(
        accuracy_of(np.append(right_a, right_b)), lesion, permutations=16
    )
    gains = [(right_a - right_b)[lesion == name].sum() for name in range(4)]
    sums = [np.dot(signs, gains) for signs in itertools.product([1, -1], repeat=4)]
    assert test.p == np.mean(np.abs(sums) >= sum(gains))
    assert (test.difference, test.permutations, test.exact) == (pytest.approx(3 / 7), 16, True)


def test_random_exchanges_approach_the_exact_test():
    generator = np.random.default_rng(0)
    right = np.append(generator.random(12) < 0.9, generator.random(12) < 0.4).astype(float)
    exact = paired_permutation_test(accuracy_of(right), np.arange(12))
    drawn = paired_permutation_test(accuracy_of(right), np.arange(12), permutations=4000)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p == pytest.approx(exact.p, abs=0.02)
    others = paired_permutation_test(accuracy_of(right), np.arange(12), permutations=4000, seed=1)
    assert others.p != drawn.p


def test_more_images_than_are_weighed_at_a_time_can_be_compared():
    lesion = np.arange(200_001) % 2
    right = np.append(np.ones(200_001), lesion)
    assert paired_permutation_test(accuracy_of(right), lesion).p == 1


def test_a_figure_of_the_confusion_matrix_and_an_area_can_be_compared():
    generator = np.random.default_rng(1)
    truth = generator.integers(3, size=60)
    a = np.where(generator.random(60) < 0.8, truth, 0)
    b = np.where(generator.random(60) < 0.5, truth, 1)
    twice, answers = np.append(truth, truth), np.append(a, b)
    test = paired_permutation_test(
        lambda w: balanced_accuracy(confusion_matrix(twice, answers, 3, weights=w)),
        np.arange(60),
        permutations=500,
    )
    expected = [balanced_accuracy(confusion_matrix(truth, each, 3)) for each in (a, b)]
    assert test.difference == pytest.approx(expected[0] - expected[1])
    positive, score = truth == 0, generator.random((2, 60)).round(1)
    ranking = Ranking.of(np.append(positive, positive), score.ravel())
    area = paired_permutation_test(ranking.roc_auc, np.arange(60), permutations=50)
    areas = [roc_auc(positive, each) for each in score]
    assert area.difference == pytest.approx(areas[0] - areas[1])


def test_exchanging_images_one_by_one_would_claim_too_much():
    lesion = np.arange(6).repeat(20)
    right = np.append(np.ones(120), (lesion > 3) * 1.0)
    whole = paired_permutation_test(accuracy_of(right), lesion)
    single = paired_permutation_test(accuracy_of(right), np.arange(120), permutations=500)
    assert whole.p == 2 / 16  # four lesions gained, two alike: only their signs matter
    assert single.p == 1 / 501  # never 0: the answers as they were given are one of the exchanges


def test_a_relabelling_without_the_figure_is_no_evidence_of_a_difference():
    """A answers melanoma once and is right, B once and is wrong: one exchange leaves A no answer."""
    right, melanoma = np.array([1, 0, 0, 0]), np.array([1, 0, 0, 1])

    def precision(weights):
        return share(weights @ right, weights @ melanoma)

    test = paired_permutation_test(precision, np.arange(2))
    assert (test.difference, test.p, test.exact) == (1, 1, True)


def test_an_undefined_figure_cannot_be_compared():
    with pytest.raises(InputError, match="undefined"):
        paired_permutation_test(lambda w: np.full(len(w), np.nan), np.arange(3))
    with pytest.raises(InputError, match="permutations"):
        paired_permutation_test(lambda w: w[:, 0], np.arange(3), permutations=0)


def test_holm_counted_by_hand():
    """Four tests: 4 x 0.005, 3 x 0.01, then 2 x 0.03, and 0.04 that may not undercut it."""
    family = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert holm(family) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})


def test_what_was_not_tested_does_not_enlarge_the_family():
    adjusted = holm({"a": 0.03, "b": float("nan")})
    assert adjusted["a"] == 0.03
    assert np.isnan(adjusted["b"])
    assert holm({}) == {}


def test_a_p_above_one_is_refused_by_name():
    with pytest.raises(InputError, match="p of melanoma"):
        holm({"melanoma": 1.5})


def test_clopper_pearson_equals_the_published_example():
    """Newcombe 1998, Stat Med 17:857, table I, method 5: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    assert clopper_pearson_interval(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert clopper_pearson_interval(15, 148) == pytest.approx((0.0578, 0.1617), abs=5e-5)
    assert clopper_pearson_interval(0, 20) == pytest.approx((0.0, 0.1684), abs=5e-5)
    assert clopper_pearson_interval(1, 29) == pytest.approx((0.0009, 0.1776), abs=5e-5)
