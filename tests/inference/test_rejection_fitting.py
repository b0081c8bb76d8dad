"""A bundle learns from a manifest which pictures are strange, and keeps it where it cannot learn."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis.bundle import ModelBundle
from cutis.errors import ManifestError
from cutis.inference import rejection_fitting
from cutis.inference.frame_statistics import frame_statistics
from cutis.inference.predictor import Predictor
from cutis.inference.recalibration import calibrate_bundle, describe, pictures_to_ask
from cutis.inference.rejection import Rejection
from cutis.inference.rejection_fitting import rejection_pictures
from cutis.tables.manifest import Manifest

COLOURS = ((200, 110, 100), (110, 180, 100), (110, 100, 190))  # what the bundle calls by name
CLASSES = ("melanoma", "nevus", "dermatofibroma")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Spotted pictures: 60 to train on, 120 to validate."""
    folder, generator = tmp_path_factory.mktemp("spotted"), np.random.default_rng(0)
    rows = []
    for k in range(180):
        truth = k % 3
        values = generator.normal(COLOURS[truth], 12, (10, 12, 3))
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(folder / f"{k}.png")
        split = "train" if k < 60 else "val"
        rows.append((f"{k}", f"{k}.png", CLASSES[truth], f"lesion-{k}", split))
    columns = ["image_id", "path", "diagnosis", "lesion_id", "split"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "manifest.csv", index=False)
    return Manifest.read(folder / "manifest.csv")


@pytest.fixture(scope="module")
def learned(colour_bundle, manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned") / "bundle"
    return calibrate_bundle(ModelBundle.load(colour_bundle), manifest, folder)


def distances(bundle, frames):
    rejection = Rejection.from_arrays(bundle.rejection_arrays(), bundle.facts.rejection)
    features = Predictor(bundle).features(frames)
    return rejection.distance(features, frame_statistics(frames)), rejection.limit


def test_the_bundle_rejects_blank_frames_and_at_most_the_stated_share_of_validation(
    learned, manifest
):
    plain = np.broadcast_to(np.array(COLOURS, dtype=np.uint8)[:, None, None], (3, 8, 8, 3))
    found, limit = distances(learned, plain)
    assert (found > limit).all()  # of the right colours, but without a spot
    own = [learned.facts.preprocessing.read(path) for path in manifest.split("val").paths]
    found, limit = distances(learned, np.stack(own))
    assert (found > limit).sum() <= 1


def test_it_says_what_it_was_fitted_on(learned, manifest):
    assert learned.facts.rejection["fitted_on"] == 60
    assert learned.facts.rejection["chosen_on"] == 120
    assert "from 60 of training, as at most 1% of 120" in describe(learned.facts)[-1]
    assert pictures_to_ask(manifest, split="val") == 120 + 60 + 120


def test_too_few_pictures_or_the_same_ones_teach_no_limit_and_many_are_drawn_from(
    manifest, monkeypatch
):
    row = np.arange(180)  # 60 to train on, 120 to validate
    assert rejection_pictures(manifest.with_columns(split="train"), split="train") is None
    assert rejection_pictures(manifest.rows(row >= 31), split="val") is None
    assert rejection_pictures(manifest.rows(row < 60 + 99), split="val") is None
    training, validation = rejection_pictures(
        manifest.rows((row >= 30) & (row < 60 + 100)), split="val"
    )
    assert (len(training), len(validation)) == (30, 100)
    monkeypatch.setattr(rejection_fitting, "ENOUGH", 40)
    training, validation = rejection_pictures(manifest, split="val")
    assert (len(training), len(validation)) == (40, 120)
    assert set(training.image_ids) < set(manifest.split("train").image_ids)


def test_without_pictures_of_training_a_bundle_keeps_what_it_knows(
    colour_bundle, learned, manifest, tmp_path
):
    validation = manifest.split("val")
    again = calibrate_bundle(learned, validation, tmp_path / "again")
    assert again.facts.rejection == learned.facts.rejection
    assert again.sha256["rejection.safetensors"] == learned.sha256["rejection.safetensors"]
    never = calibrate_bundle(ModelBundle.load(colour_bundle), validation, tmp_path / "never")
    assert never.facts.rejection is None
    assert "not rejected" in describe(never.facts)[-1]


def test_a_training_picture_that_cannot_be_read_is_named(colour_bundle, manifest, tmp_path):
    frame = manifest.frame.copy()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    frame.loc[0, "path"] = str(tmp_path / "broken.png")
    broken = Manifest(frame, manifest.taxonomy, manifest.name)
    with pytest.raises(ManifestError, match=r"broken\.png"):
        calibrate_bundle(ModelBundle.load(colour_bundle), broken, tmp_path / "bundle")
