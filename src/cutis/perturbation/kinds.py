"""Every perturbation by name, in steps of severity.

Sizes are shares of the picture's short side, so that a severity looks the same at any resolution.
All steps of one kind draw from the same seed: what is there at one severity is still there at the
next, and a comparison of severities is not blurred by chance.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cutis.checks import BoolArray, UInt8Array, did_you_mean
from cutis.errors import InputError
from cutis.perturbation import artefacts, camera, geometry, skin
from cutis.perturbation.drawing import to_uint8

_FINEST_GRAIN = 1 / 224  # of the short side


@dataclass(frozen=True, eq=False)
class Scene:
    """What a perturbation works on."""

    picture: UInt8Array  # (h, w, 3)
    generator: np.random.Generator
    mask: BoolArray | None = None  # (h, w), true on the lesion

    @property
    def unit_px(self) -> int:
        """The short side."""
        return int(min(self.picture.shape[:2]))


@dataclass(frozen=True)
class Perturbation:
    """One kind of change in steps of severity."""

    what: str
    amount: str  # what a level counts, with its unit
    levels: tuple[float, ...]  # one per severity, from mild to strong
    apply: Callable[[Scene, float], UInt8Array]
    needs_mask: bool = False

    @property
    def severities(self) -> range:
        """From 1."""
        return range(1, len(self.levels) + 1)


def perturb(
    picture: UInt8Array, kind: str, severity: int, *, seed: int, mask: BoolArray | None = None
) -> UInt8Array:
    """Change a picture.

    Args:
        picture: Shape (h, w, 3), uint8; left as it is.
        kind: A name of `PERTURBATIONS`.
        severity: From 1, at most as many as the kind has levels.
        seed: Of the picture, see `seed_of`. The same arguments give the same bytes.
        mask: Shape (h, w), true on the lesion; only `painted_over` asks for it.

    Returns:
        The same shape and type.

    Raises:
        InputError: no such kind or severity; no picture; or a mask is missing, empty, of another
            size, or leaves too little skin to paint with.
    """
    found = perturbation(kind)
    if severity not in found.severities:
        raise InputError(f"severity: {kind} has 1 to {len(found.levels)}, not {severity}")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3 or not picture.size:
        raise InputError(f"picture: {picture.dtype} {picture.shape}, expected uint8 (h, w, 3)")
    generator = np.random.default_rng([seed, *kind.encode()])
    return found.apply(Scene(picture, generator, mask), found.levels[severity - 1])


def perturbation(kind: str) -> Perturbation:
    """The kind of that name.

    Raises:
        InputError: there is none, with the nearest spelling.
    """
    if kind not in PERTURBATIONS:
        known = ", ".join(PERTURBATIONS)
        guess = did_you_mean(kind, PERTURBATIONS)
        raise InputError(f"perturbation {kind!r} is not one of {known}{guess}")
    return PERTURBATIONS[kind]


def seed_of(image_id: str, *, seed: int = 0) -> int:
    """The seed of one image, from its name, so that it does not depend on the other images."""
    digest = hashlib.sha256(f"{seed}:{image_id}".encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big")


def _exactly(level: float) -> artefacts.Counts:
    return int(level), int(level) + 1


def _ink(scene: Scene, level: float) -> UInt8Array:
    picture = scene.picture.astype(np.float64)
    return to_uint8(
        artefacts.draw_ink(scene.generator, picture, unit_px=scene.unit_px, count=_exactly(level))
    )


def _ruler(scene: Scene, level: float) -> UInt8Array:
    unit = scene.unit_px
    return to_uint8(
        artefacts.draw_ruler(
            scene.generator,
            scene.picture.astype(np.float64),
            spacing_px=(0.04 * unit, 0.06 * unit),
            long_px=level * unit,
            short_px=0.55 * level * unit,
            thickness_px=0.008 * unit,
        )
    )


def _hair(scene: Scene, level: float) -> UInt8Array:
    return to_uint8(
        artefacts.draw_hair(
            scene.generator,
            scene.picture.astype(np.float64),
            unit_px=scene.unit_px,
            count=_exactly(level),
            thickness_px=(0.007 * scene.unit_px, 0.015 * scene.unit_px),
        )
    )


def _bubbles(scene: Scene, level: float) -> UInt8Array:
    picture = scene.picture.astype(np.float64)
    return to_uint8(
        artefacts.draw_bubbles(
            scene.generator, picture, unit_px=scene.unit_px, count=_exactly(level)
        )
    )


def _dark_corners(scene: Scene, level: float) -> UInt8Array:
    half_diagonal = math.hypot(*scene.picture.shape[:2]) / 2
    picture = scene.picture.astype(np.float64)
    return to_uint8(
        artefacts.darken_corners(
            picture, radius_px=level * half_diagonal, softness_px=0.025 * scene.unit_px
        )
    )


def _noise(scene: Scene, level: float) -> UInt8Array:
    grain = _FINEST_GRAIN * scene.unit_px
    return camera.with_noise(scene.generator, scene.picture, deviation=level, grain_px=grain)


def _either_way(scene: Scene) -> int:
    """1 or -1, the same for every severity."""
    return 1 if scene.generator.random() < 0.5 else -1


def _white_balance(scene: Scene, level: float) -> UInt8Array:
    return camera.balanced(scene.picture, warmth_stops=_either_way(scene) * level)


def _rotation(scene: Scene, level: float) -> UInt8Array:
    return geometry.rotated(scene.picture, degrees=_either_way(scene) * level)


def _painted_over(scene: Scene, level: float) -> UInt8Array:
    if scene.mask is None:
        raise InputError("painted_over: needs the mask of the lesion")
    margin_px = level * scene.unit_px
    return skin.painted_over(scene.generator, scene.picture, scene.mask, margin_px=margin_px)


PERTURBATIONS: Mapping[str, Perturbation] = {
    "ink": Perturbation("violet pen marks from the edges", "strokes", (1, 2, 3, 5, 8), _ink),
    "ruler": Perturbation(
        "a ruler's ticks along an edge",
        "length of the long ticks / short side",
        (0.06, 0.10, 0.16, 0.24, 0.36),
        _ruler,
    ),
    "hair": Perturbation("hairs across the frame", "hairs", (3, 8, 16, 28, 48), _hair),
    "bubbles": Perturbation("bubbles in the gel", "bubbles", (3, 6, 12, 24, 48), _bubbles),
    "dark_corners": Perturbation(
        "the black rim of the tube",
        "radius of the lit circle / half diagonal",
        (0.95, 0.85, 0.75, 0.67, 0.60),
        _dark_corners,
    ),
    "blur": Perturbation(
        "out of focus",
        "standard deviation / short side",
        (0.006, 0.010, 0.016, 0.024, 0.035),
        lambda scene, level: camera.blurred(scene.picture, sigma_px=level * scene.unit_px),
    ),
    "noise": Perturbation(
        "grain in each channel, no finer than the short side / 224",
        "standard deviation of 255",
        (4, 8, 14, 22, 32),
        _noise,
    ),
    "jpeg": Perturbation(
        "saved as JPEG; its blocks have 8 pixels whatever the picture's size",
        "quality",
        (60, 40, 25, 15, 7),
        lambda scene, level: camera.as_jpeg(scene.picture, quality=int(level)),
    ),
    "darker": Perturbation(
        "less light",
        "stops lost",
        (0.3, 0.6, 1.0, 1.5, 2.0),
        lambda scene, level: camera.exposed(scene.picture, stops=-level),
    ),
    "brighter": Perturbation(
        "more light",
        "stops gained",
        (0.2, 0.4, 0.6, 0.9, 1.2),
        lambda scene, level: camera.exposed(scene.picture, stops=level),
    ),
    "white_balance": Perturbation(
        "warmer or colder light",
        "stops between red and blue",
        (0.15, 0.30, 0.50, 0.75, 1.00),
        _white_balance,
    ),
    "zoom_in": Perturbation(
        "the centre, larger",
        "magnification",
        (1.10, 1.25, 1.40, 1.70, 2.00),
        lambda scene, level: geometry.zoomed(scene.picture, factor=level),
    ),
    "zoom_out": Perturbation(
        "from further away, the edges carried on",
        "magnification",
        (0.95, 0.90, 0.85, 0.80, 0.75),
        lambda scene, level: geometry.zoomed(scene.picture, factor=level),
    ),
    "rotation": Perturbation(
        "turned either way, the edges carried on", "degrees", (5, 15, 30, 60, 90), _rotation
    ),
    "flip": Perturbation(
        "mirrored; three ways without an order",
        "1 left to right, 2 top to bottom, 3 both",
        (1, 2, 3),
        lambda scene, level: geometry.flipped(
            scene.picture, left_right=level in (1, 3), top_bottom=level in (2, 3)
        ),
    ),
    "painted_over": Perturbation(
        "the whole lesion under skin colour",
        "opaque margin around the mask / short side",
        (0.02, 0.04, 0.07, 0.11, 0.15),
        _painted_over,
        needs_mask=True,
    ),
}
