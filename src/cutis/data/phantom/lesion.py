"""What each diagnosis looks like: `Traits`, and the layers that they are drawn as.

A lesion is drawn once on a canvas of its own, as amounts of pigment, blood, veil and white; every
image of it is a view of that canvas, turned, zoomed and lit in another way.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree

from cutis.checks import FloatArray
from cutis.perturbation.drawing import smooth_noise

CANVAS_PX = 224
CANVAS_REACH = 1.5  # the canvas spans -1.5 to 1.5 mean lesion radii
_SUPERSAMPLING = 2

Range = tuple[float, float]


@dataclass(frozen=True)
class Traits:
    """How strongly each feature of dermoscopy is drawn, as ranges to draw from.

    Structures are those of the revised pattern analysis (Kittler et al. 2016, J Am Acad Dermatol
    74:1093): network, globules, streaks, veil, vessels, cysts, openings, lacunae, scale.
    """

    pigment: Range
    blood: Range = (0.0, 0.1)
    asymmetry: Range = (0.05, 0.2)  # eccentricity and uneven pigment
    border: Range = (0.02, 0.06)  # amplitude of the outline's irregularity
    edge: Range = (0.08, 0.2)  # width of the fade to skin; small is sharp
    variegation: Range = (0.05, 0.2)  # patches of other pigment
    network: Range = (0.0, 0.0)
    globules: Range = (0.0, 0.0)
    streaks: Range = (0.0, 0.0)
    veil: Range = (0.0, 0.0)
    vessels: Range = (0.0, 0.0)
    cysts: Range = (0.0, 0.0)
    openings: Range = (0.0, 0.0)
    lacunae: Range = (0.0, 0.0)
    follicles: Range = (0.0, 0.0)
    scale: Range = (0.0, 0.0)
    white_centre: Range = (0.0, 0.0)


TRAITS = {
    "nevus": Traits(pigment=(0.5, 1.0), network=(0.3, 0.9), globules=(0.0, 0.5), edge=(0.15, 0.35)),
    "melanoma": Traits(
        pigment=(0.8, 1.5),
        blood=(0.0, 0.35),
        asymmetry=(0.25, 0.6),
        border=(0.08, 0.2),
        edge=(0.04, 0.14),
        variegation=(0.4, 0.9),
        network=(0.0, 0.7),
        globules=(0.2, 1.0),
        streaks=(0.0, 0.9),
        veil=(0.0, 0.7),
    ),
    "basal-cell-carcinoma": Traits(
        pigment=(0.0, 0.2),
        blood=(0.25, 0.55),
        border=(0.04, 0.12),
        edge=(0.2, 0.4),
        variegation=(0.1, 0.3),
        veil=(0.1, 0.5),
        vessels=(0.4, 1.0),
        scale=(0.0, 0.25),
    ),
    "actinic-keratosis-or-bowen": Traits(
        pigment=(0.05, 0.25),
        blood=(0.3, 0.65),
        border=(0.06, 0.16),
        edge=(0.25, 0.5),
        variegation=(0.1, 0.3),
        follicles=(0.3, 1.0),
        scale=(0.25, 0.8),
    ),
    "benign-keratosis": Traits(
        pigment=(0.3, 0.8),
        blood=(0.0, 0.15),
        border=(0.05, 0.13),
        edge=(0.02, 0.07),
        variegation=(0.2, 0.45),
        cysts=(0.2, 1.0),
        openings=(0.2, 1.0),
        scale=(0.0, 0.2),
    ),
    "dermatofibroma": Traits(
        pigment=(0.25, 0.5),
        blood=(0.05, 0.25),
        edge=(0.3, 0.55),
        network=(0.2, 0.5),
        white_centre=(0.4, 0.9),
    ),
    "vascular-lesion": Traits(
        pigment=(0.0, 0.1),
        blood=(0.6, 1.3),
        border=(0.02, 0.08),
        edge=(0.03, 0.12),
        lacunae=(0.4, 1.0),
        veil=(0.0, 0.3),
    ),
}


class Layers(NamedTuple):
    """Amounts on the lesion's canvas, each of shape (CANVAS_PX, CANVAS_PX)."""

    inside: FloatArray  # 1 in the lesion, 0 outside, fading across the edge
    melanin: FloatArray
    blood: FloatArray
    veil: FloatArray
    white: FloatArray


