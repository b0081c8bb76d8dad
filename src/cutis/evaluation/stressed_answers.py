"""What a model answers to pictures as they are, and under every perturbation.

The model is a function that is passed in, so judging still needs no model of ours.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np
from PIL import Image

from cutis.checks import BoolArray, FloatArray, UInt8Array
from cutis.errors import InputError, ManifestError
from cutis.imaging import load_rgb, open_rgb, unreadable
from cutis.perturbation.kinds import perturb, perturbation, seed_of
from cutis.perturbation.skin import LEAST_SKIN, skin_share
from cutis.tables.manifest import Manifest

Predict = Callable[[Sequence[UInt8Array]], FloatArray]

WORKING_SHORT_SIDE_PX = 600  # larger pictures are reduced first, the clean ones too
PICTURES_AT_A_TIME = 16


@dataclass(frozen=True, eq=False)
class Answers:
    """Probabilities of the same n images, as they are and changed."""

    clean: FloatArray  # (n, k)
    stressed: Mapping[
        str, FloatArray
    ]  # by kind, (severities, n, k); nan where it cannot be applied


def ask(
    predict: Predict,
    images: Manifest,
    kinds: Sequence[str],
    *,
    classes: int,
    seed: int,
    on_progress: Callable[[int], None] | None = None,
) -> Answers:
    """Show every image to a model, as it is and in every severity of every kind.

    Only `PICTURES_AT_A_TIME` are held at a time.

    Args:
        predict: From pictures, uint8 (h, w, 3) of any size, to probabilities (n, k).
        images: Whose pictures and lesion masks are read.
        kinds: Names of perturbations.
        classes: k.
        seed: Of what is drawn on the pictures.
        on_progress: Called with the number of images just finished.

    Raises:
        ImageError: a picture or a mask cannot be read.
        InputError: `predict` gives no finite probabilities of the right shape.
    """
    n = len(images)
    clean = np.full((n, classes), np.nan)
    stressed = {
        kind: np.full((len(perturbation(kind).levels), n, classes), np.nan) for kind in kinds
    }
    with_masks = any(perturbation(kind).needs_mask for kind in kinds)
    for first in range(0, n, PICTURES_AT_A_TIME):
        rows = np.arange(first, min(first + PICTURES_AT_A_TIME, n))
        subjects = [_subject(images, int(row), with_mask=with_masks, seed=seed) for row in rows]
        clean[rows] = _asked(predict, [subject.picture for subject in subjects], classes)
        for kind in kinds:
            able = [subject.can_undergo(kind) for subject in subjects]
            severities = perturbation(kind).severities
            changed = [
                perturb(each.picture, kind, severity, seed=each.seed, mask=each.mask)
                for severity in severities
                for each in compress(subjects, able)
            ]
            if changed:
                found = _asked(predict, changed, classes)
                stressed[kind][:, rows[able]] = found.reshape(len(severities), -1, classes)
        if on_progress is not None:
            on_progress(len(rows))
    return Answers(clean, stressed)


def require_readable(images: Manifest) -> None:
    """Find out before the work whether every picture and mask can be decoded.

    Raises:
        ManifestError: naming those that cannot.
    """
    masks = [Path(place) for place in images.frame["mask_path"] if place]
    if problems := unreadable([*images.paths, *masks]):
        raise ManifestError(images.name, problems)


@dataclass(frozen=True, eq=False)
class _Subject:
    """A picture in memory, with what its perturbations need."""

    picture: UInt8Array
    mask: BoolArray | None
    seed: int

    def can_undergo(self, kind: str) -> bool:
        return self.mask is not None or not perturbation(kind).needs_mask


def _subject(images: Manifest, row: int, *, with_mask: bool, seed: int) -> _Subject:
    picture = _reduced(load_rgb(images.paths[row]))
    mask_path = images.frame["mask_path"].iloc[row] if with_mask else ""
    mask = _usable_mask(Path(mask_path), picture) if mask_path else None
    return _Subject(picture, mask, seed_of(images.image_ids[row], seed=seed))


def _asked(predict: Predict, pictures: Sequence[UInt8Array], k: int) -> FloatArray:
    probabilities = np.asarray(predict(pictures))
    if probabilities.shape != (len(pictures), k) or not np.isfinite(probabilities).all():
        raise InputError(
            f"predict: gave shape {probabilities.shape} for {len(pictures)} pictures, expected "
            f"finite probabilities of shape {(len(pictures), k)}"
        )
    return probabilities


def _reduced(picture: UInt8Array) -> UInt8Array:
    height, width = picture.shape[:2]
    scale = WORKING_SHORT_SIDE_PX / min(height, width)
    if scale >= 1:
        return picture
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def _usable_mask(path: Path, picture: UInt8Array) -> BoolArray | None:
    """The lesion mask (h, w), if it leaves skin to paint with at every severity.

    A mask may have another resolution than its picture.
    """
    height, width = picture.shape[:2]
    lesion = np.asarray(open_rgb(path).convert("L").resize((width, height))) >= 128
    widest_px = max(perturbation("painted_over").levels) * min(height, width)
    usable = lesion.any() and skin_share(lesion, margin_px=widest_px) >= LEAST_SKIN
    return lesion if usable else None
