"""A lesion painted over with the skin around it: a model that still knows what it was has cheated.

The colour is carried inwards from the skin outside, and the grain is as strong as that of the skin.
Nothing inside the mask, within `margin_px` of it or where the paint fades out is ever read.
"""

import numpy as np
from scipy import ndimage

from cutis.checks import BoolArray, FloatArray, UInt8Array
from cutis.errors import InputError
from cutis.perturbation.drawing import filled, smooth_noise, to_uint8

LEAST_SKIN = 0.05  # of the frame; with less there is nothing to paint with
_DARKEST_SKIN = 0.6  # of the median; what is darker is hair, ink or the tube's rim
_FADE = 0.03  # of the short side
_SMOOTHNESS = 0.03  # of the short side; the colour has no structure finer than this
_GRAIN = 0.012  # of the short side


def skin_share(lesion: BoolArray, *, margin_px: float) -> float:
    """The share of the frame (h, w) that is left to take colour from."""
    return float(_is_untouched(_distance_from(lesion), margin_px).mean())


def painted_over(
    generator: np.random.Generator, picture: UInt8Array, lesion: BoolArray, *, margin_px: float
) -> UInt8Array:
    """The picture without its lesion.

    Args:
        generator: Of the grain.
        picture: Shape (h, w, 3).
        lesion: Shape (h, w), true inside.
        margin_px: How far beyond the mask the paint is opaque; it fades out over another 3 % of the
            short side.

    Raises:
        InputError: the mask is empty or of another size, or leaves less skin than `LEAST_SKIN`.
    """
    if lesion.shape != picture.shape[:2]:
        raise InputError(f"mask: shape {lesion.shape}, expected {picture.shape[:2]}")
    away = _distance_from(lesion)
    outside = _is_untouched(away, margin_px)
    if outside.mean() < LEAST_SKIN:
        raise InputError(f"mask: it leaves {outside.mean():.1%} of the frame as skin to paint with")
    unit_px = min(lesion.shape)
    skin = outside & _is_bare(picture, outside)
    known = filled(picture.astype(np.float32), skin)
    colour = ndimage.gaussian_filter(known, (_SMOOTHNESS * unit_px, _SMOOTHNESS * unit_px, 0))
    grain = smooth_noise(generator, lesion.shape, scale_px=max(_GRAIN * unit_px, 1))
    paint = colour + grain[..., None] * _spread((known - colour)[skin])
    opacity = np.clip(1 - (away - margin_px) / (_FADE * unit_px), 0, 1)[..., None]
    return to_uint8(picture + opacity * (paint - picture))


def _distance_from(lesion: BoolArray) -> FloatArray:
    """Pixels to the nearest pixel of the lesion, 0 inside it."""
    if not lesion.any():
        raise InputError("mask: it is empty, so there is no lesion to paint over")
    return np.asarray(ndimage.distance_transform_edt(~lesion))


def _is_untouched(away: FloatArray, margin_px: float) -> BoolArray:
    """Where no paint comes, given the distances from the lesion (h, w)."""
    return np.asarray(away > margin_px + _FADE * min(away.shape))


def _is_bare(picture: UInt8Array, outside: BoolArray) -> BoolArray:
    brightness = picture.mean(axis=-1)
    return np.asarray(brightness >= _DARKEST_SKIN * np.median(brightness[outside]))


def _spread(values: FloatArray) -> FloatArray:
    """Robust standard deviation of each column: hairs that were missed do not count."""
    return np.asarray(1.4826 * np.median(np.abs(values - np.median(values, axis=0)), axis=0))
