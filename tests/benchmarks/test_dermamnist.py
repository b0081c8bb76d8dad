"""The pieces of the DermaMNIST benchmark, on drawn pictures and by independent oracles."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from cutis import config
from cutis.curation.sources import import_source
from cutis.curation.splits import split_manifest
from cutis.errors import InputError, LeakageError
from cutis.imaging import load_rgb
from cutis.tables.predictions import Predictions

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks are not installed

from benchmarks.dermamnist import baseline
from benchmarks.dermamnist.__main__ import CONFIG, SIDES, our_settings
from benchmarks.dermamnist.judgement import compare
from benchmarks.dermamnist.task import officially_split, squeezed, squeezed_manifest


@pytest.fixture(scope="module")
def clean(phantom_set):
    return split_manifest(import_source("phantom", phantom_set).manifest, seed=0)


@pytest.fixture(scope="module")
def small(clean, tmp_path_factory):
    return squeezed_manifest(clean, tmp_path_factory.mktemp("pictures"), size=28)


def answers(manifest, *, seed):
    """Answers that lean towards the truth, of which no two are equal."""
    classes = manifest.class_set()
    truth = np.eye(len(classes))[list(classes.indices_of(manifest.diagnoses))]
    drawn = np.random.default_rng(seed).random(truth.shape) + 0.4 * truth
    return Predictions(
        manifest.image_ids, classes.classes, drawn / drawn.sum(axis=1, keepdims=True)
    )


def test_the_whole_frame_is_squeezed_and_nothing_is_cut_off():
    frame = np.full((150, 200, 3), 128, dtype=np.uint8)
    frame[:, :20], frame[:, -20:] = (255, 0, 0), (0, 0, 255)  # a centre crop would lose both
    square = squeezed(frame, 28)
    assert square.shape == (28, 28, 3)
    assert (square[:, 0] == (255, 0, 0)).all()
    assert (square[:, -1] == (0, 0, 255)).all()
    assert (square[:, 14] == 128).all()


def test_both_recipes_get_square_pictures_of_a_split_in_which_no_lesion_straddles(clean, small):
    assert small.image_ids == clean.image_ids
    assert {load_rgb(path).shape for path in small.paths} == {(28, 28, 3)}
    assert (small.frame.groupby("lesion_id")["split"].nunique() == 1).all()
    original = load_rgb(clean.paths[7])
    np.testing.assert_array_equal(load_rgb(small.paths[7]), squeezed(original, 28))


def test_the_official_split_is_taken_as_it_is_although_its_lesions_straddle(clean, tmp_path):
    table = tmp_path / "official.csv"
    dealt = ["train", "test", "val"] * (len(clean) // 3)
    lines = [f"{image_id},{split}" for image_id, split in zip(clean.image_ids, dealt, strict=True)]
    table.write_text("\n".join(["image_id,split", *reversed(lines)]))
    official = officially_split(clean, table)
    assert list(official.frame["split"]) == dealt
    official.require_no_leak()  # so that it can be trained on
    with pytest.raises(LeakageError):
        clean.with_columns(split=dealt).require_no_leak()
    table.write_text("\n".join(["image_id,split", *lines[1:]]))
    with pytest.raises(InputError, match=f"1 images have no split.*{clean.image_ids[0]}"):
        officially_split(clean, table)


def test_the_figures_are_those_of_medmnist_by_scikit_learn(clean):
    ours, theirs = answers(clean, seed=1), answers(clean, seed=2)
    found = compare(ours, theirs, clean, replicates=100)
    truth = np.array(clean.class_set().indices_of(clean.diagnoses))
    for name, table in (("ours", ours), ("baseline", theirs)):
        scores = table.probabilities
        areas = [roc_auc_score(truth == k, scores[:, k]) for k in range(scores.shape[1])]
        assert found[name]["auc"].value == pytest.approx(np.mean(areas))
        answered = scores.argmax(axis=1)
        assert found[name]["accuracy"].value == pytest.approx((answered == truth).mean())
        assert found[name]["balanced_accuracy"].value == pytest.approx(
            balanced_accuracy_score(truth, answered)
        )
    for figure, gained in found["difference"].items():
        expected = found["ours"][figure].value - found["baseline"][figure].value
        assert gained.value == pytest.approx(expected)
        assert gained.low < gained.value < gained.high


def test_two_equal_recipes_differ_by_exactly_nothing(clean):
    same = answers(clean, seed=1)
    for gained in compare(same, same, clean, replicates=100)["difference"].values():
        assert str(gained) == "0.000 (no interval)"


def test_the_network_for_28_px_is_the_one_for_cifar_and_a_larger_one_is_the_usual():
    network = baseline.create_network(28, classes=10)
    # The count that github.com/kuangliu/pytorch-cifar's ResNet18 has.
    assert sum(weight.numel() for weight in network.parameters()) == 11_173_962
    seen = []
    network.layer4.register_forward_hook(lambda _module, _args, output: seen.append(output.shape))
    network.eval()(torch.zeros(1, 3, 28, 28))
    assert tuple(seen[0][-2:]) == (4, 4)  # strides of 8 in all; a pooled stem would leave 1 x 1
    assert baseline.create_network(64, classes=10).conv1.kernel_size == (7, 7)


@pytest.mark.parametrize("size", SIDES)
def test_our_recipe_enlarges_the_whole_square_and_learns_the_frequencies_as_they_are(size):
    recipe = config.load(CONFIG, our_settings(size, epochs=8))
    preprocessing = recipe.preprocessing()
    assert preprocessing.height == preprocessing.width >= size
    assert (preprocessing.fit, preprocessing.interpolation) == ("squash", "bicubic")
    assert recipe.loss.logit_adjustment == recipe.data.balance == 0
    assert recipe.trainer.epochs == 8


def test_the_rate_falls_at_half_and_three_quarters_of_the_epochs():
    rates = [baseline.rate_at(epoch, epochs=16) for epoch in range(16)]
    assert rates == pytest.approx([1e-3] * 8 + [1e-4] * 4 + [1e-5] * 4)


def test_a_stopped_baseline_ends_with_the_answers_of_one_that_was_not(clean, tmp_path, monkeypatch):
    small = squeezed_manifest(clean, tmp_path / "pictures", size=16)
    baseline.train_baseline(small, tmp_path / "whole", epochs=2)
    run_epoch = baseline._run_epoch

    def stop_in_the_second(state, *arguments):
        if state.history:
            raise KeyboardInterrupt
        run_epoch(state, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(baseline, "_run_epoch", stop_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            baseline.train_baseline(small, tmp_path / "stopped", epochs=2)
    with pytest.raises(InputError, match="started with 2 epochs, not 3"):
        baseline.train_baseline(small, tmp_path / "stopped", epochs=3)
    baseline.train_baseline(small, tmp_path / "stopped", epochs=2)
    for name in ("predictions-val.csv", "predictions-test.csv"):
        whole, stopped = (tmp_path / run / name for run in ("whole", "stopped"))
        assert whole.read_bytes() == stopped.read_bytes()
