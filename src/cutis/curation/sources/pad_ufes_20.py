"""PAD-UFES-20: smartphone photographs (Pacheco et al. 2020, doi:10.17632/zr7vgbcyr2).

`metadata.csv` and one or several folders of pictures (`imgs_part_1` ..., or `images`). Pictures are
matched by name without its ending, since copies are often converted from PNG to JPEG.
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
    """Read the folder; lesion numbers are made unique by their patient."""
    table = one_file(root, ("metadata.csv",), what="metadata")
    frame = renamed(
        read_table(table),
        COLUMNS,
        origin=str(table),
        required=("image_id", "label", "patient_id", "lesion_id"),
    )
    pictures = pictures_by_stem(images or picture_folders(root, ("imgs_part_*", "images")))
    frame["image_id"] = [Path(name).stem for name in frame["image_id"]]
    frame["path"] = [pictures.get(image_id, "") for image_id in frame["image_id"]]
    frame["lesion_id"] = frame["patient_id"] + "_" + frame["lesion_id"]
    if "ground_truth" in frame:
        biopsied = frame["ground_truth"].str.casefold() == "true"
        frame["ground_truth"] = biopsied.map({True: "histopathology", False: "consensus"})
    return Rows(frame, str(table))
