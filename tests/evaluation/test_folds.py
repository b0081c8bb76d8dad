"""Cross-validation judged: parts by hand, and what an average over repeats must equal."""

import json

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError
from cutis.evaluation.classifier import evaluate
from cutis.evaluation.estimates import Estimate
from cutis.evaluation.folds import (
    FoldSummary,
    RepeatSummary,
    Spread,
    summarise_folds,
    summarise_repeats,
)
from cutis.evaluation.folds_report import folds_section, repeats_section
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy
from cutis.wording import words

CLASSES = ("melanoma", "nevus")


def study(right, *, folds):
    """Two-class predictions that are right or wrong as told, cases of both classes in turn."""
    n = len(right)
    truth = np.arange(n) % 2
    answer = np.where(right, truth, 1 - truth)
    probabilities = np.where(np.arange(2) == answer[:, None], 0.8, 0.2)
    frame = pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(n)],
            "path": [f"/nowhere/{row}.jpg" for row in range(n)],
            "diagnosis": [CLASSES[k] for k in truth],
            "lesion_id": [f"l{row // 2}" for row in range(n)],
            "fold": folds,
        }
    )
    manifest = Manifest(frame, load_taxonomy())
    return Predictions(manifest.image_ids, CLASSES, probabilities), manifest


def test_folds_are_judged_alone_and_summed_up_by_hand():
    right = [True, True, True, True, True, False, True, True, False, False, True, True]
    predictions, manifest = study(right, folds=[0] * 4 + [1] * 4 + [2] * 4)
    pooled = evaluate(predictions, manifest, split="all", replicates=100)
    found = summarise_folds(predictions, manifest, pooled)
    accuracy = found.figures["accuracy"]
    np.testing.assert_allclose(accuracy.values, [1, 0.75, 0.5])
    assert accuracy.mean == pytest.approx(0.75)
    assert accuracy.standard_deviation == pytest.approx(0.25)
    assert accuracy.estimate is pooled.overall["accuracy"]
    assert found.images == (4, 4, 4)
    np.testing.assert_allclose(found.figures["malignant/sensitivity"].values, [1, 1, 0.5])


def test_a_fold_that_does_not_define_a_figure_is_left_out_of_the_mean():
    spread = Spread(np.array([0.5, np.nan, 0.7]), None)
    assert spread.mean == pytest.approx(0.6)
    assert spread.standard_deviation == pytest.approx(np.sqrt(0.02))
    assert np.isnan(Spread(np.array([0.5, np.nan]), None).standard_deviation)


@pytest.mark.parametrize("folds", [[np.nan] * 4, [0, 0, 1, np.nan], [2] * 4])
def test_without_folds_there_is_nothing_to_sum_up(folds):
    predictions, manifest = study([True] * 4, folds=folds)
    pooled = evaluate(predictions, manifest, split="all", replicates=100)
    assert summarise_folds(predictions, manifest, pooled) is None


def test_the_mean_of_equal_repeats_is_the_evaluation_itself():
    generator = np.random.default_rng(0)
    predictions, manifest = study(generator.random(60) < 0.7, folds=np.nan)
    alone = evaluate(predictions, manifest, split="all", replicates=150, seed=3)
    found = summarise_repeats([predictions] * 3, manifest, replicates=150, seed=3)
    spread = found.figures["macro_roc_auc"]
    expected = alone.overall["macro_roc_auc"]
    assert (spread.estimate.low, spread.estimate.value, spread.estimate.high) == pytest.approx(
        (expected.low, expected.value, expected.high)
    )
    assert spread.standard_deviation == pytest.approx(0)


def test_accuracy_over_repeats_equals_accuracy_averaged_by_case():
    generator = np.random.default_rng(1)
    tables, right = [], []
    for _repeat in range(2):
        right.append(generator.random(40) < 0.7)
        predictions, manifest = study(right[-1], folds=np.nan)
        tables.append(predictions)
    found = summarise_repeats(tables, manifest, replicates=100).figures["accuracy"]
    assert found.estimate.value == pytest.approx(np.mean(right))
    np.testing.assert_allclose(found.values, np.mean(right, axis=1))


def test_repeats_of_other_classes_are_refused():
    predictions, manifest = study([True] * 8, folds=np.nan)
    other = Predictions(
        predictions.image_ids, ("melanoma", "dermatofibroma"), predictions.probabilities
    )
    with pytest.raises(InputError, match="table 2 has the classes dermatofibroma, melanoma"):
        summarise_repeats([predictions, other], manifest, replicates=100)


