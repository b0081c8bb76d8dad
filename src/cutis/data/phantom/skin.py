"""Skin tone and texture, and how pigment and blood darken it.

Colour follows the law of Beer and Lambert: reflected light is the skin's own, times exp(-absorbance),
with melanin taking most from blue and haemoglobin most from green.
"""

import numpy as np

from cutis.checks import FloatArray
from cutis.perturbation.drawing import smooth_noise

# sRGB of dermoscopic skin under polarised light, Fitzpatrick I to VI; judged by eye.
TONES = np.array(
    [
        [236, 201, 188],
        [228, 187, 168],
        [212, 166, 141],
        [184, 134, 105],
        [138, 95, 72],
        [92, 62, 49],
    ],
    dtype=np.float64,
)
MELANIN_ABSORBANCE = np.array([0.62, 1.0, 1.28])
BLOOD_ABSORBANCE = np.array([0.10, 0.85, 0.62])
VEIL = np.array([112.0, 128.0, 158.0])  # blue-white veil and blue-grey nests
WHITE = np.array([240.0, 226.0, 218.0])  # scale, scar-like patches, cysts


def draw_skin(
    generator: np.random.Generator, shape: tuple[int, int], *, fitzpatrick: int
) -> FloatArray:
    """Bare skin, shape (h, w, 3), in units of 0 to 255.

    Args:
        generator: Of the texture.
        shape: (h, w).
        fitzpatrick: 1 to 6.
    """
    tone = TONES[fitzpatrick - 1] * generator.normal(1, 0.025, 3)
    blotches = 0.05 * smooth_noise(generator, shape, scale_px=shape[0] / 4)
    furrows = np.abs(smooth_noise(generator, shape, scale_px=5)) ** 0.5
    grain = generator.standard_normal(shape)
    melanin = 0.04 * blotches + 0.05 * (furrows - furrows.mean()) + 0.012 * grain
    blood = 0.06 * smooth_noise(generator, shape, scale_px=shape[0] / 7)
    return np.asarray(tone * transmitted(melanin, blood))


def transmitted(melanin: FloatArray, blood: FloatArray) -> FloatArray:
    """The share of red, green and blue that pigment and blood let through, shape (..., 3)."""
    absorbance = melanin[..., None] * MELANIN_ABSORBANCE + blood[..., None] * BLOOD_ABSORBANCE
    return np.asarray(np.exp(-absorbance))


def mixed(base: FloatArray, colour: FloatArray, share: FloatArray) -> FloatArray:
    """`base` (h, w, 3) with `share` (h, w) of it replaced by one colour (3,)."""
    return base + share[..., None] * (colour - base)
