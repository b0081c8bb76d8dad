"""Questions, calibration, certainty and subgroups: counted by hand where that can be done."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError
from cutis.evaluation.calibration import AS_GIVEN
from cutis.evaluation.cases import Cases
from cutis.evaluation.certainty import judge_conformal_sets, judge_selection
from cutis.evaluation.classifier import evaluate
from cutis.evaluation.classifier_report import classifier_sections
from cutis.evaluation.evidence import evidence_sections
from cutis.evaluation.questions import Answers, ask
from cutis.evaluation.reading import Reading, Validation
from cutis.evaluation.report import classifier_heading, write_report
from cutis.evaluation.subgroups import analyse_subgroups, group_labels
from cutis.evaluation.subgroups_report import subgroups_section
from cutis.inference.calibration import CALIBRATIONS
from cutis.metrics.operating_points import (
    sensitivity_at_specificity,
    specificity_at_sensitivity,
    youden_point,
)
from cutis.metrics.ranking import average_precision, roc_auc
from cutis.metrics.thresholds import partial_auc
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy
from cutis.taxonomy.tasks import find_task

CLASSES = ("melanoma", "nevus", "seborrheic-keratosis")


def study(n=300, *, seed=0, split="test", prefix="i", **columns):
    """A manifest and predictions that are right more often than not."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(3, size=n)
    frame = pd.DataFrame(
        {
            "image_id": [f"{prefix}{row}" for row in range(n)],
            "path": [f"/nowhere/{prefix}{row}.jpg" for row in range(n)],
            "diagnosis": [CLASSES[k] for k in truth],
            "lesion_id": [f"{prefix}-l{row // 2}" for row in range(n)],
            "split": split,
            **columns,
        }
    )
    logits = generator.normal(size=(n, 3))
    logits[np.arange(n), truth] += 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    manifest = Manifest(frame, load_taxonomy())
    return Predictions(manifest.image_ids, CLASSES, probabilities), manifest


def validation():
    predictions, manifest = study(200, seed=9, split="val", prefix="v")
    return Validation.of(predictions, manifest)


def by_hand(scores, diagnoses):
    """Three-class predictions whose melanoma:nevus score is as given."""
    scores = np.array(scores)
    frame = pd.DataFrame(
        {
            "image_id": [str(row) for row in range(len(scores))],
            "path": "/nowhere.jpg",
            "diagnosis": diagnoses,
        }
    )
    manifest = Manifest(frame, load_taxonomy())
    probabilities = np.stack([0.8 * scores, 0.8 * (1 - scores), np.full(len(scores), 0.2)], axis=1)
    return Predictions(manifest.image_ids, CLASSES, probabilities), manifest


def test_a_question_leaves_other_diagnoses_out_and_renormalises():
    predictions, manifest = by_hand(
        [0.9, 0.6, 0.4, 0.1, 0.7],
        ["melanoma", "nevus", "melanoma", "nevus", "seborrheic-keratosis"],
    )
    report = ask(find_task("melanoma:nevus", manifest.taxonomy), predictions, manifest)
    assert (report.positives, report.negatives, report.left_out) == (2, 2, 1)
    assert report.estimates["roc_auc"].value == 0.75
    assert report.area.auc == 0.75


def test_a_threshold_is_chosen_on_validation_and_only_carried_over():
    chosen_on = by_hand([0.8, 0.7, 0.3, 0.2], ["melanoma", "melanoma", "nevus", "nevus"])
    judged = by_hand([0.9, 0.6, 0.75, 0.1], ["melanoma", "melanoma", "nevus", "nevus"])
    report = ask(
        find_task("melanoma:nevus", load_taxonomy()), *judged, validation=chosen_on, prevalence=0.2
    )
    (point, *_others) = report.points
    assert point.chosen.threshold == pytest.approx(0.7)
    assert point.estimates["sensitivity"].value == 0.5
    assert point.estimates["specificity"].value == 0.5
    assert point.estimates["ppv"].value == pytest.approx(0.2)
    assert point.estimates["number_needed_to_biopsy"].value == pytest.approx(5)


