"""Decoding pictures safely, and the one description of how a picture becomes a network's input.

`load_rgb` is the only place where Cutis opens a picture somebody hands in. `Preprocessing` is stored
in the bundle and used unchanged by the training set, the predictor, the export check and the
service, so that a model never sees pixels prepared in another way than it was trained on.
"""

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cutis.checks import FloatArray, UInt8Array
from cutis.errors import ImageError, InputError

MAX_PIXELS = 120_000_000  # a 12,000 x 10,000 scan; larger headers are refused before decoding
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # JPEG opens MPO too
SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})

Fit = Literal["squash", "crop"]
Interpolation = Literal["bilinear", "bicubic"]
_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def load_rgb(path: Path) -> UInt8Array:
    """Decode a picture to RGB.

    EXIF orientation is applied, palettes and CMYK are converted, transparency is laid on white,
    16-bit greys are scaled to 8 bits, and of an animation the first frame is taken.

    Returns:
        Shape (height, width, 3), uint8.

    Raises:
        ImageError: the file is missing, empty, not one of `FORMATS`, truncated, or its header
            announces more than `MAX_PIXELS` (checked before any pixel is decoded).
    """
    return np.asarray(open_rgb(path))


def open_rgb(path: Path) -> Image.Image:
    """As `load_rgb`, but a Pillow picture of mode RGB."""
    try:
        with warnings.catch_warnings():
            # Pillow's own bomb warning is superseded by MAX_PIXELS; odd metadata is no reason to
            # refuse pixels.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                _refuse_huge(path, picture.size)
                picture.load()
                return _to_rgb(ImageOps.exif_transpose(picture))
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: a folder, not a picture") from None
    except Image.DecompressionBombError as fault:
        raise ImageError(f"{path}: refused, {fault}") from None
    except UnidentifiedImageError:
        raise ImageError(f"{path}: {_what_it_is_instead(path)}") from None
    except ImageError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, OverflowError) as fault:
        raise ImageError(f"{path}: cannot be decoded ({fault}); is it truncated?") from fault


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) from the header, as stored, without decoding.

    Raises:
        ImageError: as `load_rgb`, as far as a header can tell.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                width, height = picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as fault:
        raise ImageError(f"{path}: no readable picture header ({fault})") from None
    return height, width


@dataclass(frozen=True)
class Preprocessing:
    """How an RGB picture becomes a network's input.

    Attributes:
        height, width: Of the network's input, in pixels.
        fit: "squash" resizes the whole frame to the input; "crop" resizes the short side and cuts
            the centre.
        interpolation: "bilinear" or "bicubic", with Pillow's antialiasing.
        mean, std: Per channel, on pixels scaled to [0, 1].
    """

    height: int
    width: int
    fit: Fit = "squash"
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1 or max(self.height, self.width) > 4096:
            raise InputError(f"preprocessing: size {self.height} x {self.width} is not in 1..4096")
        if self.fit not in ("squash", "crop"):
            raise InputError(f"preprocessing: fit {self.fit!r} is neither 'squash' nor 'crop'")
        if self.interpolation not in _RESAMPLING:
            raise InputError(f"preprocessing: interpolation {self.interpolation!r} is unknown")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise InputError("preprocessing: mean and std need three values, std above zero")

    def frame(self, rgb: UInt8Array) -> UInt8Array:
        """Resize a picture of shape (h, w, 3) to shape (height, width, 3), both uint8."""
        size = (self.width, self.height)
        picture = Image.fromarray(rgb)
        resampling = _RESAMPLING[self.interpolation]
        if self.fit == "crop":
            return np.asarray(ImageOps.fit(picture, size, resampling))
        return np.asarray(picture.resize(size, resampling))

    def normalise(self, frame: UInt8Array) -> FloatArray:
        """Scale uint8 pixels (..., h, w, 3) to float32 planes (..., 3, h, w)."""
        mean = np.asarray(self.mean, dtype=np.float32)
        std = np.asarray(self.std, dtype=np.float32)
        scaled = (frame * np.float32(1 / 255) - mean) / std
        return np.ascontiguousarray(np.moveaxis(scaled, -1, -3))

    def __call__(self, rgb: UInt8Array) -> FloatArray:
        """`frame`, then `normalise`: uint8 (h, w, 3) to float32 (3, height, width)."""
        return self.normalise(self.frame(rgb))

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description; `Preprocessing.from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, described: dict[str, Any]) -> "Preprocessing":
        """Read what `to_dict` wrote.

        Raises:
            InputError: keys are missing or unknown, or a value is out of range.
        """
        try:
            triples = {key: tuple(map(float, described[key])) for key in ("mean", "std")}
            return cls(**{**described, **triples})
        except (TypeError, KeyError, ValueError) as fault:
            raise InputError(f"preprocessing: not understood ({fault})") from fault


def _refuse_huge(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path}: refused, its header announces {width} x {height} pixels "
            f"(at most {MAX_PIXELS / 1e6:.0f} million are decoded)"
        )


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture, dtype=np.float64)
        scale = 255 / 65535 if values.max(initial=0) > 255 else 1
        return Image.fromarray(np.clip(values * scale, 0, 255).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        opaque = picture.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        return Image.alpha_composite(white, opaque).convert("RGB")
    return picture.convert("RGB")


def _what_it_is_instead(path: Path) -> str:
    """Say what a file that is not a picture looks like, from its first bytes."""
    with path.open("rb") as stream:
        start = stream.read(512)
    if not start:
        return "the file is empty"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page, not a picture; was the download refused?"
    if start.startswith((b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf")):
        return "an archive, not a picture; unpack it first"
    return f"not a picture in one of the formats {', '.join(FORMATS)}"
