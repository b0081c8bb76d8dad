"""What is in a manifest: counts, missing values, plots and a contact sheet."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from cutis import RESEARCH_USE_NOTICE
from cutis.errors import ImageError
from cutis.files import atomic_path, require_writable, write_json
from cutis.imaging import open_rgb
from cutis.tables.manifest import Manifest

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
AGE_BANDS = (0, 20, 30, 40, 50, 60, 70, 80, 120)
TILE_PX = (150, 112)


@dataclass(frozen=True)
class Description:
    """Counts of a manifest.

    Attributes:
        totals: Images, lesions, patients, and lesions with more than one image.
        missing: Rows without a value, by column.
        values: Images by value, for every column of `COUNTED` that is used, and by age band.
    """

    totals: Mapping[str, int]
    missing: Mapping[str, int]
    values: Mapping[str, Mapping[str, int]]


def describe(manifest: Manifest) -> Description:
    """Count."""
    frame = manifest.frame
    lesions = frame["lesion_id"][frame["lesion_id"] != ""].value_counts()
    absent = {
        name: int((frame[name].isin([""]) | frame[name].isna()).sum()) for name in MAY_BE_MISSING
    }
    values = {}
    for column in COUNTED:
        known = frame[column][~(frame[column].isin([""]) | frame[column].isna())]
        if len(known):
            shown = known.map("{:g}".format) if column == "fitzpatrick" else known
            counts = shown.value_counts()
            values[column] = {str(name): int(count) for name, count in counts.items()}
    if frame["age_years"].notna().any():
        labels = [
            f"{low} to {high - 1}" for low, high in zip(AGE_BANDS, AGE_BANDS[1:], strict=False)
        ]
        bands = pd.cut(frame["age_years"], AGE_BANDS, right=False, labels=labels)
        values["age"] = {str(k): int(v) for k, v in bands.value_counts(sort=False).items()}
    return Description(
        totals={
            "images": len(frame),
            "lesions": len(lesions),
            "lesions with several images": int((lesions > 1).sum()),
            "patients": int(frame["patient_id"][frame["patient_id"] != ""].nunique()),
        },
        missing=absent,
        values=values,
    )


def write_description(manifest: Manifest, description: Description, folder: Path) -> list[Path]:
    """Write `describe.json`, `counts.png` and `contact-sheet.png`.

    Raises:
        OutputError: the folder cannot be written.
    """
    require_writable(folder)
    paths = [folder / name for name in ("describe.json", "counts.png", "contact-sheet.png")]
    write_json(paths[0], {"notice": RESEARCH_USE_NOTICE, **asdict(description)})
    with atomic_path(paths[1]) as partial:
        counts_figure(description).savefig(partial, format="png", dpi=110)
    with atomic_path(paths[2]) as partial:
        contact_sheet(manifest).save(partial, format="PNG")
    return paths


def counts_figure(description: Description) -> Figure:
    """A bar chart for every counted column, missing values last."""
    charts = {**description.values, "missing values": description.missing}
    rows = -(-len(charts) // 2)
    figure = Figure(figsize=(12, 3.1 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False)
    for axes, (title, counts) in zip(grid.flat, charts.items(), strict=False):
        shown = list(counts.items())[:15][::-1]
        colour = "#D55E00" if title == "missing values" else "#0072B2"
        bars = axes.barh(
            [name.replace("-", " ") for name, _ in shown], [n for _, n in shown], color=colour
        )
        axes.bar_label(bars, fontsize=8, padding=3)
        axes.margins(x=0.15)
        axes.set_title(f"images by {title}" if title in description.values else title, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in list(grid.flat)[len(charts) :]:
        axes.set_visible(False)
    return figure


def contact_sheet(manifest: Manifest, *, per_class: int = 8, seed: int = 0) -> Image.Image:
    """A row of pictures for each diagnosis, one per lesion, drawn at random."""
    generator = np.random.default_rng(seed)
    frame = manifest.frame.assign(cluster=manifest.clusters())
    groups = list(frame.groupby("diagnosis"))
    width, height, caption = *TILE_PX, 18
    sheet = Image.new("RGB", (per_class * width, len(groups) * (height + caption)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (diagnosis, rows) in enumerate(groups):
        top = row * (height + caption)
        title = str(diagnosis).replace("-", " ") or "unknown"
        draw.text((4, top + 3), f"{title} ({len(rows)} images)", fill="black")
        lesions = rows.drop_duplicates("cluster")
        chosen = generator.permutation(len(lesions))[:per_class]
        for column, path in enumerate(lesions["path"].iloc[np.sort(chosen)]):
            sheet.paste(_tile(Path(path)), (column * width, top + caption))
    return sheet


def _tile(path: Path) -> Image.Image:
    try:
        picture = open_rgb(path)
    except ImageError:
        picture = Image.new("RGB", TILE_PX, "#888888")
        ImageDraw.Draw(picture).text((8, 8), "not readable", fill="white")
    picture.thumbnail((TILE_PX[0] - 4, TILE_PX[1] - 4))
    tile = Image.new("RGB", TILE_PX, "white")
    tile.paste(picture, (2, 2))
    return tile