def draw_layers(generator: np.random.Generator, traits: Traits) -> Layers:
    """Draw one lesion."""
    amount = {name: float(generator.uniform(*limits)) for name, limits in vars(traits).items()}
    depth = _depth(generator, amount["asymmetry"], amount["border"])
    inside = 1 / (1 + np.exp(-depth / max(amount["edge"] / 3, 0.01)))
    body = np.clip(depth, 0, None)
    patches = smooth_noise(generator, inside.shape, scale_px=CANVAS_PX / 7)
    lean = _lean(generator)
    melanin = amount["pigment"] * (1 + amount["variegation"] * patches + amount["asymmetry"] * lean)
    blood = amount["blood"] * (
        1 + 0.35 * smooth_noise(generator, inside.shape, scale_px=CANVAS_PX / 9)
    )
    if amount["network"]:
        # Lines stand out against paler holes and fade towards the rim, as in a nevus.
        lines = _network(generator)
        melanin *= 1 + amount["network"] * (1.5 * lines - 0.5) * np.exp(-2.5 * body)
    if amount["globules"]:
        spots = _spots(generator, depth, count=int(10 + 50 * amount["globules"]), radius=(1.5, 4.5))
        melanin += 0.8 * amount["globules"] * spots
    if amount["openings"]:
        plugs = _spots(generator, depth, count=int(20 * amount["openings"]), radius=(1.5, 4.0))
        melanin += 1.0 * plugs
    if amount["streaks"]:
        melanin += 0.9 * amount["streaks"] * _streaks(generator, depth)
    if amount["lacunae"]:
        lakes = _spots(generator, depth, count=int(6 + 22 * amount["lacunae"]), radius=(5.0, 13.0))
        blood += 0.9 * amount["lacunae"] * lakes
    if amount["vessels"]:
        blood += 1.2 * amount["vessels"] * _vessels(generator, depth)
    holes = np.zeros_like(inside)
    if amount["follicles"]:
        holes = _spots(generator, depth, count=int(70 * amount["follicles"]), radius=(1.5, 3.0))
        blood *= 1 - 0.7 * holes
    veil = _patch(generator, inside.shape, share=amount["veil"])
    white = 0.55 * _patch(generator, inside.shape, share=amount["scale"], fine=True) + 0.3 * holes
    if amount["cysts"]:
        beads = _spots(generator, depth, count=int(28 * amount["cysts"]), radius=(1.2, 3.2))
        white = np.maximum(white, 0.75 * beads)
    if amount["white_centre"]:
        centre = 1 / (1 + np.exp(-(body - 0.55) / 0.06))
        white = np.maximum(white, amount["white_centre"] * centre * (1 + 0.15 * patches))
    return Layers(
        inside=inside,
        melanin=np.clip(melanin, 0, 2.6) * inside,
        blood=np.clip(blood, 0, 2.6) * inside,
        veil=np.clip(veil, 0, 0.85) * inside,
        white=np.clip(white, 0, 0.9) * inside,
    )


def _grid() -> tuple[FloatArray, FloatArray]:
    axis = np.linspace(-CANVAS_REACH, CANVAS_REACH, CANVAS_PX)
    down, right = np.meshgrid(axis, axis, indexing="ij")
    return down, right


def _depth(generator: np.random.Generator, asymmetry: float, border: float) -> FloatArray:
    """1 at the centre, 0 on the outline, negative outside; in units of the radius."""
    down, right = _grid()
    around = np.linspace(-np.pi, np.pi, 361)
    outline = 1 + 0.3 * asymmetry * np.cos(2 * (around - generator.uniform(0, 2 * np.pi)))
    for wave in range(3, 13):
        size = border * generator.normal() * (2 / wave)
        outline += size * np.cos(wave * around + generator.uniform(0, 2 * np.pi))
    limit = np.interp(np.arctan2(down, right), around, np.clip(outline, 0.4, 1.45))
    return 1 - np.hypot(down, right) / limit


def _lean(generator: np.random.Generator) -> FloatArray:
    """A slope from -1 to 1 across the canvas in a random direction."""
    down, right = _grid()
    angle = generator.uniform(0, 2 * np.pi)
    return np.asarray((np.cos(angle) * right + np.sin(angle) * down) / CANVAS_REACH)


