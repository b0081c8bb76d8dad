"""Backbones load the weights they promise, and frozen layers stay where they are."""

import pickle
import sys
from importlib import metadata

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from cutis.errors import InputError, MissingExtraError
from cutis.models.backbones import (
    PACKAGED,
    BackboneSettings,
    backbone_preprocessing,
    create_backbone,
)
from cutis.models.classifier import Classifier, HeadSettings, ModelSettings, create_classifier
from cutis.models.modes import evaluating
from cutis.models.transfer import (
    FineTuning,
    backbone_stages,
    freeze,
    hold_frozen_statistics,
    parameter_groups,
    require_batch_statistics,
)


def untrained(name="tf_efficientnet_lite0", **head):
    settings = ModelSettings(
        backbone=BackboneSettings(name=name, weights="none"), head=HeadSettings(**head)
    )
    return create_classifier(settings, classes=3, image_size=64)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_weights_recognise_what_imagenet_taught(name):
    """The features of the packaged weights, not of random ones, tell colours and textures apart."""
    backbone = create_backbone(BackboneSettings(name=name, weights="package")).eval()
    statistics = backbone.state_dict()["bn1.running_var"]
    assert statistics.std() > 0.1, "a fresh network has unit variances everywhere"


@pytest.mark.parametrize("name", PACKAGED)
def test_weights_that_are_not_installed_name_their_extra(monkeypatch, name):
    module = PACKAGED[name].partition(".")[0]
    monkeypatch.setitem(sys.modules, module, None)
    extra = {"tf_efficientnet_lite0": "train"}.get(name, "backbones")
    with pytest.raises(MissingExtraError, match=rf"cutis\[{extra}\]") as refused:
        create_backbone(BackboneSettings(name=name, weights="package"))
    wanted = f"{module.replace('_', '-')}==0.1.0"
    offered = [each for each in metadata.requires("cutis") if f'extra == "{extra}"' in each]
    assert any(each.startswith(wanted) for each in offered), refused.value


def test_an_unknown_backbone_is_refused_with_a_suggestion():
    with pytest.raises(InputError, match="did you mean 'resnet50'"):
        create_backbone(BackboneSettings(name="resnet_50", weights="none"))


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "convnext_atto", "mobilenetv3_small_050"])
def test_any_timm_backbone_becomes_a_classifier(name):
    model = untrained(name)
    assert model.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 3)


def test_local_weights_are_read_from_safetensors(tmp_path):
    saved = create_backbone(BackboneSettings(weights="none"))
    save_file(saved.state_dict(), tmp_path / "weights.safetensors")
    settings = BackboneSettings(weights=str(tmp_path / "weights.safetensors"))
    loaded = create_backbone(settings)
    assert all(
        torch.equal(a, b)
        for a, b in zip(saved.state_dict().values(), loaded.state_dict().values(), strict=True)
    )


class Payload:
    def __reduce__(self):
        return (open, ("pickle-ran.txt", "w"))


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
def test_a_pickle_never_runs_whatever_it_is_called(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Payload()))
    with pytest.raises(InputError, match="safetensors"):
        create_backbone(BackboneSettings(weights=str(tmp_path / name)))
    assert not (tmp_path / "pickle-ran.txt").exists()


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"conv.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="missing or of another shape"):
        create_backbone(BackboneSettings(weights=str(tmp_path / "other.safetensors")))


def test_preprocessing_is_what_the_backbone_was_pretrained_with():
    lite0 = backbone_preprocessing("tf_efficientnet_lite0", size=96)
    resnet = backbone_preprocessing("resnet18", size=96)
    assert lite0.mean == (0.5, 0.5, 0.5)
    assert resnet.mean == pytest.approx((0.485, 0.456, 0.406))


def test_a_tag_brings_the_preprocessing_of_its_own_weights():
    clip = backbone_preprocessing("convnext_base.clip_laion2b_augreg_ft_in12k_in1k", size=96)
    assert clip.mean == pytest.approx((0.4815, 0.4578, 0.4082), abs=1e-4)
    assert backbone_preprocessing("convnext_base", size=96).mean != clip.mean


def test_an_unknown_tag_is_refused_with_a_suggestion():
    with pytest.raises(InputError, match="did you mean 'a1_in1k'"):
        create_backbone(BackboneSettings(name="resnet18.a1_in2k", weights="none"))
    with pytest.raises(InputError, match=r"resnet18 has .*tv_in1k"):
        backbone_preprocessing("resnet18.xyz", size=96)


@pytest.mark.parametrize("weights", ["none", "hub"])
def test_stochastic_depth_is_refused_where_there_is_none(monkeypatch, weights):
    monkeypatch.setattr("cutis.models.hub._fault_of_the_hub", lambda: OSError("no network"))
    settings = BackboneSettings(name="vgg11", weights=weights, drop_path=0.1)
    with pytest.raises(InputError, match=r"'vgg11': it has no stochastic depth.*drop_path = 0"):
        create_backbone(settings)