def test_the_command_reports_folds_and_repeats(cutis, tmp_path):
    generator = np.random.default_rng(2)
    predictions, manifest = study(generator.random(60) < 0.8, folds=np.arange(60) // 20)
    again, _ = study(generator.random(60) < 0.8, folds=np.nan)
    manifest.write(tmp_path / "m.csv")
    for folder, table in ((tmp_path, predictions), (tmp_path / "again", again)):
        folder.mkdir(exist_ok=True)
        table.write(folder / "p.csv")
    code, _out, err = cutis(
        *("evaluate", tmp_path / "p.csv", tmp_path / "m.csv", "--split", "all"),
        *("--repeat", tmp_path / "again" / "p.csv", "-o", tmp_path / "report"),
        *("--replicates", 100),
    )
    assert code == 0, err
    result = json.loads((tmp_path / "report" / "result.json").read_text())
    folds, repeats = result["folds"], result["repeats"]
    assert folds["figures"]["accuracy"]["pooled"] == result["overall"]["accuracy"]
    assert len(folds["figures"]["accuracy"]["by_fold"]) == 3
    by_repeat = repeats["figures"]["accuracy"]["by_repeat"]
    assert repeats["figures"]["accuracy"]["mean"]["value"] == pytest.approx(np.mean(by_repeat))
    assert len(result["inputs_sha256"]) == 3
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Bengio and Grandvalet 2004" in page
    assert "with an interval over lesions." in page


def test_figures_are_written_as_the_field_writes_them_and_no_mean_stands_twice():
    figures = {"malignant/roc_auc": Spread(np.array([0.4, 0.6]), Estimate(0.5, 0.4, 0.6, 6))}
    folds = folds_section(FoldSummary((0, 1), (3, 3), figures), drawn="lesions").tables[0]
    assert folds.header[:5] == ("Figure", "Pooled", "95 % interval", "Mean", "Standard deviation")
    repeats = repeats_section(RepeatSummary(2, figures), drawn="lesions").tables[0]
    assert repeats.header[:4] == ("Figure", "Mean", "95 % interval", "Standard deviation")
    for table in (folds, repeats):
        assert table.rows[0][0] == "malignant: ROC AUC"
        assert len(table.rows[0]) == len(table.header)
    assert (words("top_label_ece"), words("ppv"), words("npv")) == ("top label ECE", "PPV", "NPV")


def test_without_lesions_the_sections_speak_of_images():
    _predictions, manifest = study([True] * 6, folds=[0] * 3 + [1] * 3)
    estimate = Estimate(0.5, 0.4, 0.6, 6)
    figures = {"accuracy": Spread(np.array([0.4, 0.6]), estimate)}
    drawn = manifest.with_columns(lesion_id="").drawn
    folds = folds_section(FoldSummary((0, 1), (3, 3), figures), drawn=drawn)
    repeats = repeats_section(RepeatSummary(2, figures), drawn=drawn)
    for section in (folds, repeats):
        assert "over images" in " ".join(section.text)
        assert "over lesions" not in " ".join(section.text)


def test_out_of_fold_predictions_are_calibrated_by_other_lesions(cutis, tmp_path):
    generator = np.random.default_rng(3)
    predictions, manifest = study(generator.random(120) < 0.7, folds=np.arange(120) // 40)
    outside = ["squamous-cell-carcinoma"] * 3  # two melanomas; one lesion is half inside
    manifest = manifest.with_columns(diagnosis=[*outside, *manifest.diagnoses[3:]])
    manifest.write(tmp_path / "m.csv")
    predictions.write(tmp_path / "p.csv")
    asked = (
        *("evaluate", tmp_path / "p.csv", tmp_path / "m.csv", "--split", "all", "--cross-fit"),
        "--skip-outside",
        *("--calibration", "temperature", "--replicates", 100, "-o", tmp_path / "report"),
    )
    code, _out, err = cutis(*asked)
    assert code == 0, err
    result = json.loads((tmp_path / "report" / "result.json").read_text())
    assert result["calibration"]["cross_fitted"]
    versions = result["calibration"]["versions"]
    assert result["overall"]["log_loss"]["value"] == versions["temperature"]["log_loss"]["value"]
    assert versions["temperature"]["log_loss"] != versions["as given"]["log_loss"]
    assert "conformal_sets" not in result
    page = (tmp_path / "report" / "report.html").read_text()
    assert "calibrated on other lesions (temperature)" in page
    assert (result["images"], result["left_out_other_diagnoses"]) == (117, 3)
    assert result["questions"]["malignancy"]["positives"] == 58 + 3
    code, _out, err = cutis(*asked, "--validation", tmp_path / "p.csv")
    assert code == 2
    assert "leave out --validation" in err
    code, _out, err = cutis(*asked, "--validation-manifest", tmp_path / "m.csv")
    assert code == 2
    assert "goes with --validation, which is not given" in err
