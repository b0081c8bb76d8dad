"""Calibration: counted by hand, by loops over bins, and against scikit-learn."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from cutis.errors import InputError
from cutis.metrics import calibration as ours
from cutis.metrics.intervals import wilson_interval
from cutis.metrics.probability import brier_score


@pytest.fixture(params=range(4))
def cases(request):
    """Overconfident forecasts, events, and whole weights."""
    generator = np.random.default_rng(request.param)
    log_odds = generator.normal(size=300)
    event = generator.random(300) < 1 / (1 + np.exp(-log_odds))
    return 1 / (1 + np.exp(-2 * log_odds)), event, generator.integers(0, 4, size=(5, 300))


def test_an_error_counted_by_hand():
    """Two bins: 0.2 and 0.4 with one event of two, 0.9 with none of one."""
    forecast, event = np.array([0.2, 0.4, 0.9]), np.array([True, False, False])
    error = ours.calibration_error(forecast, event, binning=ours.equal_width(2))
    assert error == pytest.approx((2 * abs(0.3 - 0.5) + 1 * 0.9) / 3)


def test_the_error_is_a_loop_over_bins_closed_on_the_right(cases):
    forecast, event, _weights = cases
    expected = 0.0
    for bin_number in range(15):
        held = (forecast > bin_number / 15) & (forecast <= (bin_number + 1) / 15)
        if held.any():
            expected += held.mean() * abs(forecast[held].mean() - event[held].mean())
    assert ours.calibration_error(forecast, event) == pytest.approx(expected)


def test_adaptive_bins_hold_equal_numbers_and_never_part_equal_forecasts():
    assert (
        np.bincount(ours.equal_mass(5)(np.random.default_rng(0).random(100))).tolist() == [20] * 5
    )
    tied = ours.equal_mass(4)(np.array([0.5] * 7 + [0.9]))
    assert len(set(tied[:7])) == 1
    assert tied[7] != tied[0]


def test_a_weight_means_that_many_copies_in_the_same_bins(cases):
    forecast, event, weights = cases
    bins = ours.equal_width(10)
    errors = ours.calibration_error(forecast, event, binning=bins, weights=weights.astype(float))
    parts = ours.brier_parts(forecast, event, binning=bins, weights=weights.astype(float))
    slope, _intercept = ours.calibration_line(forecast, event, weights=weights.astype(float))
    for row, copies in enumerate(weights):
        again = forecast.repeat(copies), event.repeat(copies)
        assert errors[row] == pytest.approx(ours.calibration_error(*again, binning=bins))
        alone = ours.brier_parts(*again, binning=bins)
        assert parts.resolution[row] == pytest.approx(alone.resolution)
        assert parts.residual[row] == pytest.approx(alone.residual)
        assert slope[row] == pytest.approx(ours.calibration_line(*again)[0])


def test_the_curve_is_scikit_learns_with_wilson_intervals(cases):
    forecast, event, _weights = cases
    curve = ours.reliability_curve(forecast, event, binning=ours.equal_width(10), level=0.8)
    observed, stated = calibration_curve(event, forecast, n_bins=10)
    np.testing.assert_allclose(curve.observed, observed)
    np.testing.assert_allclose(curve.forecast, stated)
    assert curve.n.sum() == 300
    first = wilson_interval(round(curve.observed[0] * curve.n[0]), int(curve.n[0]), level=0.8)
    assert (curve.low[0], curve.high[0]) == first


def test_bins_without_cases_are_left_out():
    curve = ours.reliability_curve(np.array([0.1, 0.95]), np.array([False, True]))
    assert curve.n.tolist() == [1, 1]
    empty = ours.reliability_curve(np.zeros(0), np.zeros(0, bool))
    assert len(empty.low) == len(empty.high) == 0


def test_murphys_parts_add_up_when_the_forecasts_in_a_bin_are_equal(cases):
    forecast, event, _weights = cases
    parts = ours.brier_parts(forecast.round(1), event, binning=ours.equal_mass(300))
    assert parts.brier == pytest.approx(((forecast.round(1) - event) ** 2).mean())
    assert parts.residual == pytest.approx(0, abs=1e-12)
    assert parts.uncertainty == pytest.approx(event.mean() * (1 - event.mean()))


def test_the_residual_is_the_spread_inside_the_bins(cases):
    """Stephenson et al. 2008: within-bin variance minus twice the within-bin covariance."""
    forecast, event, _weights = cases
    binning = ours.equal_width(4)
    inside = 0.0
    for held in (binning(forecast) == number for number in range(4)):
        stated, happened = forecast[held], event[held].astype(float)
        covariance = ((stated - stated.mean()) * (happened - happened.mean())).sum()
        inside += ((stated - stated.mean()) ** 2).sum() - 2 * covariance
    parts = ours.brier_parts(forecast, event, binning=binning)
    assert parts.residual == pytest.approx(inside / 300, abs=1e-12)


def test_the_parts_of_all_classes_sum_to_the_brier_score():
    generator = np.random.default_rng(2)
    truth, probabilities = generator.integers(3, size=50), generator.dirichlet(np.ones(3), size=50)
    briers = [ours.brier_parts(probabilities[:, k], truth == k).brier for k in range(3)]
    assert sum(briers) == pytest.approx(brier_score(truth, probabilities))


def test_the_classwise_error_is_the_mean_of_each_class_against_the_rest():
    generator = np.random.default_rng(3)
    truth, probabilities = generator.integers(3, size=50), generator.dirichlet(np.ones(3), size=50)
    errors = [ours.calibration_error(probabilities[:, k], truth == k) for k in range(3)]
    weights = np.ones((2, 50))
    found = ours.classwise_calibration_error(truth, probabilities, weights=weights)
    np.testing.assert_allclose(found, [np.mean(errors)] * 2)


def test_the_top_label_question_is_about_the_answer():
    confidence, right = ours.top_label(np.array([1, 1]), np.array([[0.3, 0.7], [0.6, 0.4]]))
    assert (confidence.tolist(), right.tolist()) == ([0.7, 0.6], [True, False])


def test_the_line_is_an_unpenalised_logistic_regression(cases):
    forecast, event, _weights = cases
    x = np.log(forecast / (1 - forecast))
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x[:, None], event)
    slope, intercept = ours.calibration_line(forecast, event)
    assert slope == pytest.approx(oracle.coef_[0, 0], abs=1e-5)
    assert intercept == pytest.approx(oracle.intercept_[0], abs=1e-5)
    assert 0.2 < slope < 0.9  # the forecasts are overconfident by a factor of two


def test_forecasts_that_separate_the_events_have_no_best_line():
    forecast = np.array([0.1, 0.2, 0.8, 0.9])
    assert np.isnan(ours.calibration_line(forecast, forecast > 0.5)).all()
    assert np.isnan(ours.calibration_line(np.full(4, 0.3), forecast > 0.5)).all()


def test_no_cases_have_no_calibration():
    nothing = np.zeros(0), np.zeros(0, bool)
    assert np.isnan(ours.calibration_error(*nothing))
    assert np.isnan(ours.brier_parts(*nothing).reliability)


def test_what_is_no_probability_is_refused():
    with pytest.raises(InputError, match="logits"):
        ours.calibration_error(np.array([1.7]), np.array([True]))
    with pytest.raises(InputError, match="bins: 0"):
        ours.equal_width(0)
