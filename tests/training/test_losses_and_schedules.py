"""Losses equal their textbook forms; schedules pass through the points their papers give."""

import numpy as np
import pytest
import torch
from timm.optim.rmsprop_tf import RMSpropTF
from torch.nn import functional

from cutis.data.transforms import training_transform
from cutis.errors import InputError
from cutis.models.classifier import Classifier
from cutis.models.transfer import ParameterGroup, parameter_groups
from cutis.training.losses import ClassificationLoss, LossSettings
from cutis.training.optimizers import (
    OptimizerSettings,
    ScheduleSettings,
    create_optimizer,
    rate_factor,
)
from cutis.training.recipe import ESTEVA_2017

COUNTS = np.array([70, 20, 10])
LOGITS = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
TARGETS = torch.arange(16) % 3


def loss(**settings):
    return ClassificationLoss(LossSettings(**settings), COUNTS)(LOGITS, TARGETS)


def test_cross_entropy_equals_torch():
    torch.testing.assert_close(loss(), functional.cross_entropy(LOGITS, TARGETS))


def test_label_smoothing_equals_torch():
    expected = functional.cross_entropy(LOGITS, TARGETS, label_smoothing=0.1)
    torch.testing.assert_close(loss(label_smoothing=0.1), expected)


def test_inverse_class_weights_give_every_class_the_same_say():
    weights = torch.tensor(COUNTS.sum() / (3 * COUNTS), dtype=torch.float32)
    terms = functional.cross_entropy(LOGITS, TARGETS, weight=weights, reduction="none")
    torch.testing.assert_close(loss(class_weights=1.0), terms.mean())


def test_focal_loss_without_focus_is_cross_entropy():
    torch.testing.assert_close(loss(name="focal", focal_gamma=0.0), loss())


def test_focal_loss_equals_its_definition():
    probability = LOGITS.softmax(1)[torch.arange(16), TARGETS]
    expected = (-((1 - probability) ** 2) * probability.log()).mean()
    torch.testing.assert_close(loss(name="focal", focal_gamma=2.0), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_loss_has_a_gradient_where_the_network_is_certain(gamma):
    logits = torch.tensor([[200.0, 0.0, 0.0], [-200.0, 0.0, 0.0]], requires_grad=True)
    found = ClassificationLoss(LossSettings(name="focal", focal_gamma=gamma), COUNTS)
    found(logits, torch.tensor([0, 0])).backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[0] == 0).all(), "a certain and right answer has nothing to learn"
    assert (logits.grad[1] != 0).any()


def test_smoothed_targets_leave_the_other_classes_level_under_logit_adjustment():
    counts = np.array([900, 90, 10])
    smoothed = ClassificationLoss(
        LossSettings(label_smoothing=0.1, logit_adjustment=1.2), class_counts=counts
    )
    logits = torch.zeros(1, 3, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200)

    def closure():
        optimizer.zero_grad()
        value = smoothed(logits, torch.tensor([0]))
        value.backward()
        return value

    optimizer.step(closure)
    found = logits.detach()[0]
    assert abs(found[1] - found[2]) < 1e-2
    assert found[0] - found[1] > 2


def test_logit_adjustment_shifts_by_the_log_prior():
    shifted = LOGITS + torch.tensor(np.log(COUNTS / COUNTS.sum()), dtype=torch.float32)
    torch.testing.assert_close(
        loss(logit_adjustment=1.0), functional.cross_entropy(shifted, TARGETS)
    )


def test_mixed_targets_interpolate_the_loss():
    shares = 0.3 * functional.one_hot(TARGETS, 3) + 0.7 * functional.one_hot(TARGETS.flip(0), 3)
    both = ClassificationLoss(LossSettings(), COUNTS)
    expected = 0.3 * both(LOGITS, TARGETS) + 0.7 * both(LOGITS, TARGETS.flip(0))
    torch.testing.assert_close(both(LOGITS, shares.float()), expected)


def test_a_class_without_pictures_cannot_be_weighed():
    with pytest.raises(InputError, match="no training picture"):
        ClassificationLoss(LossSettings(), np.array([5, 0]))


def test_cosine_rises_to_the_peak_and_falls_to_the_floor():
    settings = ScheduleSettings(name="cosine", warmup_epochs=2, floor=0.1)
    assert rate_factor(1, settings, epochs=10) == pytest.approx(0.5)
    assert rate_factor(2, settings, epochs=10) == pytest.approx(1.0)
    assert rate_factor(6, settings, epochs=10) == pytest.approx(0.55)
    assert rate_factor(10, settings, epochs=10) == pytest.approx(0.1)


@pytest.mark.parametrize("warmup", [1e-5, 1e-4, 1e-3, 0.1])
def test_no_warmup_starts_above_the_peak(warmup):
    settings = ScheduleSettings(warmup_epochs=warmup)
    assert max(rate_factor(warmup * part / 10, settings, epochs=10) for part in range(11)) <= 1


