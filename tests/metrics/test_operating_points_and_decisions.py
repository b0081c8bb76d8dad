"""Thresholds, partial areas and net benefit: counted by hand, by slow loops and by scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from cutis.errors import InputError
from cutis.metrics import operating_points as points
from cutis.metrics.decision import decision_curve, number_needed_to_biopsy, predictive_values
from cutis.metrics.ranking import Ranking, roc_auc
from cutis.metrics.thresholds import Calls, partial_auc

#                 score 0.9  0.8   0.8    0.6   0.4    0.4    0.2    0.1
TRUTH = np.array([True, True, False, True, False, False, True, False])
SCORE = np.array([0.9, 0.8, 0.8, 0.6, 0.4, 0.4, 0.2, 0.1])


@pytest.fixture(params=range(5))
def cases(request):
    """Truth and tied scores."""
    generator = np.random.default_rng(request.param)
    positive = generator.random(200) < 0.2
    return positive, (generator.normal(size=200) + positive).round(1)


def test_points_counted_by_hand():
    at = points.sensitivity_at_specificity(TRUTH, SCORE, specificity=0.75)
    assert (at.threshold, at.sensitivity, at.specificity) == (0.6, 0.75, 0.75)
    strict = points.sensitivity_at_specificity(TRUTH, SCORE, specificity=1)
    assert (strict.threshold, strict.sensitivity) == (0.9, 0.25)
    found = points.specificity_at_sensitivity(TRUTH, SCORE, sensitivity=0.75)
    assert (found.threshold, found.specificity) == (0.6, 0.75)
    everything = points.specificity_at_sensitivity(TRUTH, SCORE, sensitivity=1)
    assert (everything.threshold, everything.specificity) == (0.2, 0.25)
    assert points.youden_point(TRUTH, SCORE) == at


def test_a_best_score_that_is_benign_leaves_nothing_to_call():
    at = points.sensitivity_at_specificity(
        np.array([False, True]), np.array([2.0, 1]), specificity=1
    )
    assert at == points.OperatingPoint(np.inf, 0.0, 1.0)


def test_points_are_the_best_of_the_roc_curve(cases):
    positive, score = cases
    fpr, tpr, _ = oracle.roc_curve(positive, score, drop_intermediate=False)
    for wanted in (0.5, 0.8, 0.9, 0.95):
        at = points.sensitivity_at_specificity(positive, score, specificity=wanted)
        assert at.sensitivity == pytest.approx(tpr[1 - fpr >= wanted - 1e-12].max())
        at = points.specificity_at_sensitivity(positive, score, sensitivity=wanted)
        assert at.specificity == pytest.approx((1 - fpr)[tpr >= wanted - 1e-12].max())
    at = points.youden_point(positive, score)
    assert at.sensitivity + at.specificity - 1 == pytest.approx((tpr - fpr).max())


def test_a_share_that_binary_numbers_cannot_hold_is_met_exactly():
    positive, score = np.arange(20) >= 10, np.arange(20.0)
    score[9] = 100
    at = points.sensitivity_at_specificity(positive, score, specificity=0.9)
    assert (at.sensitivity, at.specificity) == (1, 0.9)


def test_the_least_cost_is_that_of_the_cheapest_threshold(cases):
    positive, score = cases
    at = points.least_cost_point(positive, score, miss_cost=15, alarm_cost=2, prevalence=0.05)

    def cost(threshold):
        missed, alarmed = (
            (score < threshold)[positive].mean(),
            (score >= threshold)[~positive].mean(),
        )
        return 15 * 0.05 * missed + 2 * 0.95 * alarmed

    cheapest = min(cost(threshold) for threshold in np.append(score, np.inf))
    assert cost(at.threshold) == pytest.approx(cheapest)


def test_the_prevalence_of_the_cases_is_the_default(cases):
    positive, score = cases
    here = points.least_cost_point(positive, score, miss_cost=4, prevalence=positive.mean())
    assert points.least_cost_point(positive, score, miss_cost=4) == here


def test_of_equal_costs_the_most_sensitive_is_chosen():
    at = points.youden_point(np.array([True, False]), np.array([0.0, 1.0]))
    assert at == points.OperatingPoint(0.0, 1.0, 0.0)


def test_a_threshold_chosen_on_validation_is_carried_to_test():
    chosen = points.sensitivity_at_specificity(TRUTH, SCORE, specificity=0.75)
    test = chosen.carried_to(np.array([True, True, False, False]), np.array([0.6, 0.5, 0.7, 0.3]))
    assert test == points.OperatingPoint(0.6, 0.5, 0.5)


def test_weighted_points_equal_points_of_copies(cases):
    positive, score = cases
    weights = np.random.default_rng(9).integers(0, 4, size=(6, 200))
    calls = Calls.of(Ranking.of(positive, score), weights.astype(float))
    at_specificity = points.at_specificity(calls, 0.9)
    best = points.at_best_tradeoff(calls, alarms_per_miss=1.0)
    carried = points.carried(0.7, positive, score, weights=weights.astype(float))
    areas = calls.partial_area(min_sensitivity=0.8)
    for row, copies in enumerate(weights):
        truth, repeated = positive.repeat(copies), score.repeat(copies)
        alone = points.sensitivity_at_specificity(truth, repeated, specificity=0.9)
        assert at_specificity.sensitivity[row] == pytest.approx(alone.sensitivity)
        assert best.threshold[row] == points.youden_point(truth, repeated).threshold
        assert carried.specificity[row] == pytest.approx((repeated < 0.7)[~truth].mean())
        assert areas[row] == pytest.approx(partial_auc(truth, repeated))


def test_a_replicate_without_positives_is_nan_not_perfect():
    weights = np.stack([np.ones(8), (~TRUTH).astype(float)])
    calls = Calls.of(Ranking.of(TRUTH, SCORE), weights)
    at = points.at_sensitivity(calls, 0.9)
    assert np.isnan([at.threshold[1], at.sensitivity[1], at.specificity[1]]).all()
    assert not np.isnan(at.specificity[0])
    assert np.isnan(calls.partial_area(min_sensitivity=0.8)).tolist() == [False, True]
    assert np.isnan(points.carried(0.5, TRUTH, SCORE, weights=weights).sensitivity[1])


def test_the_partial_area_is_the_isic_2024_score(cases):
    """The challenge's own recipe: flip labels and scores, McClish's standardised area, and back."""
    positive, score = cases
    for floor in (0.0, 0.5, 0.8):
        width = 1 - floor
        if floor:
            scaled = oracle.roc_auc_score(~positive, -score, max_fpr=width)
            half = width**2 / 2
            expected = half + (width - half) / 0.5 * (scaled - 0.5)
        else:
            expected = roc_auc(positive, score)
        assert partial_auc(positive, score, min_sensitivity=floor) == pytest.approx(expected)


def test_the_partial_area_is_the_strip_above_the_sensitivity_by_brute_force(cases):
    positive, score = cases
    fpr, tpr, _ = oracle.roc_curve(positive, score, drop_intermediate=False)
    grid = np.linspace(0.8, 1, 20_001)
    heights = (grid[1:] + grid[:-1]) / 2
    corner = np.unique(tpr)
    left = np.array([fpr[tpr == value].min() for value in corner])
    right = np.array([fpr[tpr == value].max() for value in corner])
    above = np.searchsorted(corner, heights)
    along = (heights - corner[above - 1]) / (corner[above] - corner[above - 1])
    reached = right[above - 1] + along * (left[above] - right[above - 1])
    assert partial_auc(positive, score) == pytest.approx((1 - reached).mean() * 0.2, abs=1e-6)


def test_perfect_and_guessed_partial_areas():
    truth = np.arange(10) >= 5
    assert partial_auc(truth, np.arange(10.0)) == pytest.approx(0.2)
    assert partial_auc(truth, np.zeros(10)) == pytest.approx(0.02)


def test_predictive_values_by_counting_a_thousand_people():
    """100 ill, 90 found; 900 well, 180 called: 90 of 270 and 720 of 730."""
    ppv, npv = predictive_values(0.9, 0.8, prevalence=0.1)
    assert (float(ppv), float(npv)) == pytest.approx((90 / 270, 720 / 730))
    assert number_needed_to_biopsy(ppv) == pytest.approx(3)


def test_calling_nobody_has_no_predictive_value():
    ppv, npv = predictive_values(np.array([0.0, 0.0]), np.array([1.0, 0.9]), prevalence=0.1)
    assert np.isnan(ppv[0])
    np.testing.assert_allclose(npv, [0.9, 0.81 / 0.91])
    needed = number_needed_to_biopsy(ppv)
    assert np.isnan(needed[0])
    assert np.isinf(needed[1])


def test_net_benefit_is_counted_threshold_by_threshold():
    curve = decision_curve(TRUTH, SCORE, thresholds=np.array([0.0, 0.2, 0.4, 0.5, 0.95]))
    for row, threshold in enumerate(curve.thresholds):
        called = threshold <= SCORE
        odds = threshold / (1 - threshold)
        expected = ((TRUTH & called).sum() - odds * (~TRUTH & called).sum()) / 8
        assert curve.net_benefit[row] == pytest.approx(expected)
        assert curve.biopsy_all[row] == pytest.approx(0.5 - 0.5 * odds)
    assert curve.biopsies_avoided[1] == pytest.approx(1 / 8)  # the benign lesion at 0.1
    assert np.isnan(curve.biopsies_avoided[0])


def test_the_usual_thresholds_go_up_to_one_half_and_probabilities_up_to_one():
    curve = decision_curve(np.array([True, False]), np.array([1.0, 0.0]))
    assert curve.thresholds.tolist() == [percent / 100 for percent in range(1, 51)]
    assert curve.net_benefit.tolist() == [0.5] * 50


def test_net_benefit_at_the_prevalence_of_the_cases_is_the_default(cases):
    positive, score = cases
    probability = 1 / (1 + np.exp(-score))
    here = decision_curve(positive, probability)
    stated = decision_curve(positive, probability, prevalence=positive.mean())
    np.testing.assert_allclose(stated.net_benefit, here.net_benefit, atol=1e-12)
    np.testing.assert_allclose(stated.biopsy_all, here.biopsy_all, atol=1e-12)


def test_net_benefit_under_weights_is_that_of_copies(cases):
    positive, score = cases
    probability = 1 / (1 + np.exp(-score))
    weights = np.random.default_rng(3).integers(0, 3, size=(4, 200))
    for at in (None, 0.02):
        many = decision_curve(positive, probability, weights=weights.astype(float), prevalence=at)
        for row, copies in enumerate(weights):
            one = decision_curve(positive.repeat(copies), probability.repeat(copies), prevalence=at)
            np.testing.assert_allclose(many.net_benefit[row], one.net_benefit, atol=1e-12)
            np.testing.assert_allclose(many.biopsy_all[row], one.biopsy_all, atol=1e-12)


def test_what_cannot_be_chosen_is_refused():
    with pytest.raises(InputError, match="positives and negatives"):
        points.youden_point(np.ones(3, bool), np.arange(3.0))
    with pytest.raises(InputError, match=r"specificity: 1\.2"):
        points.sensitivity_at_specificity(TRUTH, SCORE, specificity=1.2)
    with pytest.raises(InputError, match="costs"):
        points.least_cost_point(TRUTH, SCORE, miss_cost=0)
    with pytest.raises(InputError, match="prevalence"):
        points.least_cost_point(TRUTH, SCORE, miss_cost=1, prevalence=1)
    for logits in (SCORE * 9, SCORE - 0.2):
        with pytest.raises(InputError, match="logits"):
            decision_curve(TRUTH, logits)
    for threshold in (1.0, -0.1):
        with pytest.raises(InputError, match="thresholds"):
            decision_curve(TRUTH, SCORE, thresholds=np.array([threshold]))
    with pytest.raises(InputError, match="prevalence"):
        decision_curve(TRUTH, SCORE, prevalence=-0.1)
    with pytest.raises(InputError, match="prevalence"):
        predictive_values(0.9, 0.8, prevalence=1.1)
    with pytest.raises(InputError, match="min_sensitivity"):
        partial_auc(TRUTH, SCORE, min_sensitivity=1.1)
    with pytest.raises(InputError, match="the partial ROC-AUC needs positives and negatives"):
        partial_auc(np.ones(3, bool), np.arange(3.0))
    with pytest.raises(InputError, match="nan"):
        points.carried(0.5, TRUTH, np.full(8, np.nan))
