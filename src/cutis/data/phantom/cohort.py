"""Patients with lesions, lesions with images, and the files they are written to."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

from cutis import RESEARCH_USE_NOTICE
from cutis.checks import BoolArray, FloatArray, UInt8Array
from cutis.data.phantom.artefacts import ArtefactRates, add_artefacts
from cutis.data.phantom.lesion import CANVAS_PX, CANVAS_REACH, TRAITS, Layers, draw_layers
from cutis.data.phantom.skin import (
    VEIL,
    WHITE,
    draw_skin,
    mixed,
    transmitted,
)
from cutis.errors import InputError
from cutis.files import atomic_path, is_file, is_folder, require_writable
from cutis.perturbation.drawing import smooth_noise, to_uint8

# Shares of lesions: nevi lead as in a clinic, rarer classes are kept frequent enough to learn.
SHARES = {
    "nevus": 0.34,
    "melanoma": 0.16,
    "benign-keratosis": 0.14,
    "basal-cell-carcinoma": 0.12,
    "actinic-keratosis-or-bowen": 0.09,
    "vascular-lesion": 0.08,
    "dermatofibroma": 0.07,
}
MEAN_AGE = {"nevus": 42, "dermatofibroma": 45, "vascular-lesion": 50, "melanoma": 61}
SITES = ("back", "abdomen", "chest", "face", "scalp", "upper extremity", "lower extremity", "foot")
COLUMNS = (
    "image_id",
    "lesion_id",
    "patient_id",
    "diagnosis",
    "age",
    "sex",
    "site",
    "fitzpatrick",
    "artefacts",
)
README = f"""\
A phantom set: drawn pictures in the style of dermoscopy, made by `cutis data phantom`.
Nothing here was measured on a person; it is no evidence about skin or about any model of it.
{RESEARCH_USE_NOTICE}
"""


class PhantomSettings(BaseModel):
    """How a phantom set is drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    height: int = Field(168, ge=48, le=1024, description="Of every image, px.")
    width: int = Field(224, ge=48, le=1024, description="Of every image, px.")
    images_per_lesion: float = Field(1.35, ge=1, le=3, description="Mean; at most 3.")
    mimicry: float = Field(
        0.08, ge=0, le=1, description="Share of lesions that look like another diagnosis."
    )
    artefacts: ArtefactRates = ArtefactRates()


@dataclass(frozen=True)
class PhantomLesion:
    """One lesion of one patient."""

    lesion_id: str
    patient_id: str
    diagnosis: str
    age_years: int
    sex: str
    site: str
    fitzpatrick: int
    images: int
    seed: int


