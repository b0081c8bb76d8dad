"""Whether a picture is good enough to look at: size, light, contrast, sharpness, noise, compression.

Curation reports it and the predictor warns of it; SciPy's filters would double the time until a first
prediction, so what is needed of them is written out.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from cutis.checks import BoolArray, FloatArray, UInt8Array

SHORT_SIDE_PX = 150  # pictures are compared at this size, so that sharpness has one meaning
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_LEVEL = 1e-3  # mean slopes below it are rounding
_REACH_PX = 4  # of the smoothing, in standard deviations too
_STEPS = np.arange(-_REACH_PX, _REACH_PX + 1, dtype=np.float32)
_BELL = (np.exp(-(_STEPS**2) / 2) / np.exp(-(_STEPS**2) / 2).sum()).astype(np.float32)
_GAUSSIAN = (_BELL, _STEPS * _BELL, (_STEPS**2 - 1) * _BELL)  # and its derivatives, as windows
_BEND_PX = 3  # side of the window that differentiates twice along both axes
_BEND_NORM = 6  # by which it multiplies white noise
_QUARTILE_OF_NORMAL = 0.3186  # first quartile of |x| for standard normal x
_BLOCK_PX = (4, 16)  # sides of JPEG's blocks of 8 pixels that scaling may leave
_SPECTRUM_PX = 512  # profiles are padded to it, so that any period between is met
_STEEPEST = 20.0  # grey levels per squared pixel; more is a hair or a ruler
_RARE = 0.95  # quantile; straight edges of other things are fewer than those of blocks
_LEAST_BEND = 0.5  # grey levels per squared pixel; less is rounding
_DISC = 0.42  # radius of what a dermatoscope always shows, in short sides


@dataclass(frozen=True)
class QualityLimits:
    """Where a picture is reported; chosen so that HAM10000 reports well under one in a hundred.

    Attributes:
        short_side_px: Smaller is "too small".
        dark, bright: Mean grey level, 0 to 255.
        contrast: Standard deviation of grey levels; lower is "flat".
        sharpness: Mean curvature over mean slope of the grey levels, per pixel at a short side of
            `SHORT_SIDE_PX`; lower is "blurry". Of HAM10000 pictures that were blurred by 1.5 % of
            their short side and saved as JPEG again, 98 in 100 fall below the default.
        noise: Standard deviation of noise in grey levels; higher is "noisy or hairy", since dense hair
            cannot be told from noise by it.
        blocks: How far the edges of JPEG's blocks stand out; higher is "blocky".
    """

    short_side_px: int = 64
    dark: float = 50.0
    bright: float = 235.0
    contrast: float = 6.0
    sharpness: float = 0.4
    noise: float = 2.0
    blocks: float = 0.22


@dataclass(frozen=True)
class Quality:
    """Measurements of one picture, in the units of `QualityLimits`."""

    short_side_px: int
    brightness: float
    contrast: float
    sharpness: float
    noise: float
    blocks: float


def measure_quality(rgb: UInt8Array) -> Quality:
    """Measure a picture of shape (h, w, 3)."""
    height, width = rgb.shape[:2]
    picture = Image.fromarray(rgb)
    scale = SHORT_SIDE_PX / min(height, width)
    if scale < 1:
        picture = picture.resize(
            (max(round(width * scale), 1), max(round(height * scale), 1)), Image.Resampling.BOX
        )
    levels = np.asarray(picture, dtype=np.float32) @ _LUMA
    return Quality(
        short_side_px=min(height, width),
        brightness=float(levels.mean()),
        contrast=float(levels.std()),
        sharpness=_sharpness(levels),
        noise=_noise(levels),
        blocks=_blocks(levels),
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
    if quality.noise > limits.noise:
        faults["noisy or hairy"] = f"grain of {quality.noise:.1f} grey levels"
    if quality.blocks > limits.blocks:
        faults["blocky"] = f"blocks of JPEG stand out by {quality.blocks:.2f}"
    return faults


def _sharpness(levels: FloatArray) -> float:
    """Curvature over slope, both smoothed by one pixel; 0 where nothing slopes.

    The ratio depends neither on light nor on contrast, and the smoothing keeps the rounding to 256
    levels from passing for detail. Only the middle counts: dark corners are soft in any picture.
    """
    window, disc = _middle(levels.shape)
    smooth, steep, bent = (_filtered(levels[window], each) for each in _GAUSSIAN)
    bell, first, second = _GAUSSIAN
    slopes = np.hypot(_filtered(steep.T, bell), _filtered(smooth.T, first))
    bends = _filtered(bent.T, bell) + _filtered(smooth.T, second)
    slope, curvature = (float(np.abs(each)[disc.T].mean()) for each in (slopes, bends))
    return curvature / slope if slope > _LEVEL else 0.0


def _noise(levels: FloatArray) -> float:
    """Standard deviation of white noise; 0 where there is too little to tell.

    Second differences along one axis and then the other leave little but noise (Immerkær 1996); the
    first quartile of their sizes rather than their mean, since hair is not everywhere, and noise is.
    """
    if min(levels.shape) < _BEND_PX:
        return 0.0
    window, disc = _middle(levels.shape)
    bent = np.diff(np.diff(levels[window], 2, axis=0), 2, axis=1)
    quartile = float(np.quantile(np.abs(bent[disc[1:-1, 1:-1]]), 0.25))
    return quartile / _QUARTILE_OF_NORMAL / _BEND_NORM


def _blocks(levels: FloatArray) -> float:
    """How far a grid of steps stands out, from 0 to about 1; 0 where there is too little to tell.

    Where the blocks of JPEG meet, grey levels bend: the second differences along each axis, averaged
    across it, repeat with the side of the blocks (Wang, Bovik and Evans 2000), which scaling may have
    changed. The geometric mean of both axes counts, so that a ruler along one of them does not.
    """
    window, _disc = _middle(levels.shape)
    levels = levels[window]
    if min(levels.shape) < 4 * _BLOCK_PX[1]:
        return 0.0
    return float(np.sqrt(np.prod([_repetition(turned) for turned in (levels, levels.T)])))


def _repetition(levels: FloatArray) -> float:
    """How far bends between rows repeat: the greatest amplitude of a period, over their mean."""
    bends = np.minimum(np.abs(np.diff(levels, 2, axis=0)), _STEEPEST).mean(axis=1)
    bends = np.minimum(bends, np.quantile(bends, _RARE))
    taper = np.hanning(len(bends))
    spectrum = np.fft.rfft((bends - bends.mean()) * taper, _SPECTRUM_PX)
    longest, shortest = (_SPECTRUM_PX // side for side in reversed(_BLOCK_PX))
    within = np.abs(spectrum[longest : shortest + 1])
    return float(within.max() / taper.sum() / (bends.mean() + _LEAST_BEND))


@lru_cache(maxsize=64)
def _middle(shape: tuple[int, ...]) -> tuple[tuple[slice, ...], BoolArray]:
    """The disc about the centre, of a radius relative to the short side.

    Returns:
        The window that holds it and what smoothing reaches from it, and the disc in this window.
    """
    radius = max(_DISC * min(shape), 1)
    centre = [(side - 1) / 2 for side in shape]
    reach = int(radius) + _REACH_PX + 1
    window = tuple(
        slice(max(int(at) - reach, 0), min(int(at) + reach + 2, side))
        for at, side in zip(centre, shape, strict=True)
    )
    rows, columns = np.ogrid[window]
    return window, np.asarray(np.hypot(rows - centre[0], columns - centre[1]) <= radius)


def _filtered(levels: FloatArray, window: FloatArray) -> FloatArray:
    """Rows weighed and added, mirrored at both ends.

    Without matrices: the audit's threads and those of BLAS would wait for each other.
    """
    mirrored = np.pad(levels, ((_REACH_PX, _REACH_PX), (0, 0)), "symmetric")
    rows = (weight * mirrored[k : k + len(levels)] for k, weight in enumerate(window))
    return np.asarray(sum(rows))