def _network(generator: np.random.Generator) -> FloatArray:
    """Lines between the cells of a jittered honeycomb, 0 to 1."""
    spacing = generator.uniform(7, 11)
    steps = np.arange(-spacing, CANVAS_PX + spacing, spacing)
    rows, columns = np.meshgrid(steps * 0.87, steps, indexing="ij")
    columns = columns + 0.5 * spacing * (np.arange(len(steps))[:, None] % 2)
    points = np.stack([rows.ravel(), columns.ravel()], 1)
    points += generator.normal(0, 0.16 * spacing, points.shape)
    half = np.moveaxis(np.mgrid[0:CANVAS_PX:2, 0:CANVAS_PX:2], 0, -1).reshape(-1, 2)
    nearest = np.asarray(cKDTree(points).query(half, k=2)[0])
    lines = np.exp(-(((nearest[:, 1] - nearest[:, 0]) / (0.22 * spacing)) ** 2))
    side = CANVAS_PX // 2
    return np.asarray(ndimage.zoom(lines.reshape(side, side), 2, order=1))


def _inside_points(generator: np.random.Generator, depth: FloatArray, count: int) -> FloatArray:
    rows, columns = np.nonzero(depth > 0.06)
    chosen = generator.integers(len(rows), size=count)
    return np.stack([columns[chosen], rows[chosen]], 1) + generator.uniform(0, 1, (count, 2))


def _spots(
    generator: np.random.Generator, depth: FloatArray, *, count: int, radius: Range
) -> FloatArray:
    """Soft round spots inside the outline, 0 to 1."""
    canvas, draw = _blank()
    for x, y in _inside_points(generator, depth, count) * _SUPERSAMPLING:
        r = generator.uniform(*radius) * _SUPERSAMPLING
        stretch = generator.uniform(0.8, 1.25)
        draw.ellipse((x - r * stretch, y - r / stretch, x + r * stretch, y + r / stretch), fill=255)
    return _amount(canvas)


def _streaks(generator: np.random.Generator, depth: FloatArray) -> FloatArray:
    """Finger-like lines that run out of the lesion over a part of its rim."""
    canvas, draw = _blank()
    centre = CANVAS_PX / 2
    start = generator.uniform(0, 2 * np.pi)
    for angle in start + generator.uniform(0, generator.uniform(1.5, 5), 26):
        direction = np.array([np.cos(angle), np.sin(angle)])
        along = np.arange(20, CANVAS_PX / 2 - 2)
        path = centre + along[:, None] * direction
        rim = along[np.argmin(np.abs(depth[path[:, 1].astype(int), path[:, 0].astype(int)]))]
        ends = centre + np.array([[rim - 14], [rim + generator.uniform(0, 9)]]) * direction
        draw.line([tuple(end * _SUPERSAMPLING) for end in ends], fill=255, width=2 * _SUPERSAMPLING)
    return _amount(canvas)


def _vessels(generator: np.random.Generator, depth: FloatArray) -> FloatArray:
    """Branching trees of vessels that grow thinner."""
    canvas, draw = _blank()
    tips = [
        (point, generator.uniform(0, 2 * np.pi), generator.uniform(2.2, 3.6))
        for point in _inside_points(generator, depth, int(generator.integers(2, 5)))
    ]
    while tips:
        point, angle, width = tips.pop()
        for _ in range(int(generator.integers(5, 11))):
            angle += generator.normal(0, 0.28)
            ahead = point + 4.5 * np.array([np.cos(angle), np.sin(angle)])
            ends = [tuple(point * _SUPERSAMPLING), tuple(ahead * _SUPERSAMPLING)]
            draw.line(ends, fill=255, width=max(int(width * _SUPERSAMPLING), 1))
            point = ahead
        if width > 1.1:
            turns = generator.uniform(0.35, 0.9) * np.array([-1, 1])
            tips += [(point, angle + turn, 0.66 * width) for turn in turns]
    return _amount(canvas)


def _patch(
    generator: np.random.Generator, shape: tuple[int, int], *, share: float, fine: bool = False
) -> FloatArray:
    """Cloudy patches that cover about `share` of the canvas, 0 to 1."""
    if not share:
        return np.zeros(shape)
    noise = smooth_noise(generator, shape, scale_px=CANVAS_PX / (18 if fine else 5))
    threshold = np.quantile(noise, 1 - 0.7 * share)
    return 1 / (1 + np.exp(-(noise - threshold) / 0.25))


def _blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    side = CANVAS_PX * _SUPERSAMPLING
    canvas = Image.new("L", (side, side))
    return canvas, ImageDraw.Draw(canvas)


def _amount(canvas: Image.Image) -> FloatArray:
    small = canvas.resize((CANVAS_PX, CANVAS_PX), Image.Resampling.BOX)
    return np.asarray(ndimage.gaussian_filter(np.asarray(small, np.float64) / 255, 0.6))
