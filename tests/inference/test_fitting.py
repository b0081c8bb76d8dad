"""What is learned from validation holds for new lesions, and counts lesions rather than pictures."""

import json
import math

import numpy as np
import pytest

from cutis.errors import InputError, TaxonomyError
from cutis.inference.calibration import fit_vector_scaling
from cutis.inference.fitting import (
    conformal_threshold,
    fit_abstention,
    fit_readout,
    fit_sets,
    lesion_weights,
    p_value_of_excess_risk,
    require_fitting,
)
from cutis.metrics.calibration import classwise_calibration_error
from cutis.metrics.cross_fitting import cross_fitted, folds_of
from cutis.readout import AbstentionRule, Readout, SetRule, ValidatedThreshold, softmax
from cutis.taxonomy import ClassSet, find_task, load_taxonomy

CLASSES = ClassSet(load_taxonomy(), ("melanoma", "nevus", "dermatofibroma"))
BIAS = np.array([2.0, 0.0, 1.0])  # what a network trained on balanced classes adds


def pictures(lesions, *, seed):
    """Truth, honest probabilities and lesion of 1 to 6 pictures a lesion, which resemble each other."""
    generator = np.random.default_rng(seed)
    own = 3 * generator.normal(size=(lesions, 3)) + np.log([0.2, 0.6, 0.2])
    truth = (softmax(own).cumsum(axis=1) > generator.random((lesions, 1))).argmax(axis=1)
    number = np.repeat(np.arange(lesions), generator.integers(1, 7, lesions))
    logits = own[number] + 0.1 * generator.normal(size=(len(number), 3))
    return truth[number], softmax(logits), number


def named(truth):
    return [CLASSES.classes[k] for k in truth]


def distorted(probabilities):
    return softmax(2 * np.log(probabilities) + BIAS)


@pytest.fixture(scope="module")
def fitted() -> Readout:
    truth, probabilities, lesions = pictures(400, seed=0)
    return fit_readout(distorted(probabilities), named(truth), lesions, CLASSES)


def test_the_map_undoes_what_training_on_balanced_classes_did(fitted):
    _truth, probabilities, _lesions = pictures(2000, seed=1)
    assert fitted.method == "vector"
    before = np.abs(distorted(probabilities) - probabilities).mean()
    after = np.abs(fitted.calibration(distorted(probabilities)) - probabilities).mean()
    assert after < before / 3
    assert fitted.error_after < fitted.error_before


def test_a_method_can_be_asked_for_and_temperature_keeps_every_answer():
    truth, probabilities, lesions = pictures(100, seed=0)
    given = distorted(probabilities)
    found = fit_readout(given, named(truth), lesions, CLASSES, method="temperature")
    assert found.method == "temperature"
    assert np.array_equal(found.calibration(given).argmax(axis=1), given.argmax(axis=1))


def test_a_threshold_reached_its_aim_and_counted_right(fitted):
    truth, _probabilities, lesions = pictures(400, seed=0)
    melanoma, malignancy = fitted.thresholds
    assert (melanoma.task, malignancy.task) == ("melanoma", "malignancy")
    for point, aim in ((melanoma, 0.9), (malignancy, 0.95)):
        assert point.positives == (truth == 0).sum()
        assert point.positives + point.negatives == len(truth) == fitted.fitted_on.images
        assert point.sensitivity >= aim
        assert (point.found - 1) / point.positives < aim  # no higher than need be
    assert fitted.fitted_on.lesions == len(set(lesions))


def test_what_is_announced_was_counted_on_answers_of_maps_fitted_to_others(fitted):
    truth, probabilities, lesions = pictures(400, seed=0)
    honest = cross_fitted(fit_vector_scaling, distorted(probabilities), truth, folds_of(lesions))
    positive = truth == 0  # the only malignant class
    for point in fitted.thresholds:
        task = find_task(point.task, CLASSES.taxonomy)
        called = task.score(honest, CLASSES.classes) >= point.threshold
        assert point.found == (called & positive).sum()
        assert point.spared == (~called & ~positive).sum()
    assert fitted.error_after == classwise_calibration_error(truth, honest)
    assert fitted.sets == fit_sets(
        honest, truth, lesion_weights(lesions), folds_of(lesions), level=0.9
    )
    assert fitted.abstention == fit_abstention(honest, truth, lesions, risk=0.1)
    rule = fit_abstention(honest, truth, lesions, risk=0.2)
    answered, wrong = honest.max(axis=1) >= rule.threshold, honest.argmax(axis=1) != truth
    assert 0 < rule.coverage == answered.mean() < 1
    each = [wrong[answered & (lesions == name)].mean() for name in set(lesions[answered])]
    assert rule.error == pytest.approx(np.mean(each))


