"""A linear probe finds what is linear in the features, and chooses its head on validation."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cutis.errors import InputError, ManifestError
from cutis.inference.features import Features
from cutis.inference.probe import fit_probe
from cutis.metrics.ranking import macro_roc_auc
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions

COLOURS = {"melanoma": (230, 30, 30), "nevus": (30, 230, 30), "dermatofibroma": (30, 30, 230)}


@pytest.fixture
def manifest(tmp_path) -> Manifest:
    """Three colours, of which the rarer ones are in every split."""
    generator = np.random.default_rng(0)
    lines = ["image_id,path,diagnosis,split"]
    for n in range(60):
        diagnosis = list(COLOURS)[n % 3]
        colour = np.clip(np.array(COLOURS[diagnosis]) + generator.normal(0, 20, 3), 0, 255)
        Image.new("RGB", (10, 10), tuple(map(int, colour))).save(tmp_path / f"{n}.png")
        split = ("train", "train", "val", "test")[n // 3 % 4]
        lines.append(f"i{n},{n}.png,{diagnosis},{split}")
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")
    return Manifest.read(tmp_path / "m.csv")


def features_of(manifest: Manifest, *, noise: float) -> Features:
    """One feature per class that is 1 on it, and noise."""
    generator = np.random.default_rng(1)
    names = sorted(set(manifest.diagnoses))
    values = np.array([[float(d == name) for name in names] for d in manifest.diagnoses])
    return Features(manifest.image_ids, values + generator.normal(0, noise, values.shape), "x")


def test_what_is_linear_is_found_and_the_best_strength_on_validation_is_kept(manifest):
    features = features_of(manifest, noise=0.05)
    found = fit_probe(features, manifest, strengths=(1e-3, 1.0))
    assert found.images == {"train": 30, "val": 15, "test": 15}
    assert found.tried[found.kept] == max(found.tried.values()) == 1
    assert found.kept == 1e-3  # the simpler of two that are equally good
    test, alone = found.predictions["test"], fit_probe(features, manifest, strengths=(1e-3,))
    assert np.array_equal(test.probabilities, alone.predictions["test"].probabilities)
    right = [
        test.classes[k] == d
        for k, d in zip(
            test.probabilities.argmax(axis=1), manifest.split("test").diagnoses, strict=True
        )
    ]
    assert all(right)


def test_a_head_that_does_not_settle_is_judged_as_it_is_without_a_word(manifest, monkeypatch):
    monkeypatch.setattr("cutis.inference.probe.MAX_STEPS", 1)
    found = fit_probe(features_of(manifest, noise=1.0), manifest, strengths=(10.0,))
    assert 0 <= found.tried[10.0] <= 1  # a warning would have been an error here


def test_validation_judges_every_strength_and_balance_favours_the_rare(manifest):
    frame = manifest.frame
    rare = (frame["diagnosis"] == "nevus") & (frame["split"] == "train") & (frame.index % 4 > 0)
    skewed = manifest.rows((~rare).to_numpy())
    features = features_of(manifest, noise=1.5)
    truth = np.array(skewed.class_set().indices_of(skewed.split("val").diagnoses))
    said = {}
    for strength, balance in ((1e-4, False), (10.0, False), (10.0, True)):
        found = fit_probe(features, skewed, strengths=(strength,), balance=balance)
        said[strength, balance] = found.predictions["val"]
        assert found.tried[strength] == macro_roc_auc(truth, said[strength, balance].probabilities)
    sure = {asked: each.probabilities.max(axis=1).mean() for asked, each in said.items()}
    assert sure[1e-4, False] < sure[10.0, False], "the smaller C holds the head back more"
    nevus = said[10.0, True].classes.index("nevus")
    plain, balanced = (said[10.0, way].probabilities[:, nevus].mean() for way in (False, True))
    assert balanced > plain


@pytest.mark.parametrize(
    "changes",
    [{"image_ids": np.array(["a", "b"], dtype=object)}, {"values": np.array([[1.0], [np.nan]])}],
    ids=["pickled", "nan"],
)
def test_a_file_of_features_that_hides_code_or_holds_no_numbers_is_refused(tmp_path, changes):
    path = tmp_path / "features.npz"
    stored = {"image_ids": np.array(["a", "b"]), "values": np.ones((2, 1)), "model_sha256": "x"}
    np.savez(path, **stored)
    assert Features.read(path).image_ids == ("a", "b")
    np.savez(path, **(stored | changes))
    with pytest.raises(InputError, match=r"features\.npz: not a file of features"):
        Features.read(path)


def test_features_in_another_order_and_of_other_pictures_change_nothing(manifest):
    features = features_of(manifest, noise=0.3)
    order = np.random.default_rng(2).permutation(len(features))
    shuffled = Features(
        (*(features.image_ids[row] for row in order), "stranger"),
        np.vstack([features.values[order], np.zeros(3)]),
        "x",
    )
    one, other = fit_probe(features, manifest), fit_probe(shuffled, manifest)
    assert np.allclose(one.predictions["val"].probabilities, other.predictions["val"].probabilities)


def test_what_cannot_be_probed_is_refused(manifest):
    features = features_of(manifest, noise=0.1)
    frame = manifest.frame
    with pytest.raises(InputError, match="not positive"):
        fit_probe(features, manifest, strengths=(0.0,))
    with pytest.raises(ManifestError, match="split 'val'"):
        fit_probe(features, manifest.rows((frame["split"] != "val").to_numpy()))
    absent = (frame["split"] == "train") & (frame["diagnosis"] == "nevus")
    with pytest.raises(ManifestError, match="class 'nevus' has no picture with"):
        fit_probe(features, manifest.rows((~absent).to_numpy()))


def test_the_command_keeps_features_and_writes_tables_to_judge(
    cutis, colour_bundle, manifest, tmp_path, monkeypatch
):
    code, out, err = cutis("probe", colour_bundle, tmp_path / "m.csv", "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    assert "(kept)" in out
    told = json.loads((tmp_path / "out" / "probe.json").read_text())
    assert told["images"] == {"train": 30, "val": 15, "test": 15}
    table = Predictions.read(tmp_path / "out" / "predictions-test.csv", manifest.taxonomy)
    assert set(table.image_ids) == set(manifest.split("test").image_ids)
    monkeypatch.setattr(
        "cutis.inference.features.extract_features", lambda *_, **__: pytest.fail("computed again")
    )
    assert cutis("probe", colour_bundle, tmp_path / "m.csv", "-o", tmp_path / "out")[0] == 0
    kept = Features.read(tmp_path / "out" / "features.npz")
    elsewhere = tuple(f"{file}.jpg" for file in kept.files)  # the same images, processed otherwise
    for other in ({"model_sha256": "other"}, {"files": elsewhere}, {"files": ()}):
        replace(kept, **other).write(tmp_path / "out" / "features.npz")
        with pytest.raises(pytest.fail.Exception, match="computed again"):
            cutis("probe", colour_bundle, tmp_path / "m.csv", "-o", tmp_path / "out")


def test_a_picture_that_cannot_be_read_is_reported_and_left_out(
    cutis, colour_bundle, manifest, tmp_path
):
    manifest.paths[0].write_bytes(b"no picture")
    for _ in range(2):  # the second time with the features of the others at hand
        code, out, err = cutis("probe", colour_bundle, tmp_path / "m.csv", "-o", tmp_path / "out")
        assert (code, "(kept)" in out) == (1, True)
        assert err.startswith(f"cutis: {manifest.paths[0]}: ")
    told = json.loads((tmp_path / "out" / "probe.json").read_text())
    assert told["images"] == {"train": 29, "val": 15, "test": 15}


def test_the_predictions_of_a_run_are_not_overwritten(cutis, colour_bundle, manifest, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("settings.json", "predictions-val.csv"):
        (run / name).write_text("of the run")
    code, _out, err = cutis("probe", colour_bundle, tmp_path / "m.csv", "-o", run)
    assert (code, "already holds a run, not a probe" in err) == (2, True)
    assert {path.name: path.read_text() for path in run.iterdir()} == dict.fromkeys(
        ("settings.json", "predictions-val.csv"), "of the run"
    )
