"""A map of features as one page that needs nothing else: thumbnails on hover, groups on and off."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import jinja2
import numpy as np

import cutis
from cutis.explain.embedding import PROJECTIONS, FeatureMap
from cutis.explain.feature_figures import label_style
from cutis.thumbnails import thumbnail_uri

THUMBNAIL_PX = 96
WIDTH, HEIGHT, MARGIN = 900, 640, 16


def map_fragment(shown: FeatureMap, paths: Sequence[Path], notes: Sequence[str]) -> str:
    """The map as a `<div>` with its own style and script, to stand in any page, several times too.

    Without scripts, and in print, it is a picture with a legend.

    Args:
        shown: The map of n pictures.
        paths: Their files; n.
        notes: A line for each picture to show with its thumbnail; n.
    """
    places = _placed(shown)
    rows_of = {
        label: [row for row, name in enumerate(shown.labels) if name == label]
        for label in shown.legend
    }
    groups = [
        {
            "label": label,
            "colour": label_style(index)[0],
            "marker": label_style(index)[1],
            "points": [(row, *places[row]) for row in rows],
        }
        for index, (label, rows) in enumerate(rows_of.items())
    ]
    pictures = {
        "ids": list(shown.image_ids),
        "notes": list(notes),
        "thumbnails": [thumbnail_uri(path, side_px=THUMBNAIL_PX) for path in paths],
        "places": places,
    }
    return _template("feature_map.html").render(
        groups=groups,
        title=f"{PROJECTIONS[shown.projection]} of {len(shown.image_ids)} pictures' features",
        width=WIDTH,
        height=HEIGHT,
        radius=max(2.2, min(5.0, 130 / np.sqrt(len(shown.image_ids)))),
        data=json.dumps(pictures, separators=(",", ":")).replace("<", "\\u003c"),
    )


def map_page(title: str, facts: Mapping[str, str], fragments: Sequence[str]) -> str:
    """A page of maps.

    Args:
        title: Its heading.
        facts: What to say below the maps, by name.
        fragments: From `map_fragment`.
    """
    return _template("map_page.html").render(
        title=title, facts=facts, fragments=fragments, notice=cutis.RESEARCH_USE_NOTICE
    )


def _placed(shown: FeatureMap) -> list[tuple[float, float]]:
    """Points in the units of the picture, the same scale both ways, y downwards."""
    low, high = shown.points.min(axis=0), shown.points.max(axis=0)
    room = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    scale = float((room / np.maximum(high - low, 1e-12)).min())
    centred = (shown.points - (low + high) / 2) * scale * np.array([1, -1])
    placed = np.round(centred + np.array([WIDTH, HEIGHT]) / 2, 1)
    return [(float(x), float(y)) for x, y in placed]


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = resources.files("cutis.explain").joinpath(name).read_text(encoding="utf-8")
    return environment.from_string(text)
