"""Maps and answers are chosen on validation alone, whatever order its columns come in."""

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError
from cutis.evaluation.classifier import evaluate
from cutis.evaluation.reading import Reading, Validation
from cutis.inference.calibration import CALIBRATIONS
from cutis.metrics.cross_fitting import FOLDS
from cutis.readout import softmax
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy

CLASSES = ("dermatofibroma", "melanoma", "nevus")
SHARES = np.array([0.05, 0.15, 0.8])


def study(lesions, *, split, seed):
    """Two alike images of each lesion; the scores are those of a world of equally frequent classes."""
    generator = np.random.default_rng(seed)
    truth = np.repeat(generator.choice(3, lesions, p=SHARES), 2)
    logits = np.repeat(generator.normal(size=(lesions, 3)), 2, axis=0)
    logits[np.arange(2 * lesions), truth] += 2
    frame = pd.DataFrame(
        {
            "image_id": [f"{split}{row}" for row in range(2 * lesions)],
            "path": [f"/nowhere/{split}{row}.jpg" for row in range(2 * lesions)],
            "diagnosis": [CLASSES[k] for k in truth],
            "lesion_id": [f"{split}-{row // 2}" for row in range(2 * lesions)],
            "split": split,
        }
    )
    manifest = Manifest(frame, load_taxonomy())
    return Predictions(manifest.image_ids, CLASSES, softmax(2 * logits)), manifest


@pytest.fixture(scope="module")
def judged():
    return study(400, split="test", seed=0)


@pytest.fixture(scope="module")
def known():
    return Validation.of(*study(400, split="val", seed=1))


def read(given, known, **options):
    return Reading.of(given, known, maps=CALIBRATIONS, **options)


def test_nothing_asked_for_leaves_everything_as_it_came(judged, known):
    predictions, manifest = judged
    for reading in (Reading.of(predictions), Reading.of(predictions, known)):
        assert reading.judged is predictions
        assert reading.gains is None
        assert reading.in_words() == ""
        assert reading.to_dict() == {"calibration": None, "answer": "probable", "in_words": ""}
    plain = evaluate(predictions, manifest, replicates=100)
    answers = predictions.probabilities.argmax(axis=1)
    right = np.array([CLASSES[k] for k in answers]) == manifest.diagnoses
    assert plain.overall["accuracy"].value == pytest.approx(right.mean())


def test_a_calibrated_reading_is_more_honest_and_its_balanced_answers_more_balanced(judged, known):
    predictions, manifest = judged

    def figures(**options):
        reading = read(predictions, known, **options)
        found = evaluate(reading.judged, manifest, gains=reading.gains, replicates=100).overall
        return {name: estimate.value for name, estimate in found.items()}

    given = figures()
    probable = figures(calibration="dirichlet")
    balanced = figures(calibration="dirichlet", answer="balanced")
    assert probable["log_loss"] < given["log_loss"] / 1.2
    assert probable["accuracy"] > given["accuracy"] + 0.03
    assert balanced["balanced_accuracy"] > probable["balanced_accuracy"] + 0.05
    assert balanced["log_loss"] == probable["log_loss"]
    assert balanced["macro_roc_auc"] == probable["macro_roc_auc"]


def test_validation_is_calibrated_by_maps_of_other_lesions(judged, known):
    seen = []

    def fit(probabilities, truth):
        seen.append(probabilities)
        return lambda given: np.full(given.shape, 1 / 3)

    reading = Reading.of(judged[0], known, maps={"flat": fit}, calibration="flat")
    whole, *parts = seen
    assert len(whole) == len(known.manifest)
    assert len(parts) == FOLDS
    own = known.predictions.probabilities
    for part in parts:
        among = (own[:, None, 0] == part[None, :, 0]).any(axis=1)
        assert not (among[::2] ^ among[1::2]).any()  # both images of a lesion, or neither
        assert len(part) == among.sum() < len(own)
    assert (reading.judged_validation.predictions.probabilities == 1 / 3).all()
    assert (reading.given_validation.predictions.probabilities == own).all()


def test_answers_that_are_not_those_of_the_rows_are_refused(known):
    turned = known.predictions.rows_for(known.manifest.image_ids[::-1])
    with pytest.raises(InputError, match="not of the same images in order"):
        Validation(turned, known.manifest)
    again = Validation.of(turned, known.manifest, split="all")
    assert again.predictions.image_ids == known.manifest.image_ids


def test_the_order_of_columns_does_not_matter(judged, known):
    predictions, _manifest = judged
    turned = Validation(known.predictions.in_order_of(CLASSES[::-1]), known.manifest)
    straight, other = (
        read(predictions, validation, calibration="vector", answer="balanced")
        for validation in (known, turned)
    )
    assert straight.judged.classes == other.judged.classes == CLASSES
    np.testing.assert_allclose(straight.judged.probabilities, other.judged.probabilities)
    np.testing.assert_allclose(straight.gains, other.gains)
    again = straight.again(predictions.in_order_of(CLASSES[::-1]))
    np.testing.assert_allclose(again.probabilities, straight.judged.probabilities)


def test_what_was_read_is_said(judged, known):
    reading = read(judged[0], known, calibration="vector", answer="balanced")
    assert "calibrated on validation (vector)" in reading.in_words()
    assert "raised most over its frequency" in reading.in_words()
    assert reading.to_dict() == {
        "calibration": "vector",
        "answer": "balanced",
        "in_words": reading.in_words(),
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calibration": "vektor"}, "did you mean 'vector'"),
        ({"answer": "balance"}, "did you mean 'balanced'"),
    ],
)
def test_bad_requests_are_refused(judged, known, options, message):
    with pytest.raises(InputError, match=message):
        read(judged[0], known, **options)


