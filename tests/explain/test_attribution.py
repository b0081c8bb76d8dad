"""Maps are right where the answer is known, and the network is left as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation
from torch import nn

from cutis.errors import InputError, TaxonomyError
from cutis.explain.attribution import METHODS, SIGNED, attribute, input_of, parse_methods, plain
from cutis.explain.layers import last_spatial_layer, recorded_outputs
from cutis.explain.target import NodeScore, Target
from cutis.models.backbones import BackboneSettings
from cutis.models.classifier import ModelSettings, create_classifier
from cutis.readout import LogLinearMap
from cutis.taxonomy import ClassSet, load_taxonomy, rollup

TWO = ("melanoma", "nevus")
PIXEL_METHODS = tuple(name for name in METHODS if "cam" not in name)


def score_difference(model, frame, target):
    """How far a picture's score is above that of a plain one."""
    image = input_of(model, frame).detach()
    score = NodeScore(model, target).eval()
    with torch.no_grad():
        return float(score(image) - score(plain(image)))


# -- the score ------------------------------------------------------------------------------------


def test_the_score_of_a_node_is_the_log_odds_of_its_rolled_up_probability(trained, convolutional):
    scaling = LogLinearMap(
        np.array([[0.4, 0.2, 0.0], [0.1, 0.5, 0.0], [0.0, 0.0, 0.6]]), np.array([0.0, 1.0, -1.0])
    )
    model = trained(convolutional.eval(), calibration=scaling)
    images = torch.rand(4, 3, 16, 16)
    given = convolutional(images).double().softmax(dim=1).detach().numpy()
    probabilities = scaling(given)
    for node in ("melanoma", "benign", "nevus"):
        target = Target.of(node, model.classes)
        expected = rollup(probabilities, model.classes.classes, node, model.classes.taxonomy)
        odds = np.log(expected / (1 - expected))
        assert np.allclose(NodeScore(model, target)(images).detach(), odds)


def test_a_group_above_several_classes_is_the_sum_of_them(trained, convolutional):
    model = trained(convolutional)
    assert Target.of("benign", model.classes).columns == (1, 2)
    assert Target.of("MEL", model.classes) == Target("melanoma", (0,), "Melanoma")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("melanoma-in-situ", "finer than the class 'melanoma'"),
        ("psoriasis", "no class is part of it"),
    ],
)
def test_what_the_classes_cannot_say_is_not_explained(label, message):
    classes = ClassSet(load_taxonomy(), ("melanoma", "nevus"))
    with pytest.raises(InputError, match=message):
        Target.of(label, classes)


def test_a_node_that_holds_every_class_leaves_nothing_to_explain():
    classes = ClassSet(load_taxonomy(), ("nevus", "dermatofibroma"))
    with pytest.raises(InputError, match="nothing to explain"):
        Target.of("benign", classes)


def test_a_misspelt_node_gets_a_suggestion():
    with pytest.raises(TaxonomyError, match="did you mean 'melanoma'"):
        Target.of("melanomma", ClassSet(load_taxonomy(), TWO))


# -- maps whose answer is known -------------------------------------------------------------------


def test_the_saliency_of_a_linear_network_is_the_l1_norm_of_its_weights(trained, linear, frame):
    model = trained(linear, classes=TWO)
    found = attribute(model, frame, Target.of("melanoma", model.classes), method="saliency")
    weight = linear[1].weight.detach().numpy()
    expected = abs(weight[0] - weight[1]).reshape(3, 16, 16).sum(axis=0)
    assert np.allclose(found.heat, expected, atol=1e-6)


def test_smoothgrad_of_a_linear_network_is_its_saliency(trained, linear, frame):
    """Noise does not change the gradient of a linear network."""
    model = trained(linear, classes=TWO)
    target = Target.of("nevus", model.classes)
    smooth, sharp = (
        attribute(model, frame, target, method=name) for name in ("smoothgrad", "saliency")
    )
    assert np.allclose(smooth.heat, sharp.heat, atol=1e-5)


def test_saliency_is_the_gradient_of_the_training_loss_up_to_one_factor(
    trained, convolutional, frame
):
    """So it is the map of Esteva et al. 2017."""
    model = trained(convolutional.eval())
    found = attribute(model, frame, Target.of("melanoma", model.classes)).heat
    image = input_of(model, frame)
    loss = nn.functional.cross_entropy(convolutional(image), torch.tensor([0]))
    (gradient,) = torch.autograd.grad(loss, image)
    loss_map = gradient[0].abs().sum(dim=0).numpy()
    assert np.allclose(found / found.max(), loss_map / loss_map.max(), atol=1e-5)


