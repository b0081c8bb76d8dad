"""Training goes on from a model of the zoo: its backbone, and its head where the classes agree."""

import pytest
import torch
from safetensors.torch import save_file

from cutis.bundle import BundleFacts, write_bundle
from cutis.errors import BundleError, InputError
from cutis.models.backbones import (
    BackboneSettings,
    backbone_preprocessing,
    inherited_sources,
)
from cutis.models.classifier import Classifier, ModelSettings, create_classifier
from cutis.parity import Parity
from cutis.taxonomy import load_taxonomy
from cutis.zoo import catalogue

NAME, SIDE, CLASSES = "test_efficientnet", 64, ("melanoma", "nevus")


def classifier(weights: str, *, names=CLASSES, architecture=NAME) -> Classifier:
    backbone = BackboneSettings(name=architecture, weights=weights)
    settings = ModelSettings(backbone=backbone)
    return create_classifier(settings, classes=len(names), image_size=SIDE, names=names)


@pytest.fixture
def shipped(tmp_path, monkeypatch) -> Classifier:
    """The network behind the zoo's only model, `small`, whose weights are in half precision."""
    network = classifier("none")
    halves = {
        name: v.half() if v.is_floating_point() else v for name, v in network.state_dict().items()
    }
    save_file(halves, tmp_path / "w.safetensors")
    (tmp_path / "m.onnx").write_bytes(b"stand-in")  # nothing here serves it
    facts = BundleFacts(
        name="small",
        architecture=NAME,
        classes=CLASSES,
        taxonomy=load_taxonomy(),
        preprocessing=backbone_preprocessing(NAME, size=SIDE),
        parity=Parity(0.0, 1),
        provenance={
            "sources": ["ham10000"],
            "head": ModelSettings().head.model_dump(mode="json"),
        },
    )
    monkeypatch.setattr(catalogue, "BUNDLES", tmp_path / "zoo")
    bundle = write_bundle(
        tmp_path / "zoo" / "small",
        facts,
        onnx=tmp_path / "m.onnx",
        weights=tmp_path / "w.safetensors",
        model_card="# Small\n",
    )
    monkeypatch.setattr(catalogue, "PINS", {"small": dict(bundle.sha256)})
    return network


def test_the_same_classes_go_on_from_the_whole_network(shipped):
    started = classifier("zoo:small")
    for name, value in shipped.state_dict().items():
        assert torch.allclose(started.state_dict()[name], value, rtol=1e-3, atol=1e-6), name
        assert started.state_dict()[name].dtype == value.dtype


@pytest.mark.parametrize("names", [("nevus", "melanoma"), ("melanoma", "nevus", "dermatofibroma")])
def test_other_classes_get_the_backbone_and_a_fresh_head(shipped, names):
    started = classifier("zoo:small", names=names)
    old, new = shipped.state_dict(), started.state_dict()
    assert torch.allclose(
        new["backbone.conv_stem.weight"], old["backbone.conv_stem.weight"], rtol=1e-3, atol=1e-6
    )
    weight = next(name for name in new if name.startswith("head.") and name.endswith("weight"))
    assert new[weight].shape != old[weight].shape or not torch.allclose(new[weight], old[weight])


def test_what_is_made_from_a_model_inherits_its_data_and_so_their_terms(shipped):
    assert inherited_sources(BackboneSettings(weights="zoo:small")) == ("ham10000",)
    assert inherited_sources(BackboneSettings(weights="auto")) == ()


def test_what_cannot_be_started_from_says_why(shipped):
    with pytest.raises(InputError, match="its network is test_efficientnet, not resnet18"):
        classifier("zoo:small", architecture="resnet18")
    with pytest.raises(BundleError, match="did you mean 'small'"):
        classifier("zoo:smal")
