"""DermaMNIST's task, built anew from HAM10000: the whole frame squeezed to a square, seven classes.

MedMNIST resizes the 600 x 450 frames to a square with Pillow's bicubic filter (Yang et al. 2023,
doi:10.1038/s41597-022-01721-8). Pictures are written without loss, so that both recipes see the same
pixels and nothing beyond them.
"""

from pathlib import Path

from PIL import Image

from cutis.checks import UInt8Array
from cutis.errors import InputError, ManifestError
from cutis.files import atomic_path
from cutis.imaging import Preprocessing, load_rgb
from cutis.tables.frames import read_frame
from cutis.tables.manifest import SPLITS, Manifest


def squeezed(rgb: UInt8Array, size: int) -> UInt8Array:
    """The whole frame (h, w, 3) as a square of `size` pixels, (size, size, 3)."""
    return Preprocessing(size, size, fit="squash", interpolation="bicubic").frame(rgb)


def squeezed_manifest(manifest: Manifest, folder: Path, *, size: int) -> Manifest:
    """The same rows with squeezed pictures, which are written to `folder` where they are missing.

    Masks are left out: they do not fit the squeezed frame.

    Raises:
        ImageError: a picture cannot be decoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{image_id}.png" for image_id in manifest.image_ids]
    for source, target in zip(manifest.paths, paths, strict=True):
        if not target.exists():
            with atomic_path(target) as partial:
                Image.fromarray(squeezed(load_rgb(source), size)).save(partial, format="PNG")
    return manifest.with_columns(path=[str(path.absolute()) for path in paths], mask_path="")


def officially_split(manifest: Manifest, table: Path) -> Manifest:
    """The manifest with MedMNIST's own split, in which images of one lesion straddle.

    Lesions and duplicates are left out, since no manifest may break its own groups: judge with those
    of `manifest`.

    Args:
        manifest: With every image of the table.
        table: Columns image_id and split (train, val or test).

    Raises:
        InputError: the table lacks a column, names another split, or leaves an image out.
    """
    frame = read_frame(table)
    if missing := {"image_id", "split"} - set(frame.columns):
        raise InputError(f"{table}: column {' and '.join(sorted(missing))} is missing")
    if unknown := set(frame["split"]) - set(SPLITS):
        raise InputError(f"{table}: split {sorted(unknown)} is not one of {', '.join(SPLITS)}")
    split_of = dict(zip(frame["image_id"], frame["split"], strict=True))
    left_out = [image_id for image_id in manifest.image_ids if image_id not in split_of]
    if left_out:
        raise ManifestError(str(table), [f"{len(left_out)} images have no split: {left_out[:3]}"])
    return manifest.with_columns(
        split=[split_of[image_id] for image_id in manifest.image_ids],
        lesion_id="",
        patient_id="",
        duplicate_group="",
    )
