"""Warnings: a lesion that is there or not, whole or cut off, and a picture that is sharp or not."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from cutis.inference import picture_checks
from cutis.inference.lesion_view import LesionView, find_lesion
from cutis.inference.picture_checks import MAX_SHARE_OF_EDGE, MIN_CONTRAST, picture_warnings
from cutis.perturbation.camera import as_jpeg
from cutis.picture_quality import measure_quality

SKIN, LESION = (225, 170, 150), (120, 70, 60)


def skin(*, side=96, centre=None, radius=0.0, rim=False):
    """Grainy skin in light that falls off, with a disc for a lesion and the rim of the instrument."""
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    picture = np.broadcast_to(np.array(SKIN, dtype=float), (side, side, 3)).copy()
    if centre is not None:
        picture[np.hypot(rows - centre[0], columns - centre[1]) < radius] = LESION
    picture *= (1 - 0.15 * (rows**2 + columns**2))[..., None]
    picture += np.random.default_rng(0).normal(0, 1.5, (side, side, 1))
    if rim:
        picture[np.hypot(rows, columns) > 1.1] = 5
    return picture.clip(0, 255).astype(np.uint8)


def kinds(frame):
    return [warning.partition(":")[0] for warning in picture_warnings(frame)]


@pytest.mark.parametrize("rim", [False, True])
def test_a_whole_lesion_in_the_middle_is_nothing_to_warn_of(rim):
    assert picture_warnings(skin(centre=(0, 0), radius=0.5, rim=rim)) == ()


def test_bare_skin_has_no_lesion_however_the_light_falls():
    assert kinds(skin()) == ["no lesion stands out"]


def test_a_lesion_beyond_the_edge_is_measured_along_it():
    frame = skin(centre=(0.6, 0), radius=0.7)
    assert kinds(frame) == ["the lesion reaches the edge"]
    # It covers the lower edge as far as 0.57 to either side, of the 0.67 that are no dark corner.
    share = np.sqrt(0.7**2 - 0.4**2) / np.sqrt(2 * 0.85**2 - 1) / 4
    assert find_lesion(frame).share_of_edge == pytest.approx(share, abs=0.03)


def test_the_darkest_frame_is_dark_and_shows_no_lesion():
    assert kinds(np.zeros((64, 64, 3), dtype=np.uint8)) == [
        "too dark",
        "flat",
        "no lesion stands out",
    ]


def test_a_frame_too_small_to_be_judged_gets_no_warning():
    assert picture_warnings(np.zeros((31, 64, 3), dtype=np.uint8)) == ()
    assert picture_warnings(np.zeros((32, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("contrast", "share_of_edge", "warned"),
    [
        (19.9, 0.0, ["no lesion stands out"]),
        (20.0, 0.0, []),
        (20.0, 0.15, []),
        (20.0, 0.16, ["the lesion reaches the edge"]),
        (19.9, 0.16, ["no lesion stands out"]),  # what is no lesion reaches nothing
    ],
)
def test_warnings_of_the_lesion_begin_where_the_documentation_says(
    monkeypatch, contrast, share_of_edge, warned
):
    frame = skin(centre=(0, 0), radius=0.5)
    view = LesionView(contrast, share_of_edge)
    monkeypatch.setattr(picture_checks, "find_lesion", lambda _frame: view)
    assert kinds(frame) == warned


@pytest.mark.parametrize("deviation", [3.0, 10.0])
def test_noise_is_measured_whatever_is_in_the_picture(deviation):
    rows, columns = np.mgrid[-1:1:150j, -1:1:200j]
    grain = np.random.default_rng(2).normal(0, deviation, rows.shape)
    levels = 130 + 30 * rows - 50 * (np.hypot(rows, columns) < 0.6) + grain
    levels[::9] -= 40  # hairs
    rgb = np.repeat(levels.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    assert measure_quality(rgb).noise == pytest.approx(deviation, rel=0.15)
    assert "noisy or hairy" in kinds(rgb)


@pytest.mark.parametrize("size", [(176, 176), (176, 132), (120, 176)])
def test_blocks_of_jpeg_are_noticed_in_a_resized_frame(size):
    picture = skin(side=150, centre=(0, 0), radius=0.5)
    frames = [
        np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BILINEAR))
        for each in (picture, as_jpeg(picture, quality=10))
    ]
    assert ["blocky" in kinds(frame) for frame in frames] == [False, True]


def test_the_marks_of_a_ruler_are_no_blocks():
    ruled = skin(side=150, centre=(0, 0), radius=0.5)
    ruled[:, ::8] //= 2
    assert "blocky" not in kinds(ruled)


def test_sharpness_is_that_of_scipys_filters():
    rgb = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    levels = rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    rows, columns = np.mgrid[:40, :60]
    middle = np.hypot(rows - 19.5, columns - 29.5) <= 0.42 * 40
    curvature = np.abs(ndimage.gaussian_laplace(levels, 1))[middle].mean()
    slope = ndimage.gaussian_gradient_magnitude(levels, 1)[middle].mean()
    assert measure_quality(rgb).sharpness == pytest.approx(curvature / slope, rel=1e-4)


@pytest.mark.real
def test_the_masks_of_ham10000_agree(real_data):
    masks = sorted((real_data / "ham10000" / "masks").glob("*.png"))[::40]
    truth, found = [], []
    for mask_path in masks:
        picture = Image.open(real_data / "ham10000" / "images" / f"{mask_path.stem}.jpg")
        mask = np.asarray(Image.open(mask_path).convert("L").crop((75, 0, 525, 450))) > 127
        truth.append(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean())
        found.append(find_lesion(np.asarray(picture.crop((25, 0, 175, 150)))))
    share, is_cut = np.array([view.share_of_edge for view in found]), np.array(truth) > 0.25
    assert is_cut.sum() >= 3
    assert np.median(share[is_cut]) > MAX_SHARE_OF_EDGE
    assert (share[np.array(truth) < 0.02] > MAX_SHARE_OF_EDGE).mean() < 0.08
    assert np.mean([view.contrast < MIN_CONTRAST for view in found]) < 0.05
