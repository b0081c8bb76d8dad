"""What goes wrong in a day's work: one clear message each, exit code 2, and nothing half-done."""

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis.curation.sources import import_source


@pytest.fixture
def table(phantom_set, tmp_path):
    """A manifest of drawn pictures with a split, changed at will."""

    def written(**changes):
        frame = import_source("phantom", phantom_set).manifest.frame.copy()
        patients = list(dict.fromkeys(frame["patient_id"]))
        parts = {name: ("train", "val", "test")[k % 3] for k, name in enumerate(patients)}
        frame["split"] = frame["patient_id"].map(parts)
        for column, change in changes.items():
            frame[column] = change(frame)
        path = tmp_path / "manifest.csv"
        frame.drop(columns=[name for name in frame if frame[name].isna().all()]).to_csv(
            path, index=False
        )
        return path

    return written


def refused(outcome, *words):
    code, _out, err = outcome
    assert code == 2, err
    assert err.startswith("cutis: ")
    assert "Traceback" not in err
    for word in words:
        assert word in err
    return err


def test_a_missing_column(cutis, table, tmp_path):
    path = table(diagnosis=lambda frame: np.nan)
    refused(cutis("data", "split", path, "-o", tmp_path / "split.csv"), "diagnosis", "missing")
    assert not (tmp_path / "split.csv").exists()


def test_unknown_labels_are_listed_with_the_nearest_spelling(cutis, table, tmp_path):
    path = table(diagnosis=lambda frame: ["melanomma", "nevvus", *frame["diagnosis"][2:]])
    outcome = cutis("data", "split", path, "-o", tmp_path / "split.csv")
    refused(outcome, "'melanomma'", "did you mean 'melanoma'", "'nevvus'")


def test_an_image_that_stands_there_twice(cutis, table, tmp_path):
    path = table(image_id=lambda frame: ["twin", "twin", *frame["image_id"][2:]])
    refused(cutis("data", "split", path, "-o", tmp_path / "split.csv"), "'twin'")


def test_a_split_that_leaks_is_never_trained_on(cutis, table, tmp_path):
    path = table(split=lambda frame: ["train", "val", "test"] * (len(frame) // 3))
    refused(cutis("train", path, "-o", tmp_path / "run"), "lesion")
    assert not (tmp_path / "run").exists()


def test_a_class_without_training_pictures(cutis, table, tmp_path):
    def melanomas_in_test_only(frame):
        return frame["split"].where(frame["diagnosis"] != "melanoma", "test")

    path = table(
        split=melanomas_in_test_only,
        lesion_id=lambda frame: frame["image_id"] + "-lesion",
        patient_id=lambda frame: frame["image_id"] + "-patient",
    )
    refused(cutis("train", path, "-o", tmp_path / "run"), "melanoma")


def test_a_place_that_cannot_be_written_is_found_out_before_the_work(cutis, table, tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused(cutis("train", table(), "-o", tmp_path / "file" / "run"), "file")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_pickle_named_safetensors_never_runs(cutis, table, tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "it-ran"), "w"))

    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(pickle.dumps(Payload()))
    setting = f"model.backbone.weights={weights}"
    refused(cutis("train", table(), "-o", tmp_path / "run", "--set", setting), str(weights))
    assert not (tmp_path / "it-ran").exists()


def test_a_bundle_with_a_changed_byte(cutis, colour_bundle, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(colour_bundle, bundle)
    network = bytearray((bundle / "model.onnx").read_bytes())
    network[len(network) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(network)
    Image.new("RGB", (20, 20)).save(tmp_path / "picture.png")
    refused(cutis("predict", tmp_path / "picture.png", "--model", bundle), "model.onnx", "changed")


def test_pictures_that_are_none_are_reported_and_the_others_go_on(cutis, colour_bundle, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (40, 30), (255, 0, 0)).save(pictures / "good.jpg", quality=95)
    whole = (pictures / "good.jpg").read_bytes()
    (pictures / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (pictures / "page.jpg").write_text("<!doctype html><title>Not found</title>")
    (pictures / "empty.png").write_bytes(b"")
    code, out, err = cutis(
        "predict", pictures, "--model", colour_bundle, "--csv", tmp_path / "out.csv"
    )
    assert code == 1
    assert "Traceback" not in err + out
    for name in ("truncated.jpg", "page.jpg", "empty.png"):
        assert name in err + out
    assert list(pd.read_csv(tmp_path / "out.csv")["image_id"]) == ["good"]


def test_predictions_that_are_logits(cutis, table, tmp_path):
    path = table()
    frame = pd.read_csv(path)
    logits = pd.DataFrame({"image_id": frame["image_id"], "melanoma": 3.2, "nevus": -1.0})
    logits.to_csv(tmp_path / "logits.csv", index=False)
    outcome = cutis("evaluate", tmp_path / "logits.csv", path, "-o", tmp_path / "report")
    refused(outcome, "were logits passed?", "Independent confidences, as ISIC submissions may hold")
    assert not (tmp_path / "report" / "report.html").exists()


@pytest.mark.parametrize("prevalence", ["0", "5", "nan"])
def test_a_prevalence_that_is_no_share_is_refused_before_anything_is_read(
    cutis, tmp_path, prevalence
):
    outcome = cutis(
        *("evaluate", tmp_path / "p.csv", tmp_path / "m.csv", "-o", tmp_path / "report"),
        *("--prevalence", prevalence),
    )
    refused(outcome, f"prevalence: {prevalence} is not between 0 and 1; give the share")


def test_validation_rows_that_are_judged_too(cutis, table, tmp_path):
    path = table()
    frame = pd.read_csv(path)
    names = sorted(set(frame["diagnosis"]))
    flat = pd.DataFrame({"image_id": frame["image_id"], **{n: 1 / len(names) for n in names}})
    flat.to_csv(tmp_path / "p.csv", index=False)
    outcome = cutis(
        "evaluate", tmp_path / "p.csv", path, "--split", "val", "--validation", tmp_path / "p.csv",
        "-o", tmp_path / "report", "--replicates", 100,
    )  # fmt: skip
    refused(outcome, "judged too")
