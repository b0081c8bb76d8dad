"""How often each label stands in a table, whoever wrote the table."""

from collections import Counter
from pathlib import Path

import pandas as pd

from cutis.checks import did_you_mean
from cutis.errors import InputError, ManifestError
from cutis.tables.frames import lines_in_file, read_frame

LABEL_COLUMNS = ("diagnosis", "label", "dx")


def read_label_counts(
    path: Path, *, column: str | None = None, count_column: str | None = None
) -> dict[str, int]:
    """Label -> how many rows have it, in the order of first appearance; empty cells do not count.

    Args:
        path: A manifest, or any table with a column of labels, whatever separates its cells.
        column: The one with the labels; default, the first of `LABEL_COLUMNS` that is there.
        count_column: For a table with one row per label, the one that says how many images it has.

    Raises:
        InputError: not a readable table, no such column, or nothing in it.
        ManifestError: a count is not a whole number from 0 up.
    """
    frame = read_frame(path, separator=None)
    labels = frame[_column(frame, column, path)].astype(str).str.strip()
    counts = _counts(frame, count_column, path)
    found = Counter[str]()
    for label, count in zip(labels, counts, strict=True):
        found[label] += count
    del found[""]
    if not found:
        raise InputError(f"{path}: no row has a label")
    return dict(found)


def _column(frame: pd.DataFrame, wanted: str | None, path: Path) -> str:
    present = [str(name) for name in frame.columns]
    if wanted is None:
        wanted = next((name for name in LABEL_COLUMNS if name in present), None)
    if wanted not in present:
        asked = f"no column {wanted!r}" if wanted else f"none of {', '.join(LABEL_COLUMNS)}"
        guess = did_you_mean(wanted, present) if wanted else ""
        raise InputError(
            f"{path}: {asked}; name the column of labels, one of {', '.join(present)}{guess}"
        )
    return wanted


def _counts(frame: pd.DataFrame, column: str | None, path: Path) -> list[int]:
    if column is None:
        return [1] * len(frame)
    texts = frame[_column(frame, column, path)].astype(str).str.strip()
    whole = texts.str.fullmatch(r"\d+")
    if not whole.all():
        faulty = texts[~whole]
        raise ManifestError(
            str(path),
            [
                f"{lines_in_file(rows.index)}: {column} {text!r} is not a whole number"
                for text, rows in faulty.groupby(faulty)
            ],
        )
    return [int(text) for text in texts]