def draw_phantom_set(
    out: Path, *, images: int, seed: int, settings: PhantomSettings | None = None
) -> Path:
    """Draw a set: `images/*.jpg`, `masks/*.png`, `metadata.csv` and a README.

    The same arguments give the same bytes. The folder appears whole or not at all.

    Args:
        out: Must not exist, or be empty.
        images: How many, at least 1.
        seed: Of everything drawn.
        settings: Size, mimicry and artefacts.

    Returns:
        `out`.

    Raises:
        InputError: `images` is below 1, `seed` negative, or the folder holds something.
        OutputError: the folder cannot be written.
    """
    if images < 1:
        raise InputError(f"images: {images} is not at least 1")
    if seed < 0:
        raise InputError(f"seed: {seed} is negative")
    if is_file(out) or (is_folder(out) and any(out.iterdir())):
        raise InputError(f"{out}: already there and not empty; choose another folder")
    settings = settings or PhantomSettings()
    bytes_each = 8_192 + settings.height * settings.width // 2  # a picture and its mask, generously
    require_writable(out.absolute().parent, free_bytes=images * bytes_each)
    with atomic_path(out) as partial:
        (partial / "images").mkdir(parents=True)
        (partial / "masks").mkdir()
        rows: list[tuple[object, ...]] = []
        for lesion in draw_cohort(images=images, seed=seed, settings=settings):
            for picture, mask, artefacts in draw_images(lesion, settings):
                image_id = f"PHANTOM_{len(rows):06d}"
                image = Image.fromarray(picture)
                image.save(partial / "images" / f"{image_id}.jpg", quality=92)
                Image.fromarray(mask).save(partial / "masks" / f"{image_id}.png")
                rows.append(_row(image_id, lesion, artefacts))
        with (partial / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(rows)
        (partial / "README.txt").write_text(README, encoding="utf-8")
    return out


def draw_cohort(*, images: int, seed: int, settings: PhantomSettings) -> list[PhantomLesion]:
    """The lesions of a set of exactly `images` images, classes in fixed shares, patients mixed."""
    generator = np.random.default_rng(seed)
    extra = settings.images_per_lesion - 1
    per_lesion: list[int] = []
    while sum(per_lesion) < images:
        wanted = 1 + int(generator.binomial(2, extra / 2))
        per_lesion.append(min(wanted, images - sum(per_lesion)))
    diagnoses = _quota(len(per_lesion))
    generator.shuffle(diagnoses)
    lesions: list[PhantomLesion] = []
    patient = -1
    for number, (diagnosis, count) in enumerate(zip(diagnoses, per_lesion, strict=True)):
        if patient < 0 or generator.random() < 0.7:
            patient += 1
            fitzpatrick = int(generator.choice(6, p=[0.16, 0.3, 0.26, 0.14, 0.09, 0.05])) + 1
            sex = str(generator.choice(["female", "male"]))
            age = int(np.clip(generator.normal(MEAN_AGE.get(diagnosis, 66), 13), 5, 95))
        lesions.append(
            PhantomLesion(
                lesion_id=f"PHL_{number:05d}",
                patient_id=f"PHP_{patient:05d}",
                diagnosis=diagnosis,
                age_years=age,
                sex=sex,
                site=str(generator.choice(SITES)),
                fitzpatrick=fitzpatrick,
                images=count,
                seed=int(generator.integers(2**63)),
            )
        )
    return lesions


def draw_images(
    lesion: PhantomLesion, settings: PhantomSettings
) -> Iterator[tuple[UInt8Array, BoolArray, tuple[str, ...]]]:
    """Each image of a lesion: the picture (h, w, 3), its mask (h, w), its artefacts."""
    generator = np.random.default_rng(lesion.seed)
    looks_like = lesion.diagnosis
    if generator.random() < settings.mimicry:
        looks_like = str(generator.choice([name for name in TRAITS if name != looks_like]))
    layers = draw_layers(generator, TRAITS[looks_like])
    radius = generator.uniform(0.26, 0.42)  # of the short side
    for _ in range(lesion.images):
        yield _view(generator, layers, lesion, settings, radius)


def _view(
    generator: np.random.Generator,
    layers: Layers,
    lesion: PhantomLesion,
    settings: PhantomSettings,
    radius: float,
) -> tuple[UInt8Array, BoolArray, tuple[str, ...]]:
    shape = (settings.height, settings.width)
    seen = _placed(generator, layers, shape, radius_px=radius * min(shape))
    picture = draw_skin(generator, shape, fitzpatrick=lesion.fitzpatrick)
    picture = picture * transmitted(seen.melanin, seen.blood)
    picture = mixed(picture, VEIL, 0.75 * seen.veil)
    picture = mixed(picture, WHITE * picture.mean() / 190, seen.white)
    light = generator.normal(1.0, 0.06) * generator.normal(1, 0.02, 3)
    shading = 1 + 0.05 * smooth_noise(generator, shape, scale_px=0.7 * shape[0])
    picture, artefacts = add_artefacts(
        generator, picture * light * shading[..., None], settings.artefacts
    )
    return to_uint8(picture), seen.inside > 0.5, artefacts


def _placed(
    generator: np.random.Generator, layers: Layers, shape: tuple[int, int], *, radius_px: float
) -> Layers:
    """The lesion's layers as an image sees them: turned, zoomed, shifted, perhaps mirrored."""
    angle = generator.uniform(0, 2 * np.pi)
    zoom = radius_px * generator.uniform(0.88, 1.12)
    centre = np.array(shape) / 2 + generator.normal(0, 0.05, 2) * shape
    mirror = -1 if generator.random() < 0.5 else 1
    y, x = np.mgrid[: shape[0], : shape[1]]
    down, right = (y - centre[0]) / zoom, mirror * (x - centre[1]) / zoom
    per_radius = (CANVAS_PX - 1) / (2 * CANVAS_REACH)
    at = [
        (np.cos(angle) * down - np.sin(angle) * right + CANVAS_REACH) * per_radius,
        (np.sin(angle) * down + np.cos(angle) * right + CANVAS_REACH) * per_radius,
    ]

    def sampled(layer: FloatArray) -> FloatArray:
        return np.asarray(ndimage.map_coordinates(layer, at, order=1, mode="nearest"))

    return Layers(*map(sampled, layers))


def _quota(lesions: int) -> list[str]:
    """Diagnoses in fixed shares, every class at least three times where there is room."""
    floor = 3 if lesions >= 3 * len(SHARES) else 0
    free = lesions - floor * len(SHARES)
    exact = np.array(list(SHARES.values())) * free
    counts = np.floor(exact).astype(int)
    for index in np.argsort(counts - exact, kind="stable")[: free - counts.sum()]:
        counts[index] += 1
    return [name for name, n in zip(SHARES, counts + floor, strict=True) for _ in range(n)]


def _row(image_id: str, lesion: PhantomLesion, artefacts: tuple[str, ...]) -> tuple[object, ...]:
    return (
        image_id,
        lesion.lesion_id,
        lesion.patient_id,
        lesion.diagnosis,
        lesion.age_years,
        lesion.sex,
        lesion.site,
        lesion.fitzpatrick,
        " ".join(artefacts),
    )
