"""`Section`: one topic of a report, for people (text, tables, plots) and for programs (`content`)."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cutis.evaluation.estimates import Estimate


@dataclass(frozen=True)
class Card:
    """One figure shown large."""

    label: str
    estimate: Estimate


@dataclass(frozen=True)
class Table:
    """Cells are shown as they are; the first column is a heading."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A small picture in the page itself."""

    uri: str  # data:...
    alt: str
    caption: tuple[str, ...]  # lines, the first one bold


@dataclass(frozen=True, eq=False)
class Section:
    """One topic of a report.

    Attributes:
        key: Where `content` stands in `result.json`, and the anchor in the page.
        title: The heading.
        text: Paragraphs.
        cards, tables, pictures: Shown in this order.
        plots: By their alternative text.
        fragment: A piece of page that brings its own style and script, shown as it is; never made
            from anybody's input without escaping it.
        content: The same numbers, as JSON can say them; None where another section has them.
    """

    key: str
    title: str
    text: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    plots: Mapping[str, Figure] = field(default_factory=dict)
    fragment: str = ""
    content: Any = None


def estimate_cells(estimate: Estimate) -> tuple[str, str]:
    """Value and interval as cells of a table."""
    if math.isnan(estimate.value):
        return "undefined", ""
    return shown(estimate.value), shown_ends(estimate.low, estimate.high)


def estimate_lines(estimate: Estimate) -> str:
    """Value and interval as one cell of a table, one below the other."""
    return "\n".join(filter(None, estimate_cells(estimate)))


def shown_part(part: int | None, whole: int) -> str:
    """Positives and all, such as 3 / 10; only all where positives are not defined."""
    return str(whole) if part is None else f"{part} / {whole}"


def shown(value: float) -> str:
    """A figure with three digits after the point."""
    return "undefined" if math.isnan(value) else f"{value:z.3f}"


def shown_ends(low: float, high: float) -> str:
    """An interval; its ends are nan where there is none."""
    return "none" if math.isnan(low) else f"{shown(low)} to {shown(high)}"


def shown_p(value: float) -> str:
    """A p-value; nan where nothing could be tested."""
    if math.isnan(value):
        return "undefined"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_equals(value: float) -> str:
    """The same in a sentence.

    Example:
        >>> p_equals(0.0231), p_equals(1e-9), p_equals(math.nan)
        ('p = 0.023', 'p < 0.001', 'p undefined')
    """
    sign = "= " if value >= 0.001 else ""
    return f"p {sign}{shown_p(value)}"


def as_content(value: Any) -> Any:
    """Dataclasses, arrays and mappings as plain JSON values; nan becomes null when it is written.

    Example:
        >>> as_content({"a": np.array([1.0, 2.0]), "b": Estimate(0.5, 0.4, 0.6, 10)})["a"]
        [1.0, 2.0]
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_content(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): as_content(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_content(each) for each in value]
    return value