@pytest.mark.parametrize("options", [{"calibration": "vector"}, {"answer": "balanced"}])
def test_nothing_is_chosen_without_validation(judged, options):
    with pytest.raises(InputError, match="add --validation"):
        read(judged[0], None, **options)


def test_validation_of_other_classes_is_refused(judged):
    predictions, manifest = study(50, split="val", seed=2)
    renamed = Predictions(
        predictions.image_ids, ("vascular-lesion", *CLASSES[1:]), predictions.probabilities
    )
    with pytest.raises(InputError, match="the classes are vascular-lesion, melanoma, nevus, not"):
        read(judged[0], Validation.of(renamed, manifest))


def test_balanced_answers_need_a_case_of_every_class(judged, known):
    without = Validation.of(
        known.predictions,
        known.manifest.rows(np.array(known.manifest.diagnoses) != "dermatofibroma"),
    )
    with pytest.raises(InputError, match="no case of dermatofibroma"):
        read(judged[0], without, answer="balanced")


def test_a_map_needs_lesions(judged, known):
    few = Validation.of(known.predictions, known.manifest.rows(np.arange(800) < 6))
    with pytest.raises(InputError, match="needs at least 5 lesions, there are 3"):
        read(judged[0], few, calibration="vector")


def test_without_validation_each_lesion_is_read_by_what_the_others_teach(known):
    reading = Reading.crossing(known, maps=CALIBRATIONS, calibration="vector", answer="balanced")
    crossed = known.cross_fitted(CALIBRATIONS["vector"])
    np.testing.assert_array_equal(reading.judged.probabilities, crossed.predictions.probabilities)
    np.testing.assert_array_equal(reading.gains, known.gains())
    again = reading.again(known.predictions.in_order_of(CLASSES[::-1]))
    np.testing.assert_allclose(again.probabilities, reading.judged.probabilities)
    assert "calibrated on other lesions (vector)" in reading.in_words()
    assert "over its frequency among these images" in reading.in_words()


def test_rows_of_no_class_are_read_by_maps_of_other_lesions_and_fit_none():
    predictions, manifest = study(20, split="test", seed=3)
    diagnosis = manifest.frame["diagnosis"].to_numpy(copy=True)
    outside = [0, 1, 5]  # both images of the first lesion, one of the two of the third
    diagnosis[outside] = "squamous-cell-carcinoma"
    manifest = manifest.with_columns(diagnosis=diagnosis)
    fitted_on = []

    def fit(probabilities, _truth):
        number = len(fitted_on)
        fitted_on.append(probabilities)
        return lambda given: np.tile([number / 100, 0, 1 - number / 100], (len(given), 1))

    judged = Validation.of(predictions, manifest, split="test")
    beside = judged.beside(predictions, manifest, split="test")
    assert beside.predictions.image_ids == tuple(f"test{row}" for row in outside)
    reading = Reading.crossing(judged, beside=beside, maps={"count": fit}, calibration="count")
    assert set(reading.judged.image_ids) == set(manifest.image_ids)
    read = reading.judged.rows_for([f"test{row}" for row in outside]).probabilities[:, 0] * 100
    alone, again, shared = (fitted_on[round(number)] for number in read)
    assert len(alone) == len(again) == len(judged.manifest) == 37
    # The map of the third lesion's image has not seen the lesion's other image.
    other = predictions.probabilities[4]
    assert (alone == other).all(axis=1).any()
    assert not (shared == other).all(axis=1).any()
    assert 0 < len(shared) < 37


def test_rows_without_a_prediction_are_not_read_beside():
    predictions, manifest = study(20, split="test", seed=3)
    judged = Validation.of(predictions, manifest, split="test")
    assert judged.beside(predictions, manifest, split="test") is None
    diagnosis = ["squamous-cell-carcinoma", *manifest.diagnoses[1:]]
    manifest = manifest.with_columns(diagnosis=diagnosis)
    few = predictions.rows_for(manifest.image_ids[1:])
    judged = Validation.of(few, manifest, split="test")
    assert judged.beside(few, manifest, split="test") is None


def test_a_reading_that_crosses_and_is_asked_for_nothing_changes_nothing(known):
    reading = Reading.crossing(known)
    assert reading.judged is known.predictions
    assert reading.in_words() == ""


def test_maps_are_compared_on_other_lesions_than_they_were_fitted_on(judged, known):
    rows = known.manifest
    maps = {"vector": CALIBRATIONS["vector"]}
    crossed = Reading.crossing(known).versions(rows, maps)
    expected = known.cross_fitted(maps["vector"]).predictions.probabilities
    np.testing.assert_array_equal(crossed["vector"], expected)
    other = Validation.of(*study(200, split="test", seed=4), split="test")
    fitted = Reading.of(known.predictions, other).versions(rows, maps)
    straight = maps["vector"](other.predictions.probabilities, other.cases[0])
    np.testing.assert_allclose(fitted["vector"], straight(known.predictions.probabilities))
    assert Reading.of(judged[0]).versions(judged[1], maps) == {}


def test_crossing_refuses_what_it_does_not_know(known):
    with pytest.raises(InputError, match="did you mean 'vector'"):
        Reading.crossing(known, maps=CALIBRATIONS, calibration="vektor")
