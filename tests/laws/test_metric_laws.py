"""Laws that hold for every input: bounds, order, and weights that mean repetition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cutis.metrics import classification
from cutis.metrics.intervals import bootstrap, cluster_weights
from cutis.metrics.ranking import Ranking

cases = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=40
)
scored = st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=1, max_size=40)


@given(cases)
def test_a_weight_means_that_many_copies(rows):
    truth, predicted, weights = map(np.array, zip(*rows, strict=True))
    weighted = classification.confusion_matrix(truth, predicted, 3, weights=weights.astype(float))
    copied = classification.confusion_matrix(truth.repeat(weights), predicted.repeat(weights), 3)
    np.testing.assert_array_equal(weighted, copied)


@given(scored, st.randoms(use_true_random=False))
def test_areas_do_not_depend_on_the_order_of_cases(rows, random):
    shuffled = rows.copy()
    random.shuffle(shuffled)
    areas = []
    for each in (rows, shuffled):
        positive, score = map(np.array, zip(*each, strict=True))
        ranking = Ranking.of(positive, score.astype(float))
        areas.append([ranking.roc_auc(), ranking.average_precision()])
    np.testing.assert_allclose(areas[0], areas[1], rtol=1e-12)


@given(scored)
def test_reversing_the_score_mirrors_the_area(rows):
    positive, score = map(np.array, zip(*rows, strict=True))
    area = Ranking.of(positive, score.astype(float)).roc_auc()
    mirrored = Ranking.of(positive, -score.astype(float)).roc_auc()
    np.testing.assert_allclose(area, 1 - mirrored)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.integers(0, 99))
def test_a_replicate_draws_whole_clusters_and_as_many_as_there_are(clusters, seed):
    labels = np.array(clusters)
    (weights,) = cluster_weights(labels, replicates=20, seed=seed)
    for name in np.unique(labels):
        assert (weights[:, labels == name] == weights[:, labels == name][:, :1]).all()
    first = np.unique(labels, return_index=True)[1]
    np.testing.assert_array_equal(weights[:, first].sum(axis=1), len(first))


def test_the_bootstrap_equals_a_slow_loop_over_the_same_draws():
    generator = np.random.default_rng(0)
    lesions = generator.integers(30, size=80)
    positive = generator.random(80) < 0.4
    score = generator.normal(size=80) + positive
    ranking = Ranking.of(positive, score)
    fast = bootstrap(lambda w: {"auc": ranking.roc_auc(w)}, lesions, replicates=50, seed=3)["auc"]
    slow = []
    (weights,) = cluster_weights(lesions, replicates=50, seed=3)
    for row in weights.astype(int):
        again = Ranking.of(positive.repeat(row), score.repeat(row))
        slow.append(again.roc_auc())
    np.testing.assert_allclose(fast, slow, rtol=1e-12)