def test_every_figure_is_what_its_name_says():
    predictions, manifest = study(200)
    given = validation()
    task = find_task("melanoma", manifest.taxonomy)
    chosen_on = Answers.to(task, given.predictions, given.manifest)
    report = ask(
        task, predictions, manifest, validation=(given.predictions, given.manifest), replicates=100
    )
    answers = Answers.to(task, predictions, manifest)
    cases = answers.positive, answers.score
    found = {name: estimate.value for name, estimate in report.estimates.items()}
    assert found == pytest.approx(
        {
            "roc_auc": roc_auc(*cases),
            "average_precision": average_precision(*cases),
            "partial_auc_above_0.8": partial_auc(*cases, min_sensitivity=0.8),
            **{
                f"sensitivity_at_specificity_{share}": sensitivity_at_specificity(
                    *cases, specificity=share
                ).sensitivity
                for share in (0.85, 0.95)
            },
            **{
                f"specificity_at_sensitivity_{share}": specificity_at_sensitivity(
                    *cases, sensitivity=share
                ).specificity
                for share in (0.9, 0.95)
            },
        }
    )
    there = chosen_on.positive, chosen_on.score
    assert {point.name: point.chosen for point in report.points} == {
        "sensitivity 0.9 in validation": specificity_at_sensitivity(*there, sensitivity=0.9),
        "sensitivity 0.95 in validation": specificity_at_sensitivity(*there, sensitivity=0.95),
        "largest Youden index in validation": youden_point(*there),
    }


def test_a_picture_that_has_neither_side_is_undecided():
    predictions, manifest = by_hand([0.9, 0.1], ["melanoma", "nevus"])
    neither = np.array([[0.0, 0.0, 1.0], predictions.probabilities[1]])
    asked = replace(predictions, probabilities=neither)
    task = find_task("melanoma:nevus", manifest.taxonomy)
    assert Answers.to(task, asked, manifest).score == pytest.approx([0.5, 0.1])


def test_a_diagnosis_outside_the_classes_still_answers_about_malignancy():
    predictions, manifest = study(60)
    diagnosis = manifest.frame["diagnosis"].replace("melanoma", "squamous-cell-carcinoma")
    manifest = manifest.with_columns(diagnosis=diagnosis)
    report = ask(find_task("malignancy", manifest.taxonomy), predictions, manifest)
    assert report.positives == int((diagnosis == "squamous-cell-carcinoma").sum())
    found = evaluate(predictions, manifest, replicates=100, skip_outside=True)
    assert found.outside == report.positives
    assert found.images == 60 - report.positives


@pytest.mark.parametrize("prevalence", [0, 1, 5, -0.1, float("nan")])
def test_a_prevalence_that_is_none_is_refused_with_and_without_validation(prevalence):
    judged = by_hand([0.9, 0.6, 0.4, 0.1], ["melanoma", "melanoma", "nevus", "nevus"])
    task = find_task("melanoma:nevus", load_taxonomy())
    for chosen_on in (None, judged):
        with pytest.raises(InputError, match=r"prevalence: .* is not between 0 and 1; give"):
            ask(task, *judged, validation=chosen_on, prevalence=prevalence)


def validation_with_one_melanoma():
    predictions, manifest = study(200, seed=9, split="val", prefix="v")
    melanoma = np.array(manifest.diagnoses) == "melanoma"
    keep = ~melanoma | (np.cumsum(melanoma) == 1)
    return Validation.of(predictions, manifest.rows(keep))


def questions_of(reading, manifest, **options):
    found = evidence_sections(reading, manifest, replicates=100, **options)
    return next(section for section in found if section.key == "questions")


