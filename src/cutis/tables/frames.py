"""Tables on disk as data frames: CSV, or Parquet where the name ends in .parquet.

pandas is imported where a table is read, so that `cutis predict`, which reads none, starts fast.
"""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutis.checks import did_you_mean
from cutis.errors import InputError, MissingExtraError, first_line
from cutis.files import atomic_path, require_writable_file

if TYPE_CHECKING:
    import pandas as pd


def read_frame(path: Path, *, separator: str | None = ",") -> "pd.DataFrame":
    """Read a table; the cells of a CSV stay text, "" where empty.

    Args:
        path: The table.
        separator: Of a CSV; None finds out from its first line: comma, semicolon or tab.

    Raises:
        InputError: no such file, not a table, or a CSV of those that `read_csv` refuses.
        MissingExtraError: Parquet without pyarrow.
    """
    if path.suffix != ".parquet":
        return read_csv(path, separator=separator)
    pyarrow_packages()
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as fault:
        raise InputError(f"{path}: not a readable table ({first_line(fault)})") from fault


def read_csv(path: Path, *, separator: str | None = None) -> "pd.DataFrame":
    """As `read_frame`, whatever the name ends in, and by default with any of those separators.

    Raises:
        InputError: no such file, or not a table; a row is shorter or longer than the header, which
            may have shifted its cells; a blank line stands between rows, so that messages would name
            the wrong lines; or two columns have the same name, of which one would be ignored.
    """
    import pandas as pd

    try:
        # From a path pandas would also unpack archives and open addresses, each with faults of its own.
        with path.open(newline="", encoding="utf-8-sig") as stream:
            text = stream.read()
        sep = _separator_of(text) if separator is None else separator
        problem = _fault_of_shape(text, separator=sep)
        if not problem:
            return pd.read_csv(
                io.StringIO(text, newline=""), dtype=str, keep_default_na=False, sep=sep
            )
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as fault:
        raise InputError(
            f"{path}: not a readable table (no text in UTF-8; save or unpack it as such)"
        ) from fault
    except (ValueError, OSError, csv.Error) as fault:
        raise InputError(f"{path}: not a readable table ({first_line(fault)})") from fault
    raise InputError(f"{path}: {problem}")


def foreign_separator(columns: Iterable[object]) -> str:
    """A suffix for an error message about a column that is missing: why all of them may be.

    Example:
        >>> foreign_separator(["image_id;diagnosis"])
        "; its cells are separated by ';', expected are commas"
    """
    header = [str(column) for column in columns]
    found = next((mark for mark in (";", "\t") if len(header) == 1 and mark in header[0]), None)
    return "" if found is None else f"; its cells are separated by {found!r}, expected are commas"


def missing_columns(frame: "pd.DataFrame", wanted: Iterable[str]) -> list[str]:
    """A sentence about every wanted column that a table lacks, with the likely reason."""
    why = foreign_separator(frame.columns)
    return [
        f"column {name!r} is missing{why or did_you_mean(name, map(str, frame.columns))}"
        for name in dict.fromkeys(wanted)
        if name not in frame
    ]


def write_frame(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table without its index, whole or not at all.

    Raises:
        MissingExtraError: Parquet without pyarrow.
        OutputError: the place cannot be written.
    """
    with atomic_path(path) as partial:
        if path.suffix == ".parquet":
            pyarrow_packages()
            frame.to_parquet(partial, index=False)
        else:
            frame.to_csv(partial, index=False, lineterminator="\n")


def require_writable_table(path: Path) -> None:
    """Prove that a table can be written there; call it before long work.

    Raises:
        InputError: the name ends neither in .csv nor in .parquet.
        MissingExtraError: Parquet is asked for and pyarrow is not installed.
        OutputError: as `require_writable_file`.
    """
    require_writable_file(path)
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: tables end in .csv or .parquet")
    if path.suffix == ".parquet":
        pyarrow_packages()


def pyarrow_packages() -> tuple[Any, Any]:
    """pyarrow and its module for Parquet.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    return pyarrow, pyarrow.parquet


def is_utf8(path: Path) -> bool:
    """Whether a table can hold a path; Linux allows any bytes in a file name."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def require_utf8(path: Path) -> Path:
    """Return `path` when a table can hold it.

    Raises:
        InputError: its name is no UTF-8.
    """
    if not is_utf8(path):
        raise InputError(f"{str(path)!r}: a name that is no UTF-8, as tables are; rename it")
    return path


def lines_in_file(index: "pd.Index[int]") -> str:
    """Rows of a table, counted from 0, as the lines of its file, for messages; at most four.

    Counted as spreadsheets do, a row being one line whatever line breaks its cells hold.
    """
    lines = [str(row + 2) for row in index]
    shown = ", ".join(lines[:4]) + (f" and {len(lines) - 4} more" if len(lines) > 4 else "")
    return f"line{'s' if len(lines) > 1 else ''} {shown}"


def _separator_of(text: str) -> str:
    """What stands most often in the header outside of quotes; a comma where nothing does."""
    header = io.StringIO(text).readline()
    return max(",;\t", key=re.sub(r'"[^"]*"', "", header).count)


def _fault_of_shape(text: str, *, separator: str) -> str:
    """What keeps the rows of a CSV from being one table, or ""; lines are those of `lines_in_file`."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header: list[str] = []
    blank = 0
    for line, row in enumerate(rows, start=1):
        if not row or (len(row) == 1 and row[0].isspace()):
            blank = blank or line
        elif blank:
            return f"line {blank} is blank; remove it"
        elif not header:
            header = row
        elif len(row) != len(header):
            why = foreign_separator(header) or "; give every row as many delimiters"
            return f"line {line} has {len(row)} cells, the header {len(header)}{why}"
    repeated = next((name for name in header if name and header.count(name) > 1), "")
    return f"two columns are called {repeated!r}; rename or remove one" if repeated else ""
