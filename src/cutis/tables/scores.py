"""`ScoreTable`: a truth and several scores of the same cases, from any plain table.

For what exists without pictures and classes: published scores of readers, algorithms and rules. Cases
fall into bands of covariates: categories as they are, numbers by cut points.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from cutis.checks import BoolArray, FloatArray
from cutis.errors import InputError, ScoresError
from cutis.tables.frames import lines_in_file, missing_columns, read_frame

TRUTH = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
MOST_CATEGORIES = 12
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Covariate:
    """A column to look at cases by; `cuts` divide numbers, each cut opening the band above it.

    Raises:
        InputError: the cuts do not rise, or one is no number.
    """

    column: str
    cuts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not np.isfinite(self.cuts).all() or not (np.diff(self.cuts) > 0).all():
            raise InputError(f"{self.column}: cut points {list(self.cuts)} are no rising numbers")

    @classmethod
    def parse(cls, text: str) -> "Covariate":
        """A column's name, or name=cut,cut,...

        Raises:
            InputError: a cut is not a number, or they do not rise.

        Example:
            >>> Covariate.parse("age=50,70")
            Covariate(column='age', cuts=(50.0, 70.0))
        """
        column, equals, cuts = text.partition("=")
        try:
            return cls(column.strip(), tuple(map(float, cuts.split(","))) if equals else ())
        except ValueError as fault:
            if isinstance(fault, InputError):
                raise
            raise InputError(
                f"{text!r}: cut points are numbers divided by commas, as in age=50,70"
            ) from None

    @property
    def bands(self) -> tuple[str, ...]:
        """The names of the bands between the cuts, from low to high."""
        if not self.cuts:
            return ()
        between = [
            f"{low:g} to under {high:g}"
            for low, high in zip(self.cuts, self.cuts[1:], strict=False)
        ]
        return (f"under {self.cuts[0]:g}", *between, f"{self.cuts[-1]:g} and over")


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """A truth and scores of the same n cases; a table that exists is valid.

    Attributes:
        positive: Shape (n,).
        scores: By name, each (n,), larger is more suspicious.
        clusters: Shape (n,); cases that share a label may depend on each other.
        bands: By covariate, the band of each case, (n,), and the bands in order.

    Raises:
        InputError: no score, or lengths that differ.
    """

    positive: BoolArray
    scores: Mapping[str, FloatArray]
    clusters: npt.NDArray[np.generic]
    bands: Mapping[str, tuple[npt.NDArray[np.object_], tuple[str, ...]]]

    def __post_init__(self) -> None:
        if not self.scores:
            raise InputError("no score; name at least one column")
        columns = {"clusters": self.clusters, **self.scores}
        columns |= {name: members for name, (members, _order) in self.bands.items()}
        for name, values in columns.items():
            if len(values) != len(self.positive):
                raise InputError(f"{name} has {len(values)} cases, the truth {len(self.positive)}")

    def __len__(self) -> int:
        return len(self.positive)

    @classmethod
    def read(
        cls,
        path: Path,
        *,
        truth: str,
        scores: Sequence[str],
        by: Sequence[Covariate] = (),
        cluster: str | None = None,
    ) -> "ScoreTable":
        """Read the named columns of a CSV or Parquet table.

        Args:
            path: The table.
            truth: Column of 1 and 0, yes and no, or true and false.
            scores: Columns of numbers.
            by: Covariates.
            cluster: Column of lesions or patients; default, every row is its own.

        Raises:
            InputError: no such file, not a table, or no score is named.
            ScoresError: missing columns, or cells that are neither; all of them listed.
        """
        frame = read_frame(path)
        columns = [each.column for each in by]
        wanted = [truth, *scores, *columns, *([cluster] if cluster else [])]
        problems = missing_columns(frame, wanted)
        problems += [] if len(frame) else ["it has no rows"]
        problems += [
            f"column {name!r} is to divide the cases twice; give all of its cut points at once"
            for name in dict.fromkeys(columns)
            if columns.count(name) > 1
        ]
        if problems:
            raise ScoresError(str(path), problems)
        cells = frame[[*dict.fromkeys(wanted)]].map(_text)
        numbers = {name: pd.to_numeric(cells[name], errors="coerce") for name in scores}
        problems += [*_truth_problems(cells[truth])]
        for name in scores:
            problems += _number_problems(cells[name], numbers[name])
        for covariate in by:
            problems += _covariate_problems(cells[covariate.column], covariate)
        if problems:
            raise ScoresError(str(path), problems)
        return cls(
            positive=np.array([TRUTH[cell.casefold()] for cell in cells[truth]], dtype=bool),
            scores={name: values.to_numpy(dtype=float) for name, values in numbers.items()},
            clusters=_clusters(cells[cluster]) if cluster else np.arange(len(cells)),
            bands={each.column: _bands(cells[each.column], each) for each in by},
        )


def _clusters(cells: "pd.Series[str]") -> npt.NDArray[np.str_]:
    """The cluster of every row; a row whose cell is empty is its own, as in a manifest."""
    named = cells.to_numpy(dtype=str)
    alone = np.char.add("row:", np.arange(len(cells)).astype(str))
    return np.where(named == "", alone, named)


def _text(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _truth_problems(cells: "pd.Series[str]") -> Iterator[str]:
    wrong = ~cells.str.casefold().isin([*TRUTH])
    for value, group in cells[wrong].groupby(cells[wrong]):
        yield f"{lines_in_file(group.index)}: {cells.name} {value!r} is neither 1 nor 0"


def _number_problems(cells: "pd.Series[str]", numbers: "pd.Series[float]") -> Iterator[str]:
    wrong = ~np.isfinite(numbers)
    for value, group in cells[wrong].groupby(cells[wrong]):
        yield f"{lines_in_file(group.index)}: {cells.name} {value!r} is not a number"


def _covariate_problems(cells: "pd.Series[str]", covariate: Covariate) -> Iterator[str]:
    known = cells[cells != ""]
    numbers = pd.to_numeric(known, errors="coerce")
    if covariate.cuts:
        yield from _number_problems(known, numbers)
    elif known.nunique() > MOST_CATEGORIES:
        way_out = f", as in {cells.name}=40,60" if numbers.notna().all() else ""
        yield (
            f"column {cells.name!r} has {known.nunique()} different values; give cut points or a "
            f"column with at most {MOST_CATEGORIES}{way_out}"
        )


def _bands(
    cells: "pd.Series[str]", covariate: Covariate
) -> tuple[npt.NDArray[np.object_], tuple[str, ...]]:
    known = (cells != "").to_numpy()
    members = np.where(known, cells, UNKNOWN).astype(object)
    order: tuple[str, ...] = covariate.bands
    if covariate.cuts:
        numbers = pd.to_numeric(cells[known]).to_numpy(dtype=float)
        positions = np.searchsorted(covariate.cuts, numbers, side="right")
        members[known] = np.array(order, dtype=object)[positions]
    else:
        order = tuple(sorted(set(cells[known])))
    return members, (*order, *(() if known.all() else (UNKNOWN,)))
