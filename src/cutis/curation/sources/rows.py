"""What every importer shares: reading a table, finding pictures, and turning labels into nodes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cutis.checks import did_you_mean
from cutis.errors import InputError, ManifestError
from cutis.imaging import SUFFIXES
from cutis.tables.manifest import COLUMNS, Manifest
from cutis.taxonomy import Taxonomy

SEXES = {"m": "male", "male": "male", "f": "female", "female": "female"}
GROUND_TRUTHS = {
    "histo": "histopathology",
    "histopathology": "histopathology",
    "follow_up": "follow_up",
    "serial imaging showing no change": "follow_up",
    "consensus": "consensus",
    "single image expert consensus": "consensus",
    "confocal": "confocal",
    "confocal microscopy with consensus dermoscopy": "confocal",
}
UNKNOWN = frozenset({"", "unknown", "nan", "na", "n/a", "unk", "none"})


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a source with our column names, labels still as the source wrote them.

    `frame` has `image_id`, `path` ("" where no picture was found) and `label`; other columns of
    `Manifest` are optional. `origin` names the file in messages; line numbers are its own.
    """

    frame: pd.DataFrame
    origin: str

    def to_manifest(
        self, taxonomy: Taxonomy, *, skip_missing: bool, source: str
    ) -> tuple[Manifest, tuple[str, ...]]:
        """Resolve labels, account for missing pictures, tidy values.

        Returns:
            The manifest, and the ids of rows left out because their picture does not exist.

        Raises:
            ManifestError: pictures are missing and `skip_missing` is false, or ids repeat.
            TaxonomyError: unknown labels, each once.
        """
        frame = self.frame.copy()
        has_picture = frame["path"] != ""
        missing = tuple(frame.loc[~has_picture, "image_id"].astype(str))
        if missing and not skip_missing:
            raise ManifestError(
                self.origin,
                [
                    f"{len(missing)} of {len(frame)} pictures do not exist; "
                    "add --skip-missing to leave their rows out",
                    *(f"no picture for {image_id!r}" for image_id in missing),
                ],
            )
        frame = frame[has_picture]
        if frame.empty:
            raise ManifestError(self.origin, ["none of its pictures exists"])
        labels = [_known(value) for value in frame["label"]]
        nodes = dict(
            zip(
                found := [label for label in dict.fromkeys(labels) if label],
                taxonomy.resolve_all(found, source=self.origin),
                strict=True,
            )
        )
        frame = frame.assign(
            label=labels,
            diagnosis=[nodes.get(label, "") for label in labels],
            source=frame["source"] if "source" in frame else source,
        )
        for column, names in (("sex", SEXES), ("ground_truth", GROUND_TRUTHS)):
            if column in frame:
                known = [_known(value) for value in frame[column]]
                frame[column] = [names.get(value.casefold(), value) for value in known]
        for column in ("site", "lesion_id", "patient_id"):
            if column in frame:
                frame[column] = [_known(value) for value in frame[column]]
        for column in ("age_years", "fitzpatrick"):
            if column in frame:
                frame[column] = [_known(value) or None for value in frame[column]]
        return Manifest(frame, taxonomy, name=self.origin), missing


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
        ManifestError: required columns are absent, all of them at once.
    """
    missing = [theirs for ours, theirs in names.items() if ours in required and theirs not in frame]
    if missing:
        raise ManifestError(
            origin,
            [f"column {c!r} is missing{did_you_mean(c, map(str, frame.columns))}" for c in missing],
        )
    present = {ours: frame[theirs] for ours, theirs in names.items() if theirs in frame}
    unknown = [ours for ours in present if ours not in COLUMNS]
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is not a manifest column{did_you_mean(unknown[0], COLUMNS)}; "
            f"they are {', '.join(COLUMNS)}"
        )
    return pd.DataFrame(present)


def one_file(root: Path, patterns: Sequence[str], *, what: str) -> Path:
    """The one file below `root` that matches a pattern; the first pattern that matches wins.

    Raises:
        InputError: none does, or several do.
    """
    for pattern in patterns:
        found = sorted(root.glob(pattern))
        if len(found) > 1:
            raise InputError(f"{root}: several files could be the {what}: {found[0]}, {found[1]}")
        if found:
            return found[0]
    raise InputError(f"{root}: no {what} found; looked for {', '.join(patterns)}")


def picture_folders(root: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    """Folders below `root` that match, or `root` itself when none does."""
    found = [p for pattern in patterns for p in sorted(root.glob(pattern)) if p.is_dir()]
    return tuple(dict.fromkeys(found)) or (root,)


def pictures_by_stem(
    folders: Iterable[Path], *, suffixes: Iterable[str] = SUFFIXES
) -> dict[str, str]:
    """File stem -> path, for every picture directly in the folders.

    Raises:
        InputError: a folder does not exist, or two pictures share a stem.
    """
    found: dict[str, str] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of pictures")
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() not in suffixes:
                continue
            other = found.setdefault(path.stem, str(path.absolute()))
            if other != str(path.absolute()):
                raise InputError(f"two pictures are called {path.stem!r}: {other} and {path}")
    return found


def _known(value: object) -> str:
    text = "" if value is None or value != value else str(value).strip()
    return "" if text.casefold() in UNKNOWN else text
