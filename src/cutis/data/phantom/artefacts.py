"""Which artefacts a drawn picture gets, and how much of each; `cutis.perturbation` draws them."""

from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cutis.checks import FloatArray
from cutis.perturbation.artefacts import (
    darken_corners,
    draw_bubbles,
    draw_hair,
    draw_ink,
    draw_ruler,
)


class ArtefactRates(BaseModel):
    """The share of images that show each artefact; the defaults are near those of ISIC 2018."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    hair: float = Field(0.35, ge=0, le=1, description="Dark or fair hairs.")
    ruler: float = Field(0.15, ge=0, le=1, description="Ticks along an edge.")
    ink: float = Field(0.06, ge=0, le=1, description="Violet surgical marks.")
    bubbles: float = Field(0.2, ge=0, le=1, description="Bubbles in the immersion gel.")
    dark_corners: float = Field(0.2, ge=0, le=1, description="The tube's black rim.")


def add_artefacts(
    generator: np.random.Generator, picture: FloatArray, rates: ArtefactRates
) -> tuple[FloatArray, tuple[str, ...]]:
    """Draw artefacts over a picture (h, w, 3) in units of 0 to 255.

    Returns:
        The picture, and the names of the artefacts it got.
    """
    drawn: list[str] = []
    for name, artefact in ARTEFACTS.items():
        # Each gets a generator of its own, so that turning one off leaves the others as they were.
        own = np.random.default_rng(generator.integers(2**63))
        if own.random() < getattr(rates, name):
            picture = artefact(own, picture)
            drawn.append(name)
    return picture, tuple(drawn)


def _ruler(generator: np.random.Generator, picture: FloatArray) -> FloatArray:
    height, width = picture.shape[:2]
    return draw_ruler(
        generator,
        picture,
        spacing_px=(0.03 * width, 0.05 * width),
        long_px=0.09 * height,
        short_px=0.05 * height,
    )


def _dark_corners(generator: np.random.Generator, picture: FloatArray) -> FloatArray:
    width = picture.shape[1]
    radius_px = generator.uniform(0.52, 0.6) * width
    return darken_corners(picture, radius_px=radius_px, softness_px=0.02 * width)


ARTEFACTS: dict[str, Callable[[np.random.Generator, FloatArray], FloatArray]] = {
    "ink": lambda generator, picture: draw_ink(generator, picture, unit_px=len(picture)),
    "ruler": _ruler,
    "hair": lambda generator, picture: draw_hair(generator, picture, unit_px=len(picture)),
    "bubbles": lambda generator, picture: draw_bubbles(generator, picture, unit_px=len(picture)),
    "dark_corners": _dark_corners,
}
