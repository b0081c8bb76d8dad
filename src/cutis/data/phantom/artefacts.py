"""What gets between the lens and the lesion: hair, ruler, ink, gel bubbles, dark corners."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

from cutis.checks import FloatArray

_SUPERSAMPLING = 2


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


def _bubbles(generator: np.random.Generator, picture: FloatArray) -> FloatArray:
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    for _ in range(int(generator.integers(2, 9))):
        centre = generator.uniform(0, 1, 2) * (height, width)
        radius = generator.uniform(0.02, 0.07) * height
        distance = np.hypot(y - centre[0], x - centre[1]) / radius
        rim = np.exp(-(((distance - 1) / 0.14) ** 2))
        gleam = np.exp(-((np.hypot(y - centre[0] + 0.4 * radius, x - centre[1]) / radius * 4) ** 2))
        picture = picture + (45 * rim + 90 * gleam)[..., None]
        picture = picture * (1 - 0.1 * (distance < 1))[..., None]
    return picture


def _hair(generator: np.random.Generator, picture: FloatArray) -> FloatArray:
    height, width = picture.shape[:2]
    shade = np.array([38.0, 26.0, 20.0]) if generator.random() < 0.8 else np.array([190, 160, 120])

    def strokes(draw: ImageDraw.ImageDraw, scale: int) -> None:
        lie = generator.uniform(0, np.pi)
        for _ in range(int(generator.integers(4, 22))):
            angle = lie + generator.normal(0, 0.35)
            middle = generator.uniform(0, 1, 2) * (width, height)
            reach = generator.uniform(0.25, 0.6) * height * np.array([np.cos(angle), np.sin(angle)])
            bend = generator.normal(0, 0.12 * height, 2)
            t = np.linspace(-1, 1, 14)[:, None]
            path = (middle + t * reach + (1 - t**2) * bend) * scale
            thick = max(int(generator.uniform(0.8, 1.9) * scale), 1)
            draw.line([tuple(point) for point in path], fill=255, width=thick, joint="curve")

    return _painted(picture, strokes, shade, strength=0.85)


def _ruler(generator: np.random.Generator, picture: FloatArray) -> FloatArray:
    height, width = picture.shape[:2]
    spacing = generator.uniform(0.03, 0.05) * width
    at_bottom = generator.random() < 0.5

    def ticks(draw: ImageDraw.ImageDraw, scale: int) -> None:
        for number, x in enumerate(np.arange(generator.uniform(0, spacing), width, spacing)):
            length = (0.09 if number % 5 == 0 else 0.05) * height
            y0, y1 = (height - length, height) if at_bottom else (0, length)
            draw.line([x * scale, y0 * scale, x * scale, y1 * scale], fill=255, width=scale)

    return _painted(picture, ticks, np.array([30.0, 30.0, 35.0]), strength=0.8)


def _ink(generator: np.random.Generator, picture: FloatArray) -> FloatArray:
    height, width = picture.shape[:2]
    shade = np.array([72.0, 52.0, 138.0])

    def marks(draw: ImageDraw.ImageDraw, scale: int) -> None:
        for _ in range(int(generator.integers(1, 4))):
            side = generator.integers(4)
            along = generator.uniform(0, 1)
            x, y = [(along, 0.04), (along, 0.96), (0.04, along), (0.96, along)][side]
            steps = generator.normal(0, 0.05, (6, 2)).cumsum(axis=0)
            path = (np.array([x, y]) + steps) * (width, height) * scale
            thick = int(generator.uniform(0.03, 0.06) * height * scale)
            draw.line([tuple(point) for point in path], fill=255, width=thick, joint="curve")

    return _painted(picture, marks, shade, strength=0.7, blur=1.5)


def _dark_corners(generator: np.random.Generator, picture: FloatArray) -> FloatArray:
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    radius = generator.uniform(0.52, 0.6) * width
    distance = np.hypot(y - height / 2, x - width / 2)
    light = 1 / (1 + np.exp((distance - radius) / (0.02 * width)))
    return np.asarray(picture * (0.05 + 0.95 * light)[..., None])


ARTEFACTS: dict[str, Callable[[np.random.Generator, FloatArray], FloatArray]] = {
    "ink": _ink,
    "ruler": _ruler,
    "hair": _hair,
    "bubbles": _bubbles,
    "dark_corners": _dark_corners,
}


def _painted(
    picture: FloatArray,
    strokes: Callable[[ImageDraw.ImageDraw, int], None],
    colour: FloatArray,
    *,
    strength: float,
    blur: float = 0.5,
) -> FloatArray:
    """The picture with strokes laid over it, drawn at twice the size for smooth edges."""
    height, width = picture.shape[:2]
    canvas = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    strokes(ImageDraw.Draw(canvas), _SUPERSAMPLING)
    small = np.asarray(canvas.resize((width, height), Image.Resampling.BOX), dtype=np.float64)
    cover = strength * ndimage.gaussian_filter(small / 255, blur)[..., None]
    return picture + cover * (colour - picture)
