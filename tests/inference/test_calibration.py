"""Calibration maps find what was done to honest probabilities, and keep what they promise to keep."""

import json

import numpy as np
import pytest
from scipy.special import softmax

from cutis.errors import InputError
from cutis.inference.calibration import CALIBRATIONS
from cutis.metrics.calibration import classwise_calibration_error
from cutis.metrics.probability import log_loss
from cutis.readout import LogLinearMap

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
    found = CALIBRATIONS["temperature"](overconfident, truth)
    assert found.scale == pytest.approx(0.5 * np.eye(CLASSES), rel=0.05)
    assert not found.shift.any()
    np.testing.assert_allclose(found(overconfident), probabilities, atol=0.02)


def test_vector_scaling_undoes_shifted_classes_where_temperature_cannot():
    truth, probabilities = honest(20_000, seed=1)
    shifted = distorted(probabilities, temperature=0.7, shift=(0, 1.5, 0, 1))
    error = {
        method: classwise_calibration_error(truth, CALIBRATIONS[method](shifted, truth)(shifted))
        for method in CALIBRATIONS
    }
    assert error["vector"] < 0.01
    assert error["isotonic"] < 0.02
    assert error["temperature"] > 3 * error["vector"]


def test_dirichlet_calibration_undoes_classes_taken_for_each_other_where_vector_scaling_cannot():
    truth, probabilities = honest(20_000, seed=6)
    mixing = np.eye(CLASSES) + 0.4 * np.eye(CLASSES, k=1) - 0.3 * np.eye(CLASSES, k=-1)
    mixed = softmax(np.log(probabilities) @ mixing, axis=1)
    away = {
        method: np.abs(CALIBRATIONS[method](mixed, truth)(mixed) - probabilities).mean()
        for method in ("vector", "dirichlet")
    }
    assert away["dirichlet"] < 0.01
    assert away["vector"] > 3 * away["dirichlet"]


def test_few_cases_give_vector_scaling_rather_than_a_matrix():
    truth, probabilities = honest(8, seed=7)
    shifted = distorted(probabilities, shift=(0, 1.5, 0, 1))
    vector, dirichlet = (CALIBRATIONS[method](shifted, truth) for method in ("vector", "dirichlet"))
    off_diagonal = ~np.eye(CLASSES, dtype=bool)
    assert not vector.scale[off_diagonal].any()
    assert 0 < np.abs(dirichlet.scale[off_diagonal]).max() < 0.3


@pytest.mark.parametrize("method", ["temperature", "vector", "dirichlet"])
def test_a_map_comes_back_from_json(method):
    truth, probabilities = honest(200, seed=8)
    found = CALIBRATIONS[method](probabilities, truth)
    described = json.loads(json.dumps(found.to_dict()))
    again = LogLinearMap.from_dict(described)
    assert (again.scale == found.scale).all()
    assert (again.shift == found.shift).all()
    assert np.array(described["scale"]).ndim == (2 if method == "dirichlet" else 1)


@pytest.mark.parametrize(
    ("scale", "shift", "told"),
    [
        (np.eye(3), np.zeros(2), r"shape \(3, 3\) for shifts of \(2,\)"),
        (np.eye(2)[:, :1], np.zeros(2), r"shape \(2, 1\)"),
        (np.eye(2), np.zeros((2, 1)), r"for shifts of \(2, 1\)"),
        (np.array(1.0), np.array(0.0), r"for shifts of \(\)"),
        (np.eye(2), np.array([0.0, np.nan]), "not finite"),
    ],
)
def test_a_map_whose_parts_do_not_fit_is_refused(scale, shift, told):
    with pytest.raises(InputError, match=told):
        LogLinearMap(scale, shift)


def test_temperature_keeps_every_answer():
    truth, probabilities = honest(500, seed=2)
    calibrated = CALIBRATIONS["temperature"](probabilities, truth)(probabilities)
    assert (calibrated.argmax(axis=1) == probabilities.argmax(axis=1)).all()


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_rows_stay_distributions_even_with_certain_answers_and_an_absent_class(method):
    truth, probabilities = honest(300, seed=3)
    probabilities[:5] = np.eye(CLASSES)[0]
    present = truth != 3
    calibrated = CALIBRATIONS[method](probabilities[present], truth[present])(probabilities)
    assert np.isfinite(calibrated).all()
    assert (calibrated >= 0).all()
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)


@pytest.mark.parametrize("method", CALIBRATIONS)
def test_a_fitted_map_is_not_worse_on_what_it_was_fitted_on(method):
    truth, probabilities = honest(2000, seed=4)
    overconfident = distorted(probabilities, temperature=0.4)
    calibrated = CALIBRATIONS[method](overconfident, truth)(overconfident)
    assert log_loss(truth, calibrated) < log_loss(truth, overconfident)
