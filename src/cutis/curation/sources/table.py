"""Any CSV: columns are mapped by name, pictures are found by path or by image id."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cutis.curation.sources.locate import picture_folders, picture_stem, pictures_by_stem
from cutis.curation.sources.rows import Rows, read_table, renamed
from cutis.errors import InputError
from cutis.tables.manifest import COLUMNS

IMAGE_FOLDERS = ("images", "train", "val", "test")
# `diagnosis` is asked for as `label`; the audit writes duplicate groups, the split folds.
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
    label = "label" if "label" in frame else "diagnosis"
    names = {
        "image_id": "image_id",
        "label": label,
        **{name: name for name in TAKEN_AS_THEY_ARE if name in frame},
        **mapping,
    }
    found = renamed(frame, names, origin=str(table), required=("image_id", "label", *mapping))
    folder = table.absolute().parent
    if "mask_path" in found:
        found["mask_path"] = _existing(folder, found["mask_path"])
    if "path" in found and not images:
        found["path"] = _existing(folder, found["path"])
        return Rows(found, str(table), (folder,))
    folders = tuple(images) or picture_folders(folder, IMAGE_FOLDERS)
    pictures = pictures_by_stem(folders)
    found["path"] = [pictures.get(picture_stem(i), "") for i in found["image_id"]]
    return Rows(found, str(table), folders)


def _existing(folder: Path, values: Iterable[str]) -> list[str]:
    return [str(folder / value) if value and (folder / value).is_file() else "" for value in values]
