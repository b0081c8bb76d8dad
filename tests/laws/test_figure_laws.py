"""Laws of areas, operating points, calibration, selection and tests, for every input."""

from dataclasses import astuple, replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cutis.metrics import operating_points as points
from cutis.metrics.agreement import cohen_kappa
from cutis.metrics.calibration import brier_parts, calibration_error, equal_mass
from cutis.metrics.comparison import holm, mcnemar
from cutis.metrics.delong import delong_auc, newcombe_interval, paired_delong
from cutis.metrics.intervals import clopper_pearson_interval, wilson_interval
from cutis.metrics.ranking import Ranking, roc_auc
from cutis.metrics.selective import excess_area, risk_coverage
from cutis.metrics.thresholds import partial_auc

scored = st.lists(st.tuples(st.booleans(), st.integers(-9, 9)), min_size=2, max_size=40)
paired = st.lists(
    st.tuples(st.booleans(), st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 5)),
    min_size=2,
    max_size=40,
)
forecasts = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40)


def columns(rows):
    truth, *others = map(np.array, zip(*rows, strict=True))
    assume(truth.any() and not truth.all())
    return truth, *(other.astype(float) for other in others)


def close(one, other):
    np.testing.assert_allclose(astuple(one), astuple(other), atol=1e-9, equal_nan=True)


@given(paired)
def test_delong_depends_only_on_the_ranking_and_on_no_order(rows):
    truth, score, _other, lesion = columns(rows)
    area = delong_auc(truth, score, clusters=lesion)
    close(delong_auc(truth, np.exp(score / 9), clusters=lesion), area)
    close(delong_auc(truth[::-1], score[::-1], clusters=lesion[::-1]), area)


@given(scored)
def test_delongs_area_is_the_area_and_its_interval_holds_it(rows):
    truth, score = columns(rows)
    area = delong_auc(truth, score)
    assert abs(area.auc - roc_auc(truth, score)) < 1e-12
    assert np.isnan(area.low) or 0 <= area.low <= area.auc + 1e-9 <= area.high + 2e-9 <= 1 + 3e-9


@given(scored)
def test_the_mean_placement_of_either_class_is_the_area(rows):
    truth, score = columns(rows)
    placed = Ranking.of(truth, score).placements()
    np.testing.assert_allclose(placed[truth].mean(), placed[~truth].mean(), rtol=1e-12)


@given(paired)
def test_exchanging_the_scores_mirrors_the_paired_test(rows):
    truth, a, b, lesion = columns(rows)
    one, other = (
        paired_delong(truth, a, b, clusters=lesion),
        paired_delong(truth, b, a, clusters=lesion),
    )
    mirrored = replace(
        other, difference=-other.difference, low=-other.high, high=-other.low, z=-other.z
    )
    close(one, mirrored)


@given(st.floats(0, 1), st.integers(1, 60), st.integers(1, 60))
def test_newcombes_interval_is_proper_and_mirrors(auc, positives, negatives):
    low, high = newcombe_interval(auc, positives, negatives)
    assert 0 <= low <= auc + 1e-9
    assert auc - 1e-9 <= high <= 1
    assert low < high
    np.testing.assert_allclose(
        newcombe_interval(1 - auc, positives, negatives), (1 - high, 1 - low), atol=1e-12
    )


@given(scored)
def test_operating_point_depends_only_on_the_ranking(rows):
    truth, score = columns(rows)
    for choose in (
        lambda t, s: points.sensitivity_at_specificity(t, s, specificity=0.8),
        lambda t, s: points.specificity_at_sensitivity(t, s, sensitivity=0.8),
        points.youden_point,
    ):
        original = choose(truth, score)
        rescaled = choose(truth[::-1], 3 * score[::-1] + 1)
        assert rescaled == replace(original, threshold=3 * original.threshold + 1)


@given(scored, st.integers(0, 10))
def test_a_point_keeps_what_was_asked_and_gives_the_same_where_it_was_chosen(rows, tenths):
    truth, score = columns(rows)
    point = points.sensitivity_at_specificity(truth, score, specificity=tenths / 10)
    assert point.specificity >= tenths / 10
    assert point.carried_to(truth, score) == point


