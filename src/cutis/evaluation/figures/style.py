"""What all plots share: colours, axes and legends."""

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito 2008, "Color universal design"; black is kept for what sums up the others.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D1F", "#666666")
STYLES = ("-", "--", "-.", ":")
MOST_INSIDE = 9  # names that leave the curves in a plot to be seen
WIDEST_HALF = 52  # letters of a name that fits into one of two columns below a plot


def line_look(index: int) -> tuple[str, str]:
    """The colour and the line style of a curve; both are needed to tell more than eight apart.

    Example:
        >>> line_look(0), line_look(8)
        (('#0072B2', '-'), ('#0072B2', '--'))
    """
    return COLOURS[index % len(COLOURS)], STYLES[index // len(COLOURS) % len(STYLES)]


def unit_square(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """A figure with square axes from 0 to 1 both ways."""
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color="#EEEEEE")
    return figure, axes


def name_curves(
    axes: Axes,
    *,
    title: str,
    loc: Literal["lower left", "lower right"] = "lower right",
    fontsize: float = 8,
) -> None:
    """Name what has a label: in the plot, or below it where many names would hide the curves.

    Args:
        axes: The only ones of their figure, which grows by what stands below them.
        title: Of the legend.
        loc: Where in the plot.
        fontsize: Of the names, in points; a little less below the plot.
    """
    lines, names = axes.get_legend_handles_labels()
    if not names:
        text = "the data define no curve"
        axes.text(0.5, 0.55, text, ha="center", color="#666666", transform=axes.transAxes)
        return
    if len(names) <= MOST_INSIDE:
        axes.legend(loc=loc, fontsize=fontsize, framealpha=0.85, edgecolor="none", title=title)
        return
    figure = axes.get_figure(root=True)
    assert figure is not None
    columns = 2 if max(map(len, names)) <= WIDEST_HALF else 1
    figure.set_figheight(figure.get_figheight() + 0.145 * -(-len(names) // columns) + 0.4)
    figure.legend(
        lines,
        names,
        loc="outside lower center",
        ncols=columns,
        fontsize=7,
        title_fontsize=8,
        frameon=False,
        title=title,
    )
