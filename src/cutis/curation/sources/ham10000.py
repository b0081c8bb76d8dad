"""HAM10000 as distributed (Tschandl et al. 2018, doi:10.7910/DVN/DBW86T).

One or several image folders (`HAM10000_images_part_1` ..., or `images`), `HAM10000_metadata` with or
without an ending (or `metadata.csv`), and optionally a folder of lesion masks.
"""

from collections.abc import Sequence
from pathlib import Path

from cutis.curation.sources.rows import (
    Rows,
    one_file,
    picture_folders,
    pictures_by_stem,
    read_table,
    renamed,
)

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
    """Read the folder; masks are used where there are any."""
    table = one_file(
        root,
        ("HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab", "metadata.csv"),
        what="metadata",
    )
    frame = renamed(
        read_table(table, separator="\t" if table.suffix == ".tab" else ","),
        COLUMNS,
        origin=str(table),
        required=("image_id", "label", "lesion_id"),
    )
    folders = images or picture_folders(root, ("HAM10000_images_part_*", "images"))
    pictures = pictures_by_stem(folders)
    mask_folders = picture_folders(root, ("masks", "HAM10000_segmentations*"))
    masks = {} if mask_folders == (root,) else pictures_by_stem(mask_folders, suffixes=(".png",))
    ids = frame["image_id"]
    frame["path"] = [pictures.get(image_id, "") for image_id in ids]
    frame["mask_path"] = [masks.get(i, masks.get(f"{i}_segmentation", "")) for i in ids]
    return Rows(frame, str(table))
