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
    SEXES,
    SPLIT_NAMES,
    known,
    number,
    translated,
)
from cutis.errors import InputError, ManifestError
from cutis.tables.frames import lines_in_file, missing_columns
from cutis.tables.manifest import COLUMNS, NUMBER_RANGES, Manifest
from cutis.taxonomy import Taxonomy

TRANSLATIONS: dict[str, Mapping[str, str]] = {
    "sex": SEXES,
    "ground_truth": GROUND_TRUTHS,
    "split": SPLIT_NAMES,
    "site": {},
    "lesion_id": {},
    "patient_id": {},
}


OURS_ONLY = ("coarser", "written", "lost_mask")  # columns of `Rows` that no manifest has


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a source under our column names, values still as the source wrote them.

    Attributes:
        frame: `image_id`, `path` ("" where no picture was found) and `label`; other columns of
            `Manifest` are optional. Where a source names a diagnosis at several depths, `coarser`
            holds the less fine ones as a tuple, finest first; the finest that the taxonomy knows
            counts. `written` is what the source calls the diagnosis where `label` is not, and
            `lost_mask` names a mask that does not exist.
        origin: The file or folder, for messages.
        folders: Where pictures were looked for.
        numbered: Whether row k is line k + 2 of `origin`.
        also_read: Tables beside `origin` that the rows come from.
    """

    frame: pd.DataFrame
    origin: str
    folders: tuple[Path, ...] = ()
    numbered: bool = True
    also_read: tuple[Path, ...] = ()

    def to_manifest(
        self, taxonomy: Taxonomy, *, skip_missing: bool, source: str
    ) -> tuple[Manifest, tuple[str, ...]]:
        """Account for missing pictures and masks, resolve labels, tidy values.

        Returns:
            The manifest, and the ids of rows left out because their picture or mask does not exist.

        Raises:
            ManifestError: everything that is wrong: pictures or masks are missing and
                `skip_missing` is false, labels are unknown, ids repeat, an age or a skin type is no
                such number.
        """
        complete = self.frame["path"] != ""
        if "lost_mask" in self.frame:
            complete &= self.frame["lost_mask"] == ""
        missing = tuple(self.frame.loc[~complete, "image_id"].astype(str))
        frame = self.frame[complete] if skip_missing else self.frame
        nodes = {chain: _node_of(chain, taxonomy) for chain in dict.fromkeys(_chains(frame))}
        numbers = [name for name in NUMBER_RANGES if name in frame]
        problems = [
            *self._unknown_labels(frame, nodes, taxonomy),
            *self._repeated_ids(frame),
            *(problem for name in numbers for problem in self._odd_numbers(frame[name], name)),
            *self._missing_pictures(skip_missing=skip_missing),
            *self._missing_masks(skip_missing=skip_missing),
        ]
        if len(missing) == len(self.frame) and not problems:
            problems = ["no row has both its picture and its mask"]
        if problems:
            raise ManifestError(self.origin, problems)
        tidy: dict[str, Any] = {
            "label": [
                known(written) or known(label)
                for written, label in zip(
                    frame.get("written", frame["label"]), frame["label"], strict=True
                )
            ],
            "diagnosis": [nodes[chain] for chain in _chains(frame)],
            "source": frame.get("source", source),
        }
        for name, names in TRANSLATIONS.items():
            if name in frame:
                tidy[name] = [translated(value, names) for value in frame[name]]
        for name in numbers:
            tidy[name] = [number(value, column=name) for value in frame[name]]
        final = frame.assign(**tidy).drop(columns=[*OURS_ONLY], errors="ignore")
        return Manifest(final, taxonomy, name=self.origin), missing

    def _missing_pictures(self, *, skip_missing: bool) -> Iterator[str]:
        missing = list(self.frame.loc[self.frame["path"] == "", "image_id"].astype(str))
        looked_in = f" in {', '.join(map(str, self.folders))}" if self.folders else ""
        if len(missing) == len(self.frame):
            yield f"none of its {len(missing)} pictures was found{looked_in}; see --images"
        elif missing and not skip_missing:
            yield (
                f"{len(missing)} of {len(self.frame)} pictures were not found{looked_in}; "
                "--skip-missing leaves their rows out"
            )
            yield from (f"no picture for {image_id!r}" for image_id in missing)

    def _missing_masks(self, *, skip_missing: bool) -> Iterator[str]:
        if "lost_mask" not in self.frame or skip_missing:
            return
        lost = self.frame[self.frame["lost_mask"] != ""]
        if len(lost):
            yield (
                f"{len(lost)} of {(self.frame['mask_path'] != '').sum() + len(lost)} masks were not "
                "found; --skip-missing leaves their rows out, and without the column every row stays"
            )
        for image_id, mask in zip(lost["image_id"], lost["lost_mask"], strict=True):
            yield f"no mask {mask} for {image_id!r}"

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
            paths = sorted(set(frame.loc[rows.index, "path"]) - {""})
            way_out = (
                "; give each picture its own"
                if self.numbered
                else f" ({' and '.join(paths)}); rename or remove all but one"
            )
            yield f"{self._at(rows.index)}image id {image_id!r} is repeated{way_out}"

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


def renamed(
    frame: pd.DataFrame, names: Mapping[str, str], *, origin: str, required: Iterable[str]
) -> pd.DataFrame:
    """Keep and rename columns: our name -> theirs; optional ones may be absent. Blanks around cells go.

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
    missing = missing_columns(frame, [names[ours] for ours in names if ours in required])
    if missing:
        raise ManifestError(origin, missing)
    present = {ours: theirs for ours, theirs in names.items() if theirs in frame}
    return pd.DataFrame({ours: frame[theirs].str.strip() for ours, theirs in present.items()})
