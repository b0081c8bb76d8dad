"""What the camera and the file do to a picture: blur, noise, JPEG, exposure, white balance.

Pictures are uint8 (h, w, 3), before and after. Exposure is counted in photographic stops of light, so
it acts on linear intensities and not on the bytes, which are spaced by the sRGB curve.
"""

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from cutis.checks import FloatArray, UInt8Array
from cutis.perturbation.drawing import smooth_noise, to_uint8


def blurred(picture: UInt8Array, *, sigma_px: float) -> UInt8Array:
    """Out of focus, by a Gaussian."""
    sigma = (sigma_px, sigma_px, 0)
    return to_uint8(ndimage.gaussian_filter(picture.astype(np.float32), sigma, mode="reflect"))


def with_noise(
    generator: np.random.Generator, picture: UInt8Array, *, deviation: float, grain_px: float
) -> UInt8Array:
    """Gaussian noise in each channel.

    Args:
        generator: Of the noise.
        picture: To be spoilt.
        deviation: Standard deviation, of 255.
        grain_px: How coarse it is; at most one pixel means that pixels are independent.
    """
    if grain_px <= 1:
        noise: FloatArray = generator.standard_normal(picture.shape)
    else:
        height, width = picture.shape[:2]
        planes = [smooth_noise(generator, (height, width), scale_px=grain_px) for _ in range(3)]
        noise = np.stack(planes, axis=-1)
    return to_uint8(picture + deviation * noise)


def as_jpeg(picture: UInt8Array, *, quality: int) -> UInt8Array:
    """What is left after saving as JPEG of a quality from 1 to 95."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer, formats=("JPEG",)))


def exposed(picture: UInt8Array, *, stops: float) -> UInt8Array:
    """Twice the light for each stop; what exceeds white is white."""
    return np.asarray(_exposure_table(stops)[picture])


def balanced(picture: UInt8Array, *, warmth_stops: float) -> UInt8Array:
    """White balanced for another lamp: red gains half of the stops against green, blue loses half."""
    shifts = (warmth_stops / 2, 0.0, -warmth_stops / 2)
    planes = [_exposure_table(shift)[picture[..., k]] for k, shift in enumerate(shifts)]
    return np.stack(planes, axis=-1)


def _exposure_table(stops: float) -> UInt8Array:
    """The byte that each byte becomes, shape (256,)."""
    light = _linear(np.arange(256) / 255) * 2.0**stops
    return to_uint8(255 * _srgb(np.clip(light, 0, 1)))


def _linear(encoded: FloatArray) -> FloatArray:
    """IEC 61966-2-1, from sRGB in 0..1 to intensity."""
    curve = ((encoded + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, encoded / 12.92, curve)


def _srgb(light: FloatArray) -> FloatArray:
    """The inverse of `_linear`."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
