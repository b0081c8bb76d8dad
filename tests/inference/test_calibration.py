"""Calibration maps find what was done to honest probabilities, and keep what they promise to keep."""

import numpy as np
import pytest
from scipy.special import softmax

from cutis.errors import InputError
from cutis.inference.calibration import CALIBRATIONS, fit_calibration
from cutis.metrics.calibration import classwise_calibration_error
from cutis.metrics.probability import log_loss

CLASSES = 4


def honest(n, *, seed):
    """Probabilities, and truths drawn from them."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(loc=(2, 0, 0, -1), scale=2, size=(n, CLASSES))
    probabilities = softmax(logits, axis=1)
    truth = (probabilities.cumsum(axis=1) > generator.random((n, 1))).argmax(axis=1)
    return truth, probabilities


def distorted(probabilities, *, temperature=1.0, shift=(0, 0, 0, 0)):
    return softmax(np.log(probabilities) / temperature + np.array(shift), axis=1)


def test_temperature_is_found_again():
    truth, probabilities = honest(20_000, seed=0)
    overconfident = distorted(probabilities, temperature=0.5)
    found = fit_calibration("temperature", overconfident, truth)
    assert found.scale == pytest.approx(np.full(CLASSES, 0.5), rel=0.05)
    assert not found.shift.any()
    np.testing.assert_allclose(found(overconfident), probabilities, atol=0.02)


def test_vector_scaling_undoes_shifted_classes_where_temperature_cannot():
    truth, probabilities = honest(20_000, seed=1)
    shifted = distorted(probabilities, temperature=0.7, shift=(0, 1.5, 0, 1))
    error = {
        method: classwise_calibration_error(truth, fit_calibration(method, shifted, truth)(shifted))
        for method in CALIBRATIONS
    }
    assert error["vector"] < 0.01
    assert error["isotonic"] < 0.02
    assert error["temperature"] > 3 * error["vector"]


def test_temperature_keeps_every_answer():
    truth, probabilities = honest(500, seed=2)
    calibrated = fit_calibration("temperature", probabilities, truth)(probabilities)
    assert (calibrated.argmax(axis=1) == probabilities.argmax(axis=1)).all()


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_rows_stay_distributions_even_with_certain_answers_and_an_absent_class(method):
    truth, probabilities = honest(300, seed=3)
    probabilities[:5] = np.eye(CLASSES)[0]
    present = truth != 3
    calibrated = fit_calibration(method, probabilities[present], truth[present])(probabilities)
    assert np.isfinite(calibrated).all()
    assert (calibrated >= 0).all()
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_a_fitted_map_is_not_worse_on_what_it_was_fitted_on(method):
    truth, probabilities = honest(2000, seed=4)
    overconfident = distorted(probabilities, temperature=0.4)
    calibrated = fit_calibration(method, overconfident, truth)(overconfident)
    assert log_loss(truth, calibrated) < log_loss(truth, overconfident)


def test_bad_requests_are_refused():
    truth, probabilities = honest(10, seed=5)
    with pytest.raises(InputError, match="choose one of temperature, vector, isotonic"):
        fit_calibration("platt", probabilities, truth)
    with pytest.raises(InputError, match="no validation cases"):
        fit_calibration("vector", probabilities[:0], truth[:0])
