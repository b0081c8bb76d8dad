"""Maps drawn: the picture, the picture under its heat map, and a colour bar."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from cutis import RESEARCH_USE_NOTICE
from cutis.checks import FloatArray, UInt8Array
from cutis.explain.attribution import Attribution
from cutis.explain.checks import MethodChecks
from cutis.wording import percentage

# Both are read alike by every kind of colour vision, and in greys.
ONE_SIDED, TWO_SIDED = "inferno", "PuOr_r"
SHOWN_QUANTILE = 0.995  # larger values are drawn as this one: a few pixels would darken the rest
STRONGEST_COVER = 0.85
TITLES = {
    "saliency": "Saliency: gradient at each pixel",
    "smoothgrad": "SmoothGrad: mean gradient of noisy copies",
    "integrated-gradients": "Integrated gradients",
    "grad-cam": "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
    "occlusion": "Occlusion: fall of the score when hidden",
}


def attribution_figure(frame: UInt8Array, attribution: Attribution, *, title: str = "") -> Figure:
    """The picture as the network gets it, beside itself in grey under the map.

    Args:
        frame: Shape (h, w, 3), uint8, what was explained.
        attribution: Its map.
        title: Such as the name of the file.
    """
    height, width = attribution.heat.shape
    figure = Figure(figsize=(8.6, 3.7 * max(height / width, 0.5) + 0.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    name = attribution.target.name
    left.imshow(frame)
    left.set_title(f"{title or 'The picture'}\nas the network gets it", fontsize=9)
    limit = float(np.quantile(abs(attribution.heat), SHOWN_QUANTILE)) or float(
        abs(attribution.heat).max()
    )
    right.set_title(
        f"{TITLES[attribution.method]}\n{name}: {percentage(attribution.probability)}", fontsize=9
    )
    _draw_heat(right, _grey(frame), attribution, limit=limit)
    for axes in (left, right):
        axes.set_axis_off()
    figure.supxlabel(RESEARCH_USE_NOTICE, fontsize=6.5, color="#555555")
    return figure


def checks_figure(methods: Sequence[MethodChecks]) -> Figure:
    """Each method's share of the map on the lesion, and what is left of it when weights are random."""
    figure = Figure(figsize=(10, 0.42 * len(methods) + 1.9), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, key, label in zip(
        panels,
        ("gain_inside", "insertion_gain", "randomised"),
        (
            "on the lesion, above its area",
            "insertion less deletion area",
            "correlation after randomising",
        ),
        strict=True,
    ):
        for row, method in enumerate(methods):
            estimate = method.estimates[key]
            axes.plot([estimate.low, estimate.high], [row, row], color="#0072B2", linewidth=2)
            axes.plot(estimate.value, row, "o", color="#0072B2")
        axes.axvline(0, color="#999999", linewidth=1)
        axes.set_title(label, fontsize=9)
        axes.grid(axis="x", color="#EEEEEE")
    panels[0].set_yticks(range(len(methods)), [method.method for method in methods], fontsize=9)
    panels[0].invert_yaxis()
    return figure


def _draw_heat(axes: Axes, grey: FloatArray, attribution: Attribution, *, limit: float) -> None:
    """Lay a map over a grey picture; what is near zero leaves the picture visible."""
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1)
    if limit == 0:
        axes.text(
            0.5,
            0.5,
            "zero everywhere:\nnothing speaks for it",
            transform=axes.transAxes,
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none"},
        )
        return
    relative = np.clip(attribution.heat / limit, -1, 1)
    drawn = axes.imshow(
        relative,
        cmap=TWO_SIDED if attribution.signed else ONE_SIDED,
        norm=Normalize(-1 if attribution.signed else 0, 1),
        alpha=STRONGEST_COVER * np.sqrt(abs(relative)),
    )
    assert axes.figure is not None
    bar = axes.figure.colorbar(drawn, ax=axes, fraction=0.045, pad=0.02)
    bar.ax.tick_params(labelsize=7)
    sides = "against it   for it" if attribution.signed else "weight"
    bar.set_label(f"{sides} (1 = {limit:.2g})", fontsize=7)


def _grey(frame: UInt8Array) -> FloatArray:
    """Luma, 0 to 1, in the upper range so that the map stands out."""
    return np.asarray(0.25 + 0.75 * (frame @ np.array([0.299, 0.587, 0.114])) / 255)
