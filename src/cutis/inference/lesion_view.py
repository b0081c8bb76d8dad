"""Where the lesion lies in a frame, roughly: enough to warn when there is none or it is cut off.

A lesion is what is dark in the blue channel, once the light is made even, and reaches the middle of
the frame. No network is asked and SciPy is not loaded; `docs/rejection.md` compares it with masks.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cutis.checks import BoolArray, FloatArray, UInt8Array

SIDE = 32  # frames are reduced to it
_MIDDLE, _VIEW = 0.2, 0.85  # radii, in half diagonals: where a lesion is, what a dermatoscope shows
_BLACK = 60  # what stays below it in every channel is the rim of the dermatoscope
_LEAST = 100  # of SIDE**2 cells, below which there is nothing to compare

_ROWS, _COLUMNS = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
_RADIUS = np.hypot(_ROWS, _COLUMNS) / 2**0.5
_LIGHT = np.stack([np.ones_like(_RADIUS), _ROWS, _COLUMNS, _RADIUS**2], axis=-1)
_EDGE = np.maximum(abs(_ROWS), abs(_COLUMNS)) == 1


@dataclass(frozen=True)
class LesionView:
    """What a frame shows of a lesion.

    Attributes:
        contrast: Grey levels of the blue channel between skin and what is darker; 0 where the frame
            is black.
        share_of_edge: Of the frame's edge, how much the lesion covers, 0 to 1.
    """

    contrast: float
    share_of_edge: float


def find_lesion(frame: UInt8Array) -> LesionView:
    """Look at a frame of shape (h, w, 3)."""
    small = np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.BOX))
    is_seen = (small.max(axis=2) > _BLACK) & (_RADIUS < _VIEW)
    if is_seen.sum() < _LEAST:
        return LesionView(0.0, 0.0)
    levels = _in_even_light(small[..., 2].astype(np.float64), is_seen)
    is_dark = is_seen & (levels <= _otsu_threshold(levels[is_seen]))
    is_skin = is_seen & ~is_dark
    if not is_skin.any():
        return LesionView(0.0, 0.0)
    lesion = _grown_from_middle(is_dark)
    return LesionView(
        contrast=float(levels[is_skin].mean() - levels[is_dark].mean()),
        share_of_edge=float(lesion[_EDGE & is_seen].mean()) if (_EDGE & is_seen).any() else 0.0,
    )


def _in_even_light(levels: FloatArray, is_seen: BoolArray) -> FloatArray:
    """Without the plane and the fall towards the rim that fit the lighter half, which is skin."""
    skin = is_seen & (levels > _otsu_threshold(levels[is_seen]))
    if skin.sum() < _LEAST:
        return levels
    fitted, *_rest = np.linalg.lstsq(_LIGHT[skin], levels[skin], rcond=None)
    return np.asarray(levels - _LIGHT @ fitted)


def _otsu_threshold(levels: FloatArray) -> float:
    """The level between two groups with the largest variance between them (Otsu 1979)."""
    ordered = np.sort(levels)
    below = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)
    apart = (sums[-1] - sums[:-1]) / (len(ordered) - below) - sums[:-1] / below
    best = int(np.argmax(below * (len(ordered) - below) * apart**2))
    return float((ordered[best] + ordered[best + 1]) / 2)


def _grown_from_middle(is_dark: BoolArray) -> BoolArray:
    """The dark cells that are connected, side by side, with dark cells of the middle."""
    framed = np.zeros((SIDE + 2, SIDE + 2), dtype=bool)  # so that every cell has four neighbours
    grown = framed[1:-1, 1:-1]
    grown[:] = is_dark & (_RADIUS < _MIDDLE)
    while True:
        beside = framed[:-2, 1:-1] | framed[2:, 1:-1] | framed[1:-1, :-2] | framed[1:-1, 2:]
        wider = is_dark & (grown | beside)
        if np.array_equal(wider, grown):
            return wider
        grown[:] = wider