def test_a_threshold_that_is_just_reached_counts_as_reached():
    given = np.array([[0.5, 0.25, 0.25], [0.375, 0.375, 0.25], [0.3125, 0.4375, 0.25]])
    assert AbstentionRule(0.1, 0.95, 0.4375, 0.5, 0.1).refers(given).tolist() == [
        False,
        True,
        False,
    ]
    in_sets = SetRule(0.9, 0.5, 0.9, 1.0).sets(given)  # the most probable class is always in
    assert in_sets.tolist() == [[True, False, False], [True, True, False], [False, True, False]]
    point = ValidatedThreshold("melanoma", 0.9, 0.2, found=9, positives=12, spared=7, negatives=28)
    assert (point.sensitivity, point.specificity) == (0.75, 0.25)


@pytest.mark.parametrize("share", ["0.5", True, None, float("nan"), -0.1, 1.5])
def test_a_rule_whose_threshold_is_no_share_is_refused(share):
    with pytest.raises(InputError, match="threshold"):
        SetRule(0.9, share, 0.9, 1.0)


def test_a_readout_survives_json(fitted):
    again = Readout.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again.to_dict() == fitted.to_dict()
    assert np.array_equal(again.calibration.scale, fitted.calibration.scale)


def test_the_same_cases_teach_the_same(fitted):
    truth, probabilities, lesions = pictures(400, seed=0)
    again = fit_readout(distorted(probabilities), named(truth), lesions, CLASSES)
    assert again.to_dict() == fitted.to_dict()


def test_sets_hold_the_truth_of_new_lesions_at_the_stated_rate():
    """Over many validations: the rate is a promise about the average of them."""
    new_truth, new, new_lesions = pictures(3000, seed=10_000)
    each = lesion_weights(new_lesions)
    covered, announced = [], []
    for seed in range(60):
        truth, probabilities, lesions = pictures(100, seed=seed)
        rule = fit_sets(probabilities, truth, lesion_weights(lesions), folds_of(lesions), level=0.9)
        held = rule.sets(new)[np.arange(len(new)), new_truth]
        covered.append(np.average(held, weights=each))
        announced.append(rule.coverage)
    assert 0.895 < np.mean(covered) < 0.93
    assert np.mean(announced) == pytest.approx(np.mean(covered), abs=0.02)


def test_answers_that_are_given_are_seldom_wrong():
    """In at most one of twenty validations the bound is broken, as the confidence promises."""
    new_truth, new, new_lesions = pictures(4000, seed=20_000)
    wrong = new.argmax(axis=1) != new_truth
    each = lesion_weights(new_lesions)
    assert np.average(wrong, weights=each) > 0.1
    broken, given = 0, []
    for seed in range(60):
        truth, probabilities, lesions = pictures(300, seed=seed)
        rule = fit_abstention(probabilities, truth, lesions, risk=0.1)
        answered = ~rule.refers(new)
        given.append(answered.mean())
        if answered.any():
            broken += bool(np.average(wrong[answered], weights=each[answered]) > 0.1)
    assert broken <= 60 * 0.1  # one in twenty is three; more than six has a chance of 3 %
    assert np.mean(given) > 0.4


def test_a_risk_that_nothing_can_prove_leaves_every_picture_to_a_person():
    truth, probabilities, lesions = pictures(40, seed=0)
    rule = fit_abstention(probabilities, truth, lesions, risk=0.01)
    assert rule == AbstentionRule(0.01, 0.95, None, 0.0, None)
    assert rule.refers(probabilities).all()


def test_what_sets_hold_is_measured_with_the_threshold_of_other_lesions_each_counting_once():
    """Two folds of four lesions, by hand: the threshold 0.6 of the first leaves out every 0.3."""
    sure, unsure = [0.6, 0.4, 0.0], [0.3, 0.5, 0.2]
    probabilities = np.array([sure] * 4 + [unsure] * 8)
    weights = lesion_weights(np.array([0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7]))
    assert weights.tolist() == [1] * 4 + [0.5] * 8
    fold = np.repeat([0, 1], [4, 8])
    rule = fit_sets(probabilities, np.zeros(12, dtype=int), weights, fold, level=0.6)
    assert (rule.coverage, rule.mean_size) == (0.5, 1.5)  # sets of two and of one
    assert rule.threshold == 0.3  # six of nine: four sure lesions and two of the others


