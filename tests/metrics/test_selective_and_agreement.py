"""Selective prediction and kappas: counted by hand, by shuffling, and from the papers' tables."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from cutis.errors import InputError
from cutis.metrics.agreement import cohen_kappa, fleiss_kappa
from cutis.metrics.classification import confusion_matrix
from cutis.metrics.selective import coverage_at_risk, excess_area, risk_at_coverage, risk_coverage

CONFIDENCE = np.array([0.9, 0.8, 0.8, 0.5])
LOSS = np.array([0.0, 0, 1, 1])

# Fleiss 1971, table 1: six psychiatrists and 30 patients; depression, personality disorder,
# schizophrenia, neurosis, other.
_TABLE = """
    00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
    00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"""
DIAGNOSES = np.array([[int(digit) for digit in row] for row in _TABLE.split()])


def test_a_curve_counted_by_hand():
    curve = risk_coverage(CONFIDENCE, LOSS)
    assert curve.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.5]
    assert curve.coverage.tolist() == [0, 0.25, 0.75, 1]
    np.testing.assert_allclose(curve.risk, [np.nan, 0, 1 / 3, 1 / 2])


def test_points_of_the_curve_keep_equal_confidences_together():
    curve = risk_coverage(CONFIDENCE, LOSS)
    half = risk_at_coverage(curve, 0.5)
    assert (half.threshold, half.coverage, half.risk) == (0.8, 0.75, pytest.approx(1 / 3))
    careful = coverage_at_risk(curve, 0.2)
    assert (careful.threshold, careful.coverage, careful.risk) == (0.9, 0.25, 0)


def test_a_risk_that_no_coverage_reaches_keeps_nothing():
    point = coverage_at_risk(risk_coverage(CONFIDENCE, 1 - LOSS), 0.1)
    assert (point.threshold, point.coverage) == (np.inf, 0)
    assert np.isnan(point.risk)


def test_the_area_is_the_mean_risk_over_many_copies_in_random_order():
    generator = np.random.default_rng(0)
    many = 40_000
    order = np.lexsort((generator.random(4 * many), -CONFIDENCE.repeat(many)))
    losses = LOSS.repeat(many)[order]
    brute = (np.cumsum(losses) / np.arange(1, 4 * many + 1)).mean()
    assert risk_coverage(CONFIDENCE, LOSS).area == pytest.approx(brute, abs=2e-3)


def test_the_area_approaches_the_mean_of_the_risks():
    generator = np.random.default_rng(1)
    confidence = generator.random(5000)
    loss = (generator.random(5000) > confidence) * 1.0
    sorted_loss = loss[np.argsort(-confidence)]
    mean_of_risks = (np.cumsum(sorted_loss) / np.arange(1, 5001)).mean()
    assert risk_coverage(confidence, loss).area == pytest.approx(mean_of_risks, abs=5e-4)


def test_the_best_order_has_the_area_that_geifman_gives_and_no_excess():
    """Geifman et al. 2019: r + (1 - r) ln(1 - r) for an error rate r."""
    loss = (np.arange(10) < 3) * 1.0
    assert risk_coverage(-loss, loss).area == pytest.approx(0.3 + 0.7 * np.log(0.7))
    assert excess_area(-loss, loss) == 0
    assert excess_area(loss, loss) > 0.1


def test_an_indifferent_confidence_has_the_error_rate_as_its_area():
    assert risk_coverage(np.zeros(4), LOSS).area == pytest.approx(0.5)


def test_a_replicate_without_cases_has_no_area():
    areas = risk_coverage(CONFIDENCE, LOSS, weights=np.stack([np.ones(4), np.zeros(4)])).area
    assert np.isnan(areas).tolist() == [False, True]


def test_a_share_that_binary_numbers_cannot_hold_is_kept():
    curve = risk_coverage(-np.arange(10.0), (np.arange(10) == 9) * 1.0)
    assert risk_at_coverage(curve, 0.1 * 3).coverage == 0.3
    assert coverage_at_risk(curve, 1 - 0.9).coverage == 1


def test_a_curve_needs_cases():
    for confidence, loss in (
        (np.zeros(0), np.zeros(0)),
        (np.append(CONFIDENCE, np.nan), np.append(LOSS, 1)),
        (np.append(CONFIDENCE, 1), np.append(LOSS, np.nan)),
    ):
        with pytest.raises(InputError, match="needs cases"):
            risk_coverage(confidence, loss)
    with pytest.raises(InputError, match="coverage"):
        risk_at_coverage(risk_coverage(CONFIDENCE, LOSS), 1.1)
    with pytest.raises(InputError, match="risk"):
        coverage_at_risk(risk_coverage(CONFIDENCE, LOSS), -0.1)


@pytest.mark.parametrize("weighting", ["none", "linear", "quadratic"])
def test_cohens_kappa_is_scikit_learns(weighting):
    generator = np.random.default_rng(0)
    first = generator.integers(4, size=200)
    second = np.where(generator.random(200) < 0.6, first, generator.integers(4, size=200))
    weights = generator.integers(0, 3, size=(3, 200)).astype(float)
    kappas = cohen_kappa(confusion_matrix(first, second, 4, weights=weights), weighting=weighting)
    for row, kappa in zip(weights, kappas, strict=True):
        name = None if weighting == "none" else weighting
        oracle = cohen_kappa_score(first, second, weights=name, sample_weight=row)
        assert kappa == pytest.approx(oracle)


def test_readers_who_always_say_the_same_define_no_kappa():
    assert np.isnan(cohen_kappa(np.array([[9.0, 0], [0, 0]])))
    assert np.isnan(fleiss_kappa(np.array([[3, 0], [4, 0]])))


def test_fleiss_kappa_of_the_psychiatrists():
    assert DIAGNOSES.sum(axis=0).tolist() == [26, 26, 30, 55, 43]
    assert fleiss_kappa(DIAGNOSES) == pytest.approx(0.430, abs=5e-4)


def test_fleiss_kappa_of_the_fourteen_raters():
    """The example that encyclopedias print: ten subjects, five categories, 0.210."""
    rows = (
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    )  # fmt: skip
    assert fleiss_kappa(np.array(rows)) == pytest.approx(0.210, abs=5e-4)


def test_a_case_with_more_readings_has_more_say_in_chance_only():
    """Agreed 1 and 1/2, so 3/4 on average; three readings each, so 1/2 by chance."""
    assert fleiss_kappa(np.array([[2, 0], [1, 3]])) == pytest.approx((3 / 4 - 1 / 2) / (1 / 2))


def test_fleiss_kappa_under_weights_is_that_of_copies():
    weights = np.random.default_rng(0).integers(0, 3, size=(4, 30))
    kappas = fleiss_kappa(DIAGNOSES, weights=weights.astype(float))
    copies = [fleiss_kappa(DIAGNOSES.repeat(row, axis=0)) for row in weights]
    np.testing.assert_allclose(kappas, copies)


def test_a_case_with_one_reading_cannot_agree():
    with pytest.raises(InputError, match="at least two readings"):
        fleiss_kappa(np.array([[1, 0], [2, 0]]))
    with pytest.raises(InputError, match="no count below zero"):
        fleiss_kappa(np.array([[3, -1], [2, 0]]))
    for shape in ((2, 3), (4,)):
        with pytest.raises(InputError, match="not square"):
            cohen_kappa(np.ones(shape))
    with pytest.raises(InputError, match="cubic"):
        cohen_kappa(np.eye(2), weighting="cubic")