def test_a_sure_answer_still_has_a_map(trained, linear, frame):
    with torch.no_grad():
        linear[1].bias[:] = torch.tensor([60.0, -60.0])
    model = trained(linear, classes=TWO)
    found = attribute(model, frame, Target.of("melanoma", model.classes))
    assert found.probability == 1.0
    assert found.heat.max() > 1e-3


def test_integrated_gradients_add_up_to_the_difference_of_scores(trained, convolutional, frame):
    model = trained(convolutional)
    target = Target.of("melanoma", model.classes)
    found = attribute(model, frame, target, method="integrated-gradients")
    difference = score_difference(model, frame, target)
    assert abs(difference) > 0.001
    assert found.heat.sum() == pytest.approx(difference, rel=0.02)


def test_integrated_gradients_of_a_linear_network_are_weight_times_distance(trained, linear, frame):
    model = trained(linear, classes=TWO)
    target = Target.of("melanoma", model.classes)
    found = attribute(model, frame, target, method="integrated-gradients").heat
    image = input_of(model, frame).detach()
    weight = (linear[1].weight[0] - linear[1].weight[1]).detach().reshape(3, 16, 16)
    assert np.allclose(found, (weight * (image - plain(image))[0]).sum(dim=0), atol=1e-5)


def test_occlusion_finds_the_only_patch_that_is_read(trained, patch_reader, patch, frame):
    model = trained(patch_reader, classes=TWO)
    found = attribute(model, frame, Target.of("melanoma", model.classes), method="occlusion").heat
    assert found[patch].min() > 0
    reached = binary_dilation(patch, np.ones((3, 3)))  # the square that hides is 2 pixels wide
    assert np.array_equal(found > 0, found != 0)
    assert not found[~reached].any()


def test_hiding_what_speaks_against_a_node_counts_below_zero(trained, patch_reader, patch, frame):
    model = trained(patch_reader, classes=TWO)
    found = attribute(model, frame, Target.of("nevus", model.classes), method="occlusion")
    assert found.signed
    assert found.heat[patch].max() < 0
    assert found.evidence.max() == 0


@pytest.mark.parametrize("method", ["saliency", "smoothgrad", "integrated-gradients"])
def test_gradients_stay_within_the_only_patch_that_is_read(
    trained, patch_reader, patch, frame, method
):
    model = trained(patch_reader, classes=TWO)
    found = attribute(model, frame, Target.of("melanoma", model.classes), method=method).heat
    assert (found[patch] > 0).all()
    assert np.allclose(found[~patch], 0)


def test_grad_cam_is_the_weighted_sum_of_the_last_maps(trained, convolutional, frame):
    """With mean pooling and a linear head the weights of the maps are those of the head."""
    model = trained(convolutional.eval(), classes=("melanoma", "nevus", "dermatofibroma"))
    image = input_of(model, frame).detach()
    maps = convolutional[:3](image)
    logits = convolutional(image)[0].detach().double()
    share = torch.softmax(logits[1:], dim=0).float()  # of the others, in the log-odds' gradient
    weight = convolutional[6].weight.detach()
    contrast = weight[0] - (share[:, None] * weight[1:]).sum(dim=0)
    coarse = (contrast[None, :, None, None] * maps).sum(dim=1, keepdim=True).relu() / maps[
        0, 0
    ].numel()
    expected = nn.functional.interpolate(coarse, size=(16, 16), mode="bilinear")[0, 0]
    found = attribute(model, frame, Target.of("melanoma", model.classes), method="grad-cam").heat
    assert found.max() > 0
    assert np.allclose(found, expected.detach(), atol=1e-6)


def test_grad_cam_plus_plus_follows_its_formula_place_by_place(trained, convolutional, frame):
    model = trained(convolutional.eval())
    target = Target.of("melanoma", model.classes)
    image = input_of(model, frame)
    maps = convolutional[:3](image).detach().requires_grad_()
    logits = convolutional[3:](maps).double()
    score = logits[:, 0] - torch.logsumexp(logits[:, 1:], dim=1)
    (gradient,) = torch.autograd.grad(score.sum(), maps)
    g, a = gradient[0].numpy().astype(float), maps[0].detach().numpy().astype(float)
    coarse = np.zeros((8, 8))
    for k in range(6):
        weight = 0.0
        for i in range(8):
            for j in range(8):
                below = 2 * g[k, i, j] ** 2 + a[k].sum() * g[k, i, j] ** 3
                alpha = g[k, i, j] ** 2 / below if below else 0.0
                weight += alpha * max(g[k, i, j], 0.0)
        coarse += weight * a[k]
    coarse = torch.from_numpy(np.maximum(coarse, 0)).float()[None, None]
    expected = nn.functional.interpolate(coarse, size=(16, 16), mode="bilinear")[0, 0]
    found = attribute(model, frame, target, method="grad-cam++").heat
    assert found.max() > 0
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-7)


