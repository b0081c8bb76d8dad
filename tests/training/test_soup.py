"""The mean of several runs is a run of its own; runs that have no mean are refused."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from cutis import RESEARCH_USE_NOTICE, config
from cutis.bundle import ModelBundle
from cutis.cli.app import command_tree
from cutis.deploy.publish import publish_run
from cutis.errors import InputError
from cutis.files import sha256_of_file
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.run_folder import RunFolder
from cutis.training.runner import prepare_run_folder, train
from cutis.training.soup import cook, mean_of


@pytest.fixture(scope="module")
def runs(split_phantom, small_recipe, tmp_path_factory):
    """Two finished runs with other seeds that went on from the weights of a third."""
    folder = tmp_path_factory.mktemp("runs")
    manifest = Manifest.read(split_phantom)
    begun = folder / "begun" / "checkpoints" / "kept.safetensors"
    for name, changes in (
        ("begun", ["model.backbone.weights=none"]),
        ("one", [f"model.backbone.weights={begun}"]),
        ("other", [f"model.backbone.weights={begun}", "seed=1"]),
    ):
        run, recipe = RunFolder(folder / name), small_recipe(*changes)
        publish_run(run, recipe, train(recipe, manifest, run), manifest)
    return [RunFolder(folder / "one"), RunFolder(folder / "other")]


@pytest.fixture
def copies(runs, tmp_path):
    """The same runs, to be spoiled."""
    return [RunFolder(shutil.copytree(run.path, tmp_path / run.path.name)) for run in runs]


def change_settings(run, *, weights):
    settings = json.loads(run.settings.read_text())
    settings["model"]["backbone"]["weights"] = str(weights)
    run.settings.write_text(json.dumps(settings))


def reverse_classes(bundle):
    """Make a bundle say that its logits stand for its classes in the other order."""
    facts, sums = bundle / "bundle.json", bundle / "SHA256SUMS"
    before = sha256_of_file(facts)
    described = json.loads(facts.read_text())
    described["classes"].reverse()
    facts.write_text(json.dumps(described))
    sums.write_text(sums.read_text().replace(before, sha256_of_file(facts)))


def recipe_of(runs):
    return config.load(runs[0].settings)


def test_a_mean_keeps_the_type_of_every_tensor():
    states = [{"w": torch.tensor([x]), "n": torch.tensor(n)} for x, n in ((1.0, 3), (4.0, 6))]
    mean = mean_of([*states, states[1]])
    assert mean["w"].tolist() == [3.0]
    assert mean["n"].item() == 5
    assert mean["n"].dtype == torch.int64


def test_a_soup_is_a_run_with_the_mean_of_the_weights(runs, tmp_path):
    target = RunFolder(tmp_path / "soup")
    recipe = config.load(runs[0].settings, ["data.image_size=64"])
    found = cook(runs, recipe, target)
    one, other = (load_file(run.weights) for run in runs)
    assert any((one[name] != other[name]).any() for name in one)
    for name, value in load_file(target.weights).items():
        wanted = (one[name].double() + other[name].double()) / 2
        torch.testing.assert_close(value.double(), wanted.to(value.dtype).double(), msg=name)
    assert config.load(target.settings) == recipe
    assert not found.model.training
    assert list(found.ingredients) == [str(run.path) for run in runs]
    for run in runs:
        reached = (run.history.read_text().splitlines()[1]).split(",")
        header = run.history.read_text().splitlines()[0].split(",")
        for name, value in found.ingredients[str(run.path)].items():
            assert value == pytest.approx(float(reached[header.index(name)]), abs=1e-5)
    rows = Manifest.read(target.manifest).split("val")
    told = Predictions.read(target.predictions("val"), rows.taxonomy)
    assert told.image_ids == tuple(rows.image_ids)


def test_the_command_writes_a_bundle_and_sets_the_mean_beside_the_runs(runs, tmp_path):
    out = tmp_path / "soup"
    command = ["soup", *(str(run.path) for run in runs), "-o", str(out)]
    found = CliRunner().invoke(command_tree(), command)
    assert found.exit_code == 0, found.output
    assert "their mean" in found.output
    assert RESEARCH_USE_NOTICE in found.output
    facts = ModelBundle.load(out / "bundle").facts
    assert facts.parity.images > 0
    assert facts.provenance["mean_of"] == [
        {"name": run.path.name, "weights_sha256": sha256_of_file(run.weights)} for run in runs
    ]
    card = (out / "bundle" / "MODEL_CARD.md").read_text()
    assert "| Weights | mean of those of one, other |" in card
    assert (out / "predictions-test.csv").exists()
    with pytest.raises(InputError, match="already holds a run, not a soup; choose another"):
        cook(runs, recipe_of(runs), RunFolder(out))
    rows, recipe = Manifest.read(runs[0].manifest), recipe_of(runs)
    with pytest.raises(InputError, match="to go on from, like a soup"):
        prepare_run_folder(recipe, rows, RunFolder(out), resume=True)


def test_one_run_is_no_soup(runs, tmp_path):
    with pytest.raises(InputError, match="at least two"):
        cook(runs[:1], recipe_of(runs), RunFolder(tmp_path / "soup"))


def test_an_unfinished_run_is_refused(copies, tmp_path):
    shutil.rmtree(copies[1].bundle)
    with pytest.raises(InputError, match="other: not a finished run"):
        cook(copies, recipe_of(copies), RunFolder(tmp_path / "soup"))


def test_runs_of_other_pictures_are_refused(copies, tmp_path):
    rows = copies[1].manifest.read_text().splitlines()
    copies[1].manifest.write_text("\n".join(rows[:-1]) + "\n")
    with pytest.raises(InputError, match="other: trained on another manifest"):
        cook(copies, recipe_of(copies), RunFolder(tmp_path / "soup"))


def test_runs_that_began_apart_are_refused(copies, tmp_path):
    change_settings(copies[1], weights="none")
    with pytest.raises(InputError, match="other first weights"):
        cook(copies, recipe_of(copies), RunFolder(tmp_path / "soup"))
    assert not (tmp_path / "soup").exists()


@pytest.mark.parametrize("weights", ["none", "auto", "package"])
def test_runs_whose_seeds_drew_their_heads_are_refused(copies, tmp_path, weights):
    for run in copies:
        change_settings(run, weights=weights)
    with pytest.raises(InputError, match=r"other: began apart.*model\.backbone\.weights=RUN"):
        cook(copies, recipe_of(copies), RunFolder(tmp_path / "soup"))
    settings = json.loads(copies[1].settings.read_text())
    copies[1].settings.write_text(json.dumps(settings | {"seed": 0}))
    cook(copies, recipe_of(copies), RunFolder(tmp_path / "soup"))


def test_runs_that_took_a_backbone_from_a_classifier_of_other_classes_are_refused(
    runs, copies, tmp_path
):
    begun = shutil.copytree(runs[0].path.parent / "begun", tmp_path / "begun")
    reverse_classes(begun / "bundle")
    for run in copies:
        change_settings(run, weights=begun / "bundle" / "weights.safetensors")
    with pytest.raises(InputError, match="other: began apart"):
        cook(copies, recipe_of(copies), RunFolder(tmp_path / "soup"))


def test_runs_with_classes_in_another_order_are_refused(runs, copies, tmp_path):
    reverse_classes(copies[1].bundle)
    with pytest.raises(InputError, match=r"other: its classes are .* in one order"):
        cook(copies, recipe_of(copies), RunFolder(tmp_path / "soup"))
    order = ModelBundle.load(copies[1].bundle).facts.classes
    recipe = config.load(copies[0].settings, [f"data.classes={list(order)}"])
    with pytest.raises(InputError, match=r"data\.classes: .* leave the setting as the run has it"):
        cook(runs, recipe, RunFolder(tmp_path / "soup"))


def test_a_run_is_taken_once(runs, copies, tmp_path):
    for again in (runs[0], copies[0]):
        with pytest.raises(InputError, match="give each run once"):
            cook([runs[0], runs[1], again], recipe_of(runs), RunFolder(tmp_path / "soup"))
