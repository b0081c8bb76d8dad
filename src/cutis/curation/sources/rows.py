"""What every importer ends in: rows under our column names, made into a `Manifest`.

Whatever is wrong with a source is found in one go: missing pictures, unknown labels, repeated ids and
odd numbers are reported together, with the lines of the source's own file.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cutis.checks import did_you_mean
from cutis.curation.sources.values import (
    GROUND_TRUTHS,
    NUMBER_RANGES,
    SEXES,
    SPLIT_NAMES,
    known,
    number,
    translated,
)
from cutis.errors import InputError, ManifestError
from cutis.tables.frames import lines_in_file
from cutis.tables.manifest import COLUMNS, Manifest
from cutis.taxonomy import Taxonomy

TRANSLATIONS: dict[str, Mapping[str, str]] = {
    "sex": SEXES,
    "ground_truth": GROUND_TRUTHS,
    "split": SPLIT_NAMES,
    "site": {},
    "lesion_id": {},
    "patient_id": {},
}


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a source under our column names, values still as the source wrote them.

    Attributes:
        frame: `image_id`, `path` ("" where no picture was found) and `label`; other columns of
            `Manifest` are optional. Where a source names a diagnosis at several depths, `coarser`
            holds the less fine ones as a tuple, finest first; the finest that the taxonomy knows
            counts.
        origin: The file or folder, for messages.
        folders: Where pictures were looked for.
        numbered: Whether row k is line k + 2 of `origin`.
    """

    frame: pd.DataFrame
    origin: str
    folders: tuple[Path, ...] = ()
    numbered: bool = True

    def to_manifest(
        self, taxonomy: Taxonomy, *, skip_missing: bool, source: str
    ) -> tuple[Manifest, tuple[str, ...]]:
        """Account for missing pictures, resolve labels, tidy values.

        Returns:
            The manifest, and the ids of rows left out because their picture does not exist.

        Raises:
            ManifestError: everything that is wrong: pictures are missing and `skip_missing` is
                false, labels are unknown, ids repeat, an age or a skin type is no such number.
        """
        has_picture = self.frame["path"] != ""
        missing = tuple(self.frame.loc[~has_picture, "image_id"].astype(str))
        frame = self.frame[has_picture] if skip_missing else self.frame
        nodes = {chain: _node_of(chain, taxonomy) for chain in dict.fromkeys(_chains(frame))}
        numbers = [name for name in NUMBER_RANGES if name in frame]
        problems = [
            *self._unknown_labels(frame, nodes, taxonomy),
            *self._repeated_ids(frame),
            *(problem for name in numbers for problem in self._odd_numbers(frame[name], name)),
            *self._missing_pictures(missing, skip_missing=skip_missing),
        ]
        if problems:
            raise ManifestError(self.origin, problems)
        tidy: dict[str, Any] = {
            "label": [known(value) for value in frame["label"]],
            "diagnosis": [nodes[chain] for chain in _chains(frame)],
            "source": frame.get("source", source),
        }
        for name, names in TRANSLATIONS.items():
            if name in frame:
                tidy[name] = [translated(value, names) for value in frame[name]]
        for name in numbers:
            tidy[name] = [number(value, column=name) for value in frame[name]]
        final = frame.assign(**tidy).drop(columns="coarser", errors="ignore")
        return Manifest(final, taxonomy, name=self.origin), missing

    def _missing_pictures(self, missing: tuple[str, ...], *, skip_missing: bool) -> Iterator[str]:
        looked_in = f" in {', '.join(map(str, self.folders))}" if self.folders else ""
        if len(missing) == len(self.frame):
            yield f"none of its {len(missing)} pictures was found{looked_in}; see --images"
        elif missing and not skip_missing:
            yield (
                f"{len(missing)} of {len(self.frame)} pictures were not found{looked_in}; "
                "--skip-missing leaves their rows out"
            )
            yield from (f"no picture for {image_id!r}" for image_id in missing)

    def _unknown_labels(
        self, frame: pd.DataFrame, nodes: Mapping[tuple[str, ...], str | None], taxonomy: Taxonomy
    ) -> Iterator[str]:
        chains = pd.Series(list(_chains(frame)), index=frame.index)
        for chain in (chain for chain, node in nodes.items() if node is None):
            rows = chains.index[[each == chain for each in chains]]
            yield f"{self._at(rows)}{taxonomy.why_unknown(chain[0])}"

    def _repeated_ids(self, frame: pd.DataFrame) -> Iterator[str]:
        ids = frame["image_id"].astype(str).str.strip()
        if (ids == "").any():
            yield f"{self._at(ids.index[ids == ''])}the image id is empty"
        repeated = ids[ids.duplicated(keep=False) & (ids != "")]
        for image_id, rows in repeated.groupby(repeated):
            yield f"{self._at(rows.index)}image id {image_id!r} is repeated"

    def _odd_numbers(self, values: "pd.Series[str]", column: str) -> Iterator[str]:
        for value, rows in values.groupby(values):
            try:
                number(value, column=column)
            except ValueError as fault:
                yield f"{self._at(rows.index)}{fault}"

    def _at(self, index: "pd.Index[int]") -> str:
        return f"{lines_in_file(index)}: " if self.numbered else ""


def _chains(frame: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Every row's labels, finest first, without those that say nothing."""
    coarser = frame["coarser"] if "coarser" in frame else [()] * len(frame)
    for label, others in zip(frame["label"], coarser, strict=True):
        yield tuple(text for text in map(known, (label, *others)) if text)


def _node_of(chain: tuple[str, ...], taxonomy: Taxonomy) -> str | None:
    """The finest node that a row's labels name: "" without labels, None where none is known."""
    if not chain:
        return ""
    return next((node for node in map(taxonomy.find, chain) if node is not None), None)


def read_table(path: Path, *, separator: str | None = None) -> pd.DataFrame:
    """A CSV or tab-separated file as text, nothing interpreted.

    Raises:
        InputError: no such file, or not a table.
    """
    if separator is None:
        separator = "\t" if path.suffix in (".tab", ".tsv") else ","
    try:
        return pd.read_csv(
            path, dtype=str, keep_default_na=False, sep=separator, encoding="utf-8-sig"
        )
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as fault:
        raise InputError(f"{path}: not a readable table ({fault})") from fault


def renamed(
    frame: pd.DataFrame, names: Mapping[str, str], *, origin: str, required: Iterable[str]
) -> pd.DataFrame:
    """Keep and rename columns: our name -> theirs; optional ones may be absent.

    Raises:
        InputError: a name is not ours.
        ManifestError: required columns are absent, all of them at once.
    """
    foreign = [ours for ours in names if ours not in COLUMNS]
    if foreign:
        raise InputError(
            f"{foreign[0]!r} is not a manifest column{did_you_mean(foreign[0], COLUMNS)}; "
            f"they are {', '.join(COLUMNS)}"
        )
    missing = [theirs for ours, theirs in names.items() if ours in required and theirs not in frame]
    if missing:
        raise ManifestError(
            origin,
            [f"column {c!r} is missing{did_you_mean(c, map(str, frame.columns))}" for c in missing],
        )
    return pd.DataFrame({ours: frame[theirs] for ours, theirs in names.items() if theirs in frame})