def test_the_esteva_recipe_is_the_one_in_the_paper():
    """Nature 542:115, Methods: RMSProp decay, momentum, epsilon; rate 0.001 over 16 every 30."""
    group = ParameterGroup((torch.nn.Parameter(torch.zeros(2, 2)),), 1e-3, decays=True)
    optimizer = create_optimizer([group], ESTEVA_2017.optimizer)
    defaults = optimizer.param_groups[0]
    assert (defaults["alpha"], defaults["momentum"], defaults["eps"]) == (0.9, 0.9, 0.1)
    rates = [1e-3 * rate_factor(e, ESTEVA_2017.schedule, epochs=90) for e in (0, 29.9, 30, 60)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3 / 16, 1e-3 / 256])
    assert ESTEVA_2017.data.image_size == 299
    assert ESTEVA_2017.augmentation.inscribed_rotation
    assert ESTEVA_2017.augmentation.vertical_flip == 0.5
    assert ESTEVA_2017.model.backbone.name == "inception_v3"


def test_the_esteva_recipe_turns_crops_and_flips_and_moves_all_layers_alike():
    """The same Methods: a random turn, the largest upright rectangle, a vertical flip of each second
    picture, and nothing else; "fine-tuned across all layers" with one rate, from the first step."""
    steps = training_transform(ESTEVA_2017.augmentation, size=(299, 299)).transforms
    assert [type(step).__name__ for step in steps] == [
        "InscribedRotation",
        "Resize",
        "RandomVerticalFlip",
    ]
    network = Classifier(torch.nn.Sequential(torch.nn.Linear(4, 4)), torch.nn.Linear(4, 2))
    groups = parameter_groups(network, ESTEVA_2017.fine_tuning)
    assert {group.learning_rate for group in groups} == {1e-3}
    assert sum(len(group.parameters) for group in groups) == len([*network.parameters()])
    optimizer = create_optimizer(groups, ESTEVA_2017.optimizer)
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.0}
    assert ESTEVA_2017.fine_tuning.head_only_epochs == 0
    assert ESTEVA_2017.trainer.average_decay == 0


def test_rmsprop_is_that_of_tensorflow():
    """Two steps by hand: the mean square begins at one, epsilon is under the root."""
    weight = torch.nn.Parameter(torch.zeros(1, 1))
    group = ParameterGroup((weight,), 0.5, decays=True)
    optimizer = create_optimizer([group], ESTEVA_2017.optimizer)
    square, momentum, expected = 1.0, 0.0, 0.0
    for gradient in (0.3, -0.02):
        weight.grad = torch.full((1, 1), gradient)
        optimizer.step()
        square = 0.9 * square + 0.1 * gradient**2
        momentum = 0.9 * momentum + 0.5 * gradient / (square + 0.1) ** 0.5
        expected -= momentum
    assert weight.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("adamw", torch.optim.AdamW, {"betas": (0.8, 0.999), "eps": 1e-5}),
        ("adam", torch.optim.Adam, {"betas": (0.8, 0.999), "eps": 1e-5}),
        ("sgd", torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
        ("rmsprop", RMSpropTF, {"momentum": 0.8, "alpha": 0.7, "eps": 1e-5}),
    ],
)
def test_an_optimizer_takes_every_setting_and_each_group_keeps_its_own(name, kind, told):
    settings = OptimizerSettings(
        name=name, weight_decay=0.02, momentum=0.8, rmsprop_decay=0.7, epsilon=1e-5
    )
    groups = [
        ParameterGroup((torch.nn.Parameter(torch.zeros(2, 2)),), rate, decays=decays)
        for rate, decays in ((0.1, True), (0.2, False))
    ]
    optimizer = create_optimizer(groups, settings)
    assert type(optimizer) is kind
    found = [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    assert found == [(0.1, 0.02), (0.2, 0.0)]
    assert {key: optimizer.defaults[key] for key in told} == told


def test_a_constant_schedule_stays_at_the_peak():
    settings = ScheduleSettings(name="constant", warmup_epochs=2)
    rates = [rate_factor(epoch, settings, epochs=10) for epoch in (1, 2, 6, 10)]
    assert rates == [0.5, 1, 1, 1]


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_every_optimizer_lowers_a_quadratic(name, momentum):
    weight = torch.nn.Parameter(torch.full((3, 3), 2.0))
    group = ParameterGroup((weight,), 0.05, decays=False)
    optimizer = create_optimizer([group], OptimizerSettings(name=name, momentum=momentum))
    for _ in range(60):
        optimizer.zero_grad()
        (weight**2).sum().backward()
        optimizer.step()
    assert float(weight.detach().abs().max()) < 1.0
