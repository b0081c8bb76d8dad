"""Changes against severity, and a picture under every perturbation."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from cutis import RESEARCH_USE_NOTICE
from cutis.checks import BoolArray, UInt8Array
from cutis.errors import InputError
from cutis.evaluation.estimates import Estimate
from cutis.evaluation.figures.style import COLOURS
from cutis.evaluation.robustness import KindUnderStress, StressTest
from cutis.perturbation.kinds import PERTURBATIONS, perturb
from cutis.wording import words

CHANGES = ("sensitivity", "specificity", "balanced_accuracy")
FLIPS = ("malignant_call", "answer")
_MARKS = ("o", "s", "^")
_LINES = ("-", "--", ":")
_PANELS_PER_ROW = 4

TILE_PX = (96, 72)
NAME_PX = 84
CAPTION_PX = 14


def changes_figure(stress: StressTest) -> Figure:
    """Change of sensitivity, specificity and balanced accuracy, a panel for each perturbation.

    Raises:
        InputError: nothing was tested.
    """
    series = {
        kind.kind: {
            name: [step.changes[name].difference for step in kind.steps]
            for name in CHANGES
            if name in kind.steps[0].changes
        }
        for kind in _tested(stress)
    }
    return _panels(stress, series, label="change")


def flips_figure(stress: StressTest) -> Figure:
    """Share of images whose answer and whose malignant call changed.

    Raises:
        InputError: nothing was tested.
    """
    series = {
        kind.kind: {
            name: [step.flips[name] for step in kind.steps]
            for name in FLIPS
            if name in kind.steps[0].flips
        }
        for kind in _tested(stress)
    }
    return _panels(stress, series, label="share of images")


def severity_sheet(picture: UInt8Array, mask: BoolArray, *, seed: int = 0) -> Image.Image:
    """One picture as it is and under every perturbation in every severity, a row for each kind.

    Args:
        picture: Shape (h, w, 3).
        mask: Shape (h, w), true on the lesion.
        seed: Of what is drawn.
    """
    most = max(len(found.levels) for found in PERTURBATIONS.values())
    row_px = TILE_PX[1] + CAPTION_PX
    size = (NAME_PX + (1 + most) * TILE_PX[0], len(PERTURBATIONS) * row_px + CAPTION_PX)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(10)
    for row, (kind, found) in enumerate(PERTURBATIONS.items()):
        top = row * row_px
        draw.text((4, top + 4), words(kind), fill="black", font=ImageFont.load_default(12))
        versions = {"as it is": picture} | {
            f"{level:g}": perturb(picture, kind, severity, seed=seed, mask=mask)
            for severity, level in enumerate(found.levels, start=1)
        }
        for column, (caption, version) in enumerate(versions.items()):
            left = NAME_PX + column * TILE_PX[0]
            tile = Image.fromarray(version)
            tile.thumbnail((TILE_PX[0] - 3, TILE_PX[1] - 3))
            sheet.paste(tile, (left, top))
            draw.text((left + 2, top + TILE_PX[1] - 3), caption, fill="#555555", font=font)
    place = (4, len(PERTURBATIONS) * row_px)
    draw.text(place, RESEARCH_USE_NOTICE, fill="#555555", font=font)
    return sheet


def _tested(stress: StressTest) -> list[KindUnderStress]:
    tested = [kind for kind in stress.kinds if kind.steps]
    if not tested:
        raise InputError("stress test: no image could be perturbed, so there is nothing to draw")
    return tested


def _panels(
    stress: StressTest, series: Mapping[str, Mapping[str, list[Estimate]]], *, label: str
) -> Figure:
    """Small multiples with the same axes: value and interval of each series by severity."""
    columns = min(_PANELS_PER_ROW, len(series))
    rows = -(-len(series) // columns)
    figure = Figure(figsize=(2.6 * columns + 0.6, 1.9 * rows + 0.9), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for axes in grid[len(series) :]:
        axes.set_visible(False)
    judged = {kind.kind: kind.images for kind in stress.kinds}
    for axes, (kind, lines) in zip(grid, series.items(), strict=False):
        _draw_panel(axes, lines, joined=kind != "flip")
        fewer = f" (n = {judged[kind]})" if judged[kind] < stress.images else ""
        axes.set_title(f"{words(kind)}{fewer}", fontsize=9, loc="left")
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=3, fontsize=8, frameon=False)
    figure.supxlabel(f"severity (n = {stress.images}; bars are 95 % intervals)", fontsize=8)
    figure.supylabel(label, fontsize=9)
    return figure


def _draw_panel(axes: Axes, lines: Mapping[str, list[Estimate]], *, joined: bool) -> None:
    axes.axhline(0, color="#999999", linewidth=0.8)
    for place, (name, estimates) in enumerate(lines.items()):
        # Side by side, as three intervals on one spot could not be told apart.
        x = np.arange(1, len(estimates) + 1) + 0.14 * (place - (len(lines) - 1) / 2)
        value, low, high = np.array([[e.value, e.low, e.high] for e in estimates]).T
        colour = COLOURS[place]
        axes.vlines(x, low, high, color=colour, linewidth=1.4)
        axes.plot(
            x,
            value,
            linestyle=_LINES[place] if joined else "none",
            linewidth=1,
            marker=_MARKS[place],
            markersize=3.5,
            color=colour,
            label=words(name),
        )
    axes.set_xticks(range(1, 6))
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", color="#EEEEEE")
    axes.spines[["top", "right"]].set_visible(False)
