"""The whole chain from ratings to p against loops over pairs of cases, and what must follow from it."""

import itertools

import numpy as np
import pytest
from scipy import stats

from cutis.errors import InputError
from cutis.evaluation.mrmc import jackknife_covariance, obuchowski_rockette
from cutis.metrics.delong import delong_covariance


def ratings(seed=0, *, treatments=2, readers=4, cases=40):
    """Five-point ratings that share their cases, (t, r, n), and the truth (n,)."""
    generator = np.random.default_rng(seed)
    truth = np.arange(cases) < cases // 3
    latent = generator.normal(size=cases) + 1.5 * truth
    skill = generator.normal(1, 0.3, size=(treatments, readers, 1))
    noise = generator.normal(size=(treatments, readers, cases))
    return truth, np.clip(np.round(2.5 + latent * skill + noise), 1, 5)


def kernel(x, y):
    return 1.0 if x > y else 0.5 if x == y else 0.0


def slow_delong(truth, scores):
    """Structural components summed pair by pair (DeLong et al. 1988, equations 4 and 5)."""
    sick, well = np.flatnonzero(truth), np.flatnonzero(~truth)
    v10 = [[np.mean([kernel(s[i], s[j]) for j in well]) for i in sick] for s in scores]
    v01 = [[np.mean([kernel(s[i], s[j]) for i in sick]) for j in well] for s in scores]
    areas = np.array([np.mean(row) for row in v10])
    return areas, np.cov(v10) / len(sick) + np.cov(v01) / len(well)


def slow_analysis(areas, covariance):
    """F, its degrees of freedom and p by explicit sums (Hillis 2007, equations 1 to 9)."""
    t, r = areas.shape
    by_treatment, by_reader, mean = areas.mean(1), areas.mean(0), areas.mean()
    ms_t = r * sum((by_treatment[i] - mean) ** 2 for i in range(t)) / (t - 1)
    ms_tr = sum(
        (areas[i, j] - by_treatment[i] - by_reader[j] + mean) ** 2
        for i in range(t)
        for j in range(r)
    ) / ((t - 1) * (r - 1))
    cov2, cov3 = [], []
    for (i, j), (k, m) in itertools.product(itertools.product(range(t), range(r)), repeat=2):
        value = covariance[i * r + j, k * r + m]
        if i == k and j != m:
            cov2.append(value)
        elif i != k and j != m:
            cov3.append(value)
    error = ms_tr + r * max(np.mean(cov2) - np.mean(cov3), 0)
    degrees = error**2 / (ms_tr**2 / ((t - 1) * (r - 1)))
    return ms_t / error, degrees, stats.f.sf(ms_t / error, t - 1, degrees)


def analysed(truth, scores, covariance=delong_covariance):
    t, r, n = scores.shape
    areas, found = covariance(truth, scores.reshape(t * r, n))
    names = [f"t{i}" for i in range(t)], [f"r{j}" for j in range(r)]
    return obuchowski_rockette(
        areas.reshape(t, r), found, treatments=names[0], readers=names[1]
    ), found


@pytest.mark.parametrize(("treatments", "readers"), [(2, 4), (3, 5), (2, 2)])
def test_f_degrees_and_p_equal_the_slow_loops(treatments, readers):
    truth, scores = ratings(1, treatments=treatments, readers=readers)
    ours, covariance = analysed(truth, scores)
    areas, expected = slow_delong(truth, scores.reshape(-1, len(truth)))
    assert ours.areas.ravel() == pytest.approx(areas)
    assert covariance == pytest.approx(expected)
    f, degrees, p = slow_analysis(ours.areas, expected)
    assert ours.f == pytest.approx(f)
    assert ours.degrees_of_freedom == pytest.approx(degrees)
    assert ours.p == pytest.approx(p)


