"""A run that is killed and resumed ends as one that was left alone, to the bit."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
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
from cutis.training import runner
from cutis.training.recipe import Recipe
from cutis.training.run_folder import RunFolder
from cutis.training.runner import prepare_run_folder, train

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


def test_a_resumed_run_does_what_is_missing_and_nothing_else(split_phantom, undisturbed, tmp_path):
    run = RunFolder(shutil.copytree(undisturbed.path, tmp_path / "run"))
    lines = run.history.read_text().splitlines(keepends=True)
    run.history.write_text("".join(lines[:-1]))  # killed between the last state and its line
    run.predictions("val").unlink()
    run.predictions("test").write_text("made before")
    trained(split_phantom, run.path, resume=True)
    assert run.history.read_text() == "".join(lines)
    assert run.predictions("val").read_bytes() == undisturbed.predictions("val").read_bytes()
    assert run.predictions("test").read_text() == "made before"


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda last: last.unlink(), "no checkpoints/last.ckpt to go on from"),
        (lambda last: last.write_bytes(last.read_bytes()[:3000]), "damaged, or not the state"),
        (lambda last: last.write_bytes(pickle.dumps(Payload())), "damaged, or not the state"),
    ],
    ids=["gone", "cut off", "pickle"],
)
def test_a_run_whose_state_cannot_be_read_is_refused(
    split_phantom, undisturbed, tmp_path, monkeypatch, damage, fault
):
    monkeypatch.chdir(tmp_path)
    run = RunFolder(shutil.copytree(undisturbed.path, tmp_path / "run"))
    damage(run.last_checkpoint)
    with pytest.raises(InputError, match=fault):
        trained(split_phantom, run.path, resume=True)
    assert not (tmp_path / "pickle-ran.txt").exists()
    assert_same_files(run.path, undisturbed.path)


class Payload:
    def __reduce__(self):
        return (open, ("pickle-ran.txt", "w"))


def assert_same_files(folder, other):
    """All but the state, by name and content."""
    files = {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
    files.discard(RunFolder(other).last_checkpoint.relative_to(other))
    assert files
    for name in files:
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name


def test_a_folder_that_holds_a_run_is_not_overwritten(split_phantom, undisturbed):
    with pytest.raises(InputError, match="--resume"):
        trained(split_phantom, undisturbed.path)


def test_resuming_with_other_settings_names_the_difference(split_phantom, undisturbed):
    with pytest.raises(InputError, match=r"data\.batch_size \(was 8\)"):
        trained(split_phantom, undisturbed.path, "data.batch_size=4", resume=True)


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("diagnosis", "dermatofibroma", "has diagnosis 'dermatofibroma', which was"),
        ("split", "", "has split '', which was"),
        ("fold", 3.0, "has fold '3', which was ''"),
        ("patient_id", "somebody", "has patient_id 'somebody', which was"),
        ("path", "/elsewhere.jpg", "has path '/elsewhere.jpg', which was"),
        ("image_id", "another", "image 'another' has image_id 'another', which was"),
    ],
)
def test_resuming_with_another_manifest_names_the_difference(
    split_phantom, undisturbed, column, value, named
):
    rows = Manifest.read(split_phantom)
    other = rows.with_columns(**{column: [value, *rows.frame[column][1:]]})
    recipe = config.load("default", SMALL)
    with pytest.raises(InputError, match=rf"another manifest .*first difference: .*{named}.*-o"):
        prepare_run_folder(recipe, other, undisturbed, resume=True)


def test_resuming_with_fewer_or_shuffled_rows_is_refused(split_phantom, undisturbed):
    rows, recipe = Manifest.read(split_phantom), config.load("default", SMALL)
    fewer = rows.rows(np.arange(len(rows)) > 0)
    with pytest.raises(InputError, match="59 images, which were 60"):
        train(recipe, fewer, undisturbed, resume=True)
    shuffled = replace(rows, frame=rows.frame.iloc[::-1])
    with pytest.raises(InputError, match="has image_id"):
        prepare_run_folder(recipe, shuffled, undisturbed, resume=True)


def test_the_same_pictures_may_be_reached_by_another_way(split_phantom, undisturbed, tmp_path):
    rows, recipe = Manifest.read(split_phantom), config.load("default", SMALL)
    beside = tmp_path / "linked"
    beside.symlink_to(rows.paths[0].parent)
    by_link = rows.with_columns(path=[str(beside / path.name) for path in rows.paths])
    prepare_run_folder(recipe, by_link, undisturbed, resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_that_fails_before_its_first_epoch_leaves_the_folder_to_others(
    split_phantom, tmp_path, monkeypatch, resume
):
    def fail(*_arguments, **_options):
        raise RuntimeError("no such device")

    rows, run = Manifest.read(split_phantom), RunFolder(tmp_path / "run")
    recipe, other = (config.load("default", [*SMALL, f"seed={seed}"]) for seed in (0, 1))
    with monkeypatch.context() as patched:
        patched.setattr(runner, "fit", fail)
        with pytest.raises(RuntimeError, match="no such device"):
            train(recipe, rows, run)
    prepare_run_folder(other, rows, run, resume=resume)
    run.require_same_settings(other)


def test_a_run_that_fails_later_stays_to_be_resumed(split_phantom, tmp_path, monkeypatch):
    def fail_after_an_epoch(_recipe, _data, _model, run, **_options):
        run.weights.parent.mkdir()
        run.weights.write_bytes(b"of the first epoch")
        raise RuntimeError("no space left")

    rows, run = Manifest.read(split_phantom), RunFolder(tmp_path / "run")
    recipe = config.load("default", SMALL)
    monkeypatch.setattr(runner, "fit", fail_after_an_epoch)
    with pytest.raises(RuntimeError, match="no space left"):
        train(recipe, rows, run)
    with pytest.raises(InputError, match="already holds a run; add --resume"):
        prepare_run_folder(recipe, rows, run, resume=False)
    prepare_run_folder(recipe, rows, run, resume=True)


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
