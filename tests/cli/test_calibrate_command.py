"""`cutis calibrate`: the same network, and what pictures of one's own taught about its answers."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis import RESEARCH_USE_NOTICE
from cutis.bundle import FILES, SUMS, ModelBundle, rewrite_bundle
from cutis.files import sha256_of_file
from cutis.inference.predictor import Predictor

CLASSES = ("melanoma", "nevus", "dermatofibroma")  # red, green and blue to the bundle


@pytest.fixture
def manifest(tmp_path):
    """80 pictures of 40 lesions, whose colour tells the diagnosis in most cases."""
    generator = np.random.default_rng(0)
    rows = []
    for lesion in range(40):
        truth = lesion % 3
        for picture in "ab":
            colour = generator.integers(60, 140, 3)
            colour[truth] += 60
            name = f"{lesion:02}{picture}"
            Image.new("RGB", (12, 10), tuple(map(int, colour))).save(tmp_path / f"{name}.png")
            rows.append((name, f"{name}.png", CLASSES[truth], f"lesion-{lesion}", "val"))
    columns = ["image_id", "path", "diagnosis", "lesion_id", "split"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path / "manifest.csv"


def test_the_new_bundle_has_learned_and_the_old_one_is_as_it_was(
    cutis, colour_bundle, manifest, tmp_path
):
    new = tmp_path / "new"
    code, out, err = cutis("calibrate", colour_bundle, manifest, "-o", new, "--level", 0.8)
    assert (code, err) == (0, "")
    assert "Fitted on 80 images of 40 lesions, split 'val'" in out
    assert RESEARCH_USE_NOTICE in out
    before, after = ModelBundle.load(colour_bundle), ModelBundle.load(new)
    assert before.facts.readout is None
    assert after.facts.readout.fitted_on.lesions == 40
    assert after.facts.readout.sets.level == 0.8
    assert after.sha256["model.onnx"] == before.sha256["model.onnx"]
    assert after.facts.readout.error_after < after.facts.readout.error_before


def test_named_patients_count_once_and_are_called_so(cutis, colour_bundle, manifest, tmp_path):
    table = pd.read_csv(manifest)
    table["patient_id"] = [f"patient-{row // 4}" for row in range(len(table))]
    table.to_csv(manifest, index=False)
    _code, out, _err = cutis("calibrate", colour_bundle, manifest, "-o", tmp_path / "new")
    assert "Fitted on 80 images of 20 patients, split 'val'; images of one patient were kept" in out
    assert "lesion" not in out
    options = ("--risk", 0.3, "--method", "temperature")
    cutis("calibrate", colour_bundle, manifest, "-o", tmp_path / "asked", *options)
    asked = ModelBundle.load(tmp_path / "asked").facts.readout
    assert (asked.method, asked.abstention.risk) == ("temperature", 0.3)
    assert asked.fitted_on.manifest_sha256 == sha256_of_file(manifest)
    picture = manifest.parent / "00a.png"
    _code, out, _err = cutis("predict", picture, "--model", tmp_path / "new")
    assert "calibrated on 80 images of 20 patients." in out


def test_a_class_without_a_case_is_named_wherever_the_answers_are_read(
    cutis, colour_bundle, manifest, tmp_path
):
    table = pd.read_csv(manifest)
    table[table["diagnosis"] != "melanoma"].to_csv(manifest, index=False)
    new = tmp_path / "new"
    code, out, _err = cutis("calibrate", colour_bundle, manifest, "-o", new)
    assert code == 0
    told = "There was no case of Melanoma: what is fitted all but rules out a class without cases"
    assert told in out
    assert told in (new / "MODEL_CARD.md").read_text()
    assert ModelBundle.load(new).facts.readout.fitted_on.absent == ("melanoma",)
    picture = manifest.parent / "00a.png"
    assert "with no case of Melanoma: not to" in cutis("predict", picture, "--model", new)[1]
    told = json.loads(cutis("predict", picture, "--model", new, "--json")[1])
    assert told["model"]["readout"]["fitted_on"]["absent"] == ["melanoma"]


def test_calibrating_twice_is_calibrating_once(cutis, colour_bundle, manifest, tmp_path):
    once, twice = tmp_path / "once", tmp_path / "twice"
    assert cutis("calibrate", colour_bundle, manifest, "-o", once)[0] == 0
    assert cutis("calibrate", once, manifest, "-o", twice)[0] == 0
    for name in (*FILES, SUMS):
        assert (once / name).read_bytes() == (twice / name).read_bytes()
    assert (twice / "MODEL_CARD.md").read_text().count("## Calibration") == 1


def test_the_card_keeps_what_stands_after_an_older_calibration(
    cutis, colour_bundle, manifest, tmp_path
):
    card = "# Colours\n\n## Calibration\n\n- old\n\n## Served network\n\nint8\n"
    bundle = ModelBundle.load(colour_bundle)
    old = rewrite_bundle(bundle, tmp_path / "old", bundle.facts, model_card=card).folder
    assert cutis("calibrate", old, manifest, "-o", tmp_path / "new")[0] == 0
    written = (tmp_path / "new" / "MODEL_CARD.md").read_text()
    assert written.startswith("# Colours\n\n## Served network\n\nint8\n\n## Calibration\n\n- Fit")
    assert "- old" not in written


def test_whatever_is_no_bundle_is_never_replaced(
    cutis, colour_bundle, manifest, tmp_path, monkeypatch
):
    monkeypatch.setattr(Predictor, "predict", lambda *_a, **_o: pytest.fail("asked the network"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "bundle").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    for place in (tmp_path, manifest, tmp_path / "run", ".", "/"):
        code, out, err = cutis("calibrate", colour_bundle, manifest, "-o", place)
        assert (code, out) == (2, "")
        assert "give the name of" in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, ["--split", "test"], "no rows in split 'test'; it has val"),
        ({}, ["--level", "1"], "level: 1.0 is not between 0 and 1"),
        ({"diagnosis": "psoriasis"}, [], "'psoriasis' belongs to no class"),
        ({"lesion_id": "the only one"}, [], "at least 10 lesions, split 'val' has 1"),
        ({"patient_id": "the only one"}, [], "at least 10 patients, split 'val' has 1"),
        ({"diagnosis": ""}, [], "no labelled rows in split 'val'"),
        ({"diagnosis": "nevus"}, [], "cases of at least two classes, split 'val' has nevus alone"),
        ({}, ["--method", "platt"], "method 'platt': choose one of vector"),
        ({}, ["--risk", "2"], "risk: 2.0 is not between 0 and 1"),
    ],
)
def test_what_cannot_be_calibrated_on_is_said_and_nothing_is_written(
    cutis, colour_bundle, manifest, tmp_path, monkeypatch, change, options, message
):
    monkeypatch.setattr(Predictor, "predict", lambda *_a, **_o: pytest.fail("asked the network"))
    pd.read_csv(manifest).assign(**change).to_csv(manifest, index=False)
    code, _out, err = cutis("calibrate", colour_bundle, manifest, "-o", tmp_path / "new", *options)
    assert code == 2
    assert message in err
    assert not (tmp_path / "new").exists()


def test_a_picture_that_cannot_be_read_is_named(cutis, colour_bundle, manifest, tmp_path):
    (tmp_path / "07b.png").write_bytes(b"")
    code, _out, err = cutis("calibrate", colour_bundle, manifest, "-o", tmp_path / "new")
    assert code == 2
    assert "07b.png: the file is empty" in err
