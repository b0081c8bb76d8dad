"""Whether a map says something about the network at all.

Two checks that need no mask. A map that hardly changes when the weights are randomised shows the
picture, not the network (Adebayo et al. 2018). And where a map is large, hiding pixels must lower the
answer's probability and showing them must raise it (Petsiuk et al. 2018).
"""

import copy
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata
from torch import nn

from cutis.checks import FloatArray, UInt8Array
from cutis.errors import InputError
from cutis.explain.attribution import BATCH, Attribution, Method, attribute, input_of, plain
from cutis.explain.target import NodeScore, Target
from cutis.models.classifier import Classifier
from cutis.models.modes import evaluating
from cutis.models.trained import TrainedClassifier
from cutis.models.transfer import backbone_stages

CURVE_STEPS = 32
BLURRED_PART = 0.1  # standard deviation of the blur, as a part of the shorter side


@dataclass(frozen=True, eq=False)
class Randomisation:
    """How far a map survives the loss of what the network has learned.

    Attributes:
        stages: Names, from the head to the first layers.
        correlation: Shape (s,): Spearman's rank correlation of the maps' absolute values before and
            after this stage and all above it were randomised; nan where a map is flat.
    """

    stages: tuple[str, ...]
    correlation: FloatArray

    @property
    def last(self) -> float:
        """The correlation once everything is random; near 0 for a map that shows the network."""
        return float(self.correlation[-1])


@dataclass(frozen=True, eq=False)
class CausalCurves:
    """The probability of a node while pixels go or come, those with the largest values first.

    Attributes:
        share: Shape (t,), from 0 to 1: how many of the pixels are changed.
        deletion: Shape (t,): changed pixels take the picture's mean colour. It should fall fast.
        insertion: Shape (t,): changed pixels appear in a blurred picture. It should rise fast.
    """

    share: FloatArray
    deletion: FloatArray
    insertion: FloatArray

    @property
    def deletion_area(self) -> float:
        """Area under the deletion curve, 0 to 1; smaller is better."""
        return float(np.trapezoid(self.deletion, self.share))

    @property
    def insertion_area(self) -> float:
        """Area under the insertion curve, 0 to 1; larger is better."""
        return float(np.trapezoid(self.insertion, self.share))


def randomised_cascade(
    model: TrainedClassifier,
    frame: UInt8Array,
    target: Target,
    *,
    method: Method,
    seed: int = 0,
) -> Randomisation:
    """Explain again and again while the weights are randomised from the head downwards.

    Each tensor's values are shuffled, so that a stage keeps its scale and loses what it knew. The
    model itself is left alone; a copy is randomised.

    Source: Adebayo et al. 2018, "cascading randomization".

    Raises:
        InputError: as `attribute`.
    """
    original = attribute(model, frame, target, method=method, seed=seed)
    network = copy.deepcopy(model.network)
    generator = torch.Generator().manual_seed(seed)
    parameters = dict(network.named_parameters())
    stages: list[str] = []
    correlations: list[float] = []
    for stage, names in _stages_from_the_head(network):
        for name in names:
            _shuffle(parameters[name], generator)
        scrambled = replace(model, network=network)
        after = attribute(scrambled, frame, target, method=method, seed=seed)
        stages.append(stage)
        correlations.append(rank_correlation(abs(original.heat), abs(after.heat)))
    return Randomisation(tuple(stages), np.array(correlations))


def causal_curves(
    model: TrainedClassifier,
    frame: UInt8Array,
    attribution: Attribution,
    *,
    steps: int = CURVE_STEPS,
    seed: int = 0,
) -> CausalCurves:
    """Delete and insert pixels in the order of a map.

    Args:
        model: Whose probability is followed.
        frame: Shape (h, w, 3), uint8, the picture that was explained.
        attribution: Its map; equal values are ordered at random.
        steps: How often the probability is asked, at least 2; as many equal portions of pixels.
        seed: Of the order of equal values.

    Raises:
        InputError: `steps` is below 2, or as `attribute`.

    Source: Petsiuk et al. 2018, RISE. There deleted pixels turn grey; here they take the picture's
    mean colour, which is no colour that skin never has.
    """
    if steps < 2:
        raise InputError(f"steps: {steps} is fewer than two")
    image = input_of(model, frame).detach()
    score = NodeScore(model, attribution.target)
    place = _places_from_the_first(attribution.heat, seed=seed)
    share = np.linspace(0.0, 1.0, steps + 1)
    counts = torch.from_numpy(np.round(share * place.size).astype(np.int64))
    changed = torch.from_numpy(place)[None] < counts[:, None, None]  # (t, h, w)
    device = image.device
    blurred = torch.from_numpy(_blurred(image.cpu().numpy())).to(device)
    with evaluating(score), torch.no_grad():
        curves = [
            np.concatenate(
                [
                    torch.sigmoid(score(torch.where(part[:, None].to(device), after, before)))
                    .cpu()
                    .numpy()
                    for part in torch.split(changed, BATCH)
                ]
            )
            for before, after in ((image, plain(image)), (blurred, image))
        ]
    return CausalCurves(share, *curves)


def rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Spearman's rank correlation of two maps, ties sharing their ranks; nan where one is flat."""
    ranks = [rankdata(values.ravel()) for values in (first, second)]
    centred = [values - values.mean() for values in ranks]
    norms = math.sqrt(float((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float((centred[0] * centred[1]).sum()) / norms if norms > 0 else math.nan


def _places_from_the_first(
    heat: FloatArray, *, seed: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """For each pixel, shape (h, w), how many come before it."""
    shuffled = np.random.default_rng(seed).permutation(heat.size)
    order = shuffled[np.argsort(-heat.ravel()[shuffled], kind="stable")]
    place = np.empty(heat.size, dtype=np.int64)
    place[order] = np.arange(heat.size)
    return place.reshape(heat.shape)


def _blurred(images: FloatArray) -> FloatArray:
    """Planes (n, c, h, w) without anything fine."""
    sigma = BLURRED_PART * min(images.shape[-2:])
    return np.asarray(gaussian_filter(images, sigma=(0, 0, sigma, sigma)), dtype=images.dtype)


def _stages_from_the_head(network: nn.Module) -> Iterator[tuple[str, list[str]]]:
    """Stages with the names of their parameters: timm's where the network is a classifier of ours."""
    stages: list[list[str]] = []
    if isinstance(network, Classifier):
        with suppress(InputError):  # where timm knows no stages, layers have to do
            stages = backbone_stages(network.backbone)
    if isinstance(network, Classifier) and stages:
        yield "head", [f"head.{name}" for name, _ in network.head.named_parameters()]
        for number in range(len(stages), 0, -1):
            yield f"stage {number}", [f"backbone.{name}" for name in stages[number - 1]]
        return
    layers: dict[str, list[str]] = {}
    for name, _ in network.named_parameters():
        layers.setdefault(name.rpartition(".")[0] or "network", []).append(name)
    yield from reversed(layers.items())


def _shuffle(parameter: nn.Parameter, generator: torch.Generator) -> None:
    order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
    with torch.no_grad():
        parameter.copy_(parameter.flatten()[order].view_as(parameter))