def test_the_first_threshold_that_breaks_the_bound_ends_the_search():
    """400 lesions, the surest first: of 121 answers none is wrong, of 141 one in seven, of 400 few."""
    sure = np.linspace(0.99, 0.6, 400)
    probabilities = np.stack([sure, 1 - sure], axis=1)
    truth = np.zeros(400, dtype=int)
    rule = fit_abstention(probabilities, truth, np.arange(400), risk=0.1)
    assert (rule.coverage, rule.threshold, rule.error) == (1, 0.6, 0)
    few = fit_abstention(probabilities[:100], truth[:100], np.arange(100), risk=0.1)
    assert few.coverage == 1, "ten lesions prove nothing, but do not end the search"
    truth[121:141] = 1
    stopped = fit_abstention(probabilities, truth, np.arange(400), risk=0.1)
    assert (stopped.coverage, stopped.threshold, stopped.error) == (121 / 400, sure[120], 0)


def test_further_pictures_of_a_lesion_do_not_make_it_count_more():
    given, weights = np.array([0.9, 0.8, 0.7, 0.1]), np.ones(4)
    twice = np.repeat(given, 2)
    for level in (0.4, 0.6, 0.8):
        alone = conformal_threshold(given, weights, level=level)
        assert conformal_threshold(twice, np.repeat(weights / 2, 2), level=level) == alone
    assert conformal_threshold(given, weights, level=0.5) == 0.7  # three of four and one more
    nine, thirds = np.linspace(0.9, 0.1, 9), np.full(27, 1 / 3)  # which add up to a little less
    alone = conformal_threshold(nine, np.ones(9), level=0.5)
    assert conformal_threshold(np.repeat(nine, 3), thirds, level=0.5) == alone == nine[4]


def test_a_lesion_with_one_wrong_answer_of_two_is_half_wrong():
    probabilities = np.tile([0.9, 0.1], (200, 1))
    truth = (np.arange(200) % 20 == 0).astype(int)  # the first picture of every tenth lesion
    rule = fit_abstention(probabilities, truth, np.arange(200) // 2, risk=0.2)
    assert (rule.coverage, rule.error) == (1, 0.05)


def test_without_any_error_the_p_value_is_the_chance_of_as_many_right_answers():
    assert p_value_of_excess_risk(np.zeros(29), risk=0.1) == pytest.approx(0.9**29)
    assert p_value_of_excess_risk(np.ones(29), risk=0.1) == 1
    assert p_value_of_excess_risk(np.array([0.1] * 100), risk=0.1) > 0.3
    at_most_12 = sum(math.comb(120, k) * 0.2**k * 0.8 ** (120 - k) for k in range(13))
    bentkus = math.e * at_most_12  # here the smaller of the two
    assert p_value_of_excess_risk(np.array([0.1] * 120), risk=0.2) == pytest.approx(bentkus)


def test_questions_that_the_classes_cannot_answer_have_no_threshold():
    benign = ClassSet(load_taxonomy(), ("nevus", "dermatofibroma"))
    truth, probabilities, lesions = pictures(60, seed=2)
    keep = truth > 0
    pair = probabilities[keep][:, 1:] / probabilities[keep][:, 1:].sum(axis=1, keepdims=True)
    found = fit_readout(pair, named(truth[keep]), lesions[keep], benign)
    assert found.thresholds == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"level": 1.0}, "level: 1.0 is not between 0 and 1"),
        (
            {"method": "vektor"},
            "choose one of vector, dirichlet, temperature; did you mean 'vector'",
        ),
        ({"risk": 0.0}, "risk: 0.0 is not between 0 and 1"),
        ({"lesions": np.zeros(60)}, "at least 10 lesions, split 'val' has 1"),
        ({"lesions": np.zeros(3)}, "lengths differ"),
    ],
)
def test_what_teaches_nothing_is_refused(changes, message):
    _truth, probabilities, _lesions = pictures(60, seed=0)
    asked = {"lesions": np.arange(60)} | changes
    with pytest.raises(InputError, match=message):
        fit_readout(probabilities[:60], ["nevus"] * 60, asked.pop("lesions"), CLASSES, **asked)
    assert require_fitting(np.arange(10), level=0.9, risk=0.1, method=None, split="val") == 10
    with pytest.raises(TaxonomyError, match="belongs to no class"):
        fit_readout(probabilities[:60], ["psoriasis"] * 60, np.arange(60), CLASSES)
