"""A trained network comes back from its run folder and from its bundle, or says why not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cutis.bundle import BundleFacts, ModelBundle, write_bundle
from cutis.errors import BundleError, InputError
from cutis.imaging import Preprocessing
from cutis.models.backbones import (
    BackboneSettings,
    backbone_preprocessing,
    inherited_sources,
)
from cutis.models.classifier import HeadSettings, ModelSettings, create_classifier
from cutis.models.modes import evaluating
from cutis.models.trained import calibrated, load_trained
from cutis.models.weights import save_weights
from cutis.parity import Parity
from cutis.readout import LogLinearMap
from cutis.taxonomy import load_taxonomy

SIDE = 64
NAME = "test_efficientnet"
CLASSES = ("melanoma", "nevus")
MANIFEST = """image_id,path,diagnosis,split
a,a.png,nevus,train
b,b.png,melanoma,train
left-out,c.png,dermatofibroma,
"""


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    settings = ModelSettings(
        backbone=BackboneSettings(name=NAME, weights="none"), head=HeadSettings(hidden=(5,))
    )
    return create_classifier(settings, classes=2, image_size=SIDE)


@pytest.fixture
def run(network, tmp_path):
    """A run folder before its bundle is exported."""
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    save_weights(network, folder / "checkpoints" / "kept.safetensors")
    (folder / "manifest.csv").write_text(MANIFEST)
    settings = {
        "data": {"image_size": SIDE, "fit": "crop", "interpolation": "bilinear"},
        "model": {"backbone": {"name": NAME, "weights": "auto"}, "head": {"hidden": [5]}},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def bundle(network, tmp_path):
    """Writes a bundle; its ONNX file is a stand-in, as nothing here serves it."""

    def write(folder=tmp_path / "bundle", *, architecture=NAME, head=True, readout=None):
        save_weights(network, tmp_path / "w.safetensors")
        (tmp_path / "m.onnx").write_bytes(b"stand-in")
        facts = BundleFacts(
            name="small",
            architecture=architecture,
            classes=CLASSES,
            taxonomy=load_taxonomy(),
            preprocessing=Preprocessing(SIDE, SIDE),
            parity=Parity(0.0, 1),
            provenance={"head": {"hidden": [5], "dropout": 0.2}} if head else {},
            readout=readout,
        )
        files = {"onnx": tmp_path / "m.onnx", "weights": tmp_path / "w.safetensors"}
        return write_bundle(folder, facts, **files, model_card="# Small\n").folder

    return write


def same_answers(one, other) -> bool:
    images = torch.rand(2, 3, SIDE, SIDE)
    with evaluating(one), evaluating(other), torch.no_grad():
        return bool(torch.allclose(one(images), other(images), atol=1e-6))


def test_a_run_folder_gives_its_kept_network_back(network, run):
    found = load_trained(run)
    assert same_answers(found.network, network)
    assert found.classes.classes == CLASSES
    assert found.preprocessing == backbone_preprocessing(NAME, size=SIDE, fit="crop")
    assert (found.name, found.architecture) == ("run", NAME)


def test_a_bundle_gives_its_network_back_with_its_calibration(network, bundle, readout):
    scaling = LogLinearMap(np.array([[1.5, 0.3], [-0.2, 0.8]]), np.array([0.2, -0.1]))
    folder = bundle(readout=replace(readout, calibration=scaling))
    found = load_trained(folder)
    assert same_answers(found.network, network)
    logits = torch.tensor([[4.0, -4.0], [1.0, 2.0]])
    answered = ModelBundle.load(folder).facts.calibrated(logits.double().softmax(dim=1).numpy())
    told = calibrated(logits, found.calibration).softmax(dim=1)
    assert np.allclose(told.numpy(), answered, atol=1e-12)
    assert len(found.weights_sha256) == 64


def test_a_run_folder_with_a_bundle_is_read_by_its_bundle(run, bundle):
    bundle(run / "bundle")
    assert load_trained(run).name == "small"


def test_a_bundle_whose_network_cutis_does_not_build_can_only_be_served(bundle, colour_bundle):
    for folder in (bundle(architecture="by hand"), bundle(head=False), colour_bundle):
        with pytest.raises(BundleError, match="it can be served, but not be looked into"):
            load_trained(folder)


def started(weights, *, names=CLASSES, whole=False):
    settings = ModelSettings(
        backbone=BackboneSettings(name=NAME, weights=str(weights)), head=HeadSettings(hidden=(5,))
    )
    return create_classifier(
        settings, classes=len(names), image_size=SIDE, names=names, whole=whole
    )


def test_weights_go_on_with_their_head_where_the_classes_are_the_same(network, bundle, run):
    bundle(run / "bundle")
    for weights in ("bundle/weights.safetensors", "checkpoints/kept.safetensors"):
        assert same_answers(started(run / weights, whole=True), network)
        other = started(run / weights, names=CLASSES[::-1])
        assert same_answers(other.backbone, network.backbone)
        assert not torch.equal(other.head[-1].weight, network.head[-1].weight)
        with pytest.raises(InputError, match="no head for these 2 classes in this order"):
            started(run / weights, names=CLASSES[::-1], whole=True)


def test_of_weights_without_a_bundle_beside_them_only_the_number_of_classes_is_compared(
    network, run
):
    weights = run / "checkpoints" / "kept.safetensors"
    assert same_answers(started(weights, names=CLASSES[::-1]), network)
    with pytest.raises(InputError, match="no head for these 3 classes"):
        started(weights, names=(*CLASSES, "dermatofibroma"), whole=True)


def test_a_name_too_long_for_any_file_is_that_of_none():
    name = "x" * 300
    with pytest.raises(InputError, match=r"not auto, package, .* or an existing file"):
        started(f"{name}.safetensors")
    with pytest.raises(BundleError, match="no such folder"):
        load_trained(Path(name))


def test_a_bundle_tells_what_its_weights_learned_from(bundle, run):
    facts = bundle(run / "bundle") / "bundle.json"
    weights = [facts.with_name("weights.safetensors"), run / "checkpoints" / "kept.safetensors"]
    settings = [BackboneSettings(name=NAME, weights=str(each)) for each in weights]
    assert [inherited_sources(each) for each in settings] == [(), ()]
    told = json.loads(facts.read_text())
    facts.write_text(json.dumps(told | {"provenance": {"sources": ["ham10000"]}}))
    assert [inherited_sources(each) for each in settings] == [("ham10000",)] * 2


def test_weights_are_as_readable_as_any_file(run):
    (run / "any").touch()
    kept = run / "checkpoints" / "kept.safetensors"
    assert kept.stat().st_mode == (run / "any").stat().st_mode


def test_damaged_weights_are_found_out(bundle):
    folder = bundle()
    (folder / "weights.safetensors").write_bytes(b"no")
    with pytest.raises(BundleError, match="damaged or changed"):
        load_trained(folder)


def test_weights_of_another_network_are_refused(run):
    save_file({"a": torch.zeros(3)}, run / "checkpoints" / "kept.safetensors")
    with pytest.raises(InputError, match="tensors do not fit the network"):
        load_trained(run)


def test_weights_that_are_cut_off_are_refused(run):
    (run / "checkpoints" / "kept.safetensors").write_bytes(b"\x10\0\0")
    with pytest.raises(InputError, match="not a safetensors file"):
        load_trained(run)


def test_settings_that_are_none_are_refused(run):
    (run / "settings.json").write_text('{"data": {}}')
    with pytest.raises(InputError, match="not the settings of a run"):
        load_trained(run)


def test_what_is_no_model_says_so(run, tmp_path):
    (run / "checkpoints" / "kept.safetensors").unlink()
    with pytest.raises(BundleError, match="without checkpoints/kept"):
        load_trained(run)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match="neither a model bundle nor a run folder"):
        load_trained(tmp_path / "empty")
    with pytest.raises(BundleError, match="no such folder"):
        load_trained(tmp_path / "absent")
