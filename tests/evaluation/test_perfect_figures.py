"""A figure of 0 or 1 is not certain: its interval is that of as many cases as it is a share of."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from cutis.evaluation.calibration import judge_calibration
from cutis.evaluation.cases import Cases
from cutis.evaluation.certainty import judge_selection
from cutis.evaluation.classifier import evaluate
from cutis.evaluation.classifier_report import classifier_sections
from cutis.evaluation.conditions import compare_conditions
from cutis.evaluation.estimates import bootstrap_estimates
from cutis.evaluation.figures.certainty import risk_coverage_figure
from cutis.evaluation.questions import ask
from cutis.evaluation.reader_cases import ReaderCases
from cutis.evaluation.scores import compare_scores
from cutis.evaluation.subgroups import analyse_subgroups
from cutis.metrics.decision import predictive_values
from cutis.metrics.intervals import wilson_interval
from cutis.metrics.ranking import Ranking
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.tables.scores import ScoreTable
from cutis.taxonomy import load_taxonomy
from cutis.taxonomy.tasks import find_task

CLASSES = ("melanoma", "nevus")


def perfect(melanomas, nevi, **columns):
    """Every case answered with near certainty, and rightly."""
    diagnoses = ["melanoma"] * melanomas + ["nevus"] * nevi
    frame = pd.DataFrame({"diagnosis": diagnoses, "path": "/nowhere.jpg", **columns})
    frame["image_id"] = [f"i{row}" for row in range(len(frame))]
    manifest = Manifest(frame, load_taxonomy())
    melanoma = np.where(frame["diagnosis"] == "melanoma", 0.9, 0.1)
    probabilities = np.stack([melanoma, 1 - melanoma], axis=1)
    return Predictions(manifest.image_ids, CLASSES, probabilities), manifest


def ends(estimate):
    return estimate.low, estimate.high


def of_all(n):
    """What can be said of a rate when all of n were right."""
    return pytest.approx(wilson_interval(n, n))


def test_rates_areas_and_means_know_how_few_cases_they_rest_on():
    found = evaluate(*perfect(3, 97), split="all", replicates=100)
    assert ends(found.overall["accuracy"]) == of_all(100)
    assert ends(found.per_class["recall"]["nevus"]) == of_all(97)
    for name in ("balanced_accuracy", "macro_f1", "macro_roc_auc"):
        assert ends(found.overall[name]) == of_all(3)
    for name in ("sensitivity", "roc_auc", "average_precision"):
        assert ends(found.malignant[name]) == of_all(3)
    assert ends(found.malignant["specificity"]) == of_all(97)


def test_an_area_is_known_no_better_than_its_few_positives_let_it_be():
    generator, true = np.random.default_rng(0), 0.85
    predictions, manifest = perfect(4, 60)
    melanoma = np.arange(64) < 4
    held = []
    for _study in range(300):
        score = norm.cdf(generator.normal(size=64) + np.sqrt(2) * norm.ppf(true) * melanoma)
        ranking = Ranking.of(melanoma, score)
        area = bootstrap_estimates(
            lambda weights, ranking=ranking: {"area": ranking.roc_auc(weights)},
            manifest.clusters(),
            replicates=100,
            seed=0,
            is_share=lambda _name: True,
            is_area=lambda _name: True,
            counted={"area": 4},
        )["area"]
        held.append(area.low <= true <= area.high)
    assert np.mean(held) > 0.93  # 0.87 with the degrees of freedom of all 64
    probabilities = np.stack([score, 1 - score], axis=1)
    found = evaluate(
        replace(predictions, probabilities=probabilities), manifest, split="all", replicates=100
    )
    assert ends(found.malignant["roc_auc"]) == pytest.approx(ends(area))
    assert ends(found.per_class["roc_auc"]["melanoma"]) == pytest.approx(ends(area))


def test_an_area_of_one_positive_has_no_interval_and_its_mean_over_classes_a_warning():
    predictions, manifest = perfect(1, 40)
    worse = np.linspace(0.05, 0.95, 41)
    found = evaluate(
        replace(predictions, probabilities=np.stack([1 - worse, worse], axis=1)[::-1]),
        manifest,
        split="all",
        replicates=100,
    )
    for name in ("roc_auc", "average_precision"):
        assert "(no interval)" in str(found.malignant[name])
    (overall,) = (each for each in classifier_sections(found) if each.key == "overall")
    assert "too narrow where a class has few images: melanoma 1." in overall.text[0]


def test_a_subgroup_counts_its_own_cases_only():
    site = ["face"] * 20 + ["back"] * 40 + ["face"] * 30 + ["back"] * 110
    predictions, manifest = perfect(60, 140, site=site)
    found = analyse_subgroups(Cases.of(predictions, manifest), manifest, replicates=100)
    (face,) = (each for each in found.subgroups if each.group == "face")
    assert ends(face.estimates["sensitivity"]) == of_all(20)
    assert ends(face.estimates["specificity"]) == of_all(30)
    assert ends(face.estimates["malignant_roc_auc"]) == of_all(20)
    assert ends(face.estimates["balanced_accuracy"]) == of_all(20)


def test_predictive_values_take_the_ends_of_the_rates_that_they_follow_from():
    predictions, manifest = perfect(40, 15)
    task = find_task("melanoma:nevus", manifest.taxonomy)
    report = ask(task, predictions, manifest, validation=perfect(40, 15), replicates=100)
    found = report.points[0].estimates
    least = wilson_interval(40, 40)[0], wilson_interval(15, 15)[0]
    ppv, npv = predictive_values(*least, prevalence=report.prevalence)
    assert ends(found["ppv"]) == pytest.approx((float(ppv), 1))
    assert ends(found["npv"]) == pytest.approx((float(npv), 1))
    partial = report.estimates["partial_auc_above_0.8"]
    assert (partial.value, *ends(partial)) == pytest.approx((0.2, 0.2 * least[1], 0.2))
    assert ends(found["number_needed_to_biopsy"]) == pytest.approx((1, float(1 / ppv)))


def test_biopsies_per_cancer_are_the_predictive_value_turned_over():
    predictions, manifest = perfect(20, 40)
    wrong = np.arange(60) % 5 == 0
    answers = np.where(
        wrong[:, None], predictions.probabilities[:, ::-1], predictions.probabilities
    )
    predictions = replace(predictions, probabilities=answers)
    task = find_task("melanoma:nevus", manifest.taxonomy)
    report = ask(task, predictions, manifest, validation=perfect(5, 5), replicates=100)
    found = report.points[0].estimates
    ppv, needed = found["ppv"], found["number_needed_to_biopsy"]
    assert 0 < ppv.low < ppv.value < ppv.high < 1
    assert (needed.value, *ends(needed)) == pytest.approx(
        (1 / ppv.value, 1 / ppv.high, 1 / ppv.low)
    )


def test_the_answers_that_are_kept_are_fewer_than_all():
    truth = np.zeros(100, dtype=int)
    surest = np.linspace(0.9, 0.6, 100)
    found = judge_selection(
        truth, np.stack([surest, 1 - surest], axis=1), np.arange(100), replicates=100
    )
    risk = found.estimates["risk_at_0.7"]
    assert risk.high == pytest.approx(wilson_interval(0, 70)[1])
    assert risk.n == 70


def test_equally_certain_answers_are_kept_together_and_counted_and_drawn_as_such():
    truth = np.arange(50) // 10
    sure = np.tile([1.0, 0, 0, 0, 0], (50, 1))
    found = judge_selection(truth, sure, np.arange(50), replicates=100)
    assert {each.n for each in found.estimates.values()} == {50}
    points = [
        line for line in risk_coverage_figure(found).axes[0].lines if len(line.get_xdata()) < 2
    ]
    assert [line.get_xdata()[0] for line in points] == 4 * [1.0]  # the curve's one point, and three


def test_readers_in_both_conditions_count_what_they_read():
    positive = np.repeat([True, False], 15)
    images = tuple(map(str, range(30)))
    cases = ReaderCases(
        image_ids=images,
        positive=positive,
        score=np.linspace(0.9, 0.1, 30),
        clusters=np.array(images),
        lesions=None,
        drawn="images",
        readers=("a",),
        calls=positive[None].astype(float),
        ratings=np.full((1, 30), np.nan),
        left_out={},
    )
    found = compare_conditions(cases, cases, replicates=100)
    for rates in (found.mean, found.readers[0].rates):
        assert ends(rates["sensitivity"].with_model) == of_all(15)


def test_the_specificity_of_a_score_is_one_of_negatives():
    table = ScoreTable(
        positive=np.repeat([True, False], [50, 6]),
        scores={"s": np.repeat([0.9, 0.1], [50, 6])},
        clusters=np.arange(56),
        bands={},
    )
    found = compare_scores(table, replicates=100)
    assert ends(found.at_sensitivity["s"][0].specificity) == of_all(6)


def test_one_lesion_says_nothing_about_others():
    found = evaluate(*perfect(3, 3, lesion_id="l"), split="all", replicates=100)
    accuracy = found.overall["accuracy"]
    assert accuracy.value == 1
    assert all(map(math.isnan, ends(accuracy)))
    assert str(accuracy) == "1.000 (no interval)"


def test_a_class_of_one_lesion_half_right_has_no_interval():
    predictions, manifest = perfect(2, 40, lesion_id=["m", "m", *map(str, range(40))])
    answers = predictions.probabilities.copy()
    answers[0] = answers[0, ::-1]
    found = evaluate(
        replace(predictions, probabilities=answers), manifest, split="all", replicates=100
    )
    assert str(found.per_class["recall"]["melanoma"]) == "0.500 (no interval)"


def test_without_negatives_no_specificity_is_defined():
    predictions, manifest = perfect(0, 40)
    assert math.isnan(
        evaluate(predictions, manifest, split="all", replicates=100)
        .overall["macro_specificity"]
        .value
    )


def test_intervals_of_calibration_stay_where_the_figure_can_be():
    generator = np.random.default_rng(0)
    truth = generator.integers(2, size=40)
    probabilities = np.full((40, 2), 0.5) + generator.uniform(-0.1, 0.1, 40)[:, None] * [1, -1]
    found = judge_calibration(
        truth, {"given": probabilities}, CLASSES, np.arange(40), replicates=200
    ).estimates["given"]
    assert all(each.low >= 0 for each in found.values())
    assert found["brier_uncertainty"].high <= 0.5


@pytest.mark.parametrize("level", [2.0, 0.0])
def test_what_noise_adds_to_every_replicate_is_taken_off_as_far_as_zero(level):
    values = level + np.random.default_rng(0).normal(size=60)

    def figures(weights):
        mean = weights @ values / weights.sum(axis=1)
        return {"plain": mean, "noisy": abs(mean) + 3 * (weights != 1).any(axis=1)}

    found = bootstrap_estimates(
        figures,
        np.arange(60),
        replicates=400,
        seed=0,
        grows_with_noise=lambda name: name == "noisy",
    )
    plain, noisy = found["plain"], found["noisy"]
    assert noisy.value == abs(plain.value)
    if level:
        assert ends(noisy) == pytest.approx(ends(plain), abs=0.02)
    else:
        assert plain.low < noisy.low == 0 < noisy.high < 0.5
