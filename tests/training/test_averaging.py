"""Which means of weights a training judges and keeps."""

from copy import deepcopy

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from cutis.errors import InputError
from cutis.models.classifier import Classifier
from cutis.tables.manifest import Manifest
from cutis.training.averaging import AveragedWeights
from cutis.training.run_folder import RunFolder
from cutis.training.runner import train


def network():
    torch.manual_seed(0)
    return Classifier(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), nn.Linear(4, 2))


def moved(model, *, by):
    for value in model.parameters():
        value.data += by
    model.backbone[1].running_mean += by
    model.backbone[1].num_batches_tracked += 1


def test_without_means_the_last_step_is_judged():
    model = network()
    averages = AveragedWeights(model, decay=0.0, start_share=0.0)
    moved(model, by=1.0)
    averages.update(model)
    assert averages.judged(model) is model


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_the_start_has_its_share_of_weights_and_statistics(share):
    model = network()
    start = deepcopy(model.state_dict())
    averages = AveragedWeights(model, decay=0.0, start_share=share)
    moved(model, by=1.0)
    averages.update(model)
    judged = averages.judged(model)
    assert not judged.training
    for name, value in judged.state_dict().items():
        if value.is_floating_point() and "running_var" not in name:
            torch.testing.assert_close(value, start[name] + 1 - share)
    assert judged.backbone[1].num_batches_tracked == 1
    torch.testing.assert_close(model.state_dict()["head.weight"], start["head.weight"] + 1)


@pytest.mark.parametrize("decay", [0.05, 0.9])
def test_the_window_of_the_moving_average_opens_as_tensorflows_does(decay):
    """At the second step the average keeps (1 + 1) / (10 + 1) of the first, or less at that decay."""
    model = network()
    averages = AveragedWeights(model, decay=decay, start_share=0.0)
    begin = deepcopy(model.state_dict())
    for _ in range(2):
        moved(model, by=1.0)
        averages.update(model)
    judged = averages.judged(model)
    expected = 2 - min(decay, 2 / 11)
    for name in ("head.bias", "backbone.1.running_mean"):
        torch.testing.assert_close(judged.state_dict()[name], begin[name] + expected)
    assert not judged.training
    assert not any(value.requires_grad for value in judged.parameters())


def test_the_moving_average_lags_behind_and_the_start_behind_that():
    model = network()
    averages = AveragedWeights(model, decay=0.9, start_share=0.5)
    begin = model.head.bias[0].item()
    for _ in range(3):
        moved(model, by=1.0)
        averages.update(model)
    late = averages.moving.module.head.bias[0].item()
    assert begin < late < model.head.bias[0].item()
    assert averages.judged(model).head.bias[0].item() == pytest.approx((begin + late) / 2)


@pytest.fixture
def trained(split_phantom, small_recipe):
    """Trains into a folder and returns the weights of the last step."""

    def train_into(folder, *settings):
        run = RunFolder(folder)
        recipe = small_recipe("trainer.keep=last", *settings)
        train(recipe, Manifest.read(split_phantom), run)
        return load_file(run.weights)

    return train_into


def test_a_second_round_keeps_the_mean_with_where_it_began(trained, tmp_path):
    first = trained(tmp_path / "first", "model.backbone.weights=none")
    begun = f"model.backbone.weights={RunFolder(tmp_path / 'first').weights}"
    late = trained(tmp_path / "late", begun)
    mean = trained(tmp_path / "mean", begun, "trainer.start_share=0.5")
    assert any(not torch.equal(first[name], value) for name, value in late.items())
    for name, value in mean.items():
        expected = (first[name] + late[name]) / 2 if value.is_floating_point() else late[name]
        torch.testing.assert_close(value, expected)


def test_a_fresh_head_has_no_share_to_give(trained, tmp_path):
    settings = ("model.backbone.weights=none", "trainer.start_share=0.5")
    with pytest.raises(InputError, match=r"no head for these \d classes.*start_share"):
        trained(tmp_path / "run", *settings)
    assert not (tmp_path / "run").exists()
