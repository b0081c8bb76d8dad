"""Copies are found however they were changed; different pictures are left apart."""

import io

import imagehash
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import correlate1d

from cutis.curation import duplicates
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


@pytest.mark.parametrize("block", [1, 2, 3, 1024])
def test_copies_are_found_however_far_apart_they_stand(monkeypatch, block):
    monkeypatch.setattr(duplicates, "_BLOCK", block)
    turned = [np.rot90(picture(0), 3), picture(1), np.rot90(picture(0)), picture(2), picture(1)]
    seen = [*turned, picture(0), picture(2)[::-1]]
    assert pairs(*seen) == [
        (0, 2, "near"),
        (0, 5, "near"),
        (1, 4, "exact"),
        (2, 5, "near"),
        (3, 6, "near"),
    ]


def test_a_pair_carries_its_evidence():
    turned = np.ascontiguousarray(np.rot90(picture(0)))
    seen = [picture(0), recompressed(picture(0)), picture(0), turned]
    prints = [Fingerprint.of(rgb) for rgb in seen]
    near, exact, quarter, _turned_and_recompressed = find_duplicates(prints)
    assert near.cosine == pytest.approx(np.vdot(prints[0].thumbnail, prints[1].thumbnail))
    assert (exact.cosine, exact.hash_distance) == (1, 0)
    first, last = (imagehash.phash(Image.fromarray(rgb)) for rgb in (seen[0], turned))
    assert quarter.hash_distance == first - last > 0


def test_the_same_pixels_are_exact_and_flat_pictures_too():
    flat = np.full((40, 40, 3), 128, np.uint8)
    assert pairs(picture(0), flat, picture(0), flat) == [(0, 2, "exact"), (1, 3, "exact")]
    assert pairs(flat, flat) == [(0, 1, "exact")]


def test_many_copies_make_a_pair_each_and_one_group_with_what_is_near_them():
    """As the placeholder of a website that thousands of downloads ended in."""
    found = find_duplicates([Fingerprint.of(picture(s)) for s in [0] * 50])
    assert [(p.first, p.second, p.kind) for p in found] == [(0, k, "exact") for k in range(1, 50)]
    near = np.ascontiguousarray(picture(0)[:, ::-1])
    prints = [Fingerprint.of(rgb) for rgb in (picture(0), picture(0), near, near)]
    assert set(duplicate_groups(["a", "b", "c", "d"], find_duplicates(prints))) == {"a"}


def test_different_flat_pictures_are_not_duplicates():
    assert pairs(np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 200, np.uint8)) == []


def test_groups_join_chains_and_leave_single_images_to_themselves():
    found = find_duplicates([Fingerprint.of(picture(s)) for s in (0, 1, 0, 0)])
    assert duplicate_groups(["d", "b", "c", "a"], found) == ["a", "b", "a", "a"]


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


def test_sharpness_is_curvature_over_slope_by_scipys_filters():
    rgb = picture(0, (150, 200))
    steps = np.arange(-4, 5)
    bell = np.exp(-(steps**2) / 2) / np.exp(-(steps**2) / 2).sum()
    slope, bend = steps * bell, (steps**2 - 1) * bell

    def filtered(down, across):
        levels = rgb @ np.array([0.299, 0.587, 0.114])
        return correlate1d(correlate1d(levels, down, axis=0), across, axis=1)

    slopes = np.hypot(filtered(slope, bell), filtered(bell, slope))
    bends = np.abs(filtered(bend, bell) + filtered(bell, bend))
    rows, columns = np.ogrid[:150, :200]
    middle = np.hypot(rows - 74.5, columns - 99.5) <= 0.42 * 150
    expected = bends[middle].mean() / slopes[middle].mean()
    assert measure_quality(rgb).sharpness == pytest.approx(expected, rel=1e-5)


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
