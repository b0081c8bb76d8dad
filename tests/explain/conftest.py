"""Networks so small that what they look at is known."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from cutis.imaging import Preprocessing
from cutis.models.trained import TrainedClassifier
from cutis.taxonomy import ClassSet, load_taxonomy

SIDE = 16
THREE = ("melanoma", "nevus", "dermatofibroma")


@pytest.fixture
def trained() -> Callable[..., TrainedClassifier]:
    """Dress any network up as a trained one."""

    def dress(
        network: nn.Module, *, classes: tuple[str, ...] = THREE, side: int = SIDE, **facts: object
    ) -> TrainedClassifier:
        class_set = ClassSet(load_taxonomy(), classes)
        return TrainedClassifier(network, class_set, Preprocessing(side, side), **facts)

    return dress


@pytest.fixture
def linear() -> nn.Module:
    """Two logits that are weighted sums of the pixels."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2))


@pytest.fixture
def convolutional() -> nn.Module:
    """Three logits by way of maps of 8 x 8 places, with the layers that differ in training mode."""
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(6, 3),
    )
    network[1].running_mean.uniform_(-0.2, 0.2)
    return network


class PatchReader(nn.Module):
    """Answers by the mean of one patch alone, its rows 4 to 8 and columns 8 to 12."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        seen = images[:, :, 4:8, 8:12].mean(dim=(1, 2, 3))
        return torch.stack([4 * seen, -4 * seen], dim=1)


@pytest.fixture
def patch_reader() -> nn.Module:
    return PatchReader()


@pytest.fixture
def patch() -> np.ndarray:
    """Where `patch_reader` looks."""
    where = np.zeros((SIDE, SIDE), dtype=bool)
    where[4:8, 8:12] = True
    return where


@pytest.fixture
def frame() -> np.ndarray:
    """A picture that is dark, with a bright spot where `patch_reader` looks."""
    noise = np.random.default_rng(0).integers(0, 40, (SIDE, SIDE, 3), dtype=np.uint8)
    noise[4:8, 8:12] += 200
    return noise
