"""The ISIC archive's and challenges' layout: images, metadata CSV, one-hot ground truth CSV.

Metadata as `isic-cli` and `cutis data fetch` write it, ground truth as the challenges of 2017 to 2019
publish it; either may be missing, not both. A ground truth without any positive column means nevus
in 2017 (there melanoma and seborrheic keratosis are the only columns) and is unknown otherwise.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cutis.curation.sources.rows import (
    Rows,
    picture_folders,
    pictures_by_stem,
    read_table,
    renamed,
)
from cutis.errors import InputError, ManifestError

ID_COLUMNS = ("isic_id", "image_id", "image", "image_name")
COLUMNS = {
    "lesion_id": ("lesion_id",),
    "patient_id": ("patient_id",),
    "age_years": ("age_approx", "age_approximate"),
    "sex": ("sex",),
    "site": ("anatom_site_general", "anatom_site_general_challenge", "anatom_site_1"),
    "fitzpatrick": ("fitzpatrick_skin_type",),
    "ground_truth": ("diagnosis_confirm_type",),
    "split": ("split",),
}
# The archive gives a diagnosis at up to five depths; the deepest one that is filled in counts.
LABEL_COLUMNS = (
    "diagnosis_5",
    "diagnosis_4",
    "diagnosis_3",
    "diagnosis",
    "diagnosis_2",
    "diagnosis_1",
)
FITZPATRICK = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6}


def read(root: Path, *, images: Sequence[Path] = ()) -> Rows:
    """Read the folder.

    Raises:
        InputError: it has neither a metadata nor a ground truth table.
        ManifestError: both exist but name different images.
    """
    tables = [_with_ids(path) for path in sorted(root.glob("*.csv"))]
    truths = [(path, frame) for path, frame in tables if _is_one_hot(frame)]
    metadata = [(path, frame) for path, frame in tables if not _is_one_hot(frame)]
    if not tables:
        raise InputError(f"{root}: neither a metadata nor a ground truth .csv found")
    if len(truths) > 1 or len(metadata) > 1:
        several = (truths if len(truths) > 1 else metadata)[:2]
        raise InputError(f"{root}: which table counts? {several[0][0]} or {several[1][0]}")
    origin = str((metadata or truths)[0][0])
    frame = _described(metadata[0][1]) if metadata else pd.DataFrame()
    if truths:
        labels = _labels(truths[0][1])
        if metadata:
            outside = set(labels.index) ^ set(frame["image_id"])
            if outside:
                raise ManifestError(
                    origin,
                    [f"{i!r} is not in both {truths[0][0].name} and it" for i in sorted(outside)],
                )
            frame["label"] = labels.reindex(frame["image_id"]).to_numpy()
        else:
            frame = pd.DataFrame({"image_id": labels.index, "label": labels.to_numpy()})
    if "label" not in frame:
        raise ManifestError(origin, [f"no diagnosis column; expected {', '.join(LABEL_COLUMNS)}"])
    folders = images or picture_folders(root, ("images", "train", "val", "test", "*Input*"))
    pictures = pictures_by_stem(folders)
    frame["path"] = [pictures.get(image_id, "") for image_id in frame["image_id"]]
    return Rows(frame, origin)


def _with_ids(path: Path) -> tuple[Path, pd.DataFrame]:
    frame = read_table(path)
    column = next((name for name in ID_COLUMNS if name in frame), None)
    if column is None:
        raise ManifestError(str(path), [f"no image column; expected {', '.join(ID_COLUMNS)}"])
    return path, frame.rename(columns={column: "image_id"})


def _is_one_hot(frame: pd.DataFrame) -> bool:
    columns = [column for column in frame if column != "image_id"]
    return bool(columns) and all(
        set(frame[column].str.strip()) <= {"0", "1", "0.0", "1.0"} for column in columns
    )


def _labels(frame: pd.DataFrame) -> "pd.Series[str]":
    names = [column for column in frame.columns if column != "image_id"]
    positive = frame[names].apply(pd.to_numeric).to_numpy(dtype=float) == 1
    neither = "nevus" if set(names) == {"melanoma", "seborrheic_keratosis"} else ""
    labels = [
        names[int(row.argmax())]
        if row.sum() == 1
        else neither
        if not row.any()
        else "+".join(names)
        for row in positive
    ]
    return pd.Series(labels, index=frame["image_id"].astype(str))


def _described(frame: pd.DataFrame) -> pd.DataFrame:
    names = {"image_id": "image_id"}
    for ours, candidates in COLUMNS.items():
        theirs = next((name for name in candidates if name in frame), None)
        if theirs is not None:
            names[ours] = theirs
    described = renamed(frame, names, origin="metadata", required=("image_id",))
    depths = [column for column in LABEL_COLUMNS if column in frame]
    if depths:
        filled = frame[depths].replace("", None).bfill(axis=1)
        described["label"] = filled.iloc[:, 0].fillna("").to_numpy()
    if "fitzpatrick" in described:
        described["fitzpatrick"] = [FITZPATRICK.get(v, v) for v in described["fitzpatrick"]]
    return described
