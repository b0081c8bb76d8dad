"""`Predictions`: class probabilities for a set of images, as a value and as a CSV or Parquet file.

The file has the column `image_id` and one column per class, named by its taxonomy node. Reading and
writing CSV needs neither pandas nor torch, so that `cutis predict` starts fast.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cutis.checks import FloatArray
from cutis.errors import InputError, MissingExtraError, OutputError
from cutis.files import atomic_path, require_writable
from cutis.taxonomy import Taxonomy

ID_COLUMNS = ("image_id", "image", "isic_id", "image_name")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities for a set of images, one row per image."""

    image_ids: tuple[str, ...]  # n, unique
    classes: tuple[str, ...]  # k, in column order
    probabilities: FloatArray  # (n, k), every row sums to 1

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
            raise InputError("probabilities: rows are not distributions; were logits passed?")

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
                f"predictions: {len(missing)} of {len(image_ids)} images have none, "
                f"such as {', '.join(missing[:3])}"
            )
        rows = [row_of[image_id] for image_id in image_ids]
        return Predictions(tuple(image_ids), self.classes, self.probabilities[rows])

    def in_order_of(self, classes: tuple[str, ...]) -> "Predictions":
        """The same predictions with their columns in another order.

        Raises:
            InputError: the classes are others.
        """
        if sorted(self.classes) != sorted(classes):
            raise InputError(
                f"predictions: the classes are {', '.join(self.classes)}, not {', '.join(classes)}"
            )
        columns = [self.classes.index(name) for name in classes]
        return Predictions(self.image_ids, classes, self.probabilities[:, columns])

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
        ISIC challenge submission is read as it is. Rows whose sum is off by rounding (within 0.02)
        are renormalised; anything further off is refused.

        Raises:
            InputError: no image column, unknown or repeated classes, a cell that is no number.
            TaxonomyError: a column that names no diagnosis, with the nearest spelling.
        """
        header, rows = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        id_column = next((column for column in header if column.casefold() in ID_COLUMNS), None)
        if id_column is None:
            raise InputError(f"{path}: no image column; expected one of {', '.join(ID_COLUMNS)}")
        position = header.index(id_column)
        names = [name for column, name in enumerate(header) if column != position]
        if not names:
            raise InputError(f"{path}: no class columns beside {id_column!r}")
        classes = taxonomy.resolve_all(names, source=str(path))
        try:
            values = [[v for c, v in enumerate(row) if c != position] for row in rows]
            table = np.array(values, dtype=np.float64).reshape(len(rows), len(names))
        except ValueError as fault:
            raise InputError(f"{path}: not every probability is a number ({fault})") from fault
        if not np.isfinite(table).all():
            raise InputError(f"{path}: probabilities contain nan or infinity")
        sums = table.sum(axis=1, keepdims=True)
        nearly = (np.abs(sums - 1) <= 0.02) & (table >= 0).all(axis=1, keepdims=True)
        exact = np.isclose(sums, 1, atol=1e-6)
        table = np.where(nearly & ~exact, table / np.where(nearly, sums, 1), table)
        try:
            return cls(tuple(str(row[position]) for row in rows), tuple(classes), table)
        except InputError as fault:
            raise InputError(f"{path}: {fault}") from fault

    def _write_parquet(self, path: Path) -> None:
        pyarrow, parquet = pyarrow_packages()
        columns = {"image_id": list(self.image_ids)} | {
            name: self.probabilities[:, k].astype(float) for k, name in enumerate(self.classes)
        }
        with atomic_path(path) as partial:
            parquet.write_table(pyarrow.table(columns), partial)


def require_writable_table(path: Path) -> None:
    """Prove that `Predictions.write` will succeed; call it before long work.

    Raises:
        InputError: the name ends neither in .csv nor in .parquet.
        MissingExtraError: Parquet is asked for and pyarrow is not installed.
        OutputError: the folder cannot be written, or the name is taken by a folder.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: tables end in .csv or .parquet")
    if path.suffix == ".parquet":
        pyarrow_packages()
    if path.is_dir():
        raise OutputError(f"{path}: a folder; give the name of a file")
    require_writable(path.absolute().parent)


def _read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            rows = [row for row in reader if row]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error) as fault:
        raise InputError(f"{path}: not a CSV table ({fault})") from fault
    ragged = next((n for n, row in enumerate(rows, start=2) if len(row) != len(header)), None)
    if ragged is not None:
        raise InputError(f"{path}: line {ragged} does not have {len(header)} cells")
    return header, rows


def _read_parquet(path: Path) -> tuple[list[str], list[list[object]]]:
    pyarrow, parquet = pyarrow_packages()
    try:
        table = parquet.read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as fault:
        raise InputError(f"{path}: not a Parquet table ({fault})") from fault
    return table.column_names, [list(row.values()) for row in table.to_pylist()]


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
