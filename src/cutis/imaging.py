"""Decoding pictures safely, and the one description of how a picture becomes a network's input.

`load_rgb` is the only place where Cutis opens a picture somebody hands in. `Preprocessing` is kept
in the bundle and used unchanged by the training set, the predictor, the export check and the
service, so that a model never sees pixels prepared in another way than it was trained on.

Colour profiles are not applied, in training as in serving. Pillow's own settings are left as they
are: whoever uses Cutis as a library may have chosen them.
"""

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

# The plugins behind `FORMATS`; asked for one that is not loaded, Pillow would load all fifty.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    ImageOps,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from cutis.checks import FloatArray, UInt8Array
from cutis.errors import ImageError, InputError
from cutis.threads import in_threads

MAX_PIXELS = 120_000_000  # a 12,000 x 10,000 scan; larger headers are refused before decoding
MAX_SIDE_PX = 65_535  # what a JPEG can hold; a resize of longer sides would need memory for kernels
_AT_MOST = f"{MAX_PIXELS / 1e6:.0f} million pixels, or {MAX_SIDE_PX} along a side"
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # JPEG opens MPO too
SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})

Fit = Literal["squash", "crop"]
Interpolation = Literal["bilinear", "bicubic"]
_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_UPRIGHT = {  # by EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_OTHER_CONTENT = (  # first bytes, what they mean, what to do
    ((b"<!doctype", b"<html", b"<?xml"), "a web page, not a picture; was the download refused?"),
    ((b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!"), "an archive; unpack it first"),
    ((b"%PDF",), "a PDF document; export its pictures first"),
    ((b"version https://git-lfs",), "a placeholder of Git LFS; run `git lfs pull`"),
)
# A JPEG much larger than a frame is decoded at a half, a quarter or an eighth of its size, not below
# this many times the frame's; the rest is resized as always.
SPARE_SIZE = 2
# Warning filters belong to the whole process, and pictures are decoded in several threads.
_WARNING_FILTERS = threading.Lock()


def load_rgb(path: Path, *, least_side_px: int | None = None) -> UInt8Array:
    """Decode a picture to RGB.

    EXIF orientation is applied, palettes and CMYK are converted, transparency is laid on white,
    16-bit values are scaled to 8 bits, and of an animation the first frame is taken.

    Args:
        path: The picture.
        least_side_px: A JPEG may be decoded at a half, a quarter or an eighth of its size, as long as
            no side falls below this; default, its full size. JPEG's own blocks make that quick.

    Returns:
        Shape (height, width, 3), uint8.

    Raises:
        ImageError: the file is missing, empty, not one of `FORMATS`, truncated, holds values
            without a defined range, or its header announces more than `MAX_PIXELS` or a side above
            `MAX_SIDE_PX` (checked before any pixel is decoded).
    """
    return np.asarray(open_rgb(path, least_side_px=least_side_px))


def open_rgb(path: Path, *, least_side_px: int | None = None) -> Image.Image:
    """As `load_rgb`, but a Pillow picture of mode RGB."""
    _require_file(path)
    try:
        # Pillow maps a file that it opens itself, and one cut short meanwhile would end the process.
        with path.open("rb") as stream, _identified(path, stream) as picture:
            _refuse_huge(path, picture.size)
            if least_side_px is not None:
                picture.draft(None, (least_side_px, least_side_px))  # formats but JPEG ignore it
            picture.load()
            return _to_rgb(path, _upright(picture))
    except ImageError:
        raise
    except Image.DecompressionBombError:  # Pillow's own limit, above `MAX_PIXELS`
        raise ImageError(f"{path}: refused, its header announces more than {_AT_MOST}") from None
    except PermissionError:
        raise ImageError(f"{path}: may not be read (permission denied)") from None
    except MemoryError:
        raise ImageError(f"{path}: decoding it needs more memory than there is") from None
    except Exception as fault:  # a damaged file trips Pillow's parsers in every way there is
        raise ImageError(f"{path}: cannot be decoded ({fault}); is it truncated?") from fault


def unreadable(paths: Sequence[Path], read: Callable[[Path], UInt8Array] = load_rgb) -> list[str]:
    """Decode every picture once, so that long work does not end at one of them.

    Returns:
        Why it cannot be decoded, for each that cannot.
    """

    def fault(path: Path) -> str:
        try:
            read(path)
        except ImageError as why:
            return str(why)
        return ""

    return [why for why in in_threads(fault, paths) if why]


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
        if not (isinstance(self.height, int) and isinstance(self.width, int)):
            raise InputError(f"preprocessing: size {self.height} x {self.width} is not in pixels")
        if min(self.height, self.width) < 1 or max(self.height, self.width) > 4096:
            raise InputError(f"preprocessing: size {self.height} x {self.width} is not in 1..4096")
        if self.fit not in ("squash", "crop"):
            raise InputError(f"preprocessing: fit {self.fit!r} is neither 'squash' nor 'crop'")
        if self.interpolation not in _RESAMPLING:
            raise InputError(f"preprocessing: interpolation {self.interpolation!r} is unknown")
        if len(self.mean) != 3 or len(self.std) != 3 or not min(self.std) > 0:
            raise InputError("preprocessing: mean and std need three values, std above zero")
        if not np.isfinite([*self.mean, *self.std]).all():
            raise InputError("preprocessing: mean and std must be finite")

    def read(self, path: Path) -> UInt8Array:
        """Decode a file and resize it to shape (height, width, 3), as all training and serving does.

        The same as `frame` of the decoded picture, but for JPEGs of `SPARE_SIZE` times its size, of
        which not every pixel is decoded.

        Raises:
            ImageError: as `load_rgb`.
        """
        return self.frame(load_rgb(path, least_side_px=SPARE_SIZE * max(self.height, self.width)))

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
        planes = np.empty((*frame.shape[:-3], 3, *frame.shape[-3:-1]), dtype=np.float32)
        for channel, scaled in enumerate(self._scaled_levels()):
            planes[..., channel, :, :] = scaled[frame[..., channel]]
        return planes

    def _scaled_levels(self) -> FloatArray:
        """What each of the 256 levels becomes in each channel, shape (3, 256)."""
        levels = np.arange(256, dtype=np.float32) * np.float32(1 / 255)
        mean, std = (np.asarray(each, dtype=np.float32)[:, None] for each in (self.mean, self.std))
        return np.asarray((levels - mean) / std)

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


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep Pillow quiet: its bomb warning is superseded by `MAX_PIXELS`, and odd metadata is no
    reason to refuse pixels."""
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _identified(path: Path, stream: BinaryIO) -> Image.Image:
    """The picture of which only the header was read."""
    try:
        with _without_warnings():
            return Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError(f"{path}: {_what_it_is_instead(stream)}") from None


def _require_file(path: Path) -> None:
    """A pipe or a device would let the reader wait for ever."""
    try:
        if path.is_file():
            return
        fault = "not a regular file" if path.exists() else "no such file"
    except OSError as refusal:  # a folder above it may not be entered, or the name is too long
        raise ImageError(f"{path}: {refusal.strerror}") from None
    if path.is_dir():
        fault = "a folder, not a picture"
        if not os.access(path, os.R_OK | os.X_OK):
            fault = "a folder that may not be read (permission denied)"
    raise ImageError(f"{path}: {fault}")


def _refuse_huge(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE_PX:
        raise ImageError(
            f"{path}: refused, its header announces {width} x {height} pixels, more than {_AT_MOST}"
        )


def _upright(picture: Image.Image) -> Image.Image:
    """The decoded picture, turned as its EXIF orientation asks."""
    try:
        with _without_warnings():
            orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # damaged metadata, as in `open_rgb`; the pixels are sound
        return picture
    return picture.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else picture


def _to_rgb(path: Path, picture: Image.Image) -> Image.Image:
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        return _grey_of_16_bits(path, picture)
    if picture.mode == "F":
        raise ImageError(f"{path}: floating-point pixels have no defined range; save it as 8 bits")
    if picture.has_transparency_data:
        opaque = picture.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        return Image.alpha_composite(white, opaque).convert("RGB")
    return picture.convert("RGB")


def _grey_of_16_bits(path: Path, picture: Image.Image) -> Image.Image:
    """Scale 0..65535 to 0..255, whatever the brightest pixel is; the transparent grey is white."""
    values = np.asarray(picture)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ImageError(f"{path}: its values {low}..{high} exceed 16 bits; save it as 8 bits")
    grey = (values >> 8).astype(np.uint8)
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")


def _what_it_is_instead(stream: BinaryIO) -> str:
    """Say what a file that is not a picture looks like, from its first bytes."""
    stream.seek(0)
    start = stream.read(512)
    if not start:
        return "the file is empty"
    if start[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file; save it as JPEG or PNG first"
    if start[128:132] == b"DICM":
        return "a DICOM file; export its picture first"
    opening = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for signatures, meaning in _OTHER_CONTENT:
        if opening.startswith(signatures) or opening.lower().startswith(signatures):
            return meaning
    return f"not a picture in one of the formats {', '.join(FORMATS)}"
