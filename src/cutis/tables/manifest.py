"""`Manifest`: one row per image, with its diagnosis as a taxonomy node, and its groups.

On disk a CSV (or Parquet) whose paths are relative to its own folder where that is possible. Columns
beyond `COLUMNS` are kept as they are. A tree of diagnoses other than the default one lies beside it,
that of `lesions.csv` in `lesions.taxonomy.json`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from cutis.checks import BoolArray, did_you_mean
from cutis.errors import InputError, LeakageError, ManifestError, MissingExtraError
from cutis.files import atomic_path, exists, is_file, write_json
from cutis.tables.components import components
from cutis.tables.frames import (
    lines_in_file,
    missing_columns,
    read_frame,
    require_utf8,
    write_frame,
)
from cutis.taxonomy import ClassSet, Taxonomy, load_taxonomy
from cutis.taxonomy.exchange import tree_to_dict
from cutis.wording import words

REQUIRED = ("image_id", "path", "diagnosis")
COLUMNS = {
    "image_id": "Unique name of the image.",
    "path": "The picture, absolute or relative to the manifest's folder.",
    "diagnosis": "A node of the taxonomy; empty where unknown.",
    "label": "The diagnosis as the source wrote it.",
    "lesion_id": "Images of one lesion share it.",
    "patient_id": "Images of one person share it.",
    "age_years": "Age at imaging.",
    "sex": "female or male; empty where unknown.",
    "site": "Body site, as the source wrote it.",
    "fitzpatrick": "Fitzpatrick skin type, 1 to 6.",
    "ground_truth": "How the diagnosis was made: histopathology, follow_up, consensus, confocal.",
    "source": "The data set the row comes from.",
    "mask_path": "The lesion mask, if any.",
    "duplicate_group": "Images that show the same picture share it; written by the audit.",
    "split": "train, val or test; written by the split.",
    "fold": "0 to K-1; written by the split.",
}
NUMBER_RANGES = {"age_years": (0, 120), "fitzpatrick": (1, 6)}
NUMBER_COLUMNS = (*NUMBER_RANGES, "fold")
SPLITS = ("train", "val", "test")
Drawn = Literal["patients", "lesions", "images"]
GROUP_COLUMNS = ("lesion_id", "patient_id", "duplicate_group")


@dataclass(frozen=True, eq=False)
class Manifest:
    """One row per image; a manifest that exists is valid.

    Every column of `COLUMNS` is present in `frame` (text columns hold "" where unknown, numbers
    nan), ids are unique, diagnoses are nodes of `taxonomy`, paths are absolute. Whether files exist
    and whether a split leaks is checked by `read`, and by `require_files` and `require_no_leak`.

    Raises:
        ManifestError: every fault at once, with line numbers as in the file.
    """

    frame: pd.DataFrame
    taxonomy: Taxonomy
    name: str = "manifest"

    def __post_init__(self) -> None:
        missing = missing_columns(self.frame, REQUIRED)
        if missing:
            raise ManifestError(self.name, missing)
        frame, problems = _with_numbers(_complete(self.frame))
        problems = [
            *_id_problems(frame),
            *_diagnosis_problems(frame, self.taxonomy, self.name),
            *problems,
            *_split_problems(frame),
        ]
        if problems:
            raise ManifestError(self.name, problems)
        object.__setattr__(self, "frame", frame)

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def read(
        cls,
        path: Path,
        *,
        taxonomy: Taxonomy | None = None,
        check_files: bool = True,
        check_leaks: bool = True,
    ) -> "Manifest":
        """Read and check a manifest.

        Args:
            path: CSV or Parquet.
            taxonomy: What the diagnoses are nodes of; default, the tree beside the file, or else the
                default one.
            check_files: Whether pictures and masks are to exist.
            check_leaks: Whether lesions, patients and duplicates are to stand in one split each.

        Raises:
            InputError: no such file, not a table, in a folder whose name no table can hold, or what
                lies beside it is no tree.
            ManifestError: faults in the table, or pictures that do not exist.
            LeakageError: a lesion, patient or duplicate stands in two splits.
        """
        frame = read_frame(path)
        require_utf8(path.absolute().parent)
        for column in ("path", "mask_path"):
            if column in frame:
                frame[column] = [_absolute(value, path.parent) for value in frame[column]]
        manifest = cls(frame, taxonomy or taxonomy_of(path), name=str(path))
        if check_files:
            manifest.require_files()
        if check_leaks:
            manifest.require_no_leak()
        return manifest

    def write(self, path: Path) -> None:
        """Write CSV or Parquet, by the name's ending; columns that hold nothing are left out.

        A tree other than the default one is written beside it.

        Raises:
            InputError: as `require_one_tree`.
            OutputError, MissingExtraError: as `write_frame`.
        """
        require_one_tree(path, self.taxonomy)
        folder = path.absolute().parent
        frame = self.frame.copy()
        for column in ("path", "mask_path"):
            frame[column] = [_relative(value, folder) for value in frame[column]]
        empty = [
            column
            for column in frame
            if column not in REQUIRED and frame[column].isin(["", np.nan]).all()
        ]
        tree = tree_beside(path)
        if self.taxonomy.sha256 == load_taxonomy().sha256:
            write_frame(frame.drop(columns=empty), path)
            tree.unlink(missing_ok=True)
        else:
            with atomic_path(tree) as partial:  # in its place only once the table is
                write_json(partial, tree_to_dict(self.taxonomy))
                write_frame(frame.drop(columns=empty), path)

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Unique names, in row order."""
        return tuple(self.frame["image_id"])

    @property
    def paths(self) -> tuple[Path, ...]:
        """Absolute paths of the pictures, in row order."""
        return tuple(Path(value) for value in self.frame["path"])

    @property
    def diagnoses(self) -> tuple[str, ...]:
        """Taxonomy nodes, "" where unknown, in row order."""
        return tuple(self.frame["diagnosis"])

    @property
    def lesion_count(self) -> int | None:
        """How many lesions there are, an image without one being its own; None where none is named."""
        named = self.frame["lesion_id"] != ""
        if not named.any():
            return None
        return self.frame["lesion_id"][named].nunique() + int((~named).sum())

    @property
    def drawn(self) -> Drawn:
        """What `clusters` are, in a word: the largest group that any row names."""
        for unit, column in (("patients", "patient_id"), ("lesions", "lesion_id")):
            if (self.frame[column] != "").any():
                return cast(Drawn, unit)
        return "images"

    def class_set(self) -> ClassSet:
        """The classes that the labelled rows name."""
        return ClassSet.of(self.taxonomy, (d for d in self.diagnoses if d))

    def clusters(self) -> npt.NDArray[np.str_]:
        """The unit of resampling per row, shape (n,): what `components` ties together.

        Named by the lesion of its first row, or by the image where that has none.
        """
        lesion = self.frame["lesion_id"].to_numpy(dtype=str)
        alone = np.char.add("image:", np.array(self.image_ids, dtype=str))
        names = np.where(lesion == "", alone, lesion)
        component = self.components()
        _labels, first = np.unique(component, return_index=True)
        return names[first][component]

    def components(self) -> npt.NDArray[np.int64]:
        """Labels (n,) from 0; rows that share a lesion, a patient or a duplicate have the same.

        Be it through other rows: two lesions of a patient make one component.
        """
        return components([list(self.frame[column]) for column in GROUP_COLUMNS])

    def rows(self, keep: BoolArray) -> "Manifest":
        """The rows where `keep` is true."""
        return replace(self, frame=self.frame[keep].reset_index(drop=True))

    def split(self, name: str) -> "Manifest":
        """The rows of one split.

        Raises:
            ManifestError: the manifest has no such split.
        """
        keep = (self.frame["split"] == name).to_numpy()
        if not keep.any():
            present = sorted(set(self.frame["split"]) - {""})
            way_out = f"it has {', '.join(present)}" if present else "run `cutis data split` first"
            raise ManifestError(self.name, [f"no rows in split {name!r}; {way_out}"])
        return self.rows(keep)

    def without_splits(self, names: Sequence[str]) -> "Manifest":
        """The rows that are in none of some splits.

        Raises:
            ManifestError: the manifest has no such split.
        """
        for name in names:
            self.split(name)
        return self.rows((~self.frame["split"].isin(names)).to_numpy())

    def dealt(self) -> "Manifest":
        """The rows that have a split."""
        return self.rows((self.frame["split"] != "").to_numpy())

    def labelled(self) -> "Manifest":
        """The rows that have a diagnosis."""
        return self.rows((self.frame["diagnosis"] != "").to_numpy())

    def with_columns(self, /, **columns: Any) -> "Manifest":
        """The same rows with columns added or replaced."""
        frame = self.frame.copy()
        for name, values in columns.items():  # `assign` has no way to say "self"
            frame[name] = values
        return replace(self, frame=frame)

    def require_files(self) -> None:
        """Check that every picture and mask exists.

        Raises:
            ManifestError: naming the first missing ones.
        """
        missing = [
            f"image {name!r}: {value} does not exist"  # rows may be some of those of the file
            for column in ("path", "mask_path")
            for name, value in zip(self.image_ids, self.frame[column], strict=True)
            if value and not is_file(Path(value))
        ]
        if missing:
            raise ManifestError(self.name, missing)

    def require_no_leak(self) -> None:
        """Check that no lesion, patient or duplicate stands in two splits.

        Raises:
            LeakageError: naming every group that does, with its lines.
        """
        problems = [
            problem
            for group in GROUP_COLUMNS
            for side in ("split", "fold")
            for problem in _straddling(self.frame, group, side)
        ]
        if problems:
            raise LeakageError(self.name, problems)


