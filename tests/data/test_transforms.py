"""Augmentation keeps picture and mask together and does what its settings say."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cutis.data.transforms import (
    Augmentation,
    Spoiling,
    inscribed_size,
    mix_batch,
    training_transform,
)
from cutis.perturbation.kinds import perturb

# isort: split
from torchvision import tv_tensors

STILL = Augmentation(
    zoom=1.0,
    stretch=1.0,
    horizontal_flip=0,
    vertical_flip=0,
    quarter_turns=False,
    brightness=0,
    contrast=0,
    saturation=0,
)


def disc(size=64):
    """A dark disc away from the centre, and its mask."""
    y, x = np.mgrid[:size, :size]
    inside = (x - 22) ** 2 + (y - 26) ** 2 < 12**2
    picture = np.where(inside, 40, 220).astype(np.uint8)
    planes = torch.from_numpy(np.stack([picture] * 3))
    mask = torch.from_numpy(inside[None].astype(np.uint8))
    return tv_tensors.Image(planes), tv_tensors.Mask(mask)


def transformed(settings, seed=0, size=(64, 64)):
    torch.manual_seed(seed)
    return training_transform(settings, size=size)(*disc())


def test_nothing_asked_for_changes_nothing():
    picture, mask = transformed(STILL)
    assert torch.equal(picture, disc()[0])
    assert torch.equal(mask, disc()[1])


@pytest.mark.parametrize(
    "change",
    [
        {"horizontal_flip": 1.0},
        {"vertical_flip": 1.0},
        {"quarter_turns": True},
        {"rotation_degrees": 180.0},
        {"shift": 0.2},
        {"shear_degrees": 20.0},
        {"zoom": 0.5, "stretch": 1.3},
        {"inscribed_rotation": True},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_mask_moves_with_the_picture(change, seed):
    picture, mask = transformed(STILL.model_copy(update=change), seed=seed)
    inside = mask[0].bool()
    assert inside.sum() >= 20, "the mask was lost, or the disc left the frame"
    assert picture.shape == (3, 64, 64)
    # Borders interpolate, so compare the medians of what the moved mask calls disc and background.
    assert picture[0][inside].float().median() < 70
    background = picture[0][~inside].float()
    assert background.median() > 120 or background.numel() < 20


@pytest.mark.parametrize(
    "change",
    [{"rotation_degrees": 45.0}, {"shift": 0.5}, {"shear_degrees": 45.0}],
    ids=lambda change: next(iter(change)),
)
def test_what_comes_in_from_outside_the_frame_is_grey_and_no_lesion(change):
    white = tv_tensors.Image(torch.full((3, 64, 64), 255, dtype=torch.uint8))
    lesion = tv_tensors.Mask(torch.ones((1, 64, 64), dtype=torch.uint8))
    transform = training_transform(STILL.model_copy(update=change), size=(64, 64))
    torch.manual_seed(3)
    picture, mask = transform(white, lesion)
    outside = mask[0] == 0
    assert outside.sum() > 50
    assert picture[:, outside].float().median() == 127
    assert picture.min() > 100, "white and grey blend at the edge, and nothing is black"


@pytest.mark.parametrize(
    "change",
    [{"brightness": 0.5}, {"contrast": 0.5}, {"blur": 1.0}, {"cutout": 1.0}],
    ids=lambda change: next(iter(change)),
)
def test_each_colour_or_texture_option_changes_pixels(change):
    picture, _mask = transformed(STILL.model_copy(update=change), seed=5)
    assert not torch.equal(picture, disc()[0])


def test_spoiling_changes_the_picture_alone_and_the_same_seed_draws_the_same():
    settings = STILL.model_copy(update={"spoiling": 1.0, "spoiling_severity": 1})
    changed = set()
    for seed in range(60):
        picture, mask = transformed(settings, seed=seed)
        assert torch.equal(mask, disc()[1])
        assert picture.dtype == torch.uint8
        assert isinstance(picture, tv_tensors.Image)
        changed.add(picture.numpy().tobytes())
        again, _mask = transformed(settings, seed=seed)
        assert torch.equal(again, picture)
    assert len(changed) > len(Spoiling.KINDS)


def test_spoiling_is_the_stress_tests_own_at_the_severity_drawn(monkeypatch):
    asked = []

    def listen(picture, kind, severity, *, seed):
        asked.append((kind, severity))
        return perturb(picture, kind, severity, seed=seed)

    monkeypatch.setattr("cutis.data.transforms.perturb", listen)
    for seed in range(300):
        transformed(STILL.model_copy(update={"spoiling": 0.5}), seed=seed)
    assert 110 < len(asked) < 190  # one in two; sd 8.7
    assert {kind for kind, _severity in asked} == set(Spoiling.KINDS)
    assert {severity for _kind, severity in asked} == {1, 2, 3}


@given(st.integers(20, 400), st.integers(20, 400), st.integers(0, 359))
def test_the_inscribed_rectangle_lies_inside_the_turned_frame(height, width, degrees):
    inner_height, inner_width = inscribed_size(height, width, degrees)
    angle = math.radians(degrees)
    for x, y in [(inner_width / 2, inner_height / 2), (inner_width / 2, -inner_height / 2)]:
        across = abs(x * math.cos(angle) + y * math.sin(angle))
        down = abs(y * math.cos(angle) - x * math.sin(angle))
        assert across <= width / 2 + 1
        assert down <= height / 2 + 1


def test_the_inscribed_rectangle_is_the_largest_there_is():
    """Against a search over all rectangles, for a frame turned by 30 degrees."""
    angle, best = math.radians(30), 0
    for w in range(1, 240):
        for h in range(1, 240):
            across = w * math.cos(angle) + h * math.sin(angle)
            down = h * math.cos(angle) + w * math.sin(angle)
            if across <= 200 and down <= 150:
                best = max(best, w * h)
    h, w = inscribed_size(150, 200, 30)
    assert best - (h + w) <= h * w <= best


def test_mixing_keeps_one_unit_of_target_per_picture():
    images, targets = torch.rand(8, 3, 16, 16), torch.arange(8) % 3
    _mixed, shares = mix_batch(images, targets, Augmentation(mixup_alpha=0.4), classes=3)
    assert shares.shape == (8, 3)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(8))


def test_without_mixing_targets_stay_positions():
    images, targets = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 2, 0])
    same_images, same_targets = mix_batch(images, targets, Augmentation(), classes=3)
    assert same_images is images
    assert same_targets is targets
