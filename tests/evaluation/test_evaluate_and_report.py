"""Judging: the right rows, the right denominators, one page that needs nothing else."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError, ManifestError, TaxonomyError
from cutis.evaluation.classifier import evaluate
from cutis.evaluation.classifier_report import classifier_sections
from cutis.evaluation.reading import Reading
from cutis.evaluation.report import classifier_heading, write_report
from cutis.metrics.intervals import wilson_interval
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy

CLASSES = ("melanoma", "nevus", "seborrheic-keratosis")


def judged(n=60, *, lesions=True, seed=0, split="test"):
    """A manifest and imperfect predictions for it."""
    generator = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    frame = pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(n)],
            "path": [f"/nowhere/{row}.jpg" for row in range(n)],
            "diagnosis": [CLASSES[k] for k in truth],
            "split": split,
        }
    )
    if lesions:
        frame["lesion_id"] = [f"l{row // 6}-{row % 3}" for row in range(n)]
    logits = generator.normal(size=(n, 3))
    logits[np.arange(n), truth] += 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    manifest = Manifest(frame, load_taxonomy())
    return Predictions(manifest.image_ids, CLASSES, probabilities), manifest


def test_every_estimate_lies_in_its_interval_and_has_denominators():
    predictions, manifest = judged()
    found = evaluate(predictions, manifest, replicates=300)
    estimates = [*found.overall.values(), *found.malignant.values()]
    estimates += [e for by_class in found.per_class.values() for e in by_class.values()]
    assert all(e.low <= e.value <= e.high and e.n == 60 for e in estimates)
    assert found.per_class["recall"]["melanoma"].positives == 20
    assert found.images == 60
    assert found.lesions == 30


def test_perfect_answers_are_not_certain():
    _predictions, manifest = judged()
    right = np.eye(3)[np.arange(60) % 3]
    found = evaluate(Predictions(manifest.image_ids, CLASSES, right), manifest, replicates=100)
    lesions_of_a_class = 10
    for name in ("recall", "precision", "roc_auc"):
        each = found.per_class[name]["melanoma"]
        assert each.value == 1
        expected = wilson_interval(lesions_of_a_class, lesions_of_a_class)
        assert (each.low, each.high) == expected
    assert found.per_class["specificity"]["melanoma"].low == wilson_interval(20, 20)[0]
    assert found.overall["accuracy"].low == wilson_interval(30, 30)[0]


def test_intervals_are_wider_for_lesions_than_for_images_when_images_repeat():
    predictions, manifest = judged(90, lesions=False)
    manifest = manifest.with_columns(lesion_id=manifest.image_ids)
    doubled = Manifest(
        pd.concat([manifest.frame, manifest.frame.assign(image_id=lambda f: f["image_id"] + "b")]),
        manifest.taxonomy,
    )
    twice = Predictions(doubled.image_ids, CLASSES, np.concatenate([predictions.probabilities] * 2))
    by_lesion = evaluate(twice, doubled, replicates=1000).overall["accuracy"]
    alone = doubled.with_columns(lesion_id="")
    by_image = evaluate(twice, alone, replicates=1000).overall["accuracy"]
    assert by_lesion.value == by_image.value
    assert by_lesion.high - by_lesion.low > 1.2 * (by_image.high - by_image.low)


def test_an_absent_class_is_undefined_with_count_zero():
    predictions, manifest = judged()
    keep = (manifest.frame["diagnosis"] != "nevus").to_numpy()
    found = evaluate(predictions, manifest.rows(keep), replicates=200)
    recall = found.per_class["recall"]["nevus"]
    assert np.isnan([recall.value, recall.low, recall.high]).all()
    assert recall.positives == 0
    assert np.isfinite(found.overall["macro_roc_auc"].value)


def test_a_finer_diagnosis_belongs_to_its_class():
    predictions, manifest = judged()
    finer = manifest.frame["diagnosis"].replace("melanoma", "melanoma-in-situ")
    same = evaluate(predictions, manifest.with_columns(diagnosis=finer), replicates=100)
    assert same.overall == evaluate(predictions, manifest, replicates=100).overall


def test_rows_without_a_diagnosis_are_counted_and_left_out():
    predictions, manifest = judged()
    diagnosis = manifest.frame["diagnosis"].to_numpy(copy=True)
    diagnosis[:5] = ""
    found = evaluate(predictions, manifest.with_columns(diagnosis=diagnosis), replicates=100)
    assert (found.images, found.left_out) == (55, 5)


def test_images_without_a_prediction_are_named():
    predictions, manifest = judged()
    few = Predictions(predictions.image_ids[:50], CLASSES, predictions.probabilities[:50])
    with pytest.raises(InputError, match=r"10 of 60 images have no prediction, such as i50"):
        evaluate(few, manifest)


def test_a_diagnosis_outside_the_classes_is_named():
    predictions, manifest = judged()
    other = manifest.frame["diagnosis"].replace("nevus", "dermatofibroma")
    with pytest.raises(TaxonomyError, match=r"'dermatofibroma', of 20 images, .* --skip-outside"):
        evaluate(predictions, manifest.with_columns(diagnosis=other))


def test_an_empty_split_is_an_error():
    predictions, manifest = judged(split="val")
    with pytest.raises(ManifestError, match="'test'"):
        evaluate(predictions, manifest)
    with pytest.raises(ManifestError, match="split 'val' has no row with a diagnosis"):
        evaluate(predictions, manifest.with_columns(diagnosis=""), split="val")


def test_errors_come_by_confidence():
    predictions, manifest = judged()
    errors = evaluate(predictions, manifest, replicates=100).errors
    confidence = [case.probability for case in errors]
    assert confidence == sorted(confidence, reverse=True)
    answers, truth = predictions.probabilities.argmax(axis=1), np.arange(60) % 3
    wrong = {
        f"i{row}": (CLASSES[truth[row]], CLASSES[answers[row]])
        for row in np.flatnonzero(answers != truth)
    }
    assert {case.image_id: (case.truth, case.answer) for case in errors} == wrong != {}
    shown = evaluate(predictions, manifest, replicates=100, errors_shown=2).errors
    assert shown == errors[:2]


def test_the_report_needs_nothing_but_itself(tmp_path):
    predictions, manifest = judged()
    found = evaluate(predictions, manifest, replicates=100)
    page = write_report(
        classifier_heading(found, Reading.of(predictions)),
        classifier_sections(found),
        tmp_path,
        inputs={"p.csv": "0" * 64},
        command="cutis evaluate",
    )
    text = page.read_text()
    assert "Research use only" in text
    assert not re.search(r"""(src|href)=["']https?:""", text)
    assert "<script" not in text
    assert f"{found.overall['balanced_accuracy'].value:.3f}" in text
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["inputs_sha256"] == {"p.csv": "0" * 64}
    value = result["overall"]["balanced_accuracy"]
    assert value["low"] <= value["value"] <= value["high"]


def test_a_page_about_one_lesion_says_that_there_are_no_intervals(tmp_path):
    predictions, manifest = judged()
    found = evaluate(predictions, manifest.with_columns(lesion_id="l"), replicates=100)
    heading = classifier_heading(found, Reading.of(predictions))
    page = write_report(heading, classifier_sections(found), tmp_path, inputs={}).read_text()
    assert "95 % interval none" in page
    assert "undefined to" not in page
    assert not re.search(r"\bnan\b", page)


@pytest.mark.parametrize(("lesions", "drawn"), [(True, "lesions"), (False, "images")])
def test_the_method_names_what_is_drawn(lesions, drawn):
    predictions, manifest = judged(lesions=lesions)
    found = evaluate(predictions, manifest, replicates=100)
    heading = classifier_heading(found, Reading.of(predictions))
    assert heading.facts["interval"]["method"].startswith(f"bootstrap over {drawn},")
    assert manifest.drawn == drawn


def test_the_same_seed_gives_the_same_intervals():
    predictions, manifest = judged()
    first, second = (evaluate(predictions, manifest, replicates=150, seed=5) for _ in range(2))
    assert first.overall == second.overall