def tree_beside(path: Path) -> Path:
    """Where the tree of a manifest's diagnoses lies, if it has one of its own."""
    return path.parent / f"{path.stem}.taxonomy.json"


def require_one_tree(path: Path, taxonomy: Taxonomy) -> None:
    """Make sure that a manifest written to `path` costs nobody else the tree beside it.

    `m.csv` and `m.parquet` share `m.taxonomy.json`; where neither is there, it is somebody's own.

    Raises:
        InputError: it is another tree than `taxonomy`.
    """
    neighbour = path.with_suffix(".csv" if path.suffix == ".parquet" else ".parquet")
    if _is_manifest(neighbour) and taxonomy_of(neighbour).sha256 != taxonomy.sha256:
        raise InputError(
            f"{path}: {neighbour.name} beside it has another tree of diagnoses, and both would find "
            f"theirs in {tree_beside(path).name}; give another name"
        )
    is_free = not (is_file(path) or is_file(neighbour))
    if is_free and exists(tree_beside(path)) and taxonomy_of(path).sha256 != taxonomy.sha256:
        raise InputError(
            f"{path}: {tree_beside(path).name} beside it holds another tree of diagnoses, which would "
            "be lost; move it, or give another name"
        )


def taxonomy_of(path: Path) -> Taxonomy:
    """The tree that lies beside a manifest, or else the default one.

    Raises:
        InputError: what lies there is no tree.
    """
    beside = tree_beside(path)
    return load_taxonomy(beside) if exists(beside) else load_taxonomy()


