"""A lesion painted over with the skin around it: a model that still knows what it was has cheated.

The colour is carried inwards from the skin outside by averaging ever coarser copies of it and
interpolating back ("pull-push", Gortler et al. 1996, The Lumigraph, section 3.6), and the grain is
that of the skin. Nothing inside the mask or within `margin_px` of it is ever read.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from cutis.checks import BoolArray, FloatArray, UInt8Array
from cutis.errors import InputError
from cutis.perturbation.drawing import smooth_noise, to_uint8

LEAST_SKIN = 0.05  # of the frame; with less there is nothing to paint with
_DARKEST_SKIN = 0.6  # of the median; what is darker is hair, ink or the tube's rim
_GRAIN = 0.012  # of the short side


def skin_share(lesion: BoolArray, *, margin_px: float) -> float:
    """The share of the frame (h, w) that lies further than `margin_px` from the lesion."""
    return float((_distance_from(lesion) > margin_px).mean())


def painted_over(
    generator: np.random.Generator, picture: UInt8Array, lesion: BoolArray, *, margin_px: float
) -> UInt8Array:
    """The picture without its lesion.

    Args:
        generator: Of the grain.
        picture: Shape (h, w, 3).
        lesion: Shape (h, w), true inside.
        margin_px: How far beyond the mask the paint is opaque; it fades out over as much again.

    Raises:
        InputError: the mask is empty or of another size, or leaves less skin than `LEAST_SKIN`.
    """
    if lesion.shape != picture.shape[:2]:
        raise InputError(f"mask: shape {lesion.shape}, expected {picture.shape[:2]}")
    away = _distance_from(lesion)
    outside = away > margin_px
    if outside.mean() < LEAST_SKIN:
        raise InputError(f"mask: it leaves {outside.mean():.1%} of the frame as skin to paint with")
    unit_px = min(lesion.shape)
    skin = outside & _is_bare(picture, outside)
    colour = _carried_inwards(picture.astype(np.float32), skin)
    colour = ndimage.gaussian_filter(colour, (0.03 * unit_px, 0.03 * unit_px, 0))
    grain = smooth_noise(generator, lesion.shape, scale_px=max(_GRAIN * unit_px, 1))
    paint = colour + grain[..., None] * _grain_strength(picture, skin, sigma_px=_GRAIN * unit_px)
    opacity = np.clip(2 - away / margin_px, 0, 1)[..., None]
    return to_uint8(picture + opacity * (paint - picture))


def _distance_from(lesion: BoolArray) -> FloatArray:
    """Pixels to the nearest pixel of the lesion, 0 inside it."""
    if not lesion.any():
        raise InputError("mask: it is empty, so there is no lesion to paint over")
    return np.asarray(ndimage.distance_transform_edt(~lesion))


def _is_bare(picture: UInt8Array, outside: BoolArray) -> BoolArray:
    brightness = picture.mean(axis=-1)
    return np.asarray(brightness >= _DARKEST_SKIN * np.median(brightness[outside]))


def _carried_inwards(values: FloatArray, known: BoolArray) -> FloatArray:
    """Values (h, w, 3) with the unknown ones interpolated from what surrounds them."""
    if known.all():
        return values
    height, width = known.shape
    odd = ((0, height % 2), (0, width % 2))
    weight = np.pad(known.astype(np.float32), odd)[..., None]
    total = _sums_of_four(np.pad(values, (*odd, (0, 0))) * weight)
    count = _sums_of_four(weight)
    coarse = _carried_inwards(total / np.maximum(count, 1), count[..., 0] > 0)
    fine = [
        Image.fromarray(np.ascontiguousarray(coarse[..., k])).resize(
            (2 * coarse.shape[1], 2 * coarse.shape[0]), Image.Resampling.BILINEAR
        )
        for k in range(3)
    ]
    guess = np.stack([np.asarray(plane) for plane in fine], axis=-1)[:height, :width]
    return np.where(known[..., None], values, guess)


def _sums_of_four(values: FloatArray) -> FloatArray:
    return values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]


def _grain_strength(picture: UInt8Array, skin: BoolArray, *, sigma_px: float) -> FloatArray:
    """Robust standard deviation of the skin's fine structure, shape (3,)."""
    pixels = picture.astype(np.float32)
    width = 2 * max(sigma_px, 1)
    fine = (pixels - ndimage.gaussian_filter(pixels, (width, width, 0)))[skin]
    return np.asarray(1.4826 * np.median(np.abs(fine - np.median(fine, axis=0)), axis=0))
