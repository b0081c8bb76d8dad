"""How much of a map lies on the lesion, against the lesion's share of the picture as chance."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cutis.checks import BoolArray, FloatArray
from cutis.errors import ImageError, InputError
from cutis.imaging import Preprocessing, load_rgb
from cutis.inference.picture_files import image_ids

ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True)
class Overlap:
    """Where a map lies.

    Attributes:
        mass_inside: Share of the map's sum that lies on the lesion.
        pointing: Share of the map's largest values that lie on the lesion: 1 or 0, or between them
            where several places are largest (the pointing game of Zhang et al. 2018, ties shared).
        area_share: Share of the picture that is lesion: what both are for a map that knows nothing.

    All three are nan where the map is zero everywhere or the mask empty.
    """

    mass_inside: float
    pointing: float
    area_share: float


def overlap(evidence: FloatArray, mask: BoolArray) -> Overlap:
    """Compare a map with a lesion mask.

    Args:
        evidence: Shape (h, w), at least zero.
        mask: Shape (h, w), true on the lesion.

    Raises:
        InputError: the shapes differ, or a value is negative or no number.

    Example:
        >>> overlap(np.array([[3.0, 1.0]]), np.array([[True, False]]))
        Overlap(mass_inside=0.75, pointing=1.0, area_share=0.5)
    """
    if evidence.shape != mask.shape:
        raise InputError(f"mask: shape {mask.shape}, the map has {evidence.shape}")
    if not (evidence >= 0).all():
        raise InputError("evidence: values must be at least zero")
    total = float(evidence.sum())
    if total == 0 or not mask.any():
        return Overlap(math.nan, math.nan, math.nan)
    largest = evidence == evidence.max()
    return Overlap(
        mass_inside=float(evidence[mask].sum()) / total,
        pointing=float(mask[largest].mean()),
        area_share=float(mask.mean()),
    )


def lesion_mask(
    path: Path, preprocessing: Preprocessing, *, picture_size: tuple[int, int]
) -> BoolArray:
    """A lesion mask as the network's input shows it, shape (height, width).

    Args:
        path: A picture, white on the lesion; of any resolution.
        preprocessing: Of the network; the mask is cropped or squashed as its picture is.
        picture_size: (height, width) of the picture that the mask belongs to.

    Raises:
        ImageError: the file cannot be read, or has another shape than the picture.
    """
    mask = load_rgb(path)
    height, width = picture_size
    aspect = (mask.shape[1] / mask.shape[0]) / (width / height)
    if abs(math.log(aspect)) > ASPECT_TOLERANCE:
        raise ImageError(
            f"{path}: {mask.shape[1]} x {mask.shape[0]} pixels are not the shape of its picture, "
            f"{width} x {height}"
        )
    return np.asarray(preprocessing.frame(mask).max(axis=2) > 127)


def find_masks(folder: Path, pictures: Sequence[Path]) -> dict[str, Path]:
    """Lesion masks by image id: the files `<name>.png` or `<name>_segmentation.png` of a folder.

    Raises:
        InputError: no picture has one there, or two pictures of one name would share one.
    """
    found = {
        image_id: mask
        for path, image_id in zip(pictures, image_ids(pictures), strict=True)
        for ending in ("_segmentation", "")
        if (mask := folder / f"{path.stem}{ending}.png").is_file()
    }
    if not found:
        raise InputError(f"{folder}: no mask for any of {len(pictures)} pictures (<name>.png)")
    if shared := [mask for mask, sharing in Counter(found.values()).items() if sharing > 1]:
        raise InputError(
            f"{shared[0]}: would be the mask of several pictures of that name; give each its own name"
        )
    return found
