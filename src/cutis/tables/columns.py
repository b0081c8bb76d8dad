"""Further facts about images, from a table that names them: artefacts, devices, scores."""

from collections.abc import Sequence
from pathlib import Path

from cutis.errors import InputError
from cutis.tables.frames import read_frame
from cutis.tables.manifest import COLUMNS, Manifest
from cutis.tables.predictions import ID_COLUMNS, PICTURE_ENDING


def read_columns(path: Path, image_ids: Sequence[str]) -> dict[str, list[object]]:
    """Every column of a table, in the order of `image_ids`; "" where the table lacks an image.

    The values of a CSV are separated by comma, semicolon or tab; images may carry their file's
    ending.

    Args:
        path: A table with one of `ID_COLUMNS`.
        image_ids: n names.

    Returns:
        Name -> n values.

    Raises:
        InputError: no such file, no table, no image column or no other one, an image twice, or none
            of the images.
    """
    frame = read_frame(path, separator=None)
    column = next((name for name in frame if str(name).casefold() in ID_COLUMNS), None)
    if column is None:
        raise InputError(f"{path}: no image column; expected one of {', '.join(ID_COLUMNS)}")
    if len(frame.columns) == 1:
        raise InputError(f"{path}: no column beside {str(column)!r}")
    names = frame[column].map(_image_id)
    if names.duplicated().any():
        raise InputError(f"{path}: image {names[names.duplicated()].iloc[0]!r} stands there twice")
    known = set(names) & set(image_ids)
    if not known:
        raise InputError(f"{path}: knows none of the manifest's images, such as {image_ids[0]!r}")
    ordered = frame.set_index(names).drop(columns=column).reindex(list(image_ids)).fillna("")
    return {
        str(name): ordered[name].tolist()
        for name in ordered
        if str(name) and not str(name).startswith("Unnamed")
    }


def _image_id(value: object) -> str:
    """An id as text without its file's ending; 7.0 in a column of numbers with gaps is "7"."""
    whole = isinstance(value, float) and value.is_integer()
    return PICTURE_ENDING.sub("", (f"{value:.0f}" if whole else str(value)).strip())


def with_further_columns(
    manifest: Manifest, path: Path, *, chosen: Sequence[str] = ()
) -> tuple[Manifest, tuple[str, ...]]:
    """A manifest with columns of another table beside its own, and the names of those.

    A column with one of the manifest's own names is left where it is, so that no table can replace
    a diagnosis or a lesion.

    Args:
        manifest: The rows.
        path: As for `read_columns`.
        chosen: Take only those of these names that the table has; default, all of its columns.

    Raises:
        InputError: as `read_columns`.
    """
    further = {
        name: values
        for name, values in read_columns(path, manifest.image_ids).items()
        if name not in COLUMNS and (name in chosen or not chosen)
    }
    return manifest.with_columns(**further), tuple(further)
