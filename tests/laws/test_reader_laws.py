"""What holds for any model and any readers."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from cutis.evaluation.reader_figures import Tallies, best_sensitivity
from cutis.evaluation.readers import pair_agreement
from cutis.metrics.ranking import Ranking
from cutis.metrics.thresholds import Calls

CASES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5), st.booleans(), st.integers(0, 3)),
    min_size=2,
    max_size=25,
)


@given(CASES)
def test_the_models_best_sensitivity_is_that_of_trying_every_threshold(cases):
    positive, score, said, weight = map(np.array, zip(*cases, strict=True))
    score, weight = score.astype(float), weight.astype(float)
    assume(weight[positive].sum() and weight[~positive].sum())
    tallies = Tallies.of(said[None] * 1.0, positive, weight[None])
    found = best_sensitivity(
        Calls.of(Ranking.of(positive, score), weight[None]), tallies.alarms[:, 0]
    )
    tried = [
        weight[positive & (score >= threshold)].sum() / weight[positive].sum()
        for threshold in [*score, np.inf]
        if weight[~positive & (score >= threshold)].sum() <= weight[~positive & said].sum()
    ]
    assert found[0] == max(tried)


@given(CASES)
def test_a_reader_who_calls_what_the_model_calls_is_never_above_the_curve(cases):
    positive, score, _said, _weight = map(np.array, zip(*cases, strict=True))
    assume(positive.any() and not positive.all())
    for threshold in np.unique(score):
        tallies = Tallies.of((score >= threshold)[None] * 1.0, positive, np.ones((1, len(score))))
        calls = Calls.of(Ranking.of(positive, score.astype(float)), np.ones((1, len(score))))
        best = best_sensitivity(calls, tallies.alarms[:, 0])
        # More is possible only where the next threshold calls no negative at all.
        assert best[0] >= tallies.sensitivity[0, 0]


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=6, max_size=6), min_size=2))
def test_agreement_is_mutual_and_at_most_one(calls):
    pairs = pair_agreement(np.array(calls[:6]))
    assert np.array_equal(pairs.kappa, pairs.kappa.T, equal_nan=True)
    assert np.array_equal(pairs.images, pairs.images.T)
    assert (pairs.kappa[~np.isnan(pairs.kappa)] <= 1).all()
