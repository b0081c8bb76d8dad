"""Figures drawn, into a picture file or as an element of a page; every figure goes through here.

Names in a figure are shown as they are written and never read as formulas. A letter that the font
lacks becomes a box, without a warning for each.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text


def save_png(figure: Figure, path: Path, *, dpi: int) -> None:
    """Draw a figure into a PNG file."""
    with _as_written(figure):
        figure.savefig(path, format="png", dpi=dpi)


def to_svg(figure: Figure) -> str:
    """The figure as an `<svg>` element for a page; the same figure gives the same text."""
    buffer = io.StringIO()
    with _as_written(figure):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


@contextmanager
def _as_written(figure: Figure) -> Iterator[None]:
    """Inside the block a `$` is a dollar, in text that is there and in text that drawing adds."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
    # The salt makes the ids of an SVG those of what they name, in place of random ones.
    with (
        rc_context({"text.parse_math": False, "svg.hashsalt": "cutis"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from", category=UserWarning)
        yield