# -- contracts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_the_network_as_it_was_and_gives_the_same_twice(
    trained, convolutional, frame, method
):
    model = trained(convolutional.train())
    before = {name: value.clone() for name, value in convolutional.state_dict().items()}
    target = Target.of("nevus", model.classes)
    state = torch.random.get_rng_state()
    first, second = (attribute(model, frame, target, method=method, seed=5) for _ in range(2))
    assert np.array_equal(first.heat, second.heat)
    assert first.heat.shape == (16, 16)
    assert method in SIGNED or first.heat.min() >= 0
    assert all(module.training for module in convolutional.modules())
    assert all(torch.equal(before[k], v) for k, v in convolutional.state_dict().items())
    assert all(p.grad is None for p in convolutional.parameters())
    assert not any(module._forward_hooks for module in convolutional.modules())
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_seed_decides_about_smoothgrads_noise(trained, convolutional, frame):
    model = trained(convolutional)
    target = Target.of("nevus", model.classes)
    first, second = (
        attribute(model, frame, target, method="smoothgrad", seed=seed).heat for seed in (0, 1)
    )
    assert not np.array_equal(first, second)


def test_a_hook_is_removed_even_after_an_error(convolutional):
    with pytest.raises(ZeroDivisionError), recorded_outputs(convolutional[0]):
        raise ZeroDivisionError
    assert not convolutional[0]._forward_hooks


def test_a_frame_of_another_size_is_refused(trained, convolutional):
    model = trained(convolutional)
    with pytest.raises(InputError, match=r"shape \(8, 8, 3\), the network takes \(16, 16, 3\)"):
        attribute(model, np.zeros((8, 8, 3), np.uint8), Target.of("nevus", model.classes))


def test_a_network_that_answers_with_nan_is_refused(trained, linear, frame):
    with torch.no_grad():
        linear[1].weight.fill_(float("nan"))
    model = trained(linear, classes=TWO)
    with pytest.raises(InputError, match="no numbers"):
        attribute(model, frame, Target.of("nevus", model.classes))


# -- networks by name -----------------------------------------------------------------------------


def tiny(name: str, side: int):
    settings = ModelSettings(backbone=BackboneSettings(name=name, weights="none"))
    torch.manual_seed(0)
    return create_classifier(settings, classes=3, image_size=side)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_the_last_maps_of_timms_convolutional_networks_are_found(trained, name):
    network = tiny(name, 64).eval()
    layer = last_spatial_layer(network, torch.rand(1, 3, 64, 64))
    with recorded_outputs(layer) as outputs, torch.no_grad():
        features = network.features(torch.rand(1, 3, 64, 64))
    assert outputs[0].shape[2] > 1
    assert outputs[0].shape[1] == features.shape[1]


def test_a_transformer_has_gradients_but_no_grad_cam(trained):
    network = tiny("test_vit", 160)
    model = trained(network, side=160)
    frame = np.random.default_rng(0).integers(0, 255, (160, 160, 3), dtype=np.uint8)
    target = Target.of("melanoma", model.classes)
    assert attribute(model, frame, target, method="saliency").heat.max() > 0
    with pytest.raises(InputError, match=r"works on tokens.*use saliency"):
        attribute(model, frame, target, method="grad-cam")
    assert parse_methods(["all"], model) == PIXEL_METHODS
    with pytest.raises(InputError, match="tokens"):
        parse_methods(["all", "grad-cam++"], model)


def test_a_network_without_maps_says_so(trained, linear):
    model = trained(linear, classes=TWO)
    with pytest.raises(InputError, match="no convolutional maps"):
        parse_methods(["grad-cam"], model)


def test_methods_are_read_once_each_and_misspellings_get_a_suggestion(trained, convolutional):
    model = replace(trained(convolutional))
    assert parse_methods(["occlusion", "saliency", "occlusion"], model) == ("occlusion", "saliency")
    assert parse_methods(["all"], model) == tuple(METHODS)
    with pytest.raises(InputError, match="did you mean 'saliency'"):
        parse_methods(["salience"], model)
