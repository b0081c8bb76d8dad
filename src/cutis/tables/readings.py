"""`Readings`: what readers said about images, one row per reader and image.

On disk a CSV or Parquet table with the columns of `COLUMNS`, of which `reader` and `image_id` are
required; anything else in it is ignored. Whether a diagnosis answers a question with yes or no is for
the task to say, not for the table.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cutis.errors import ReadingsError
from cutis.tables.frames import lines_in_file, missing_columns, read_frame, write_frame
from cutis.tables.predictions import ID_COLUMNS
from cutis.taxonomy import Taxonomy

COLUMNS = {
    "reader": "Who read the image.",
    "image_id": "The image, as the manifest names it.",
    "decision": "yes or no, or a diagnosis of the taxonomy; empty where only a score was given.",
    "confidence": "How sure the reader is that the answer is yes, 0 to 1, whatever was decided.",
    "scale": "The same on a scale: 1 surely not, 2, 3, 4, 5 surely yes.",
}
YES, NO = "yes", "no"
SPELLINGS = {"yes": YES, "true": YES, "1": YES, "no": NO, "false": NO, "0": NO}
SCORES = {"confidence": (0.0, 1.0), "scale": (1.0, 5.0)}


@dataclass(frozen=True, eq=False)
class Readings:
    """What readers said about images; readings that exist are valid.

    Every column of `COLUMNS` is present in `frame`, and no other. `decision` is "yes", "no", a node of
    `taxonomy`, or "" where the row has a score only; a score that was not given is nan. A reader need
    not have read every image.

    Raises:
        ReadingsError: every fault at once, with line numbers as in the file.
    """

    frame: pd.DataFrame
    taxonomy: Taxonomy
    name: str = "readings"

    def __post_init__(self) -> None:
        missing = missing_columns(self.frame, ("reader", "image_id"))
        if missing:
            raise ReadingsError(self.name, missing)
        if not len(self.frame):
            raise ReadingsError(self.name, ["it has no rows"])
        texts = _texts(self.frame)
        scores, problems = _scores(self.frame)
        decisions, unknown = _decisions(texts["decision"], self.taxonomy)
        problems = [*_row_problems(texts, scores), *unknown, *problems]
        if problems:
            raise ReadingsError(self.name, problems)
        complete = texts.assign(decision=decisions, **{name: scores[name] for name in SCORES})
        object.__setattr__(self, "frame", complete[[*COLUMNS]])

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def read(cls, path: Path, taxonomy: Taxonomy) -> "Readings":
        """Read CSV, or Parquet where the name ends in .parquet.

        The image column may also be called `image`, `isic_id` or `image_name`.

        Raises:
            InputError: no such file, or not a table.
            ReadingsError: faults in the table.
        """
        frame = read_frame(path)
        if "image_id" not in frame:
            known = {str(column).casefold(): column for column in reversed(frame.columns)}
            found = next((known[name] for name in ID_COLUMNS if name in known), None)
            frame = frame if found is None else frame.rename(columns={found: "image_id"})
        return cls(frame, taxonomy, name=str(path))

    def write(self, path: Path) -> None:
        """Write CSV, or Parquet where the name ends in .parquet; columns nobody filled are left out."""
        empty = [name for name in SCORES if self.frame[name].isna().all()]
        write_frame(self.frame.drop(columns=empty), path)

    @property
    def readers(self) -> tuple[str, ...]:
        """Their names in alphabetical order, so that nothing depends on the order of the rows."""
        return tuple(sorted(set(self.frame["reader"])))

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The images that somebody read, in alphabetical order."""
        return tuple(sorted(set(self.frame["image_id"])))


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """The text columns without blanks around them, "" where nothing is written."""
    texts: dict[str, Any] = {}
    for column in ("reader", "image_id", "decision"):
        given = frame[column] if column in frame else pd.Series("", index=frame.index)
        texts[column] = [_text(value) for value in given]
    return pd.DataFrame(texts, dtype=object)


def _text(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, bool | np.bool_):
        return YES if value else NO
    if isinstance(value, float) and value.is_integer():  # a column of 1 and 0 with gaps
        return str(int(value))
    return str(value).strip()


def _scores(frame: pd.DataFrame) -> tuple[dict[str, "pd.Series[float]"], list[str]]:
    scores, problems = {}, []
    for name, (low, high) in SCORES.items():
        given = frame[name] if name in frame else pd.Series("", index=frame.index)
        cells = pd.Series([_text(value) for value in given], dtype=object)
        numbers = pd.to_numeric(cells.where(cells != ""), errors="coerce").astype(float)
        outside = (cells != "") & ~numbers.between(low, high)
        for value, group in cells[outside].groupby(cells[outside]):
            problems.append(
                f"{lines_in_file(group.index)}: {name} {value!r} is not a number "
                f"from {low:g} to {high:g}"
            )
        scores[name] = numbers
    return scores, problems


def _decisions(cells: "pd.Series[str]", taxonomy: Taxonomy) -> tuple["pd.Series[str]", list[str]]:
    """Every decision as "yes", "no", a node or "", and the sentences about those that are neither."""
    meaning = {
        cell: "" if not cell else SPELLINGS.get(cell.casefold()) or taxonomy.find(cell)
        for cell in set(cells)
    }
    problems = [
        f"{lines_in_file(group.index)}: decision {cell!r} is neither yes nor no, and "
        f"{taxonomy.why_unknown(str(cell))}"
        for cell, group in cells.groupby(cells)
        if meaning[str(cell)] is None
    ]
    return cells.map(meaning), problems


def _row_problems(texts: pd.DataFrame, scores: dict[str, "pd.Series[float]"]) -> list[str]:
    problems = [
        f"{lines_in_file(texts.index[texts[column] == ''])}: {column!r} is empty"
        for column in ("reader", "image_id")
        if (texts[column] == "").any()
    ]
    named = texts[(texts["reader"] != "") & (texts["image_id"] != "")]
    repeated = named[named.duplicated(["reader", "image_id"], keep=False)]
    for (reader, image_id), group in repeated.groupby(["reader", "image_id"]):
        problems.append(
            f"{lines_in_file(group.index)}: reader {reader!r} read image {image_id!r} "
            f"{len(group)} times; keep one reading"
        )
    silent = (texts["decision"] == "") & scores["confidence"].isna() & scores["scale"].isna()
    if silent.any():
        lines = lines_in_file(texts.index[silent])
        problems.append(f"{lines}: no decision and no score; leave out what was not read")
    return problems
