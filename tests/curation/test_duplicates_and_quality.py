"""Copies are found however they were changed; different pictures are left apart."""

import io

import numpy as np
import pytest
from PIL import Image

from cutis.curation.duplicates import Fingerprint, duplicate_groups, find_duplicates
from cutis.imaging import load_rgb
from cutis.picture_quality import measure_quality, quality_faults


def picture(seed, size=(90, 120)):
    """Smooth colour clouds, different for every seed."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))


def recompressed(rgb):
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


CHANGES = {
    "recompressed": recompressed,
    "smaller": lambda rgb: np.asarray(Image.fromarray(rgb).resize((60, 45))),
    "darker": lambda rgb: (0.8 * rgb).astype(np.uint8),
    "mirrored": lambda rgb: rgb[:, ::-1],
    "upside down": lambda rgb: rgb[::-1],
    "turned by 90": lambda rgb: np.rot90(rgb),
    "turned by 180": lambda rgb: np.rot90(rgb, 2),
    "turned by 270": lambda rgb: np.rot90(rgb, 3),
    "transposed": lambda rgb: rgb.transpose(1, 0, 2),
}


def pairs(*pictures):
    prints = [Fingerprint.of(np.ascontiguousarray(rgb)) for rgb in pictures]
    return [(p.first, p.second, p.kind) for p in find_duplicates(prints)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_near(change):
    others = [picture(seed) for seed in range(1, 5)]
    assert pairs(picture(0), *others, CHANGES[change](picture(0))) == [(0, 5, "near")]


def test_the_same_pixels_are_exact_and_flat_pictures_too():
    flat = np.full((40, 40, 3), 128, np.uint8)
    assert pairs(picture(0), flat, picture(0), flat) == [(0, 2, "exact"), (1, 3, "exact")]


def test_different_flat_pictures_are_not_duplicates():
    assert pairs(np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 200, np.uint8)) == []


def test_groups_join_chains_and_leave_single_images_unnamed():
    found = find_duplicates([Fingerprint.of(picture(s)) for s in (0, 1, 0, 0)])
    assert duplicate_groups(["d", "b", "c", "a"], found) == ["a", "", "a", "a"]


@pytest.mark.real
def test_the_two_exact_pairs_of_ham10000_are_found(real_data):
    ids = ["ISIC_0024366", "ISIC_0029861", "ISIC_0024777", "ISIC_0029938", "ISIC_0024306"]
    images = [load_rgb(real_data / "ham10000" / "images" / f"{name}.jpg") for name in ids]
    exact = [pair[:2] for pair in pairs(*images) if pair[2] == "exact"]
    assert exact == [(0, 1), (2, 3)]


def test_a_good_picture_has_no_faults():
    sharp = np.full((150, 200, 3), 140, dtype=np.uint8)
    sharp[40:110, 60:140] = 90
    assert quality_faults(measure_quality(sharp)) == {}


@pytest.mark.parametrize(
    ("fault", "rgb"),
    [
        ("too dark", picture(0) // 12),
        ("too bright", 240 + picture(0) // 17),
        ("too small", picture(0, (30, 40))),
        ("flat", np.full((150, 150, 3), 128, np.uint8)),
        (
            "noisy or hairy",
            np.random.default_rng(0).integers(60, 200, (150, 200, 3), dtype=np.uint8),
        ),
        ("blocky", np.kron(picture(0, (19, 25)), np.ones((8, 8, 1), np.uint8))),
        ("blurry", np.linspace(60, 200, 200 * 150).reshape(150, 200, 1).repeat(3, 2).astype("u1")),
    ],
)
def test_each_fault_is_named_with_its_measurement(fault, rgb):
    faults = quality_faults(measure_quality(np.ascontiguousarray(rgb)))
    assert fault in faults
    assert any(character.isdigit() for character in faults[fault])
