"""Maps of features and nearest cases as plain figures."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cutis import RESEARCH_USE_NOTICE
from cutis.errors import ImageError
from cutis.evaluation.figures.style import COLOURS
from cutis.explain.embedding import PROJECTIONS, FeatureMap
from cutis.explain.neighbors import Neighbour
from cutis.imaging import open_rgb

MARKERS = ("o", "s", "^", "D")  # changed once the colours are used up
SHOWN_PX = 200


def label_style(index: int) -> tuple[str, int]:
    """The colour and the number of the marker of a legend's entry; both are needed to tell them.

    Example:
        >>> label_style(0), label_style(9)
        (('#0072B2', 0), ('#E69F00', 1))
    """
    return COLOURS[index % len(COLOURS)], index // len(COLOURS) % len(MARKERS)


def feature_map_figure(shown: FeatureMap) -> Figure:
    """A map as points, coloured and shaped by label; rare labels are drawn last, on top."""
    figure = Figure(figsize=(8.6, 7.2), layout="constrained")
    axes = figure.subplots()
    size = min(max(12_000 / len(shown.image_ids), 5), 40)
    for index, label in enumerate(shown.legend):
        chosen = [row for row, name in enumerate(shown.labels) if name == label]
        colour, marker = label_style(index)
        axes.scatter(
            shown.points[chosen, 0],
            shown.points[chosen, 1],
            s=size,
            color=colour,
            marker=MARKERS[marker],
            linewidths=0,
            alpha=0.8,
            label=f"{label} ({len(chosen)})",
        )
    axes.set(xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(f"{PROJECTIONS[shown.projection]} of {len(shown.image_ids)} pictures' features")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    note = f"Only neighbourhoods mean something. {RESEARCH_USE_NOTICE}"
    axes.set_xlabel(note, fontsize=7, color="#555555")
    return figure


def neighbours_figure(
    query: Path, title: str, neighbours: Sequence[Neighbour], names: Mapping[str, str]
) -> Figure:
    """A picture and the training cases nearest to it.

    Args:
        query: The picture.
        title: Its name.
        neighbours: Nearest first.
        names: Of the diagnoses, for people.
    """
    columns = 1 + len(neighbours)
    figure = Figure(figsize=(1.75 * columns + 0.3, 2.25), layout="constrained")
    panels = figure.subplots(1, columns, squeeze=False)[0]
    _draw_picture(panels[0], query, f"{title}\nthe picture")
    for axes, neighbour in zip(panels[1:], neighbours, strict=True):
        name = names.get(neighbour.diagnosis, neighbour.diagnosis)
        _draw_picture(axes, neighbour.path, f"{_broken(name)}\ncosine {neighbour.cosine:.3f}")
    figure.supxlabel(
        f"Training cases that look like it to the network; no diagnosis. {RESEARCH_USE_NOTICE}",
        fontsize=6,
        color="#555555",
    )
    return figure


def _draw_picture(axes: Axes, path: Path, caption: str) -> None:
    axes.set_axis_off()
    axes.set_title(caption, fontsize=7)
    try:
        picture = open_rgb(path)
    except ImageError:
        axes.text(0.5, 0.5, "not readable", ha="center", va="center", transform=axes.transAxes)
        return
    picture.thumbnail((SHOWN_PX, SHOWN_PX))
    axes.imshow(picture)


def _broken(name: str, width: int = 22) -> str:
    """A long name on two lines, broken at the word that divides it best."""
    if len(name) <= width:
        return name
    spaces = [place for place, letter in enumerate(name) if letter == " "]
    if not spaces:
        return name
    middle = min(spaces, key=lambda place: abs(place - math.ceil(len(name) / 2)))
    return f"{name[:middle]}\n{name[middle + 1 :]}"
