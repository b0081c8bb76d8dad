"""Tables on disk as data frames: CSV, or Parquet where the name ends in .parquet."""

from pathlib import Path

import pandas as pd

from cutis.errors import InputError, MissingExtraError
from cutis.files import atomic_path


def read_frame(path: Path, *, separator: str | None = ",") -> pd.DataFrame:
    """Read a table; the cells of a CSV stay text, "" where empty.

    Args:
        path: The table.
        separator: Of a CSV; None finds out from its first lines.

    Raises:
        InputError: no such file, or not a table.
        MissingExtraError: Parquet without pyarrow.
    """
    try:
        if path.suffix == ".parquet":
            _require_pyarrow()
            return pd.read_parquet(path)
        return pd.read_csv(
            path,
            sep=separator,
            engine="python" if separator is None else "c",
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
        )
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as fault:
        raise InputError(f"{path}: not a readable table ({fault})") from fault


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table without its index, whole or not at all.

    Raises:
        MissingExtraError: Parquet without pyarrow.
        OutputError: the place cannot be written.
    """
    with atomic_path(path) as partial:
        if path.suffix == ".parquet":
            _require_pyarrow()
            frame.to_parquet(partial, index=False)
        else:
            frame.to_csv(partial, index=False, lineterminator="\n")


def lines_in_file(index: "pd.Index[int]") -> str:
    """Rows of a table, counted from 0, as the lines of its file, for messages; at most four."""
    lines = [str(row + 2) for row in index]
    shown = ", ".join(lines[:4]) + (f" and {len(lines) - 4} more" if len(lines) > 4 else "")
    return f"line{'s' if len(lines) > 1 else ''} {shown}"


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
