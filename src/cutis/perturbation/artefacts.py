"""What gets between the lens and the lesion: hair, ruler, ink, gel bubbles, dark corners.

Pictures have shape (h, w, 3) in units of 0 to 255. Sizes are shares of `unit_px`, or pixels. Counts
and sizes are ranges that the generator draws from, an upper count being left out; a generator in the
same state draws the same first hairs whatever the count, so that more is more of the same.
"""

import numpy as np
from PIL import ImageDraw

from cutis.checks import FloatArray
from cutis.perturbation.drawing import with_strokes

Range = tuple[float, float]
Counts = tuple[int, int]

DARK_HAIR = np.array([38.0, 26.0, 20.0])
FAIR_HAIR = np.array([190.0, 160.0, 120.0])
INK = np.array([72.0, 52.0, 138.0])
RULER = np.array([30.0, 30.0, 35.0])
_BUBBLE_REACH = 2.2  # radii; beyond it a bubble's light is below the rounding of any picture


def draw_hair(
    generator: np.random.Generator,
    picture: FloatArray,
    *,
    unit_px: float,
    count: Counts = (4, 22),
    thickness_px: Range = (0.8, 1.9),
) -> FloatArray:
    """Bent hairs that lie more or less the same way; one in five heads is fair."""
    height, width = picture.shape[:2]
    shade = DARK_HAIR if generator.random() < 0.8 else FAIR_HAIR

    def strokes(draw: ImageDraw.ImageDraw, scale: int) -> None:
        lie = generator.uniform(0, np.pi)
        for _ in range(int(generator.integers(*count))):
            angle = lie + generator.normal(0, 0.35)
            middle = generator.uniform(0, 1, 2) * (width, height)
            reach = (
                generator.uniform(0.25, 0.6) * unit_px * np.array([np.cos(angle), np.sin(angle)])
            )
            bend = generator.normal(0, 0.12 * unit_px, 2)
            t = np.linspace(-1, 1, 14)[:, None]
            path = (middle + t * reach + (1 - t**2) * bend) * scale
            thick = max(int(generator.uniform(*thickness_px) * scale), 1)
            draw.line([tuple(point) for point in path], fill=255, width=thick, joint="curve")

    return with_strokes(picture, strokes, colour=shade, strength=0.85)


def draw_ruler(
    generator: np.random.Generator,
    picture: FloatArray,
    *,
    spacing_px: Range,
    long_px: float,
    short_px: float,
    thickness_px: float = 1.0,
) -> FloatArray:
    """Ticks along the upper or lower edge, every fifth of them long."""
    height, width = picture.shape[:2]
    spacing = generator.uniform(*spacing_px)
    at_bottom = generator.random() < 0.5

    def ticks(draw: ImageDraw.ImageDraw, scale: int) -> None:
        thick = max(round(thickness_px * scale), 1)
        for number, x in enumerate(np.arange(generator.uniform(0, spacing), width, spacing)):
            length = long_px if number % 5 == 0 else short_px
            y0, y1 = (height - length, height) if at_bottom else (0, length)
            draw.line([x * scale, y0 * scale, x * scale, y1 * scale], fill=255, width=thick)

    return with_strokes(picture, ticks, colour=RULER, strength=0.8)


def draw_ink(
    generator: np.random.Generator,
    picture: FloatArray,
    *,
    unit_px: float,
    count: Counts = (1, 4),
    thickness: Range = (0.03, 0.06),
) -> FloatArray:
    """Violet strokes of a surgical pen that start near an edge."""
    height, width = picture.shape[:2]

    def marks(draw: ImageDraw.ImageDraw, scale: int) -> None:
        for _ in range(int(generator.integers(*count))):
            side = generator.integers(4)
            along = generator.uniform(0, 1)
            x, y = [(along, 0.04), (along, 0.96), (0.04, along), (0.96, along)][side]
            steps = generator.normal(0, 0.05, (6, 2)).cumsum(axis=0)
            path = (np.array([x, y]) + steps) * (width, height) * scale
            thick = int(generator.uniform(*thickness) * unit_px * scale)
            draw.line([tuple(point) for point in path], fill=255, width=thick, joint="curve")

    return with_strokes(picture, marks, colour=INK, strength=0.7, blur_px=1.5)


def draw_bubbles(
    generator: np.random.Generator,
    picture: FloatArray,
    *,
    unit_px: float,
    count: Counts = (2, 9),
    radius: Range = (0.02, 0.07),
) -> FloatArray:
    """Bubbles in the immersion gel: a bright rim, a gleam above the centre, a darker inside."""
    height, width = picture.shape[:2]
    picture = picture.copy()
    for _ in range(int(generator.integers(*count))):
        centre_y, centre_x = generator.uniform(0, 1, 2) * (height, width)
        radius_px = generator.uniform(*radius) * unit_px
        near = tuple(
            slice(
                max(int(middle - _BUBBLE_REACH * radius_px), 0),
                int(middle + _BUBBLE_REACH * radius_px) + 2,
            )
            for middle in (centre_y, centre_x)
        )
        y, x = np.ogrid[:height, :width]
        down, right = y[near[0]] - centre_y, x[:, near[1]] - centre_x
        distance = np.hypot(down, right) / radius_px
        rim = np.exp(-(((distance - 1) / 0.14) ** 2))
        gleam = np.exp(-((np.hypot(down + 0.4 * radius_px, right) / radius_px * 4) ** 2))
        lit = picture[near] + (45 * rim + 90 * gleam)[..., None]
        picture[near] = lit * (1 - 0.1 * (distance < 1))[..., None]
    return picture


def darken_corners(picture: FloatArray, *, radius_px: float, softness_px: float) -> FloatArray:
    """The black rim of the dermoscope's tube around a lit circle."""
    height, width = picture.shape[:2]
    y, x = np.ogrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2)
    light = 1 / (1 + np.exp((distance - radius_px) / softness_px))
    return np.asarray(picture * (0.05 + 0.95 * light)[..., None])
