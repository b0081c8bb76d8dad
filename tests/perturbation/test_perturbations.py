"""Every perturbation changes the picture, more with severity, repeatably, and keeps its form."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.data.phantom import ArtefactRates, PhantomSettings
from cutis.data.phantom.cohort import PhantomLesion, draw_images
from cutis.errors import InputError
from cutis.perturbation import camera, geometry
from cutis.perturbation.drawing import filled
from cutis.perturbation.kinds import PERTURBATIONS, perturb, seed_of
from cutis.perturbation.skin import painted_over

CLEAN = ArtefactRates(hair=0, ruler=0, ink=0, bubbles=0, dark_corners=0)
WITHOUT_ORDER = {"flip"}
ORDERED = sorted(set(PERTURBATIONS) - WITHOUT_ORDER)
BY_DISTANCE = sorted(set(ORDERED) - {"painted_over"})  # which hides the lesion at once


def phantom(seed, *, height=60, width=80, diagnosis="melanoma"):
    drawing = PhantomSettings(height=height, width=width, mimicry=0, artefacts=CLEAN)
    lesion = PhantomLesion("l", "p", diagnosis, 50, "female", "back", 2, 1, seed)
    ((picture, mask, _names),) = draw_images(lesion, drawing)
    return picture, mask


@pytest.fixture(scope="module")
def phantoms():
    return [phantom(seed) for seed in range(6)]


def slopes(height, width):
    """A picture whose bytes say where they are: red to the right, green downwards."""
    down, right = np.mgrid[:height, :width]
    planes = [255 * right / (width - 1), 255 * down / (height - 1), np.full_like(down, 128)]
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def distance(changed, picture):
    return np.abs(changed.astype(float) - picture).mean()


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_every_severity_changes_the_picture_and_keeps_its_form(kind, phantoms):
    picture, mask = phantoms[0]
    before = picture.copy()
    for severity in PERTURBATIONS[kind].severities:
        changed = perturb(picture, kind, severity, seed=3, mask=mask)
        assert (changed.shape, changed.dtype) == (picture.shape, np.uint8)
        assert (changed != picture).any()
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("kind", BY_DISTANCE)
def test_more_severity_is_further_from_the_picture(kind, phantoms):
    apart = [
        np.mean(
            [
                distance(perturb(picture, kind, severity, seed=seed, mask=mask), picture)
                for seed, (picture, mask) in enumerate(phantoms)
            ]
        )
        for severity in PERTURBATIONS[kind].severities
    ]
    assert apart == sorted(apart)
    assert apart[-1] > 1.2 * apart[0]


@pytest.mark.parametrize("kind", ORDERED)
def test_levels_run_one_way(kind):
    levels = PERTURBATIONS[kind].levels
    assert len(levels) == 5
    assert list(levels) in (sorted(set(levels)), sorted(set(levels), reverse=True))


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_the_same_seed_gives_the_same_bytes(kind, phantoms):
    picture, mask = phantoms[1]
    first, second = (perturb(picture, kind, 2, seed=8, mask=mask) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", ["ink", "ruler", "hair", "bubbles", "noise", "painted_over"])
def test_another_seed_draws_something_else(kind, phantoms):
    picture, mask = phantoms[1]
    first, second = (perturb(picture, kind, 5, seed=seed, mask=mask) for seed in (1, 2))
    assert (first != second).any()


@pytest.mark.parametrize("kind", ["ink", "ruler", "hair"])
def test_what_is_drawn_at_one_severity_stays_at_the_next(kind):
    paper = np.full((60, 80, 3), 250, np.uint8)
    drawn = [perturb(paper, kind, severity, seed=4) < 240 for severity in range(1, 6)]
    for less, more in pairwise(drawn):
        assert more[less].all()
        assert more.sum() > less.sum()


def test_more_severity_paints_over_more_of_the_frame(phantoms):
    for picture, mask in phantoms:
        touched = [
            (perturb(picture, "painted_over", severity, seed=0, mask=mask) != picture).any(axis=-1)
            for severity in range(1, 6)
        ]
        shares = [each.mean() for each in touched]
        assert shares == sorted(shares)
        assert shares[0] > 0.9 * mask.mean()


@settings(max_examples=25)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 99))
def test_any_size_is_taken(height, width, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for kind, found in PERTURBATIONS.items():
        if not found.needs_mask:
            severity = len(found.levels)
            assert perturb(picture, kind, severity, seed=seed).shape == picture.shape


@pytest.mark.parametrize("kind", ["hair", "ink", "ruler", "blur", "dark_corners", "bubbles"])
def test_a_severity_covers_as_much_of_a_larger_picture(kind):
    small, large = np.full((60, 80, 3), 200, np.uint8), np.full((180, 240, 3), 200, np.uint8)
    if kind == "blur":
        small[:, :40], large[:, :120] = 60, 60
    apart = [
        np.mean([distance(perturb(picture, kind, 4, seed=s), picture) for s in range(12)])
        for picture in (small, large)
    ]
    assert apart[1] == pytest.approx(apart[0], rel=0.3)


def test_a_flip_twice_is_the_picture():
    picture = slopes(30, 50)
    for severity in PERTURBATIONS["flip"].severities:
        once = perturb(picture, "flip", severity, seed=0)
        np.testing.assert_array_equal(perturb(once, "flip", severity, seed=0), picture)
    np.testing.assert_array_equal(perturb(picture, "flip", 3, seed=0), picture[::-1, ::-1])


def test_a_zoom_of_two_shows_the_middle_half():
    picture = slopes(120, 160)
    red = geometry.zoomed(picture, factor=2)[..., 0].astype(float)
    assert red[:, 0].mean() == pytest.approx(255 / 4, abs=2)
    assert red[:, -1].mean() == pytest.approx(255 * 3 / 4, abs=2)


def test_zooming_out_keeps_the_picture_in_the_middle():
    picture = slopes(120, 160)
    red = geometry.zoomed(picture, factor=0.5)[..., 0].astype(float)
    assert red[60, 40:120] == pytest.approx(picture[60, ::2, 0].astype(float), abs=3)


def test_four_quarter_turns_of_a_square_come_back():
    picture = slopes(64, 64)
    turned = picture
    for _ in range(4):
        turned = geometry.rotated(turned, degrees=90)
    assert distance(turned, picture) < 0.5
    quarter = geometry.rotated(picture, degrees=90)
    assert distance(quarter, np.rot90(picture)) < 0.5


def test_a_stop_doubles_linear_light():
    def linear(byte):
        value = byte / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    picture = np.full((2, 2, 3), 90, np.uint8)
    for stops in (-2, -1, 1, 2):
        byte = camera.exposed(picture, stops=stops)[0, 0, 0]
        assert linear(byte) / linear(90) == pytest.approx(2.0**stops, rel=0.06)
    np.testing.assert_array_equal(camera.exposed(slopes(9, 9), stops=0), slopes(9, 9))


def test_warm_light_gains_red_and_loses_blue():
    grey = np.full((2, 2, 3), 120, np.uint8)
    red, green, blue = camera.balanced(grey, warmth_stops=0.5)[0, 0].astype(int)
    assert red > green == 120 > blue


def test_noise_has_the_deviation_it_says_at_any_grain():
    grey = np.full((300, 300, 3), 128, np.uint8)
    for grain in (1.0, 3.0):
        noisy = camera.with_noise(np.random.default_rng(0), grey, deviation=14, grain_px=grain)
        assert noisy.astype(float).std() == pytest.approx(14, rel=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_painting_over_removes_the_lesion(seed):
    picture, mask = phantom(seed, height=120, width=160)

    def contrast(seen):
        green = seen[..., 1].astype(float)
        return green[~mask].mean() - green[mask].mean()

    assert contrast(picture) > 25
    for severity in range(1, 6):
        painted = perturb(picture, "painted_over", severity, seed=0, mask=mask)
        assert abs(contrast(painted)) < 0.2 * contrast(picture)


def test_paint_is_mixed_without_looking_at_the_lesion():
    picture, mask = phantom(2, height=120, width=160)
    garish = np.where(mask[..., None], np.uint8([0, 255, 0]), picture)
    painted = [
        perturb(each, "painted_over", 3, seed=1, mask=mask)[mask] for each in (picture, garish)
    ]
    np.testing.assert_array_equal(*painted)


def test_paint_leaves_distant_skin_as_it_was():
    picture, _mask = phantom(0)
    spot = np.zeros(picture.shape[:2], dtype=bool)
    spot[28:33, 38:43] = True
    painted = perturb(picture, "painted_over", 1, seed=0, mask=spot)
    np.testing.assert_array_equal(painted[:20], picture[:20])


@pytest.mark.parametrize(
    ("mask", "complaint"),
    [
        (None, "needs the mask"),
        (np.zeros((60, 80), bool), "empty"),
        (np.ones((60, 80), bool), "as skin to paint with"),
        (np.ones((9, 9), bool), "expected"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused(mask, complaint, phantoms):
    with pytest.raises(InputError, match=complaint):
        perturb(phantoms[0][0], "painted_over", 1, seed=0, mask=mask)


def test_hair_outside_the_lesion_does_not_colour_the_paint():
    skin = np.full((80, 80, 3), 200, np.uint8)
    lesion = np.zeros((80, 80), bool)
    lesion[30:50, 30:50] = True
    skin[:, ::9] = 20
    painted = painted_over(np.random.default_rng(0), skin, lesion, margin_px=2)
    assert painted[lesion].mean() == pytest.approx(200, abs=3)


def test_a_gap_is_filled_between_its_edges():
    values = np.repeat(slopes(33, 47)[..., :1], 3, axis=-1).astype(np.float32)
    known = np.ones((33, 47), bool)
    known[:, 18:29] = False
    guess = filled(np.where(known[..., None], values, -999), known)
    np.testing.assert_array_equal(guess[known], values[known])
    gap = guess[~known]
    assert values[:, 17].max() - 1 <= gap.min()
    assert gap.max() <= values[:, 29].max() + 1


@pytest.mark.parametrize(
    ("kind", "severity", "complaint"),
    [
        ("hairs", 1, "did you mean 'hair'"),
        ("hair", 0, "1 to 5"),
        ("hair", 6, "1 to 5"),
        ("flip", 4, "1 to 3"),
    ],
)
def test_unknown_kinds_and_severities_are_refused(kind, severity, complaint, phantoms):
    with pytest.raises(InputError, match=complaint):
        perturb(phantoms[0][0], kind, severity, seed=0)


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_only_rgb_bytes_are_pictures(picture):
    with pytest.raises(InputError, match="uint8"):
        perturb(picture, "blur", 1, seed=0)


def test_seeds_come_from_the_name_alone():
    assert seed_of("a") == seed_of("a") != seed_of("b")
    assert seed_of("a", seed=1) != seed_of("a")


def test_the_documents_list_every_kind_with_its_levels():
    page = (Path(__file__).parents[2] / "docs" / "robustness.md").read_text(encoding="utf-8")
    for kind, found in PERTURBATIONS.items():
        levels = ", ".join(f"{level:g}" for level in found.levels)
        assert f"| `{kind}` | {found.what} | {found.amount} | {levels} |" in page
