"""What all plots share: colours, axes, and the way into a page."""

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito 2008, "Color universal design"; black is kept for what sums up the others.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D1F", "#666666")
STYLES = ("-", "--", "-.", ":")


def unit_square(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """A figure with square axes from 0 to 1 both ways."""
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color="#EEEEEE")
    return figure, axes


def words(name: str) -> str:
    """An identifier as people write it.

    Example:
        >>> words("balanced_accuracy"), words("seborrheic-keratosis")
        ('balanced accuracy', 'seborrheic keratosis')
    """
    return name.replace("-", " ").replace("_", " ")


def to_svg(figure: Figure) -> str:
    """The figure as an `<svg>` element for a page; the same figure gives the same text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
