"""The ISIC archive's and challenges' layout: images, metadata CSV, one-hot ground truth CSV.

Metadata as the archive, `isic-cli` and `cutis data fetch` write it, ground truth as the challenges of
2017 to 2019 publish it; either may be missing, not both. A ground truth without any positive column
means nevus in 2017 (there melanoma and seborrheic keratosis are the only columns) and is unknown
otherwise.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cutis.curation.sources.locate import picture_folders, pictures_by_stem
from cutis.curation.sources.rows import Rows, renamed
from cutis.curation.sources.values import known
from cutis.errors import InputError, ManifestError
from cutis.files import is_file, is_folder
from cutis.tables.frames import lines_in_file, read_csv
from cutis.tables.manifest import REQUIRED

ID_COLUMNS = ("isic_id", "image_id", "image", "image_name")
IMAGE_FOLDERS = ("images", "train", "val", "test", "*Input*", "*_Data")
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
# The archive names a diagnosis at up to five depths ("iddx" in 2024); all that are there are handed
# on, finest first.
LABEL_COLUMNS = (
    "diagnosis_5",
    "iddx_5",
    "diagnosis_4",
    "iddx_4",
    "diagnosis_3",
    "iddx_3",
    "diagnosis",
    "diagnosis_2",
    "iddx_2",
    "diagnosis_1",
    "iddx_1",
    "benign_malignant",
)
WEIGHTS = ("score_weight", "validation_weight")  # of images in 2019's test set, not classes
CLASSES_2017 = {"melanoma", "seborrheic_keratosis"}


@dataclass(frozen=True, eq=False)
class _Table:
    path: Path
    frame: pd.DataFrame  # its id column is called image_id

    @property
    def one_hot_columns(self) -> list[str]:
        """The classes, if this is a ground truth."""
        names = [str(name) for name in self.frame if name not in ("image_id", *WEIGHTS)]
        digits = {"0", "1", "0.0", "1.0"}
        return names if all(set(self.frame[n]) <= digits for n in names) else []

    @property
    def is_of_a_source(self) -> bool:
        """Whether it says anything that a source does, and is no manifest."""
        known_columns = {*LABEL_COLUMNS, *(name for names in COLUMNS.values() for name in names)}
        says_something = self.one_hot_columns or known_columns & set(self.frame)
        return bool(says_something) and not set(REQUIRED) <= set(self.frame)


def read(root: Path, *, images: Sequence[Path] = ()) -> Rows:
    """Read the folder, or one metadata or ground truth table of it.

    A table that holds the diagnoses alone, or all but them, is completed by one beside it that has
    the rest about the same images.

    Raises:
        InputError: there is neither a metadata nor a ground truth table, or several of one kind.
        ManifestError: the two name different images, an image has two diagnoses, or there is no
            diagnosis column.
    """
    folder = root if is_folder(root) else root.absolute().parent
    tables = _with_its_other_half(root) if is_file(root) else _tables_of(root)
    truth = _only([table for table in tables if table.one_hot_columns], "ground truth")
    metadata = _only([table for table in tables if not table.one_hot_columns], "metadata")
    if truth is None and metadata is None:
        raise InputError(
            f"{root}: no .csv with an image column ({', '.join(ID_COLUMNS)}) found in it"
        )
    origin = str((metadata or truth).path)  # type: ignore[union-attr]
    frame = _described(metadata) if metadata else pd.DataFrame()
    if truth:
        labels = _labels(truth)
        if metadata:
            _require_same_images(truth, metadata)
            frame["label"] = labels.reindex(frame["image_id"]).to_numpy()
            frame = frame.drop(columns="coarser", errors="ignore")
        else:
            frame = pd.DataFrame({"image_id": labels.index, "label": labels.to_numpy()})
    if "label" not in frame:
        raise ManifestError(origin, [f"no diagnosis column; expected {', '.join(LABEL_COLUMNS)}"])
    folders = tuple(images) or picture_folders(folder, IMAGE_FOLDERS)
    pictures = pictures_by_stem(folders)
    frame["path"] = [pictures.get(image_id, "") for image_id in frame["image_id"]]
    return Rows(frame, origin, folders, also_read=tuple(each.path for each in tables))


def _tables_of(root: Path) -> list[_Table]:
    """Tables in the folder and one below, since the challenges' archives unpack into folders.

    What Cutis itself may have written there is passed over.
    """
    paths = sorted([*root.glob("*.csv"), *root.glob("*/*.csv")])
    return [table for table in _tables(paths) if table.is_of_a_source]


def _with_its_other_half(path: Path) -> list[_Table]:
    """One table, and those beside it of the other kind about the same images, if it needs any."""
    named = [*_tables([path])]
    return named + [
        other
        for table in named
        if table.one_hot_columns or not set(LABEL_COLUMNS) & set(table.frame)
        for other in _tables_of(path.absolute().parent)
        if bool(other.one_hot_columns) != bool(table.one_hot_columns)
        and set(other.frame["image_id"]) == set(table.frame["image_id"])
    ]


def _tables(paths: Iterable[Path]) -> Iterator[_Table]:
    for path in paths:
        frame = read_csv(path)
        column = next((name for name in ID_COLUMNS if name in frame), None)
        if column is not None:
            tidy = frame.rename(columns={column: "image_id"}).apply(lambda cells: cells.str.strip())
            yield _Table(path, tidy)


def _only(tables: list[_Table], kind: str) -> _Table | None:
    if len(tables) > 1:
        raise InputError(
            f"{tables[0].path} and {tables[1].path}: both are {kind}; "
            "name the one that counts, or keep training and test sets in folders of their own"
        )
    return tables[0] if tables else None


def _require_same_images(truth: _Table, metadata: _Table) -> None:
    difference = set(truth.frame["image_id"]) ^ set(metadata.frame["image_id"])
    if difference:
        raise ManifestError(
            str(metadata.path),
            [f"{i!r} is not in both {truth.path.name} and it" for i in sorted(difference)],
        )


def _labels(truth: _Table) -> "pd.Series[str]":
    """The positive column per image.

    Raises:
        ManifestError: an image has two, or stands in two rows.
    """
    names = truth.one_hot_columns
    positive = truth.frame[names].apply(pd.to_numeric).to_numpy(dtype=float) == 1
    ids = truth.frame["image_id"]
    doubled, repeated = ids.index[positive.sum(axis=1) > 1], ids.index[ids.duplicated(keep=False)]
    problems = [
        *([f"{lines_in_file(doubled)}: more than one diagnosis is 1"] if len(doubled) else []),
        *([f"{lines_in_file(repeated)}: images stand in two rows"] if len(repeated) else []),
    ]
    if problems:
        raise ManifestError(str(truth.path), problems)
    neither = "nevus" if set(names) == CLASSES_2017 else ""
    labels = [names[int(row.argmax())] if row.any() else neither for row in positive]
    return pd.Series(labels, index=ids)


def _described(metadata: _Table) -> pd.DataFrame:
    frame = metadata.frame
    names = {"image_id": "image_id"}
    for ours, candidates in COLUMNS.items():
        theirs = next((name for name in candidates if name in frame), None)
        if theirs is not None:
            names[ours] = theirs
    described = renamed(frame, names, origin=str(metadata.path), required=("image_id",))
    depths = [column for column in LABEL_COLUMNS if column in frame]
    if depths:
        chains = [
            tuple(text for text in map(known, row) if text)
            for row in frame[depths].itertuples(index=False)
        ]
        described["label"] = [chain[0] if chain else "" for chain in chains]
        described["coarser"] = [chain[1:] for chain in chains]
    return described
