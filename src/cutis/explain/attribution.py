"""Which pixels speak for an answer: gradients, class activation maps, occlusion.

`METHODS` names what there is. Every method takes the scores of `NodeScore` and one picture as the
network gets it, and gives one number for each of its pixels.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

import cutis.torch_setup  # noqa: F401  (before captum, which imports torchvision's users)
from cutis.checks import FloatArray, UInt8Array, did_you_mean
from cutis.errors import InputError, MissingExtraError
from cutis.explain.layers import last_spatial_layer, recorded_outputs
from cutis.explain.target import NodeScore, Target
from cutis.models.modes import evaluating
from cutis.models.trained import TrainedClassifier

Method = Literal[
    "saliency", "smoothgrad", "integrated-gradients", "grad-cam", "grad-cam++", "occlusion"
]
SMOOTHGRAD_SAMPLES = 32
SMOOTHGRAD_NOISE = 0.15  # standard deviation, as a part of the picture's range of values
INTEGRATION_STEPS = 50
OCCLUDED_PART = 1 / 8  # of each side
BATCH = 16  # pictures per pass


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each pixel of the network's input says about a node.

    Attributes:
        method: One of `METHODS`.
        target: The node that is explained.
        heat: Shape (h, w), the size of the network's input. Of `SIGNED` methods, values below zero
            speak against the node; of the others every value is at least zero.
        probability: Of the node, for the whole picture.
    """

    method: Method
    target: Target
    heat: FloatArray
    probability: float

    @property
    def signed(self) -> bool:
        """Whether values below zero speak against the node."""
        return self.method in SIGNED

    @property
    def evidence(self) -> FloatArray:
        """What speaks for the node, shape (h, w), at least zero."""
        return np.maximum(self.heat, 0.0)


def attribute(
    model: TrainedClassifier,
    frame: UInt8Array,
    target: Target,
    *,
    method: Method = "saliency",
    seed: int = 0,
) -> Attribution:
    """Explain one answer to one picture.

    The network is in eval mode meanwhile and is left as it was found.

    Args:
        model: Whose answer.
        frame: Shape (h, w, 3), uint8, as `Preprocessing.frame` gives it.
        target: What is explained.
        method: One of `METHODS`.
        seed: Of SmoothGrad's noise; the other methods draw nothing.

    Raises:
        InputError: the frame has not the network's size, or the network has no layer that the
            method needs.
        MissingExtraError: captum is not installed.
    """
    image = input_of(model, frame)
    score = NodeScore(model, target)
    with evaluating(score):
        with torch.no_grad():
            probability = float(torch.sigmoid(score(image))[0])
        heat = METHODS[method](score, image, seed)
    values = heat.detach().cpu().double().numpy()
    if not np.isfinite(values).all():
        raise InputError(f"{model.name}: {method} gives values that are no numbers")
    return Attribution(method, target, values, probability)


def parse_methods(texts: Sequence[str], model: TrainedClassifier) -> tuple[Method, ...]:
    """Read the names of methods, each once; "all" stands for those that the network allows.

    Raises:
        InputError: there is none of that name; the message lists them. Or the network does not allow
            one that was asked for.
    """
    wanted: dict[Method, None] = {}
    for text in texts:
        known = [name for name in METHODS if text in (name, "all")]
        if not known:
            raise InputError(
                f"method {text!r}: not one of {', '.join(METHODS)}, all"
                f"{did_you_mean(text, METHODS)}"
            )
        wanted |= dict.fromkeys(known)
    needs_maps = MAP_METHODS & wanted.keys()
    if needs_maps:
        try:
            require_maps(model)
        except InputError:
            if "all" not in texts or needs_maps.intersection(texts):
                raise
            return tuple(name for name in wanted if name not in MAP_METHODS)
    return tuple(wanted)


def require_maps(model: TrainedClassifier) -> None:
    """Check that a network has convolutional maps, as the two Grad-CAMs need.

    Raises:
        InputError: as `last_spatial_layer`.
    """
    size = (model.preprocessing.height, model.preprocessing.width, 3)
    with evaluating(model.network):
        last_spatial_layer(model.network, input_of(model, np.zeros(size, dtype=np.uint8)))


def saliency(score: NodeScore, image: Tensor, seed: int = 0) -> Tensor:  # noqa: ARG001
    """The L1 norm over channels of the gradient at each pixel, shape (h, w).

    Source: Simonyan et al. 2014; with this norm Esteva et al. 2017, Methods, "Saliency maps".
    """
    gradient = _captum().Saliency(score).attribute(image, abs=True)
    return _plane(gradient.sum(dim=1))


def smoothgrad(score: NodeScore, image: Tensor, seed: int = 0) -> Tensor:
    """As `saliency`, of the mean gradient over noisy copies of the picture.

    Source: Smilkov et al. 2017.
    """
    attr = _captum()
    spread = float(image.detach().max() - image.detach().min())
    devices = [image.device] if image.is_cuda else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        gradient = attr.NoiseTunnel(attr.Saliency(score)).attribute(
            image,
            nt_type="smoothgrad",
            nt_samples=SMOOTHGRAD_SAMPLES,
            nt_samples_batch_size=BATCH,
            stdevs=SMOOTHGRAD_NOISE * spread,
            abs=False,
        )
    return _plane(gradient.abs().sum(dim=1))


