"""What is in a manifest: counts and missing values; `curation.figures` draws them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from cutis import RESEARCH_USE_NOTICE
from cutis.errors import ManifestError
from cutis.files import atomic_path, require_writable, write_json
from cutis.tables.manifest import SPLITS, Manifest

COUNTED = ("diagnosis", "split", "sex", "site", "fitzpatrick", "ground_truth", "source")
MAY_BE_MISSING = (
    "diagnosis",
    "lesion_id",
    "patient_id",
    "age_years",
    "sex",
    "site",
    "fitzpatrick",
    "ground_truth",
    "mask_path",
)
AGE_BANDS = (0, 20, 30, 40, 50, 60, 70, 80)
NO_DIAGNOSIS = "(no diagnosis)"


@dataclass(frozen=True)
class ClassCounts:
    """What there is of one diagnosis; lesions and patients that are named."""

    images: int
    lesions: int
    patients: int


@dataclass(frozen=True)
class Description:
    """Counts of a manifest.

    Attributes:
        totals: Images, lesions, lesions with several images, patients.
        classes: By diagnosis, the largest first; `NO_DIAGNOSIS` for rows without one.
        images_per_lesion: Lesions by how many images they have.
        missing: Rows without a value, by column.
        values: Images by value, for every column of `COUNTED` that is used, and by age band.
    """

    totals: Mapping[str, int]
    classes: Mapping[str, ClassCounts]
    images_per_lesion: Mapping[int, int]
    missing: Mapping[str, int]
    values: Mapping[str, Mapping[str, int]]


def describe(manifest: Manifest) -> Description:
    """Count.

    Raises:
        ManifestError: there are no rows.
    """
    frame = manifest.frame
    if frame.empty:
        raise ManifestError(manifest.name, ["it has no rows to describe"])
    per_lesion = _known(frame["lesion_id"]).value_counts()
    values = {name: _value_counts(frame[name], name) for name in COUNTED}
    values["age"] = _age_bands(frame["age_years"])
    return Description(
        totals={
            "images": len(frame),
            "lesions": len(per_lesion),
            "lesions with several images": int((per_lesion > 1).sum()),
            "patients": _distinct(frame["patient_id"]),
        },
        classes=class_counts(frame),
        images_per_lesion={
            int(str(images)): int(lesions)
            for images, lesions in per_lesion.value_counts().sort_index().items()
        },
        missing={name: len(frame) - len(_known(frame[name])) for name in MAY_BE_MISSING},
        values={name: counts for name, counts in values.items() if counts},
    )


def write_description(manifest: Manifest, description: Description, folder: Path) -> list[Path]:
    """Write `describe.json`, `counts.png` and `contact-sheet.png`.

    Raises:
        OutputError: the folder cannot be written.
    """
    # Counting alone starts faster without them.
    from cutis.curation.figures import contact_sheet, counts_figure
    from cutis.plots import save_png

    require_writable(folder)
    paths = [folder / name for name in ("describe.json", "counts.png", "contact-sheet.png")]
    write_json(paths[0], {"notice": RESEARCH_USE_NOTICE, **asdict(description)})
    with atomic_path(paths[1]) as partial:
        save_png(counts_figure(description), partial, dpi=110)
    with atomic_path(paths[2]) as partial:
        contact_sheet(manifest).save(partial, format="PNG")
    return paths


def _known(column: "pd.Series[str]") -> "pd.Series[str]":
    return column[column.notna() & (column != "")]


def _distinct(column: "pd.Series[str]") -> int:
    return int(_known(column).nunique())


def class_counts(frame: pd.DataFrame) -> dict[str, ClassCounts]:
    """What there is of every diagnosis, the largest class first."""
    counts = {
        str(diagnosis) or NO_DIAGNOSIS: ClassCounts(
            len(rows), _distinct(rows["lesion_id"]), _distinct(rows["patient_id"])
        )
        for diagnosis, rows in frame.groupby("diagnosis")
    }
    return dict(sorted(counts.items(), key=lambda item: -item[1].images))


def _value_counts(column: "pd.Series[str]", name: str) -> dict[str, int]:
    """Images by value: splits in their order, skin types by number, others the largest first."""
    known = _known(column)
    if name == "fitzpatrick":
        counts = known.map("{:g}".format).value_counts().sort_index()
    elif name == "split":
        present = known.value_counts()
        counts = present.reindex([split for split in SPLITS if split in present])
    else:
        counts = known.value_counts()
    return {str(value): int(count) for value, count in counts.items()}


def _age_bands(ages: "pd.Series[float]") -> dict[str, int]:
    if ages.isna().all():
        return {}
    labels = [f"{low} to {high - 1}" for low, high in pairwise(AGE_BANDS)]
    bands = pd.cut(
        ages, [*AGE_BANDS, np.inf], right=False, labels=[*labels, f"{AGE_BANDS[-1]} and over"]
    )
    return {str(k): int(v) for k, v in bands.value_counts(sort=False).items()}
