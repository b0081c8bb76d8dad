"""DeLong's variance against its definition in plain loops, and against published analyses."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import chi2, norm, t

from cutis.errors import InputError
from cutis.metrics.delong import delong_auc, delong_covariance, newcombe_interval, paired_delong
from cutis.metrics.ranking import Ranking

# DeLong, DeLong and Clarke-Pearson 1988: albumin, total protein, K-G score and whether the patient
# benefited from surgery; the 43 complete rows, as the SAS/STAT manual prints them.
_TABLE = """
    3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
    3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0
    2.3 4.4 6 1 4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1
    3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0
    3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1
    3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1"""
OVARIAN = np.array(_TABLE.split(), dtype=float).reshape(-1, 4)
BENEFITED = OVARIAN[:, 3] == 1
KG, PROTEIN, ALBUMIN = -OVARIAN[:, 2], OVARIAN[:, 1], OVARIAN[:, 0]


@pytest.fixture(params=range(4))
def cases(request):
    """Truth, three tied scores, and lesions of which some hold both classes."""
    generator = np.random.default_rng(request.param)
    lesion = generator.integers(25, size=70)
    positive = generator.random(70) < 0.35
    scores = (generator.normal(size=(3, 70)) + positive + generator.normal(size=25)[lesion]).round()
    return positive, scores, lesion


def components(positive, score):
    """V10 and V01 by comparing every positive with every negative."""
    wins = np.array(
        [
            [1.0 if a > b else 0.5 if a == b else 0.0 for b in score[~positive]]
            for a in score[positive]
        ]
    )
    return wins.mean(axis=1), wins.mean(axis=0)


def test_placements_are_the_shares_of_pairs_won(cases):
    positive, scores, _lesion = cases
    v10, v01 = components(positive, scores[0])
    placed = Ranking.of(positive, scores[0]).placements()
    np.testing.assert_allclose(placed[positive], v10, rtol=1e-12)
    np.testing.assert_allclose(placed[~positive], v01, rtol=1e-12)


def test_the_covariance_is_that_of_the_structural_components(cases):
    positive, scores, _lesion = cases
    pairs = [components(positive, score) for score in scores]
    v10, v01 = (np.stack(side) for side in zip(*pairs, strict=True))
    expected = np.cov(v10) / v10.shape[1] + np.cov(v01) / v01.shape[1]
    areas, covariance = delong_covariance(positive, scores)
    np.testing.assert_allclose(areas, v10.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(covariance, expected, rtol=1e-9)


def test_the_clustered_variance_is_obuchowskis_sum_over_lesions(cases):
    positive, scores, lesion = cases
    v10, v01 = components(positive, scores[0])
    m, n, area = len(v10), len(v01), v10.mean()
    s10 = s01 = s11 = 0.0
    for name in np.unique(lesion):
        of_positives = (v10[lesion[positive] == name] - area).sum()
        of_negatives = (v01[lesion[~positive] == name] - area).sum()
        s10, s01 = s10 + of_positives**2, s01 + of_negatives**2
        s11 += of_positives * of_negatives
    lesions = [len(np.unique(lesion[rows])) for rows in (positive, ~positive, positive | True)]
    i10, i01, i = (count / (count - 1) for count in lesions)
    expected = i10 * s10 / m**2 + i01 * s01 / n**2 + 2 * i * s11 / (m * n)
    clustered = delong_auc(positive, scores[0], clusters=lesion)
    assert clustered.variance == pytest.approx(expected, rel=1e-9)
    assert clustered.variance != pytest.approx(delong_auc(positive, scores[0]).variance, rel=0.01)


def test_lesions_with_one_image_each_give_the_plain_variance(cases):
    positive, scores, _lesion = cases
    names = np.array([f"lesion {row}" for row in range(len(positive))])
    plain, named = delong_auc(positive, scores[0]), delong_auc(positive, scores[0], clusters=names)
    assert astuple(named) == pytest.approx(astuple(plain), rel=1e-12)


def test_a_paired_test_is_the_contrast_of_the_covariance(cases):
    positive, scores, lesion = cases
    areas, covariance = delong_covariance(positive, scores[:2], clusters=lesion)
    paired = paired_delong(positive, *scores[:2], clusters=lesion)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert paired.difference == pytest.approx(areas[0] - areas[1], abs=1e-12)
    assert paired.variance == pytest.approx(variance, rel=1e-9)


def test_areas_and_errors_of_the_ovarian_patients():
    """SAS/STAT 9.3 manual, PROC LOGISTIC, Example 54.8: 0.7258 (0.1028), 0.6478 (0.1000), ..."""
    areas, covariance = delong_covariance(BENEFITED, np.stack([KG, PROTEIN, ALBUMIN]))
    np.testing.assert_allclose(areas, [0.7258, 0.6478, 0.7366], atol=5e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), [0.1028, 0.1000, 0.0927], atol=5e-5)


def test_contrasts_of_the_ovarian_patients():
    """The same example, against the K-G score: chi-square 2.5340 with 2 df, p = 0.2817."""
    areas, covariance = delong_covariance(BENEFITED, np.stack([KG, PROTEIN, ALBUMIN]))
    contrast = np.array([[-1.0, 1, 0], [-1, 0, 1]])
    gained = contrast @ areas
    statistic = gained @ np.linalg.solve(contrast @ covariance @ contrast.T, gained)
    assert statistic == pytest.approx(2.5340, abs=5e-5)
    assert chi2.sf(statistic, 2) == pytest.approx(0.2817, abs=5e-5)
    protein = paired_delong(BENEFITED, PROTEIN, KG)
    assert (protein.difference, protein.p) == pytest.approx((-0.0780, 0.4561), abs=5e-5)
    albumin = paired_delong(BENEFITED, ALBUMIN, KG)
    assert (albumin.difference, albumin.p) == pytest.approx((0.0108, 0.9102), abs=6e-5)


def test_the_rated_tomograms_of_hanley_and_mcneil():
    """Hanley and McNeil 1982, table I; Stata's manual of `roctab` gives 0.8932 (0.0307) by DeLong."""
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    rating = np.append(np.repeat(np.arange(5), normal), np.repeat(np.arange(5), abnormal))
    area = delong_auc(np.arange(109) >= 58, rating.astype(float))
    assert (area.auc, area.variance**0.5) == pytest.approx((0.8932, 0.0307), abs=5e-5)


