"""Any CSV: columns are mapped by name, pictures are found by path or by image id."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cutis.curation.sources.rows import Rows, picture_folders, pictures_by_stem, read_table, renamed
from cutis.errors import InputError


def read(
    table: Path, *, columns: Mapping[str, str] | None = None, images: Sequence[Path] = ()
) -> Rows:
    """Read a table.

    Args:
        table: The CSV (or .tab, .tsv) file.
        columns: Our column name -> theirs, for those that are called otherwise; `label` (also given
            as `diagnosis`) and `image_id` are needed. Without a `path` column pictures are looked
            for by id.
        images: Folders with the pictures; default, `images`, `train`, `val` and `test` beside the
            table, or the table's own folder.

    Raises:
        InputError: `table` is not a file, or a mapping names no manifest column.
        ManifestError: columns are missing.
    """
    if not table.is_file():
        raise InputError(f"{table}: expected a .csv file")
    frame = read_table(table)
    mapping = dict(columns or {})
    if "diagnosis" in mapping:
        mapping["label"] = mapping.pop("diagnosis")
    label = "label" if "label" in frame or "label" in mapping else "diagnosis"
    names = {"image_id": "image_id", "label": label} | {
        name: name for name in _optional(list(frame.columns))
    }
    found = renamed(
        frame, names | mapping, origin=str(table), required=("image_id", "label", *mapping)
    )
    folder = table.absolute().parent
    if "path" in found and not images:
        there = [folder / value for value in found["path"]]
        found["path"] = [str(path) if path.is_file() else "" for path in there]
    else:
        places = images or picture_folders(folder, ("images", "train", "val", "test"))
        pictures = pictures_by_stem(places)
        found["path"] = [pictures.get(Path(i).stem, "") for i in found["image_id"]]
    return Rows(found, str(table))


def _optional(present: list[str]) -> list[str]:
    ours = ("path", "lesion_id", "patient_id", "age_years", "sex", "site", "fitzpatrick")
    return [name for name in (*ours, "ground_truth", "source", "split") if name in present]