def test_a_usual_question_that_validation_cannot_choose_for_is_asked_without_thresholds():
    predictions, manifest = study(90)
    section = questions_of(Reading.of(predictions, validation_with_one_melanoma()), manifest)
    assert all(not each["operating_points"] for each in section.content.values())
    assert {"melanoma", "melanoma-nevus", "malignancy"} <= set(section.content)
    told = " ".join(section.text)
    assert re.search(r"No thresholds: task 'melanoma-nevus': 1 positive and \d+ negative", told)
    assert "cases in validation; at least 2 of each are needed." in told
    assert "Thresholds were chosen" not in told


@pytest.mark.parametrize("task", ["melanoma-nevus", "melanoma:nevus"])
def test_a_question_that_was_asked_for_needs_both_sides_in_validation(task):
    predictions, manifest = study(90)
    reading = Reading.of(predictions, validation_with_one_melanoma())
    with pytest.raises(
        InputError, match=r"1 positive and \d+ negative cases in validation; at least"
    ):
        evidence_sections(reading, manifest, tasks=[task], replicates=100)


def test_the_section_says_of_thresholds_and_lesions_only_what_is_so():
    predictions, manifest = study(90)
    chosen = questions_of(Reading.of(predictions, validation()), manifest, prevalence=0.00012)
    told = " ".join(chosen.text)
    assert "Thresholds were chosen on validation and carried over." in told
    assert "a prevalence of 0.012 %" in told
    assert "bootstrapped over lesions" in told
    plain = questions_of(Reading.of(predictions), manifest.with_columns(lesion_id=""))
    told = " ".join(plain.text)
    assert "Thresholds" not in told
    assert "prevalence of 0" not in told
    assert "bootstrapped over images" in told
    for section, carried in ((chosen, True), (plain, False)):
        (axes,) = section.plots["ROC curves of the questions"].axes
        assert ("chosen on validation" in axes.get_title()) is carried


@pytest.mark.parametrize("calibration", [None, "temperature"])
def test_rows_outside_the_classes_are_asked_about_when_lesions_are_crossed(calibration):
    predictions, manifest = study(90)
    diagnosis = manifest.frame["diagnosis"].to_numpy(copy=True)
    diagnosis[:6] = "squamous-cell-carcinoma"
    manifest = manifest.with_columns(diagnosis=diagnosis)
    judged = Validation.of(predictions, manifest, split="all")
    reading = Reading.crossing(
        judged,
        beside=judged.beside(predictions, manifest, split="all"),
        maps=CALIBRATIONS,
        calibration=calibration,
    )
    section = questions_of(reading, manifest, split="all", skip_outside=True)
    malignant = np.isin(diagnosis, ["melanoma", "squamous-cell-carcinoma"])
    assert section.content["malignancy"]["positives"] == malignant.sum()
    assert "Not asked: predictions" not in " ".join(section.text)


def test_selective_prediction_is_about_the_answers_that_are_judged():
    truth = np.array([0, 1, 1, 0])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    answers = np.array([0, 0, 1, 1])
    found = judge_selection(truth, probabilities, np.arange(4), answers=answers, replicates=100)
    # The answers' probabilities are 0.9, 0.8, 0.3 and 0.4; the second and the last are wrong.
    np.testing.assert_allclose(found.curve.thresholds[1:], [0.9, 0.8, 0.4, 0.3])
    np.testing.assert_allclose(found.curve.risk[1:], [0, 1 / 2, 2 / 3, 1 / 2])


def test_the_error_of_kept_answers_is_that_of_balanced_answers():
    predictions, manifest = study(150)
    reading = Reading.of(predictions, validation_with_one_melanoma(), answer="balanced")
    found = evidence_sections(reading, manifest, replicates=100)
    selection = next(each for each in found if each.key == "selective_prediction")
    cases = Cases.of(predictions, manifest, gains=reading.gains)
    assert (cases.answers != predictions.probabilities.argmax(axis=1)).any()
    expected = judge_selection(
        cases.truth,
        cases.probabilities,
        manifest.clusters(),
        answers=cases.answers,
        replicates=100,
    )
    for name, estimate in expected.estimates.items():
        assert selection.content[name]["value"] == estimate.value
    assert "the probability of their answer" in " ".join(selection.text)


