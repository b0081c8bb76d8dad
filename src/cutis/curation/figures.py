"""A manifest drawn: bar charts of its counts, and a contact sheet of its pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from cutis import RESEARCH_USE_NOTICE
from cutis.curation.datasheet import NO_DIAGNOSIS, Description, class_counts
from cutis.errors import ImageError
from cutis.imaging import open_rgb
from cutis.tables.manifest import Manifest
from cutis.wording import words

# Two colours of Okabe and Ito's set, told apart by every kind of colour vision.
COUNT_COLOUR = "#0072B2"
MISSING_COLOUR = "#D55E00"
BARS_SHOWN = 15

TILE_PX = (150, 112)
TITLE_PX = 22
CAPTION_PX = 14
CLASSES_SHOWN = 24


def counts_figure(description: Description) -> Figure:
    """Bar charts: images by diagnosis, then every other column with two values or more."""
    first, *others = _charts(description)
    charts = [first, *sorted(others, key=lambda chart: -len(chart.bars))]
    # Two charts share a row, so its height is that of the longer one.
    lengths = [max(len(c.bars) for c in charts[k : k + 2]) for k in range(0, len(charts), 2)]
    heights = [length + 2.5 for length in lengths]
    figure = Figure(figsize=(12, 0.27 * sum(heights) + 0.8), layout="constrained")
    ratios = {"height_ratios": heights}
    grid = figure.subplots(len(heights), 2, squeeze=False, gridspec_kw=ratios).flatten()
    for place, axes in enumerate(grid):
        if place < len(charts):
            _draw_chart(axes, charts[place], length=lengths[place // 2])
        else:
            axes.set_visible(False)
    named = (f"{description.totals[kind]:,} {kind}" for kind in ("images", "lesions", "patients"))
    figure.suptitle(", ".join(n for n in named if not n.startswith("0 ")), fontsize=12)
    figure.supxlabel(RESEARCH_USE_NOTICE, fontsize=8, color="#555555")
    return figure


def contact_sheet(manifest: Manifest, *, per_class: int = 8, seed: int = 0) -> Image.Image:
    """A row of pictures for each diagnosis, drawn at random; largest class first.

    No two in a row show one lesion or patient. Of more than `CLASSES_SHOWN` diagnoses the smallest
    are left out. A picture that cannot be read is a grey tile that says so.
    """
    generator = np.random.default_rng(seed)
    frame = manifest.frame.assign(cluster=manifest.clusters())
    counts = class_counts(frame)
    shown = list(counts)[:CLASSES_SHOWN]
    width, height = per_class * TILE_PX[0], TITLE_PX + TILE_PX[1] + CAPTION_PX
    sheet = Image.new("RGB", (width, len(shown) * height + TITLE_PX), "white")
    draw = ImageDraw.Draw(sheet)
    title_font, small_font = ImageFont.load_default(13), ImageFont.load_default(10)
    for row, diagnosis in enumerate(shown):
        top = row * height
        of_class = counts[diagnosis]
        lesions = f", {of_class.lesions:,} lesions" if of_class.lesions else ""
        title = f"{_class_name(manifest, diagnosis)}: {of_class.images:,} images{lesions}"
        draw.text((4, top + 4), title, fill="black", font=title_font)
        rows = frame[frame["diagnosis"] == diagnosis.replace(NO_DIAGNOSIS, "")]
        one_each = rows.drop_duplicates("cluster")
        chosen = np.sort(generator.permutation(len(one_each))[:per_class])
        for column, (_, image) in enumerate(one_each.iloc[chosen].iterrows()):
            left, below = column * TILE_PX[0], top + TITLE_PX
            sheet.paste(_tile(Path(image["path"])), (left, below))
            caption = _fitting(Path(image["image_id"]).name)
            draw.text((left + 4, below + TILE_PX[1]), caption, fill="#555555", font=small_font)
    omitted = len(counts) - len(shown)
    note = f"{omitted} smaller classes are not shown. " if omitted else ""
    place = (4, len(shown) * height + 4)
    draw.text(place, note + RESEARCH_USE_NOTICE, fill="#555555", font=small_font)
    return sheet


@dataclass(frozen=True)
class _Chart:
    title: str
    bars: Mapping[str, int]
    unit: str = "images"
    colour: str = COUNT_COLOUR


def _charts(description: Description) -> list[_Chart]:
    classes = {name: counts.images for name, counts in description.classes.items()}
    lesions = {str(images): count for images, count in description.images_per_lesion.items()}
    others = {
        name: counts
        for name, counts in description.values.items()
        if len(counts) > 1 and name != "diagnosis"
    }
    return [
        _Chart("Images by diagnosis", _shortened(classes)),
        *(
            _Chart(f"Images by {words(name)}", _shortened(counts))
            for name, counts in others.items()
        ),
        *([_Chart("Lesions by number of images", lesions, "lesions")] if len(lesions) > 1 else []),
        _Chart("Images without a value", description.missing, colour=MISSING_COLOUR),
    ]


def _shortened(counts: Mapping[str, int]) -> dict[str, int]:
    """The first bars; what does not fit is summed up in a last one."""
    items = list(counts.items())
    rest = items[BARS_SHOWN:]
    summed = [(f"{len(rest)} others", sum(count for _, count in rest))] if rest else []
    return dict([*items[:BARS_SHOWN], *summed])


def _draw_chart(axes: Axes, chart: _Chart, *, length: int) -> None:
    """Draw bars from the top, as thin as if there were `length` of them."""
    names, counts = list(chart.bars), list(chart.bars.values())
    bars = axes.barh(names, counts, color=chart.colour, height=0.75)
    axes.bar_label(bars, fontsize=8, padding=3)
    axes.margins(x=0.12)
    axes.set_ylim(length - 0.5, -0.5)
    axes.set_title(chart.title, fontsize=10, loc="left")
    axes.set_xlabel(chart.unit, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _class_name(manifest: Manifest, diagnosis: str) -> str:
    node = manifest.taxonomy.nodes.get(diagnosis)
    return node.name if node else "Without a diagnosis"


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


def _fitting(caption: str) -> str:
    return caption if len(caption) <= 24 else f"{caption[:10]}...{caption[-11:]}"
