"""The same skin from another side: zoom, rotation, flips; the frame keeps its size.

Pictures are uint8 (h, w, 3). What comes in from beyond the frame is the colour at its edge, carried on
smoothly; its mirror image would show parts of the lesion twice.
"""

import math

import numpy as np
from PIL import Image

from cutis.checks import UInt8Array
from cutis.perturbation.drawing import filled, to_uint8


def zoomed(picture: UInt8Array, *, factor: float) -> UInt8Array:
    """Seen `factor` times as large, about the centre; below 1 from further away."""
    height, width = picture.shape[:2]
    down, right = (max(math.ceil((1 / factor - 1) / 2 * side), 0) for side in (height, width))
    seen = Image.fromarray(_extended(picture, down=down, right=right))
    middle_y, middle_x = height / 2 + down, width / 2 + right
    half_y, half_x = height / factor / 2, width / factor / 2
    box = (middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y)
    return np.asarray(seen.resize((width, height), Image.Resampling.BICUBIC, box=box))


def rotated(picture: UInt8Array, *, degrees: float) -> UInt8Array:
    """Turned about the centre, against the clock."""
    height, width = picture.shape[:2]
    half_diagonal = math.hypot(height, width) / 2
    down, right = (math.ceil(half_diagonal - side / 2) + 2 for side in (height, width))
    seen = Image.fromarray(_extended(picture, down=down, right=right))
    turned = seen.rotate(degrees, Image.Resampling.BICUBIC)
    return np.asarray(turned.crop((right, down, right + width, down + height)))


def flipped(picture: UInt8Array, *, left_right: bool, top_bottom: bool) -> UInt8Array:
    """Mirrored, without losing a pixel."""
    rows, columns = (slice(None, None, -1 if flip else 1) for flip in (top_bottom, left_right))
    return np.ascontiguousarray(picture[rows, columns])


def _extended(picture: UInt8Array, *, down: int, right: int) -> UInt8Array:
    """The picture in a larger frame, `down` pixels at the top and bottom, `right` at the sides."""
    if not (down or right):
        return picture
    beyond = ((down, down), (right, right))
    known = np.pad(np.ones(picture.shape[:2], dtype=bool), beyond)
    return to_uint8(filled(np.pad(picture.astype(np.float32), (*beyond, (0, 0))), known))
