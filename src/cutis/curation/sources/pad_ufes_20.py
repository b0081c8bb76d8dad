"""PAD-UFES-20: smartphone photographs (Pacheco et al. 2020, doi:10.17632/zr7vgbcyr2).

`metadata.csv` and one or several folders of pictures (`imgs_part_1` ..., `images`, or the former inside
the latter). Pictures are matched by name without its ending, since copies are often converted from
PNG to JPEG.
"""

from collections.abc import Sequence
from pathlib import Path

from cutis.curation.sources.locate import (
    one_file,
    picture_folders,
    picture_stem,
    pictures_by_stem,
)
from cutis.curation.sources.rows import Rows, renamed
from cutis.tables.frames import read_csv

IMAGE_FOLDERS = ("imgs_part_*", "imgs_part_*/imgs_part_*", "images", "images/imgs_part_*")
COLUMNS = {
    "image_id": "img_id",
    "label": "diagnostic",
    "patient_id": "patient_id",
    "lesion_id": "lesion_id",
    "age_years": "age",
    "sex": "gender",
    "site": "region",
    "fitzpatrick": "fitspatrick",  # so spelled in the file
    "ground_truth": "biopsed",
}


def read(root: Path, *, images: Sequence[Path] = ()) -> Rows:
    """Read the folder.

    Lesion numbers are made unique by their patient. A lesion that was not biopsied was diagnosed by
    the consensus of dermatologists.
    """
    table = one_file(root, ("metadata.csv",), what="metadata")
    frame = renamed(
        read_csv(table),
        COLUMNS,
        origin=str(table),
        required=("image_id", "label", "patient_id", "lesion_id"),
    )
    folders = tuple(images) or picture_folders(root, IMAGE_FOLDERS)
    pictures = pictures_by_stem(folders)
    frame["image_id"] = [picture_stem(name) for name in frame["image_id"]]
    frame["path"] = [pictures.get(image_id, "") for image_id in frame["image_id"]]
    frame["lesion_id"] = frame["patient_id"] + "_" + frame["lesion_id"]
    if "ground_truth" in frame:
        biopsied = frame["ground_truth"].str.casefold() == "true"
        frame["ground_truth"] = biopsied.map({True: "histopathology", False: "consensus"})
    return Rows(frame, str(table), folders)
