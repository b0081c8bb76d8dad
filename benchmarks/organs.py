"""Pictures of other organs: the examples that scikit-image and pydicom carry in their packages.

    python benchmarks/organs.py FOLDER

writes them to look at. `benchmarks/rejection.py` asks how many of them are refused. Only what a person
can recognise is taken: no segmentation, no dose, no thumbnail of 16 px.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from cutis.checks import UInt8Array
from cutis.imaging import load_rgb

MICROSCOPY_AND_RETINA = ("retina.jpg", "microaneurysms.png", "ihc.png", "cell.png")
RADIOLOGY = (
    "693_J2KI.dcm",
    "CT_small.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "JPEG2000.dcm",
    "MR_small.dcm",
    "examples_overlay.dcm",
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
)
WINDOW = (1, 99)  # percentiles of a scan that become black and white


def other_organs() -> dict[str, UInt8Array]:
    """RGB pictures by file name; none where a package is missing."""
    if any(importlib.util.find_spec(name) is None for name in ("skimage", "pydicom")):
        return {}
    return {
        name: load_rgb(_folder("skimage") / "data" / name) for name in MICROSCOPY_AND_RETINA
    } | {name: _radiograph(_folder("pydicom") / "data" / "test_files" / name) for name in RADIOLOGY}


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _radiograph(path: Path) -> UInt8Array:
    """The first frame in eight bits."""
    import pydicom
    from pydicom.pixels import apply_color_lut, pixel_array

    facts = pydicom.dcmread(path)
    pixels = pixel_array(path, index=0 if int(facts.get("NumberOfFrames", 1)) > 1 else None)
    if facts.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, facts)
    if pixels.ndim == 3 and pixels.dtype == np.uint8:
        return np.asarray(pixels)
    low, high = np.percentile(pixels, WINDOW)
    levels = (np.clip((pixels - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return levels if levels.ndim == 3 else np.stack([levels] * 3, axis=-1)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in other_organs().items():
        Image.fromarray(picture).save(folder / f"{name}.png")


if __name__ == "__main__":
    main()