def test_selective_prediction_answers_the_surest_first():
    truth = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.95, 0.05], [0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    found = judge_selection(truth, probabilities, np.arange(5), replicates=100)
    assert found.estimates["risk_at_0.8"].value == 0
    assert found.curve.risk[-1] == pytest.approx(0.2)


def test_conformal_sets_hold_the_truth_as_often_as_promised():
    predictions, manifest = study(6000, seed=3)
    cases = Cases.of(predictions, manifest)
    first = slice(0, 3000), slice(3000, 6000)
    halves = [(cases.truth[part], cases.probabilities[part]) for part in first]
    for per_class in (False, True):
        found = judge_conformal_sets(
            *halves, CLASSES, np.arange(3000), level=0.9, per_class=per_class, replicates=100
        )
        assert found.coverage.value == pytest.approx(0.9, abs=0.02)
        assert 1 <= found.size.value < 3
        if per_class:
            by_class = {name: each.value for name, each in found.coverage_by_class.items()}
            assert by_class == pytest.approx(dict.fromkeys(CLASSES, 0.9), abs=0.03)


def test_conformal_sets_equal_the_quantile_rule():
    predictions, manifest = study(400, seed=5)
    cases = Cases.of(predictions, manifest)
    calibration = cases.truth[:98], cases.probabilities[:98]
    test = cases.truth[98:], cases.probabilities[98:]
    found = judge_conformal_sets(
        calibration, test, CLASSES, np.arange(302), level=0.8, per_class=False, replicates=100
    )
    scores = np.sort(1 - calibration[1][np.arange(98), calibration[0]])
    limit = scores[int(np.ceil(99 * 0.8)) - 1]
    np.testing.assert_array_equal(found.sets, 1 - test[1] <= limit)


def test_the_page_says_why_sets_promise_nothing_for_every_class():
    predictions, manifest = study(90)
    given, rows = study(200, seed=9, split="val", prefix="v")
    rows = rows.rows(np.array(rows.diagnoses) != "melanoma")
    reading = Reading.of(predictions, Validation.of(given, rows))
    found = evidence_sections(reading, manifest, replicates=100)
    (section,) = (each for each in found if each.key == "conformal_sets")
    assert [each["per_class"] for each in section.content] == [False]
    assert "Not for every class: validation has no case of melanoma." in " ".join(section.text)


def test_subgroups_give_their_own_figures_and_the_gap_to_the_others():
    predictions, manifest = study(600, sex=["female", "male"] * 300, site="face")
    probabilities = predictions.probabilities.copy()
    male = (manifest.frame["sex"] == "male").to_numpy()
    probabilities[male] = probabilities[male][:, [1, 2, 0]]  # wrong for men
    worse = Predictions(predictions.image_ids, CLASSES, probabilities)
    found = analyse_subgroups(Cases.of(worse, manifest), manifest, replicates=200)
    groups = {subgroup.group: subgroup for subgroup in found.subgroups}
    alone = evaluate(worse, manifest.rows(male), replicates=100)
    expected = {
        "balanced_accuracy": alone.overall["balanced_accuracy"],
        "malignant_roc_auc": alone.malignant["roc_auc"],
        "sensitivity": alone.malignant["sensitivity"],
        "specificity": alone.malignant["specificity"],
    }
    for name, estimate in groups["male"].estimates.items():
        assert estimate.value == pytest.approx(expected.pop(name).value)
        assert estimate.low < estimate.value < estimate.high
        gap, mirrored = groups["male"].gaps[name], groups["female"].gaps[name]
        assert (gap.value, gap.low, gap.high) == pytest.approx(
            (-mirrored.value, -mirrored.high, -mirrored.low)
        )
    assert not expected
    assert groups["male"].gaps["balanced_accuracy"].high < 0
    apart = {(subgroup.group, name) for subgroup, name in found.distinguishable}
    assert {("female", "balanced_accuracy"), ("male", "balanced_accuracy")} <= apart
    assert "site" in found.skipped


def test_subgroups_judge_the_answers_that_are_given():
    predictions, manifest = study(400, sex=["female", "male"] * 200)
    cases = Cases.of(predictions, manifest, gains=np.array([9.0, 1, 1]))
    male = (manifest.frame["sex"] == "male").to_numpy()
    right = cases.answers[male] == cases.truth[male]
    recalls = [right[cases.truth[male] == k].mean() for k in range(3)]
    runs = [
        analyse_subgroups(cases, manifest, replicates=100, seed=seed).subgroups[1]
        for seed in (0, 1)
    ]
    estimates = [run.estimates["balanced_accuracy"] for run in runs]
    assert [estimate.value for estimate in estimates] == pytest.approx([np.mean(recalls)] * 2)
    assert estimates[0].low != estimates[1].low


def test_twenty_of_either_side_are_enough_and_a_score_of_one_half_is_called():
    sides = {"a": (20, 20), "b": (19, 40), "c": (40, 19)}
    diagnoses = [each for m, n in sides.values() for each in ["melanoma"] * m + ["nevus"] * n]
    score = np.where(np.array(diagnoses) == "melanoma", 0.5, 0.45) / 0.8
    predictions, manifest = by_hand(score, diagnoses)
    site = np.repeat(list(sides), [m + n for m, n in sides.values()])
    manifest = manifest.with_columns(site=site)
    cases = Cases.of(predictions, manifest)
    found = analyse_subgroups(cases, manifest, columns=["site"], replicates=100).subgroups
    assert [(each.group, each.too_few) for each in found] == [
        ("a", False),
        ("b", True),
        ("c", True),
    ]
    assert (found[0].estimates["sensitivity"].n, found[0].estimates["sensitivity"].positives) == (
        40,
        20,
    )
    assert found[0].estimates["sensitivity"].value == found[0].estimates["specificity"].value == 1


def test_a_small_group_is_too_few():
    sex = ["female"] * 290 + ["male"] * 10
    predictions, manifest = study(300, sex=sex)
    found = analyse_subgroups(Cases.of(predictions, manifest), manifest, replicates=100)
    groups = {subgroup.group: subgroup for subgroup in found.subgroups}
    assert groups["male"].too_few
    assert not groups["female"].too_few
    assert not groups["female"].gaps, "everybody else are too few as well"


def test_groups_of_classes_on_one_side_are_not_said_to_be_benign():
    sex = ["male", "female"] * 25
    predictions, manifest = by_hand([0.9, 0.1] * 25, ["melanoma", "basal-cell-carcinoma"] * 25)
    predictions = Predictions(
        predictions.image_ids,
        ("melanoma", "basal-cell-carcinoma"),
        predictions.probabilities[:, :2] / 0.8,
    )
    manifest = manifest.with_columns(sex=sex)
    found = analyse_subgroups(Cases.of(predictions, manifest), manifest, replicates=100)
    assert [each.malignant for each in found.subgroups] == [None, None]
    assert [row[1] for row in subgroups_section(found).tables[0].rows] == ["25", "25"]


def test_a_gap_is_to_those_whose_group_is_known():
    sex = np.resize(["female", "male", ""], 600)
    predictions, manifest = study(600, sex=sex)
    found = analyse_subgroups(Cases.of(predictions, manifest), manifest, replicates=100)
    gaps = {subgroup.group: subgroup.gaps for subgroup in found.subgroups}
    assert list(gaps) == ["female", "male"]
    known = np.array(sex) != ""
    melanomas = int((np.array(manifest.diagnoses)[known] == "melanoma").sum())
    for name, gap in gaps["male"].items():
        assert gap.value == pytest.approx(-gaps["female"][name].value)
        assert (gap.n, gap.positives) == (400, melanomas)


def test_ages_fall_into_bands():
    frame = pd.DataFrame({"age_years": [0, 29.5, 30, 74, 75, 99, np.nan]})
    assert list(group_labels(frame, "age_years")) == [
        "0 to 29",
        "0 to 29",
        "30 to 44",
        "60 to 74",
        "75 and over",
        "75 and over",
        "unknown",
    ]


def test_an_age_below_zero_is_no_age():
    frame = pd.DataFrame({"age_years": [-1, -0.5, -np.inf, 0]})
    assert list(group_labels(frame, "age_years")) == [*["unknown"] * 3, "0 to 29"]


def test_groups_with_any_name_are_put_in_order():
    predictions, manifest = study(60, grp=[("10", "9", "²", "½ a")[row % 4] for row in range(60)])
    cases = Cases.of(predictions, manifest)
    found = analyse_subgroups(cases, manifest, columns=["grp"], replicates=100)
    assert [subgroup.group for subgroup in found.subgroups] == ["9", "10", "²", "½ a"]
    sized = manifest.with_columns(size_mm=np.resize([10.0, 2.5, 0.5, -1.0, 2.0], 60))
    found = analyse_subgroups(cases, sized, columns=["size_mm"], replicates=100)
    assert [subgroup.group for subgroup in found.subgroups] == ["-1", "0.5", "2", "2.5", "10"]


def test_nothing_may_be_judged_that_something_was_chosen_on():
    predictions, manifest = study(60)
    same = Validation(predictions, manifest)
    with pytest.raises(InputError, match="60 images are judged too"):
        evidence_sections(Reading.of(predictions, same), manifest, replicates=100)


def test_a_question_that_was_asked_for_but_cannot_be_answered_is_an_error():
    predictions, manifest = study(60)
    with pytest.raises(InputError, match="vascular"):
        evidence_sections(
            Reading.of(predictions), manifest, tasks=["vascular-lesion:nevus"], replicates=100
        )


def test_a_missing_column_is_named_with_the_nearest_spelling():
    predictions, manifest = study(60)
    with pytest.raises(InputError, match="did you mean 'sex'"):
        evidence_sections(Reading.of(predictions), manifest, columns=["sexx"], replicates=100)


def test_the_whole_report_says_the_same_in_the_page_and_in_the_numbers(tmp_path):
    predictions, manifest = study(300, sex=["female", "male"] * 150)
    found = evaluate(predictions, manifest, replicates=100)
    reading = Reading.of(predictions, validation())
    evidence = evidence_sections(reading, manifest, maps=CALIBRATIONS, replicates=100)
    sections = [*classifier_sections(found), *evidence]
    page = write_report(classifier_heading(found, reading), sections, tmp_path, inputs={})
    result = json.loads((tmp_path / "result.json").read_text())
    text = page.read_text()
    for section in sections:
        assert f'id="{section.key}"' in text
    versions = result["calibration"]["versions"]
    assert list(versions) == [AS_GIVEN, *CALIBRATIONS]
    assert f"{versions['vector']['classwise_ece']['value']:.3f}" in text
    area = result["questions"]["melanoma-nevus"]["delong"]["auc"]
    assert f"{area:.3f}" in text
    assert len(result["conformal_sets"]) == 2
    assert {group["column"] for group in result["subgroups"]["groups"]} == {"sex"}
    assert not re.search(r"""(src|href)=["']https?:""", text)


def test_without_validation_nothing_is_chosen():
    predictions, manifest = study(120)
    found = evidence_sections(Reading.of(predictions), manifest, replicates=100)
    sections = {section.key: section for section in found}
    assert "conformal_sets" not in sections
    assert list(sections["calibration"].content["versions"]) == [AS_GIVEN]
    assert sections["questions"].content["melanoma"]["operating_points"] == []
