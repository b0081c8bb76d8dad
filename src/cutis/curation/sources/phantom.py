"""A phantom set, as `cutis data phantom` draws it."""

from pathlib import Path

from cutis.curation.sources.locate import one_file, pictures_by_stem
from cutis.curation.sources.rows import Rows, renamed
from cutis.tables.frames import read_csv

COLUMNS = {
    "image_id": "image_id",
    "label": "diagnosis",
    "lesion_id": "lesion_id",
    "patient_id": "patient_id",
    "age_years": "age",
    "sex": "sex",
    "site": "site",
    "fitzpatrick": "fitzpatrick",
}


def read(root: Path) -> Rows:
    """Read the folder."""
    table = one_file(root, ("metadata.csv",), what="metadata of a phantom set")
    frame = renamed(
        read_csv(table), COLUMNS, origin=str(table), required=("image_id", "label", "lesion_id")
    )
    folders = (root / "images",)
    pictures = pictures_by_stem(folders)
    masks = pictures_by_stem([root / "masks"])
    frame["path"] = [pictures.get(image_id, "") for image_id in frame["image_id"]]
    frame["mask_path"] = [masks.get(image_id, "") for image_id in frame["image_id"]]
    return Rows(frame, str(table), folders)