def integrated_gradients(score: NodeScore, image: Tensor, seed: int = 0) -> Tensor:  # noqa: ARG001
    """Gradients summed up on the way from a plain picture to this one, shape (h, w), signed.

    The plain picture has this one's mean colour. The values add up to the difference of their scores
    as far as 50 steps allow.

    Source: Sundararajan et al. 2017.
    """
    parts = (
        _captum()
        .IntegratedGradients(score)
        .attribute(
            image,
            baselines=plain(image),
            n_steps=INTEGRATION_STEPS,
            method="gausslegendre",
            internal_batch_size=BATCH,
        )
    )
    return _plane(parts.sum(dim=1))


def occlusion(score: NodeScore, image: Tensor, seed: int = 0) -> Tensor:  # noqa: ARG001
    """How far the score falls when a square takes the picture's mean colour, shape (h, w), signed.

    The square moves by half its side; where squares overlap their values are averaged.

    Source: Zeiler and Fergus 2014.
    """
    sides = [max(round(side * OCCLUDED_PART), 1) for side in image.shape[-2:]]
    steps = [math.ceil(side / 2) for side in sides]
    falls = (
        _captum()
        .Occlusion(score)
        .attribute(
            image,
            sliding_window_shapes=(3, *sides),
            strides=(3, *steps),
            baselines=plain(image),
            perturbations_per_eval=BATCH,
        )
    )
    return _plane(falls[:, 0])


def grad_cam(score: NodeScore, image: Tensor, seed: int = 0) -> Tensor:  # noqa: ARG001
    """The last convolutional layer's maps, weighed by their mean gradients, shape (h, w).

    Source: Selvaraju et al. 2017.
    """
    layer = last_spatial_layer(score.network, image)
    coarse = _captum().LayerGradCam(score, layer).attribute(image, relu_attributions=True)
    return _enlarged(coarse, image)


def grad_cam_plus_plus(score: NodeScore, image: Tensor, seed: int = 0) -> Tensor:  # noqa: ARG001
    """As `grad_cam`, with weights that do not fade when a class shows in several places.

    With S the score, Y = exp(S) and A the maps, a place's weight is g^2 / (2 g^2 + g^3 sum A), where
    g = dS/dA, and a map's weight is the sum over places of that times relu(dY/dA); exp(S), a factor
    of the whole map, is left out.

    Source: Chattopadhay et al. 2018, equations 11 and 19.
    """
    layer = last_spatial_layer(score.network, image)
    with recorded_outputs(layer) as outputs, torch.enable_grad():
        total = score(image.clone().requires_grad_()).sum()
        maps = outputs[-1]
        (gradient,) = torch.autograd.grad(total, maps)
    maps = maps.detach()
    squared = gradient**2
    below = 2 * squared + gradient**3 * maps.sum(dim=(2, 3), keepdim=True)
    place = torch.where(below != 0, squared / torch.where(below != 0, below, 1.0), 0.0)
    weight = (place * gradient.relu()).sum(dim=(2, 3), keepdim=True)
    return _enlarged((weight * maps).sum(dim=1, keepdim=True).relu(), image)


METHODS: Mapping[Method, Callable[[NodeScore, Tensor, int], Tensor]] = {
    "saliency": saliency,
    "smoothgrad": smoothgrad,
    "integrated-gradients": integrated_gradients,
    "grad-cam": grad_cam,
    "grad-cam++": grad_cam_plus_plus,
    "occlusion": occlusion,
}
MAP_METHODS: frozenset[Method] = frozenset({"grad-cam", "grad-cam++"})
SIGNED: frozenset[Method] = frozenset({"integrated-gradients", "occlusion"})


def input_of(model: TrainedClassifier, frame: UInt8Array) -> Tensor:
    """A frame as the network gets it, shape (1, 3, h, w), on the network's device.

    Raises:
        InputError: the frame has not the network's size.
    """
    expected = (model.preprocessing.height, model.preprocessing.width, 3)
    if frame.shape != expected:
        raise InputError(f"frame: shape {frame.shape}, the network takes {expected}")
    device = next((p.device for p in model.network.parameters()), torch.device("cpu"))
    image = torch.from_numpy(model.preprocessing.normalise(frame)[None]).to(device)
    return image.requires_grad_()


def plain(image: Tensor) -> Tensor:
    """A picture of the same size that has the mean colour of this one everywhere."""
    return image.mean(dim=(2, 3), keepdim=True).expand_as(image).contiguous()


def _enlarged(coarse: Tensor, image: Tensor) -> Tensor:
    """A map of the last layer at the size of the picture."""
    size = tuple(image.shape[-2:])
    return _plane(
        nn.functional.interpolate(coarse.detach(), size=size, mode="bilinear", align_corners=False)
    )


def _plane(heat: Tensor) -> Tensor:
    return heat.detach().reshape(heat.shape[-2:])


def _captum() -> Any:
    try:
        import captum.attr
    except ImportError:
        raise MissingExtraError("captum", "explain") from None
    return captum.attr
