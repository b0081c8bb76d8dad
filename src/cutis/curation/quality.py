"""Whether a picture is good enough to look at: size, light, contrast, sharpness."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from cutis.checks import UInt8Array

SHORT_SIDE_PX = 150  # pictures are compared at this size, so that sharpness has one meaning


@dataclass(frozen=True)
class QualityLimits:
    """Where a picture is reported; chosen so that HAM10000 reports well under one in a hundred.

    Attributes:
        short_side_px: Smaller is "too small".
        dark, bright: Mean grey level, 0 to 255.
        contrast: Standard deviation of grey levels; lower is "flat".
        sharpness: Standard deviation of the Laplacian at a short side of `SHORT_SIDE_PX`, divided by
            the contrast (Pech-Pacheco et al. 2000, relative to the picture); lower is "blurry".
    """

    short_side_px: int = 64
    dark: float = 50.0
    bright: float = 235.0
    contrast: float = 6.0
    sharpness: float = 0.05


@dataclass(frozen=True)
class Quality:
    """Measurements of one picture, in the units of `QualityLimits`."""

    short_side_px: int
    brightness: float
    contrast: float
    sharpness: float


def measure_quality(rgb: UInt8Array) -> Quality:
    """Measure a picture of shape (h, w, 3)."""
    height, width = rgb.shape[:2]
    grey = Image.fromarray(rgb).convert("L")
    scale = SHORT_SIDE_PX / min(height, width)
    if scale < 1:
        grey = grey.resize(
            (max(round(width * scale), 1), max(round(height * scale), 1)), Image.Resampling.BOX
        )
    levels = np.asarray(grey, dtype=np.float64)
    contrast = float(levels.std())
    edges = float(ndimage.laplace(levels).std())
    return Quality(
        short_side_px=min(height, width),
        brightness=float(levels.mean()),
        contrast=contrast,
        sharpness=edges / contrast if contrast > 0 else 0.0,
    )


def quality_faults(quality: Quality, limits: QualityLimits | None = None) -> dict[str, str]:
    """Faults by name, each with the measurement that shows it; empty for a good picture."""
    limits = limits or QualityLimits()
    faults: dict[str, str] = {}
    if quality.short_side_px < limits.short_side_px:
        faults["too small"] = f"short side {quality.short_side_px} px"
    if quality.brightness < limits.dark:
        faults["too dark"] = f"mean grey level {quality.brightness:.0f}"
    if quality.brightness > limits.bright:
        faults["too bright"] = f"mean grey level {quality.brightness:.0f}"
    if quality.contrast < limits.contrast:
        faults["flat"] = f"contrast {quality.contrast:.1f}"
    elif quality.sharpness < limits.sharpness:
        faults["blurry"] = f"sharpness {quality.sharpness:.3f}"
    return faults
