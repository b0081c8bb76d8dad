"""HAM10000 as distributed (Tschandl et al. 2018, doi:10.7910/DVN/DBW86T).

One or several image folders (`HAM10000_images_part_1` ..., or `images`), `HAM10000_metadata` with or
without an ending (or `metadata.csv`), and optionally a folder of lesion masks.
"""

from collections.abc import Sequence
from pathlib import Path

from cutis.curation.sources.locate import (
    matching_folders,
    one_file,
    picture_folders,
    pictures_by_stem,
)
from cutis.curation.sources.rows import Rows, renamed
from cutis.tables.frames import read_csv

TABLES = ("HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab", "metadata.csv")
IMAGE_FOLDERS = ("HAM10000_images_part_*", "images")
MASK_FOLDERS = ("masks", "HAM10000_segmentations*")
COLUMNS = {
    "image_id": "image_id",
    "label": "dx",
    "lesion_id": "lesion_id",
    "age_years": "age",
    "sex": "sex",
    "site": "localization",
    "ground_truth": "dx_type",
}


def read(root: Path, *, images: Sequence[Path] = ()) -> Rows:
    """Read the folder; masks (`<id>.png` or `<id>_segmentation.png`) are used where there are any."""
    table = one_file(root, TABLES, what="metadata")
    frame = renamed(
        read_csv(table), COLUMNS, origin=str(table), required=("image_id", "label", "lesion_id")
    )
    folders = tuple(images) or picture_folders(root, IMAGE_FOLDERS)
    pictures = pictures_by_stem(folders)
    masks = pictures_by_stem(matching_folders(root, MASK_FOLDERS), suffixes=(".png",))
    ids = frame["image_id"]
    frame["path"] = [pictures.get(image_id, "") for image_id in ids]
    frame["mask_path"] = [masks.get(i, masks.get(f"{i}_segmentation", "")) for i in ids]
    return Rows(frame, str(table), folders)
