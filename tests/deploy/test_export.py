"""What is served repeats what was trained, and what is loaded cannot run code."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn

from cutis.bundle import BundleFacts, ModelBundle
from cutis.deploy import export
from cutis.deploy.export import (
    MAX_PROBABILITY_DIFFERENCE,
    export_bundle,
    export_onnx,
    probability_difference,
)
from cutis.errors import BundleError, InputError, OutputError
from cutis.imaging import Preprocessing
from cutis.inference.predictor import Predictor
from cutis.models.classifier import Classifier
from cutis.models.weights import load_weights, save_weights
from cutis.parity import Parity
from cutis.taxonomy import load_taxonomy

SIDE = 16
FACTS = BundleFacts(
    name="small",
    architecture="small",
    classes=("melanoma", "nevus", "dermatofibroma"),
    taxonomy=load_taxonomy(),
    preprocessing=Preprocessing(SIDE, SIDE),
    parity=Parity(float("nan"), 0),
    provenance={},
)


def classifier(seed: int = 0) -> Classifier:
    """Convolution, BatchNorm whose statistics matter, dropout: all that differs in training mode."""
    torch.manual_seed(seed)
    backbone = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
    )
    backbone[1].running_mean.uniform_(-1, 1)
    backbone[1].running_var.uniform_(0.5, 2)
    return Classifier(backbone, nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 3)))


def noise(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Classifier, ModelBundle]:
    model = classifier().train()
    folder = tmp_path_factory.mktemp("export") / "bundle"
    return model, export_bundle(model, folder, FACTS, frames=noise(8), model_card="# Small\n")


@pytest.mark.parametrize("n", [1, 2, 5, 33])
def test_any_number_of_images_gets_torchs_logits_and_features(exported, n):
    model, bundle = exported
    session = onnxruntime.InferenceSession(bundle.onnx, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(n).normal(size=(n, 3, SIDE, SIDE)).astype(np.float32)
    logits, features = session.run(["logits", "features"], {"images": images})
    model.eval()
    with torch.inference_mode():
        expected = model.features(torch.from_numpy(images))
        assert np.allclose(features, expected, atol=1e-5)
        assert np.allclose(logits, model.head(expected), atol=1e-5)
    model.train()


def test_the_measured_parity_is_written_down_and_small(exported):
    _model, bundle = exported
    parity = ModelBundle.load(bundle.folder).facts.parity
    assert parity.images == 8
    assert 0 <= parity.max_probability_difference <= MAX_PROBABILITY_DIFFERENCE


def test_exporting_leaves_the_model_in_the_mode_it_was_in(exported):
    model, _bundle = exported
    assert all(module.training for module in model.modules())
    model.backbone[1].eval()
    probability_difference(model, Predictor(_bundle), noise(1))
    assert not model.backbone[1].training
    assert model.head.training
    model.train()


def test_the_network_is_one_plain_file_that_names_no_machine(exported):
    _model, bundle = exported
    network = onnx.load(bundle.onnx, load_external_data=False)
    onnx.checker.check_model(network)
    assert all(not tensor.external_data for tensor in network.graph.initializer)
    content = bundle.onnx.read_bytes()
    for folder in (Path(export.__file__).parents[2], Path(torch.__file__).parents[1], Path.home()):
        assert str(folder).encode() not in content
    assert b".py" not in content


def test_the_same_model_gives_the_same_file(exported, tmp_path):
    model, bundle = exported
    export_onnx(model, tmp_path / "again.onnx", height=SIDE, width=SIDE)
    assert (tmp_path / "again.onnx").read_bytes() == bundle.onnx.read_bytes()


def test_a_picture_gets_the_same_answer_before_and_after_export(exported, tmp_path):
    model, bundle = exported
    pixels = np.random.default_rng(5).integers(0, 256, (45, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    served = Predictor(bundle).predict([tmp_path / "a.png"]).predictions.probabilities
    model.eval()
    with torch.inference_mode():
        images = torch.from_numpy(FACTS.preprocessing(pixels))[None]
        trained = model(images).double().softmax(dim=1).numpy()
    model.train()
    assert np.abs(served - trained).max() <= MAX_PROBABILITY_DIFFERENCE


@pytest.mark.parametrize("worst", [2e-4, float("nan")])
def test_a_bundle_that_differs_from_torch_is_not_written(exported, tmp_path, monkeypatch, worst):
    model, bundle = exported

    def copy(_model, path, *, height, width):
        path.write_bytes(bundle.onnx.read_bytes())

    monkeypatch.setattr(export, "export_onnx", copy)  # already exported once
    monkeypatch.setattr(export, "probability_difference", lambda *_arguments: worst)
    with pytest.raises(BundleError, match="the bundle was not written"):
        export_bundle(model, tmp_path / "bundle", FACTS, frames=noise(2), model_card="")
    assert list(tmp_path.iterdir()) == []


def test_other_weights_would_be_noticed(exported):
    _model, bundle = exported
    difference = probability_difference(classifier(seed=1), Predictor(bundle), noise(4))
    assert difference > MAX_PROBABILITY_DIFFERENCE


def test_a_network_of_another_size_than_its_classes_is_refused(exported, tmp_path, monkeypatch):
    model, bundle = exported
    monkeypatch.setattr(
        export, "export_onnx", lambda _m, path, **_size: path.write_bytes(bundle.onnx.read_bytes())
    )
    facts = replace(FACTS, classes=FACTS.classes[:2])
    with pytest.raises(BundleError, match="for 2 classes"):
        export_bundle(model, tmp_path / "bundle", facts, frames=noise(2), model_card="")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_found_out_before_the_export(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(export, "export_onnx", lambda *_a, **_o: pytest.fail("exported"))
    with pytest.raises(OutputError, match="cannot be written"):
        export_bundle(
            classifier(), tmp_path / "file" / "bundle", FACTS, frames=noise(1), model_card=""
        )


def test_weights_survive_the_bundle(exported):
    model, bundle = exported
    other = classifier(seed=1)
    load_weights(other, bundle.weights)
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_weights_that_share_memory_are_saved(tmp_path):
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(3, 3)
            self.two = self.one

    tied = Tied()
    save_weights(tied, tmp_path / "tied.safetensors")
    again = Tied()
    load_weights(again, tmp_path / "tied.safetensors")
    assert torch.equal(again.two.weight, tied.one.weight)


class Payload:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_a_pickle_named_safetensors_is_refused_and_its_payload_never_runs(tmp_path, writer):
    trap, weights = tmp_path / "executed", tmp_path / "weights.safetensors"
    if writer == "pickle":
        weights.write_bytes(pickle.dumps(Payload(trap)))
    else:
        torch.save({"head.1.bias": Payload(trap)}, weights)
    with pytest.raises(InputError, match="not a safetensors file"):
        load_weights(classifier(), weights)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Payload(trap)))
    assert trap.exists()  # so it was a live one


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 64, b'\x10\0\0\0\0\0\0\0{"a": 1}'])
def test_damaged_weights_are_refused(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="not a safetensors file"):
        load_weights(classifier(), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="cannot be read"):
        load_weights(classifier(), tmp_path / "absent.safetensors")


def test_weights_of_another_network_change_nothing(tmp_path):
    save_weights(nn.Linear(2, 2), tmp_path / "w.safetensors")
    model = classifier()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(InputError, match="do not fit the network, such as"):
        load_weights(model, tmp_path / "w.safetensors")
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
