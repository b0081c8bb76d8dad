"""Any CSV: columns are mapped by name, pictures are found by path or by image id."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cutis.curation.sources.locate import picture_folders, picture_stem, pictures_by_stem
from cutis.curation.sources.rows import Rows, renamed
from cutis.curation.sources.values import known
from cutis.errors import InputError
from cutis.files import is_file
from cutis.tables.frames import read_csv
from cutis.tables.manifest import COLUMNS

IMAGE_FOLDERS = ("images", "train", "val", "test")
# `diagnosis` is handed on as `label`; the audit writes duplicate groups, the split folds.
TAKEN_AS_THEY_ARE = tuple(
    name
    for name in COLUMNS
    if name not in ("image_id", "label", "diagnosis", "duplicate_group", "fold")
)


def read(
    table: Path, *, columns: Mapping[str, str] | None = None, images: Sequence[Path] = ()
) -> Rows:
    """Read a table.

    Args:
        table: The CSV (or .tab, .tsv) file.
        columns: Our column name -> theirs, for those that are called otherwise; `image_id` and
            `diagnosis` are needed. A `label` beside the diagnosis is kept as what the source wrote;
            without a diagnosis it counts as one. Without a `path` column pictures are looked for by
            id.
        images: Folders with the pictures, which then are looked for by id whatever `path` says;
            default, `images`, `train`, `val` and `test` beside the table, or the table's own folder.

    Raises:
        InputError: `table` is not a file, or a mapping names no manifest column.
        ManifestError: columns are missing.
    """
    if not is_file(table):
        raise InputError(f"{table}: expected a .csv file")
    frame = read_csv(table)
    mapping = dict(columns or {})
    names = {
        **{name: name for name in ("image_id", "diagnosis", *TAKEN_AS_THEY_ARE)},
        **({} if "diagnosis" in mapping else {"label": "label"}),
        **mapping,
    }
    if "diagnosis" not in mapping and "diagnosis" not in frame and names["label"] in frame:
        names["diagnosis"] = names["label"]
    found = renamed(frame, names, origin=str(table), required=("image_id", "diagnosis", *mapping))
    found = found.rename(columns={"label": "written", "diagnosis": "label"})
    folder = table.absolute().parent
    if "mask_path" in found:
        masks = found["mask_path"].map(known)
        found["mask_path"] = _existing(folder, masks)
        found["lost_mask"] = masks.where(found["mask_path"] == "", "")
    if "path" in found and not images:
        found["path"] = _existing(folder, found["path"])
        return Rows(found, str(table), (folder,))
    folders = tuple(images) or picture_folders(folder, IMAGE_FOLDERS)
    pictures = pictures_by_stem(folders)
    found["path"] = [pictures.get(picture_stem(i), "") for i in found["image_id"]]
    return Rows(found, str(table), folders)


def _existing(folder: Path, values: Iterable[str]) -> list[str]:
    """Absolute paths, "" for what does not exist; a table may have been written on Windows."""
    names = [value.replace("\\", "/") for value in values]
    return [str(folder / name) if name and is_file(folder / name) else "" for name in names]
