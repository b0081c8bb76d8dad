"""Soft noise, strokes, smooth filling and rounding: what artefacts and skin are drawn with."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from cutis.checks import BoolArray, FloatArray, UInt8Array

_SUPERSAMPLING = 2


def smooth_noise(
    generator: np.random.Generator, shape: tuple[int, int], *, scale_px: float
) -> FloatArray:
    """Noise without structure finer than `scale_px`, mean 0 and standard deviation 1."""
    coarse = tuple(max(int(np.ceil(side / scale_px)) + 3, 4) for side in shape)
    grid = Image.fromarray(generator.standard_normal(coarse).astype(np.float32))
    # The box leaves out the outer cells, where interpolation has nothing to look at.
    box = (1, 1, coarse[1] - 1, coarse[0] - 1)
    smooth = grid.resize(shape[::-1], Image.Resampling.BICUBIC, box=box)
    noise = np.asarray(smooth, dtype=np.float64)
    return np.asarray((noise - noise.mean()) / max(noise.std(), 1e-9))


def with_strokes(
    picture: FloatArray,
    strokes: Callable[[ImageDraw.ImageDraw, int], None],
    *,
    colour: FloatArray,
    strength: float,
    blur_px: float = 0.5,
) -> FloatArray:
    """The picture with strokes laid over it, drawn at twice the size for smooth edges.

    Args:
        picture: Shape (h, w, 3), 0 to 255.
        strokes: Draws in white on a canvas that is the given number of times as large.
        colour: Shape (3,), of the strokes.
        strength: How opaque they are, 0 to 1.
        blur_px: Softness of their edges, the standard deviation of a Gaussian.
    """
    height, width = picture.shape[:2]
    canvas = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    strokes(ImageDraw.Draw(canvas), _SUPERSAMPLING)
    small = np.asarray(canvas.resize((width, height), Image.Resampling.BOX), dtype=np.float64)
    cover = strength * ndimage.gaussian_filter(small / 255, blur_px)[..., None]
    return picture + cover * (colour - picture)


def filled(values: FloatArray, known: BoolArray) -> FloatArray:
    """Values with the unknown ones carried over smoothly from the nearest known ones.

    They are averaged into ever coarser copies and interpolated back ("pull-push", Gortler et al. 1996,
    The Lumigraph, section 3.6).

    Args:
        values: Shape (h, w, 3), float32; what stands where nothing is known is never read.
        known: Shape (h, w), at least one of them true.
    """
    if known.all():
        return values
    height, width = known.shape
    odd = ((0, height % 2), (0, width % 2))
    weight = np.pad(known.astype(np.float32), odd)[..., None]
    total = _sums_of_four(np.pad(values, (*odd, (0, 0))) * weight)
    count = _sums_of_four(weight)
    coarse = filled(total / np.maximum(count, 1), count[..., 0] > 0)
    fine = [
        Image.fromarray(np.ascontiguousarray(coarse[..., k])).resize(
            (2 * coarse.shape[1], 2 * coarse.shape[0]), Image.Resampling.BILINEAR
        )
        for k in range(3)
    ]
    guess = np.stack([np.asarray(plane) for plane in fine], axis=-1)[:height, :width]
    return np.where(known[..., None], values, guess)


def to_uint8(picture: FloatArray) -> UInt8Array:
    """Round to bytes."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _sums_of_four(values: FloatArray) -> FloatArray:
    return values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