def test_perfect_separation_is_no_certainty():
    truth = np.arange(40) >= 20
    area = delong_auc(truth, np.arange(40.0))
    assert (area.auc, area.variance, area.high) == (1, 0, 1)
    assert area.low == newcombe_interval(1.0, 20, 20)[0]
    assert 0.85 < area.low < 0.95


def test_ten_images_of_each_lesion_do_not_tell_more_than_one_of_each():
    truth, lesion = np.arange(40) >= 20, np.arange(40)
    alone = delong_auc(truth, truth * 1.0, clusters=lesion)
    repeated = delong_auc(truth.repeat(10), truth.repeat(10) * 1.0, clusters=lesion.repeat(10))
    assert (repeated.low, repeated.high) == (alone.low, alone.high)


def test_a_single_lesion_with_all_positives_leaves_the_interval_undefined():
    truth = np.array([True, True, False, False, False])
    area = delong_auc(truth, np.array([5.0, 2, 3, 1, 0]), clusters=np.array([0, 0, 1, 2, 3]))
    assert area.auc == pytest.approx(5 / 6)
    assert str(area) == "0.833 (no interval)"
    assert np.isnan([area.variance, area.low, area.high]).all()


def test_scores_that_rank_alike_leave_nothing_to_test():
    paired = paired_delong(BENEFITED, ALBUMIN, 10 * ALBUMIN - 3)
    assert (paired.difference, paired.variance) == (0, 0)
    assert np.isnan([paired.low, paired.high, paired.z, paired.p]).all()


def test_the_same_gain_on_every_case_leaves_nothing_to_test():
    """A third each, and its rounding is no variance: A takes turns from the top, B from below it."""
    truth = np.array([True, False] * 3)
    descending = -np.arange(6.0)
    paired = paired_delong(truth, descending, descending - 1.5 * truth)
    assert (paired.difference, paired.variance) == (pytest.approx(1 / 3), 0)
    assert np.isnan([paired.low, paired.high, paired.z, paired.p]).all()


def test_a_paired_interval_has_students_t_for_the_lesions_of_the_smaller_class(cases):
    positive, scores, lesion = cases
    fewer = min(len(np.unique(lesion[side])) for side in (positive, ~positive))
    for level in (0.8, 0.95):
        paired = paired_delong(positive, *scores[:2], clusters=lesion, level=level)
        error = paired.variance**0.5
        assert (paired.low, paired.high) == pytest.approx(
            t.interval(level, fewer - 1, paired.difference, error)
        )
        assert paired.p == pytest.approx(2 * norm.sf(abs(paired.difference) / error))


def test_a_difference_of_areas_lies_between_minus_one_and_one():
    truth = np.array([True, True, False, False])
    paired = paired_delong(truth, np.array([4.0, 2, 3, 1]), np.array([1.0, 3, 4, 2]))
    assert (paired.low, paired.high) == (-1, 1)


def test_a_missing_class_is_an_error():
    with pytest.raises(InputError, match="3 and 0"):
        delong_auc(np.ones(3, bool), np.arange(3.0))
    with pytest.raises(InputError, match="positives and negatives"):
        paired_delong(np.zeros(3, bool), np.arange(3.0), np.arange(3.0))


def test_numbers_in_place_of_truth_values_are_refused():
    with pytest.raises(InputError, match="y == 1"):
        delong_auc(np.array([0, 1]), np.array([0.1, 0.2]))


@pytest.mark.parametrize("misplaced", [0, 1, 400])
def test_an_interval_is_the_wider_the_surer_it_is(misplaced):
    """Of a perfect area, of one next to the end and of one far from it, each with its own interval."""
    truth = np.arange(813) < 13
    score = np.where(truth, 2.0, np.linspace(-1, 1, 813))
    score[:3] = np.sort(score)[-14 - misplaced] + 1e-4 if misplaced else 3
    found = [delong_auc(truth, score, level=level) for level in (0.5, 0.8, 0.95, 0.99)]
    lows, highs = [area.low for area in found], [area.high for area in found]
    assert lows == sorted(set(lows), reverse=True)
    assert highs == sorted(highs)
    assert lows[0] <= found[0].auc <= highs[0]


def test_all_areas_are_possible_at_a_level_of_one():
    assert newcombe_interval(0.9, 20, 20, level=1) == (0, 1)
    for figure in (
        lambda level: delong_auc(BENEFITED, ALBUMIN, level=level),
        lambda level: paired_delong(BENEFITED, ALBUMIN, KG, level=level),
        lambda level: newcombe_interval(0.9, 20, 20, level=level),
    ):
        with pytest.raises(InputError, match=r"level: 95 is not in \[0, 1\]"):
            figure(95)


def test_counts_without_a_class_define_no_interval():
    for positives, negatives in ((0, 3), (3, 0)):
        with pytest.raises(InputError, match=f"{positives} positives and {negatives} negatives"):
            newcombe_interval(0.5, positives, negatives)


def test_a_lesion_name_for_every_case_is_required():
    with pytest.raises(InputError, match="lengths differ"):
        delong_auc(BENEFITED, ALBUMIN, clusters=np.arange(5))
