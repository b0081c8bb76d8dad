"""`Predictions`: class probabilities for a set of images, as a value and as a CSV or Parquet file.

The file has the column `image_id` and one column per class, named by its taxonomy node. Reading and
writing CSV needs neither pandas nor torch, so that `cutis predict` starts fast.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cutis.checks import FloatArray
from cutis.errors import InputError
from cutis.files import atomic_path
from cutis.tables.frames import foreign_separator, pyarrow_packages
from cutis.taxonomy import Taxonomy

ID_COLUMNS = ("image_id", "image", "isic_id", "image_name")
PICTURE_ENDING = re.compile(r"\.(jpe?g|png|tiff?|bmp|webp|dcm)$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities for a set of images, one row per image."""

    image_ids: tuple[str, ...]  # n, unique
    classes: tuple[str, ...]  # k, in column order
    probabilities: FloatArray  # (n, k), every row sums to 1
    name: str = "predictions"  # opens messages; the file, where they were read from one

    def __post_init__(self) -> None:
        got, expected = self.probabilities.shape, (len(self.image_ids), len(self.classes))
        if got != expected:
            raise InputError(f"probabilities: shape {got}, expected {expected}")
        if len(set(self.image_ids)) != len(self.image_ids):
            raise InputError("image_ids: the same image appears twice")
        if len(set(self.classes)) != len(self.classes):
            raise InputError("classes: the same class appears twice")
        sums_to_one = np.isclose(self.probabilities.sum(axis=1), 1, atol=1e-4).all()
        if not sums_to_one or (self.probabilities < 0).any():
            raise InputError(
                "probabilities: rows are not distributions; were logits passed? Independent "
                "confidences, as ISIC submissions may hold, are to be divided by their sum"
            )

    def __len__(self) -> int:
        return len(self.image_ids)

    def rows_for(self, image_ids: Sequence[str]) -> "Predictions":
        """The same predictions restricted to `image_ids`, in that order.

        Raises:
            InputError: some image has no prediction; the first few are named.
        """
        row_of = {image_id: row for row, image_id in enumerate(self.image_ids)}
        missing = [image_id for image_id in image_ids if image_id not in row_of]
        if missing:
            raise InputError(
                f"{self.name}: {len(missing)} of {len(image_ids)} images have no prediction, "
                f"such as {', '.join(missing[:3])}{self._written_otherwise(missing)}"
            )
        rows = [row_of[image_id] for image_id in image_ids]
        return replace(self, image_ids=tuple(image_ids), probabilities=self.probabilities[rows])

    def _written_otherwise(self, missing: Sequence[str]) -> str:
        """How ids of ours that belong to missing images are written, if that is why; else ""."""
        ours = {_bare(image_id): image_id for image_id in self.image_ids}
        found = [image_id for image_id in missing if _bare(image_id) in ours]
        if not found:
            return ""
        return (
            f"; {len(found)} of them differ by a file's ending or by blanks, such as {found[0]!r} "
            f"in the manifest and {ours[_bare(found[0])]!r} here: write both alike"
        )

    def in_order_of(self, classes: tuple[str, ...]) -> "Predictions":
        """The same predictions with their columns in another order.

        Raises:
            InputError: the classes are others.
        """
        if sorted(self.classes) != sorted(classes):
            raise InputError(
                f"{self.name}: the classes are {', '.join(self.classes)}, not {', '.join(classes)}"
            )
        columns = [self.classes.index(name) for name in classes]
        return replace(self, classes=classes, probabilities=self.probabilities[:, columns])

    def write(self, path: Path) -> None:
        """Write CSV, or Parquet where the name ends in .parquet.

        Floats are written so that reading gives back the same bits.
        """
        if path.suffix == ".parquet":
            self._write_parquet(path)
            return
        with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(["image_id", *self.classes])
            for image_id, row in zip(self.image_ids, self.probabilities, strict=True):
                writer.writerow([image_id, *map(repr, row.astype(float).tolist())])

    @classmethod
    def read(cls, path: Path, taxonomy: Taxonomy) -> "Predictions":
        """Read ours or a foreign table: an image column, then one column per class.

        Columns are named by anything the taxonomy resolves (`melanoma`, `mel`, `MEL` ...), so an
        ISIC challenge submission of probabilities is read as it is. Rows whose sum is off by rounding
        (within 0.02) are renormalised; anything further off is refused, independent confidences too.

        Raises:
            InputError: no such file or a folder, no image column, unknown or repeated classes, an
                image twice, a cell that is no number, or rows that are no distributions; the first
                row at fault is named.
            TaxonomyError: a column that names no diagnosis, with the nearest spelling.
        """
        header, rows, places = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        id_column = next((column for column in header if column.casefold() in ID_COLUMNS), None)
        if id_column is None:
            why = foreign_separator(header)
            raise InputError(
                f"{path}: no image column; expected one of {', '.join(ID_COLUMNS)}{why}"
            )
        position = header.index(id_column)
        names = [name for column, name in enumerate(header) if column != position]
        if not names:
            raise InputError(f"{path}: no class columns beside {id_column!r}")
        classes = taxonomy.resolve_all(names, source=str(path))
        image_ids = tuple(str(row[position]) for row in rows)
        _require_unique(image_ids, places, path)
        values = [[v for c, v in enumerate(row) if c != position] for row in rows]
        try:
            table = np.array(values, dtype=np.float64).reshape(len(rows), len(names))
        except (ValueError, TypeError) as fault:
            reason = next(_cells_without_number(values, names, places), str(fault))
            raise InputError(f"{path}: {reason}") from fault
        if not np.isfinite(table).all():
            row, column = (int(place) for place in np.argwhere(~np.isfinite(table))[0])
            raise InputError(f"{path}: {places(row)}: {names[column]} is {table[row, column]}")
        sums = table.sum(axis=1, keepdims=True)
        nearly = (np.abs(sums - 1) <= 0.02) & (table >= 0).all(axis=1, keepdims=True)
        exact = np.isclose(sums, 1, atol=1e-6)
        table = np.where(nearly & ~exact, table / np.where(nearly, sums, 1), table)
        wrong = np.flatnonzero(~nearly)
        try:
            return cls(image_ids, tuple(classes), table, name=str(path))
        except InputError as fault:
            where = ""
            if len(wrong):
                more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
                where = f"{places(int(wrong[0]))}{more}: "
            raise InputError(f"{path}: {where}{fault}") from fault

    def _write_parquet(self, path: Path) -> None:
        pyarrow, parquet = pyarrow_packages()
        columns = {"image_id": list(self.image_ids)} | {
            name: self.probabilities[:, k].astype(float) for k, name in enumerate(self.classes)
        }
        with atomic_path(path) as partial:
            parquet.write_table(pyarrow.table(columns), partial)


