"""Further facts about images, from a table that names them: artefacts, devices, scores."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cutis.errors import InputError
from cutis.tables.predictions import ID_COLUMNS


def read_columns(path: Path, image_ids: Sequence[str]) -> dict[str, list[object]]:
    """Every column of a CSV table, in the order of `image_ids`; "" where the table lacks an image.

    Values are separated by comma, semicolon or tab; images may be named with their file's ending.

    Args:
        path: A table with one of `ID_COLUMNS`.
        image_ids: n names.

    Returns:
        Name -> n values.

    Raises:
        InputError: no such file, no table, no image column, an image twice, or none of the images.
    """
    try:
        frame = pd.read_csv(path, sep=None, engine="python", dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as fault:
        raise InputError(f"{path}: not a CSV table ({fault})") from fault
    column = next((name for name in frame if str(name).casefold() in ID_COLUMNS), None)
    if column is None:
        raise InputError(f"{path}: no image column; expected one of {', '.join(ID_COLUMNS)}")
    names = frame[column].str.replace(r"\.(jpe?g|png)$", "", case=False, regex=True)
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