@pytest.mark.parametrize("name", ["rdnet_tiny", "poolformer_s12"])
def test_a_network_without_stages_is_one_stage_where_all_are_treated_alike(name):
    with torch.device("meta"):
        model = Classifier(timm.create_model(name, num_classes=0), nn.Linear(4, 3))
    freeze(model, FineTuning())
    assert all(parameter.requires_grad for parameter in model.parameters())
    rates = {g.learning_rate for g in parameter_groups(model, FineTuning(backbone_rate_scale=0.5))}
    assert rates == {1e-3, 5e-4}
    freeze(model, FineTuning(last_stages=0))
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    with pytest.raises(InputError, match="no stages that timm knows of; give fine_tuning"):
        freeze(model, FineTuning(last_stages=2))
    with pytest.raises(InputError, match="depth_decay = 1"):
        parameter_groups(model, FineTuning(depth_decay=0.5))


@pytest.mark.parametrize(("size", "refused"), [(32, True), (96, False)])
def test_batch_norm_learns_from_one_picture_where_its_maps_are_larger_than_a_pixel(size, refused):
    model = untrained("test_efficientnet")
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    if refused:
        with pytest.raises(InputError, match=r"batch_size = 1: .* one value per channel"):
            require_batch_statistics(model, size=size)
    else:
        require_batch_statistics(model, size=size)
        model(torch.zeros(1, 3, size, size))  # which torch would refuse
        return
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_stages_cover_every_backbone_parameter_once():
    model = untrained()
    names = [name for stage in backbone_stages(model.backbone) for name in stage]
    assert sorted(names) == sorted(name for name, _ in model.backbone.named_parameters())


@pytest.mark.parametrize("name", ["convnext_atto", "densenet121", "test_vit"])
def test_the_last_stage_is_more_than_the_normalisation_after_it(name):
    settings = ModelSettings(backbone=BackboneSettings(name=name, weights="none"))
    model = create_classifier(settings, classes=3, image_size=160)
    freeze(model, FineTuning(last_stages=1))
    learning = [each for each in model.backbone.parameters() if each.requires_grad]
    assert any(each.ndim > 1 for each in learning)
    assert learning[-1] is list(model.backbone.parameters())[-1], "its normalisation learns along"


def test_frozen_stages_neither_learn_nor_drift():
    model = untrained()
    settings = FineTuning(last_stages=2)
    freeze(model, settings)
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    model.train()
    hold_frozen_statistics(model)
    optimizer = torch.optim.SGD(
        [p for g in parameter_groups(model, settings) for p in g.parameters]
    )
    model(torch.randn(4, 3, 64, 64)).sum().backward()
    optimizer.step()
    thawed = {name for stage in backbone_stages(model.backbone)[-2:] for name in stage}
    changed = {
        name
        for name, value in model.backbone.state_dict().items()
        if not torch.equal(value, before[name])
    }
    modules_thawed = {name.rpartition(".")[0] for name in thawed}
    assert changed, "the last stages learn"
    assert {name.rpartition(".")[0] for name in changed} <= modules_thawed


def test_a_wholly_frozen_backbone_leaves_only_the_head_to_train():
    model = untrained(hidden=(8,), dropout=0.5)
    freeze(model, FineTuning(last_stages=0))
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {f"head.{name}" for name, _ in model.head.named_parameters()}


def test_rates_fall_with_the_distance_from_the_head():
    model = untrained()
    settings = FineTuning(learning_rate=1.0, backbone_rate_scale=0.5, depth_decay=0.5)
    rates = sorted({g.learning_rate for g in parameter_groups(model, settings)}, reverse=True)
    stages = len(backbone_stages(model.backbone))
    assert rates == [1.0, *(0.5 * 0.5**depth for depth in range(stages))]


def test_parameter_groups_hold_every_trainable_parameter_once():
    model = untrained()
    grouped = [p for g in parameter_groups(model, FineTuning()) for p in g.parameters]
    assert len(grouped) == len(list(model.parameters()))
    assert {id(p) for p in grouped} == {id(p) for p in model.parameters()}


def test_the_feature_extractor_gives_modes_back_even_after_an_error():
    model = untrained()
    model.train()
    first = next(m for m in model.backbone.modules() if isinstance(m, nn.BatchNorm2d))
    first.eval()
    with pytest.raises(ZeroDivisionError), evaluating(model.backbone):  # noqa: PT012
        assert not model.backbone.training
        raise ZeroDivisionError
    assert model.backbone.training
    assert not first.training


def test_features_do_not_depend_on_the_rest_of_the_batch():
    model = untrained().eval()
    images = torch.randn(3, 3, 64, 64)
    together = model.features(images)
    alone = torch.cat([model.features(image[None]) for image in images])
    np.testing.assert_allclose(together.detach(), alone.detach(), atol=1e-5)