@given(scored)
def test_the_partial_area_grows_to_the_whole_and_never_beyond_its_strip(rows):
    truth, score = columns(rows)
    areas = [partial_auc(truth, score, min_sensitivity=floor) for floor in (0, 0.3, 0.8, 1)]
    np.testing.assert_allclose(areas[0], roc_auc(truth, score), atol=1e-12)
    assert areas == sorted(areas, reverse=True)
    assert areas[2] <= 0.2 + 1e-12
    assert areas[3] == 0


@given(forecasts)
def test_calibration_figures_do_not_depend_on_order_and_stay_in_bounds(rows):
    forecast, event = map(np.array, zip(*rows, strict=True))
    forecast = forecast / 20
    error = calibration_error(forecast, event, binning=equal_mass(4))
    assert 0 <= error <= 1
    backwards = calibration_error(forecast[::-1], event[::-1], binning=equal_mass(4))
    np.testing.assert_allclose(error, backwards, atol=1e-12)
    parts = brier_parts(forecast, event)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0
    assert parts.resolution <= parts.uncertainty + 1e-12


@given(forecasts)
def test_a_bins_mean_is_at_least_as_calibrated_as_its_forecasts(rows):
    """Murphy is exact once a forecast is replaced by the observed share, which has no reliability."""
    forecast, event = map(np.array, zip(*rows, strict=True))
    bins = equal_mass(4)(forecast / 20)
    observed = np.bincount(bins, event) / np.maximum(np.bincount(bins), 1)
    parts = brier_parts(observed[bins], event, binning=lambda _forecast: bins)
    np.testing.assert_allclose([parts.reliability, parts.residual], 0, atol=1e-12)


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30
    )
)
def test_selection_weighs_as_it_copies_and_never_beats_the_best_order(rows):
    confidence, loss, copies = map(np.array, zip(*rows, strict=True))
    assume(copies.sum() > 0)
    weighted = risk_coverage(confidence, loss * 1.0, weights=copies.astype(float))
    copied = risk_coverage(confidence.repeat(copies), loss.repeat(copies) * 1.0)
    np.testing.assert_allclose(weighted.area, copied.area, atol=1e-12)
    np.testing.assert_allclose(
        excess_area(confidence, loss * 1.0, weights=copies.astype(float)),
        excess_area(confidence.repeat(copies), loss.repeat(copies) * 1.0),
        atol=1e-12,
    )
    assert excess_area(confidence, loss * 1.0) >= -1e-12
    np.testing.assert_allclose(
        risk_coverage(3 * confidence + 1, loss * 1.0).area,
        risk_coverage(confidence, loss * 1.0).area,
    )


@settings(max_examples=30)
@given(st.integers(1, 400), st.data())
def test_the_exact_interval_holds_wilsons_share_and_both_mirror(n, data):
    successes = data.draw(st.integers(0, n))
    for interval in (wilson_interval, clopper_pearson_interval):
        low, high = interval(successes, n)
        assert 0 <= low <= successes / n <= high <= 1
        np.testing.assert_allclose(interval(n - successes, n), (1 - high, 1 - low), atol=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_mcnemar_does_not_care_which_is_called_a(rows):
    a, b = map(np.array, zip(*rows, strict=True))
    one, other = mcnemar(a, b), mcnemar(b, a)
    assert (one.exact_p, one.mid_p) == (other.exact_p, other.mid_p)
    assert 0 < one.mid_p <= one.exact_p <= 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_makes_a_p_smaller(values):
    family = {str(number): p for number, p in enumerate(values)}
    adjusted = holm(family)
    assert all(family[name] <= adjusted[name] <= 1 for name in family)
    assert adjusted[min(family, key=family.__getitem__)] == min(1, len(values) * min(values))
    ordered = [adjusted[name] for name in sorted(family, key=family.__getitem__)]
    assert ordered == sorted(ordered)


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_kappa_does_not_care_who_is_called_first(rows):
    confusion = np.array(rows, dtype=float)
    kappa = cohen_kappa(confusion, weighting="quadratic")
    np.testing.assert_allclose(kappa, cohen_kappa(confusion.T, weighting="quadratic"), atol=1e-12)
    assert np.isnan(kappa) or kappa <= 1