def test_the_jackknife_leaves_out_one_case_after_the_other():
    truth, scores = ratings(2, treatments=1, readers=3)
    areas, covariance = jackknife_covariance(truth, scores[0])
    n = len(truth)
    kept = [np.arange(n) != case for case in range(n)]
    without = np.array([slow_delong(truth[k], scores[0][:, k])[0] for k in kept]).T
    assert areas == pytest.approx(slow_delong(truth, scores[0])[0])
    assert covariance == pytest.approx((n - 1) ** 2 / n * np.cov(without))


def test_cases_of_one_lesion_are_left_out_together():
    truth, scores = ratings(3, treatments=1, readers=2)
    twice, doubled = np.repeat(truth, 2), np.repeat(scores[0], 2, axis=1)
    once = jackknife_covariance(truth, scores[0])[1]
    lesions = np.repeat(np.arange(len(truth)), 2)
    assert jackknife_covariance(twice, doubled, clusters=lesions)[1] == pytest.approx(once)
    assert jackknife_covariance(twice, doubled)[1][0, 0] < 0.6 * once[0, 0]


def test_delong_and_the_jackknife_agree_but_for_the_size_of_the_sample():
    truth, scores = ratings(4, cases=150)
    first = analysed(truth, scores)[0]
    second = analysed(truth, scores, jackknife_covariance)[0]
    assert first.p == pytest.approx(second.p, rel=0.05)


def test_one_model_against_readers_is_the_analysis_of_their_differences():
    """Hillis's analysis of one treatment, put to the differences between each reader and the model."""
    truth, scores = ratings(5)
    scores[1] = scores[1, 0]  # the model answers the same, whoever else reads
    ours, covariance = analysed(truth, scores)
    r = scores.shape[1]
    differences = ours.areas[0] - ours.areas[1]
    contrast = np.hstack([np.eye(r), -np.eye(r)])
    of_differences = contrast @ covariance @ contrast.T
    cov2 = of_differences[~np.eye(r, dtype=bool)].mean()
    error = differences.var(ddof=1) + r * max(cov2, 0)
    degrees = error**2 / (differences.var(ddof=1) ** 2 / (r - 1))
    found = ours.random_readers["t0 - t1"]
    assert found.standard_error == pytest.approx(np.sqrt(error / r))
    assert found.degrees_of_freedom == pytest.approx(degrees)
    t = abs(differences.mean()) / np.sqrt(error / r)
    assert found.p == pytest.approx(2 * stats.t.sf(t, degrees))


def test_the_order_of_readers_does_not_matter():
    truth, scores = ratings(6)
    first, second = analysed(truth, scores)[0], analysed(truth, scores[:, ::-1])[0]
    assert (first.f, first.p) == pytest.approx((second.f, second.p))


def test_one_reader_generalises_to_no_other_but_can_be_compared_as_a_fixed_one():
    truth, scores = ratings(7, readers=1)
    found, covariance = analysed(truth, scores)
    assert np.isnan([found.f, found.p, found.random_readers["t0 - t1"].p]).all()
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    fixed = found.fixed_readers["t0 - t1"]
    assert fixed.standard_error == pytest.approx(np.sqrt(variance))


def test_equal_treatments_have_no_test():
    truth, scores = ratings(8)
    scores[1] = scores[0]
    found = analysed(truth, scores)[0]
    contrast = found.random_readers["t0 - t1"]
    assert contrast.difference == 0
    assert np.isnan([contrast.standard_error, contrast.p, found.p]).all()


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(InputError, match=r"areas: shape \(2, 3\), expected \(2, 2\)"):
        obuchowski_rockette(
            np.ones((2, 3)), np.ones((6, 6)), treatments=("a", "b"), readers=("r", "s")
        )


def test_areas_and_their_differences_end_where_they_can_be():
    areas = np.array([[0.99, 0.80], [0.01, 0.40]])
    found = obuchowski_rockette(
        areas, 0.05 * np.eye(4), treatments=("new", "old"), readers=("a", "b")
    )
    new, old = found.means
    assert new.high == 1
    assert old.low == 0
    assert found.random_readers["new - old"].high == 1