def _bare(image_id: str) -> str:
    return PICTURE_ENDING.sub("", image_id.strip())


def _require_unique(image_ids: Sequence[str], places: Callable[[int], str], path: Path) -> None:
    first: dict[str, int] = {}
    for row, image_id in enumerate(image_ids):
        if first.setdefault(image_id, row) != row:
            there = places(first[image_id])
            raise InputError(f"{path}: {places(row)}: image {image_id!r} is in {there} already")


def _cells_without_number(
    values: Sequence[Sequence[object]], names: Sequence[str], places: Callable[[int], str]
) -> Iterator[str]:
    for row, cells in enumerate(values):
        for name, cell in zip(names, cells, strict=True):
            try:
                np.array(cell, dtype=np.float64)
            except (ValueError, TypeError):
                yield f"{places(row)}: {name} {cell!r} is not a number"


def _read_csv(path: Path) -> tuple[list[str], list[list[str]], Callable[[int], str]]:
    """Header, rows, and how the place of a row is called in messages."""
    if path.is_dir():
        raise InputError(f"{path}: a folder; give the table of predictions{_tables_in(path)}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            numbered = [(row, reader.line_num) for row in reader if row]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror})") from fault
    except (UnicodeDecodeError, csv.Error) as fault:
        raise InputError(f"{path}: not a CSV table ({fault})") from fault
    ragged = next((line for row, line in numbered if len(row) != len(header)), None)
    if ragged is not None:
        raise InputError(f"{path}: line {ragged} does not have {len(header)} cells")
    return header, [row for row, _line in numbered], lambda row: f"line {numbered[row][1]}"


def _tables_in(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("predictions-*.csv"))
    return f" in it: {' or '.join(names)}" if names else ""


def _read_parquet(path: Path) -> tuple[list[str], list[list[object]], Callable[[int], str]]:
    pyarrow, parquet = pyarrow_packages()
    try:
        table = parquet.read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as fault:
        raise InputError(f"{path}: not a Parquet table ({fault})") from fault
    rows = [list(row.values()) for row in table.to_pylist()]
    return table.column_names, rows, lambda row: f"row {row + 1}"