def _is_manifest(path: Path) -> bool:
    """Whether a table has the columns of a manifest; True where nothing installed can read it."""
    if not is_file(path):
        return False
    try:
        return set(REQUIRED) <= set(read_frame(path))
    except MissingExtraError:
        return True
    except InputError:
        return False


def _complete(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column of `COLUMNS` as text without blanks around it, "" where nothing is written."""
    completed = frame.reset_index(drop=True).copy()
    for column in COLUMNS:
        if column not in completed:
            completed[column] = ""
        completed[column] = completed[column].astype(object).where(completed[column].notna(), "")
        completed[column] = completed[column].astype(str).str.strip()
    return completed[[*COLUMNS, *(c for c in completed.columns if c not in COLUMNS)]]


def _id_problems(frame: pd.DataFrame) -> list[str]:
    problems = [
        f"line {line}: {column!r} is empty"
        for column in ("image_id", "path")
        for line in np.flatnonzero(frame[column] == "") + 2
    ]
    ids = frame["image_id"]
    for image_id, group in frame[ids.duplicated(keep=False) & (ids != "")].groupby("image_id"):
        problems.append(f"{lines_in_file(group.index)}: image_id {image_id!r} is repeated")
    return problems


def _diagnosis_problems(frame: pd.DataFrame, taxonomy: Taxonomy, name: str) -> list[str]:
    elsewhere = (
        f"; a tree of your own belongs beside the manifest, in {tree_beside(Path(name)).name}"
    )
    problems: list[str] = []
    for diagnosis, group in frame.groupby("diagnosis"):
        if diagnosis and diagnosis not in taxonomy.nodes:
            guess = did_you_mean(str(diagnosis), taxonomy.nodes) or elsewhere
            problems.append(
                f"{lines_in_file(group.index)}: diagnosis {diagnosis!r} is not in taxonomy "
                f"{taxonomy.name!r}{guess}"
            )
    return problems


def _with_numbers(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The columns of numbers as such, nan where empty, and the sentences about odd cells."""
    problems: list[str] = []
    numbers: dict[str, pd.Series[float]] = {}
    for column in NUMBER_COLUMNS:
        given = frame[column][frame[column] != ""]
        found = pd.to_numeric(given, errors="coerce").astype(float)
        numbers[column] = found.reindex(frame.index)
        if column in NUMBER_RANGES:
            low, high = NUMBER_RANGES[column]
            odd, expected = ~found.between(low, high), f"in {low}..{high}"
        else:
            odd, expected = ~((found >= 0) & (found % 1 == 0)), "a whole number from 0 up"
        for text, group in given[odd].groupby(given[odd]):
            problems.append(
                f"{lines_in_file(group.index)}: {column} {text!r} is not {expected}; "
                "leave it empty where it is unknown"
            )
    return frame.assign(**numbers), problems


def _split_problems(frame: pd.DataFrame) -> list[str]:
    return [
        f"{lines_in_file(group.index)}: split {name!r} is not one of {', '.join(SPLITS)}"
        f"{did_you_mean(str(name), SPLITS)}"
        for name, group in frame.groupby("split")
        if name and name not in SPLITS
    ]


def _straddling(frame: pd.DataFrame, group: str, side: str) -> list[str]:
    known = frame[(frame[group] != "") & frame[side].notna() & (frame[side] != "")]
    if side == "fold":
        known = known.astype({side: int})
    sides = known.groupby(group)[side].nunique()
    kind = words(group.removesuffix("_id"))
    return [
        f"{lines_in_file(rows.index)}: {kind} {key!r} is in {side}s "
        f"{' and '.join(str(value) for value in sorted(set(rows[side])))}"
        for key, rows in known[known[group].isin(sides[sides > 1].index)].groupby(group)
    ]


def _absolute(value: object, folder: Path) -> str:
    text = "" if value is None or value != value else str(value)
    return str((folder / text).absolute()) if text else ""


def _relative(value: str, folder: Path) -> str:
    path = Path(value)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else value
