"""Our figures equal scikit-learn's to 1e-9, weights included."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from cutis.metrics import classification as ours
from cutis.metrics.probability import brier_score, log_loss
from cutis.metrics.ranking import Ranking, macro_roc_auc, roc_auc

CLASSES = 5
NAMES = list(range(CLASSES))


@pytest.fixture(params=[0, 1, 2])
def cases(request):
    """Truth, tied probabilities and integer weights."""
    generator = np.random.default_rng(request.param)
    truth = generator.integers(CLASSES, size=300)
    logits = generator.normal(size=(300, CLASSES)).round(1)
    logits[np.arange(300), truth] += 1
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return truth, probabilities, generator.integers(0, 4, size=300).astype(float)


def test_figures_of_the_confusion_matrix(cases):
    truth, probabilities, weights = cases
    predicted = probabilities.argmax(axis=1)
    confusion = ours.confusion_matrix(truth, predicted, CLASSES, weights=weights)
    np.testing.assert_allclose(
        confusion, oracle.confusion_matrix(truth, predicted, sample_weight=weights), rtol=1e-12
    )
    precision, recall, f1, _ = oracle.precision_recall_fscore_support(
        truth, predicted, sample_weight=weights, zero_division=np.nan
    )
    np.testing.assert_allclose(ours.precision(confusion), precision, rtol=1e-9)
    np.testing.assert_allclose(ours.recall(confusion), recall, rtol=1e-9)
    np.testing.assert_allclose(ours.f1(confusion), f1, rtol=1e-9)
    assert ours.accuracy(confusion) == pytest.approx(
        oracle.accuracy_score(truth, predicted, sample_weight=weights), rel=1e-9
    )
    assert ours.balanced_accuracy(confusion) == pytest.approx(
        oracle.balanced_accuracy_score(truth, predicted, sample_weight=weights), rel=1e-9
    )


def test_specificity_is_the_recall_of_all_other_classes(cases):
    truth, probabilities, weights = cases
    predicted = probabilities.argmax(axis=1)
    confusion = ours.confusion_matrix(truth, predicted, CLASSES, weights=weights)
    expected = [
        oracle.recall_score(truth != k, predicted != k, sample_weight=weights) for k in NAMES
    ]
    np.testing.assert_allclose(ours.specificity(confusion), expected, rtol=1e-9)


def test_areas_under_curves(cases):
    truth, probabilities, weights = cases
    for k in NAMES:
        ranking = Ranking.of(truth == k, probabilities[:, k])
        assert ranking.roc_auc(weights) == pytest.approx(
            oracle.roc_auc_score(truth == k, probabilities[:, k], sample_weight=weights), rel=1e-9
        )
        assert ranking.average_precision(weights) == pytest.approx(
            oracle.average_precision_score(truth == k, probabilities[:, k], sample_weight=weights),
            rel=1e-9,
        )
    assert macro_roc_auc(truth, probabilities) == pytest.approx(
        oracle.roc_auc_score(truth, probabilities, multi_class="ovr"), rel=1e-9
    )


def test_curves(cases):
    truth, probabilities, _weights = cases
    score = probabilities[:, 0]
    curve = Ranking.of(truth == 0, score).roc_curve()
    x, y, thresholds = oracle.roc_curve(truth == 0, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.x, x, atol=1e-12)
    np.testing.assert_allclose(curve.y, y, atol=1e-12)
    np.testing.assert_allclose(curve.thresholds, thresholds)
    ours_pr = Ranking.of(truth == 0, score).precision_recall_curve()
    precision, recall, _ = oracle.precision_recall_curve(truth == 0, score)
    n = len(ours_pr.x)
    np.testing.assert_allclose(ours_pr.y[::-1], precision[-1 - n : -1], atol=1e-12)
    np.testing.assert_allclose(ours_pr.x[::-1], recall[-1 - n : -1], atol=1e-12)


def test_probabilities(cases):
    truth, probabilities, weights = cases
    expected = oracle.log_loss(truth, probabilities, sample_weight=weights, labels=NAMES)
    assert log_loss(truth, probabilities, weights=weights) == pytest.approx(expected, rel=1e-9)
    one_hot = np.eye(CLASSES)[truth]
    distance = ((probabilities - one_hot) ** 2).sum(axis=1)
    assert brier_score(truth, probabilities, weights=weights) == pytest.approx(
        np.average(distance, weights=weights), rel=1e-9
    )


def test_a_truth_that_was_held_impossible_costs_what_scikit_learn_says(cases):
    truth, probabilities, _weights = cases
    certain = np.eye(CLASSES)[probabilities.argmax(axis=1)]
    expected = oracle.log_loss(truth, certain, labels=NAMES)
    assert log_loss(truth, certain) == pytest.approx(expected, rel=1e-9)


def test_ties_count_half():
    assert roc_auc(np.array([True, False]), np.array([0.5, 0.5])) == 0.5
