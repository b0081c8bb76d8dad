"""Pictures that are no dermoscopy, drawn from a seed: blank, gradients, noise, text, charts, screens.

    python benchmarks/outsiders.py FOLDER

writes twelve of each kind to look at. `benchmarks/rejection.py` asks how many of them are refused.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cutis.checks import FloatArray, UInt8Array
from cutis.perturbation.drawing import smooth_noise

SIDE_PX = 256
WORDS = (
    "patient",
    "referred",
    "lesion",
    "on",
    "the",
    "left",
    "total",
    "due",
    "page",
    "figure",
    "a",
)
SKIN = (224, 172, 150)  # the middle of what skin looks like under a dermatoscope

Generator = np.random.Generator


def blank(generator: Generator) -> UInt8Array:
    """One colour, of skin or any, with a sensor's faint noise half of the time."""
    plain = np.broadcast_to(_colour(generator), (SIDE_PX, SIDE_PX, 3))
    grain = generator.normal(0, generator.uniform(0.5, 3), plain.shape)
    return _picture(plain + grain * generator.integers(2))


def gradient(generator: Generator) -> UInt8Array:
    """From one colour to another, along a line or outwards."""
    first, last = _colour(generator), _colour(generator)
    rows, columns = np.mgrid[-1 : 1 : SIDE_PX * 1j, -1 : 1 : SIDE_PX * 1j]
    angle = generator.uniform(0, 2 * np.pi)
    along = np.cos(angle) * rows + np.sin(angle) * columns
    ramp = along if generator.integers(2) else np.hypot(rows, columns)
    share = (ramp - ramp.min()) / np.ptp(ramp)
    return _picture(first + share[..., None] * (last - first))


def noise(generator: Generator) -> UInt8Array:
    """Independent pixels, or coloured clouds of any size; in grey a third of the time."""
    scale_px = float(np.exp(generator.uniform(0, np.log(60))))
    shape = (SIDE_PX, SIDE_PX)
    planes = [
        generator.standard_normal(shape)
        if scale_px < 2
        else smooth_noise(generator, shape, scale_px=scale_px)
        for _channel in range(3)
    ]
    if generator.integers(3) == 0:
        planes = [planes[0]] * 3
    spread = generator.uniform(25, 90)
    return _picture(np.stack(planes, axis=-1) * spread + _colour(generator))


def text(generator: Generator) -> UInt8Array:
    """A page of print."""
    paper, ink = int(generator.integers(225, 256)), int(generator.integers(0, 70))
    page = Image.new("RGB", (SIDE_PX, SIDE_PX), (paper,) * 3)
    _write_lines(ImageDraw.Draw(page), generator, (8, 8, SIDE_PX - 8, SIDE_PX - 8), (ink,) * 3)
    return np.asarray(page)


def chart(generator: Generator) -> UInt8Array:
    """Bars, a line or a pie on white."""
    page = Image.new("RGB", (SIDE_PX, SIDE_PX), "white")
    draw = ImageDraw.Draw(page)
    kind = generator.integers(3)
    values = generator.uniform(0.1, 1, int(generator.integers(3, 9)))
    left, bottom, reach = 30, SIDE_PX - 25, SIDE_PX - 60
    if kind == 2:
        ends = np.cumsum(values) / values.sum() * 360
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            draw.pieslice((30, 30, SIDE_PX - 30, SIDE_PX - 30), start, end, fill=_ink(generator))
        return np.asarray(page)
    draw.line([(left, 20), (left, bottom), (SIDE_PX - 15, bottom)], fill="black", width=2)
    step = reach / len(values)
    if kind == 1:
        points = [(left + step * (k + 0.5), bottom - reach * v) for k, v in enumerate(values)]
        draw.line(points, fill=_ink(generator), width=3)
    else:
        for k, value in enumerate(values):
            x = left + step * k + 5
            box = (x, bottom - reach * value, x + step * 0.7, bottom)
            draw.rectangle(box, fill=_ink(generator))
    draw.text((60, 4), " ".join(generator.choice(WORDS, 3)), fill="black")
    return np.asarray(page)


def screen(generator: Generator) -> UInt8Array:
    """A desktop or a telephone: a background, a few windows, text in them."""
    background = tuple(map(int, generator.uniform(0, 255, 3)))
    page = Image.new("RGB", (SIDE_PX, SIDE_PX), background)
    draw = ImageDraw.Draw(page)
    for _window in range(int(generator.integers(1, 5))):
        left, top = (int(at) for at in generator.integers(0, SIDE_PX * 2 // 3, 2))
        width, height = (int(side) for side in generator.integers(60, 200, 2))
        is_dark = bool(generator.integers(3) == 0)
        draw.rectangle(
            (left, top, left + width, top + height), fill="#202020" if is_dark else "white"
        )
        draw.rectangle((left, top, left + width, top + 12), fill=_ink(generator))
        box = (left + 5, top + 17, left + width - 5, top + height - 5)
        _write_lines(draw, generator, box, (220,) * 3 if is_dark else (30,) * 3)
    return np.asarray(page)


OUTSIDERS: dict[str, Callable[[Generator], UInt8Array]] = {
    "blank": blank,
    "gradient": gradient,
    "noise": noise,
    "text": text,
    "chart": chart,
    "screen": screen,
}


def draw_outsiders(kind: str, n: int, *, seed: int) -> list[UInt8Array]:
    """Pictures of one of `OUTSIDERS`; kinds and seeds have pictures of their own."""
    generator = np.random.default_rng([seed, list(OUTSIDERS).index(kind)])
    return [OUTSIDERS[kind](generator) for _picture_of_n in range(n)]


def _write_lines(
    draw: ImageDraw.ImageDraw,
    generator: Generator,
    box: tuple[int, int, int, int],
    ink: tuple[int, ...],
) -> None:
    """Fill a box with lines of words, cut where the box ends."""
    left, top, right, bottom = box
    size = float(generator.uniform(9, 22))
    font = ImageFont.load_default(size)
    y = float(top)
    while y + size < bottom:
        line = ""
        while draw.textlength(line, font) < right - left:
            line += f"{generator.choice(WORDS)} "
        while line and draw.textlength(line, font) > right - left:
            line = line[:-1]
        draw.text((left, y), line, font=font, fill=ink)
        y += size * 1.35


def _colour(generator: Generator) -> FloatArray:
    """Near the colour of skin half of the time, else any."""
    if generator.integers(2):
        return np.asarray(SKIN + generator.normal(0, 20, 3))
    return generator.uniform(0, 255, 3)


def _ink(generator: Generator) -> tuple[int, int, int]:
    red, green, blue = map(int, generator.uniform(0, 230, 3))
    return red, green, blue


def _picture(values: FloatArray) -> UInt8Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in OUTSIDERS:
        for row, drawn in enumerate(draw_outsiders(name, 12, seed=0)):
            Image.fromarray(drawn).save(folder / f"{name}-{row:02}.png")
