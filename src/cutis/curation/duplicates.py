"""Exact and near duplicates, whoever's lesion or patient they are filed under.

Two pictures are exact duplicates when they decode to the same pixels, and near duplicates when their
thumbnails correlate by `NEAR_COSINE` or more under one of the eight symmetries of the square, which
finds copies that were resized, recompressed, relit, mirrored or turned. Measured on HAM10000 (see
docs/decisions/0004-duplicates.md): 90 pairs reach 0.99 and every one is within one lesion; the
closest pair of different lesions reaches 0.9892. A 64-bit perceptual hash alone does not separate
dermoscopy, where most pictures are a dark blob in the middle; its distance is reported as evidence.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cutis.checks import BoolArray, FloatArray, IntArray, UInt8Array

NEAR_COSINE = 0.99
THUMBNAIL_PX = 32
_BLOCK = 1024

Kind = Literal["exact", "near"]


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is remembered of a decoded picture."""

    pixels_sha256: str
    perceptual_hash: BoolArray  # (64,), imagehash's pHash
    thumbnail: FloatArray  # (32, 32, 3), float32, mean 0 and norm 1; all zero for a flat picture

    @classmethod
    def of(cls, rgb: UInt8Array) -> "Fingerprint":
        """From pixels of shape (h, w, 3)."""
        picture = Image.fromarray(rgb)
        digest = hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).hexdigest()
        small = picture.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
        values = np.asarray(small, dtype=np.float32)
        values = values - values.mean()
        norm = float(np.linalg.norm(values))
        return cls(
            digest,
            imagehash.phash(picture).hash.ravel(),
            values / norm if norm > 1e-3 else np.zeros_like(values),
        )


@dataclass(frozen=True)
class DuplicatePair:
    """Two rows that show the same picture, the earlier row first."""

    first: int
    second: int
    kind: Kind
    cosine: float  # of the thumbnails, the best of the symmetries
    hash_distance: int  # bits of the perceptual hash that differ, of 64; large for turned copies


def find_duplicates(fingerprints: Sequence[Fingerprint]) -> list[DuplicatePair]:
    """Every pair of duplicates, by rows; exact copies of a picture are each paired with the first."""
    if len(fingerprints) < 2:
        return []
    best = dict.fromkeys(_same_pixels(fingerprints), 1.0)
    copies = {second for _first, second in best}
    rows = [row for row in range(len(fingerprints)) if row not in copies]
    for a, b, cosine in _close_thumbnails(np.stack([fingerprints[r].thumbnail for r in rows])):
        pair = rows[a], rows[b]
        best[pair] = max(cosine, best.get(pair, -1.0))
    return [
        DuplicatePair(
            first,
            second,
            "exact"
            if fingerprints[first].pixels_sha256 == fingerprints[second].pixels_sha256
            else "near",
            min(cosine, 1.0),
            int(
                np.count_nonzero(
                    fingerprints[first].perceptual_hash != fingerprints[second].perceptual_hash
                )
            ),
        )
        for (first, second), cosine in sorted(best.items())
    ]


def duplicate_groups(image_ids: Sequence[str], pairs: Sequence[DuplicatePair]) -> list[str]:
    """The manifest's `duplicate_group` column: the smallest id of what an image is a copy of."""
    n = len(image_ids)
    ends = ([pair.first for pair in pairs], [pair.second for pair in pairs])
    graph = coo_array((np.ones(len(pairs), bool), ends), shape=(n, n))
    label: IntArray = connected_components(graph, directed=False)[1]
    names: dict[int, str] = {}
    for image_id, group in zip(image_ids, label.tolist(), strict=True):
        names[group] = min(image_id, names.get(group, image_id))
    return [names[group] for group in label.tolist()]


def _close_thumbnails(thumbnails: npt.NDArray[np.float32]) -> Iterator[tuple[int, int, float]]:
    """Pairs at or above `NEAR_COSINE` under any symmetry of the square."""
    flat = thumbnails.reshape(len(thumbnails), -1)
    quarter = np.rot90(thumbnails, axes=(1, 2))
    # Seven suffice: a turn by 270 degrees of one is a turn by 90 degrees of the other.
    for seen, symmetric in (
        (thumbnails, True),
        (quarter, False),
        (thumbnails[:, ::-1, ::-1], True),
        (thumbnails[:, :, ::-1], True),
        (thumbnails[:, ::-1], True),
        (quarter[:, :, ::-1], True),
        (quarter[:, ::-1], True),
    ):
        turned = np.ascontiguousarray(seen).reshape(len(seen), -1)
        yield from _close(flat, turned, NEAR_COSINE, symmetric=symmetric)


def _close(
    left: FloatArray, right: FloatArray, threshold: float, *, symmetric: bool
) -> Iterator[tuple[int, int, float]]:
    """Pairs (smaller row, larger row, cosine) of unit vectors, by blocks of exact products."""
    for start in range(0, len(left), _BLOCK):
        begin = start if symmetric else 0
        cosines = left[start : start + _BLOCK] @ right[begin:].T
        rows, columns = np.nonzero(cosines >= threshold)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            first, second = start + row, begin + column
            if first != second:
                yield min(first, second), max(first, second), float(cosines[row, column])


def _same_pixels(fingerprints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    first_with: dict[str, int] = {}
    for row, fingerprint in enumerate(fingerprints):
        first = first_with.setdefault(fingerprint.pixels_sha256, row)
        if first != row:
            yield first, row
