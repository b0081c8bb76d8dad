"""A run that is killed and resumed ends as one that was left alone, to the bit."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from cutis import config
from cutis.curation.sources import import_source
from cutis.errors import InputError, ManifestError
from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.recipe import Recipe
from cutis.training.run_folder import RunFolder
from cutis.training.runner import train

SMALL = (
    "data.image_size=48",
    "data.batch_size=8",
    "data.workers=1",
    "model.backbone.name=mobilenetv3_small_050",
    "model.backbone.weights=none",
    "fine_tuning.head_only_epochs=1",
    "augmentation.mixup_alpha=0.2",
    "trainer.epochs=3",
    "trainer.accelerator=cpu",
)


def finished(run):
    """Weights and history of a run, without what a clock decides."""
    history = pd.read_csv(run.history).drop(columns="seconds")
    return load_file(run.weights), history


def trained(manifest, folder, *extra, **options):
    run = RunFolder(folder)
    train(config.load("default", [*SMALL, *extra]), Manifest.read(manifest), run, **options)
    return run


@pytest.fixture(scope="module")
def undisturbed(split_phantom, tmp_path_factory):
    return trained(split_phantom, tmp_path_factory.mktemp("runs") / "undisturbed")


def test_a_run_killed_between_epochs_resumes_to_the_same_bits(split_phantom, tmp_path, undisturbed):
    settings = [word for override in SMALL for word in ("--set", override)]
    folder = tmp_path / "killed"
    command = [
        sys.executable,
        "-c",
        "from cutis.cli import main; main()",
        "train",
        str(split_phantom),
    ]
    victim = subprocess.Popen(
        [*command, "-o", str(folder), *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    run = RunFolder(folder)
    deadline = time.monotonic() + 240
    while not run.last_checkpoint.exists() and victim.poll() is None:
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.05)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    resumed = trained(split_phantom, folder, resume=True)
    weights, history = finished(resumed)
    expected_weights, expected_history = finished(undisturbed)
    pd.testing.assert_frame_equal(history, expected_history, check_exact=True)
    assert all(torch.equal(weights[name], value) for name, value in expected_weights.items())


def test_a_finished_run_resumes_to_itself(split_phantom, undisturbed):
    before = finished(undisturbed)[1]
    trained(split_phantom, undisturbed.path, resume=True)
    pd.testing.assert_frame_equal(finished(undisturbed)[1], before)


def test_a_folder_that_holds_a_run_is_not_overwritten(split_phantom, undisturbed):
    with pytest.raises(InputError, match="--resume"):
        trained(split_phantom, undisturbed.path)


def test_resuming_with_other_settings_names_the_difference(split_phantom, undisturbed):
    with pytest.raises(InputError, match=r"data\.batch_size \(was 8\)"):
        trained(split_phantom, undisturbed.path, "data.batch_size=4", resume=True)


def test_the_run_folder_is_complete(undisturbed):
    assert undisturbed.curves.read_bytes().startswith(b"\x89PNG")
    for file in (undisturbed.settings, undisturbed.environment, undisturbed.manifest):
        assert file.stat().st_size > 0
    assert list((undisturbed.path / "tensorboard").glob("events.*"))
    rows = Manifest.read(undisturbed.manifest).split("test")
    predictions = Predictions.read(undisturbed.predictions("test"), rows.taxonomy)
    assert set(predictions.image_ids) == set(rows.image_ids)


def test_a_manifest_without_a_split_says_how_to_make_one(phantom_set, tmp_path):
    import_source("phantom", phantom_set).manifest.write(tmp_path / "m.csv")
    with pytest.raises(ManifestError, match="cutis data split"):
        trained(tmp_path / "m.csv", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_class_without_training_pictures_is_named(split_phantom, tmp_path):
    table = Manifest.read(split_phantom)
    keep = ~((table.frame["split"] == "train") & (table.frame["diagnosis"] == "melanoma"))
    table.rows(keep.to_numpy()).write(tmp_path / "m.csv")
    with pytest.raises(ManifestError, match="'melanoma' has no picture in split 'train'"):
        trained(tmp_path / "m.csv", tmp_path / "run")


def test_a_run_from_before_a_setting_came_goes_on_with_its_default(tmp_path):
    run, recipe = RunFolder(tmp_path), Recipe()
    described = recipe.model_dump(mode="json")
    del described["augmentation"]["spoiling"]
    write_json(run.settings, described)
    run.require_same_settings(recipe)
    spoilt = recipe.augmentation.model_copy(update={"spoiling": 0.5})
    with pytest.raises(InputError, match=r"augmentation\.spoiling \(was 0\.0\)"):
        run.require_same_settings(recipe.model_copy(update={"augmentation": spoilt}))
