"""Intervals of shares hold the truth as often as they say, where percentiles do not."""

import numpy as np
import pytest
from scipy.special import logit

from cutis.errors import InputError
from cutis.metrics.delong import delong_auc, newcombe_interval
from cutis.metrics.intervals import (
    bootstrap,
    clopper_pearson_interval,
    logit_interval,
    percentile_interval,
    share_interval,
    wilson_interval,
)


def test_the_interval_of_a_share_is_near_wilsons():
    hits = np.arange(50) < 40
    drawn = bootstrap(lambda w: {"share": w @ hits / 50}, np.arange(50))["share"]
    assert share_interval(0.8, drawn, clusters=50) == pytest.approx(
        wilson_interval(40, 50), abs=0.012
    )


def test_few_cases_are_covered_better_than_by_percentiles():
    generator = np.random.default_rng(0)
    true, n = 0.85, 25
    held = {"percentiles": [], "logit": []}
    for hits in generator.binomial(n, true, size=1000):
        drawn = generator.binomial(n, hits / n, size=400) / n
        ends = {
            "percentiles": percentile_interval(drawn),
            "logit": share_interval(hits / n, drawn, clusters=n),
        }
        for name, (low, high) in ends.items():
            held[name].append(low <= true <= high)
    assert np.mean(held["percentiles"]) < 0.91
    assert 0.93 < np.mean(held["logit"]) < 0.98


def test_at_the_ends_nothing_is_certain():
    drawn = np.ones(100)
    assert share_interval(1.0, drawn, clusters=40) == wilson_interval(40, 40)
    assert share_interval(1.0, drawn, clusters=40, counted=12) == wilson_interval(12, 12)
    assert share_interval(0.0, 0 * drawn, clusters=40, counted=12) == wilson_interval(0, 12)
    drawn[:5] = 0.7  # an operating point that was chosen anew
    assert share_interval(1.0, drawn, clusters=40) == percentile_interval(drawn)
    drawn[1:] = 1.0  # percentiles alone would be certain again
    assert percentile_interval(drawn) == (1, 1)
    assert share_interval(1.0, drawn, clusters=40) == wilson_interval(40, 40)
    assert share_interval(0.0, 1 - drawn, clusters=40, counted=12) == wilson_interval(0, 12)


@pytest.mark.parametrize("interval", [wilson_interval, clopper_pearson_interval])
def test_only_everything_is_certain(interval):
    assert interval(3, 10, level=1) == interval(0, 10, level=1) == (0, 1)


def test_undefined_replicates_have_no_say():
    drawn = np.array([0.4, np.nan, 0.6, 0.5])
    expected = share_interval(0.5, drawn[[0, 2, 3]], clusters=9)
    assert share_interval(0.5, drawn, clusters=9) == expected
    assert np.isnan(share_interval(0.5, drawn[[1, 1]], clusters=9)).all()


def test_replicates_that_do_not_vary_are_no_certainty():
    for value in (0.0, 0.5, 1.0, np.inf):
        assert np.isnan(percentile_interval(np.full(100, value))).all()
    assert np.isnan(share_interval(0.5, np.full(100, 0.5), clusters=40, counted=1)).all()
    for value in (0.0, 0.5, 1.0):
        assert np.isnan(share_interval(value, np.array([0.4, 0.6]), clusters=1)).all()


def test_fewer_clusters_are_less_certain():
    drawn = np.random.default_rng(1).normal(0.7, 0.05, 500)
    widths = [
        high - low for low, high in (share_interval(0.7, drawn, clusters=c) for c in (5, 20, 1000))
    ]
    assert widths == sorted(widths, reverse=True)


def test_a_logit_interval_is_symmetric_there():
    low, high = logit_interval(0.9, 0.03, degrees=40)
    assert logit(high) - logit(0.9) == pytest.approx(logit(0.9) - logit(low))
    with pytest.raises(InputError, match="level"):
        logit_interval(0.9, 0.03, degrees=40, level=95)


def test_an_area_near_one_with_few_positives_is_less_certain_than_its_own_variance_says():
    positive = np.arange(60) < 12
    score = np.where(positive, 1.0, 0.0) + np.linspace(0, 0.9, 60)
    score[0] = 0.9  # the only positive below some negatives
    area = delong_auc(positive, score)
    alone = logit_interval(area.auc, np.sqrt(area.variance), degrees=11)
    assert area.low < alone[0] or area.high > alone[1]
    assert area.low < area.auc < area.high


def test_with_many_cases_the_counts_have_no_say():
    generator = np.random.default_rng(2)
    positive = generator.random(20_000) < 0.5
    area = delong_auc(positive, generator.normal(size=20_000) + positive)
    alone = logit_interval(area.auc, np.sqrt(area.variance), degrees=positive.sum() - 1)
    assert (area.low, area.high) == pytest.approx(alone, abs=1e-5)


def test_a_few_misplaced_pairs_of_few_positives_do_not_leave_every_area_possible():
    positive = np.arange(813) < 13
    score = np.where(positive, 2.0, np.linspace(-1, 1, 813))
    score[0] = 0.997  # below one of the negatives
    found = delong_auc(positive, score)
    assert 0.999 < found.auc < 1
    least, _most = newcombe_interval(found.auc, 13, 800)
    assert found.low >= least > 0.9
    turned = delong_auc(positive, -score)
    assert turned.high == pytest.approx(1 - found.low)
