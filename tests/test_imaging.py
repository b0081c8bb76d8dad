"""Every kind of picture is decoded to what a person would see, and everything else is refused."""

import io
import os
import struct
import subprocess
import sys
import threading
import time
import warnings
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, UnidentifiedImageError

from cutis.errors import ImageError, InputError
from cutis.imaging import MAX_PIXELS, MAX_SIDE_PX, Preprocessing, load_rgb

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255,) * 3, (0, 0, 0)
SMALL = np.array([[RED, GREEN], [BLUE, WHITE], [BLACK, RED]], dtype=np.uint8)  # no symmetry

# What a stored picture must look like once it is upright, from the EXIF standard's own words:
# the 0th row and the 0th column of the stored pixels are the visual ... (top, left), and so on.
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],  # top, right
    3: lambda stored: stored[::-1, ::-1],  # bottom, right
    4: lambda stored: stored[::-1],  # bottom, left
    5: lambda stored: stored.swapaxes(0, 1),  # left, top
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],  # right, top
    7: lambda stored: stored.swapaxes(0, 1)[::-1, ::-1],  # right, bottom
    8: lambda stored: stored.swapaxes(0, 1)[::-1],  # left, bottom
}


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png(
    width: int, height: int, rows: bytes, *, bits: int, colour: int, extra: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", header), extra, png_chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + png_chunk(b"IEND", b"")


def png_of_16_bits(values: np.ndarray) -> bytes:
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(width, height, rows, bits=16, colour={1: 0, 2: 4, 3: 2, 4: 6}[channels])


def header_only(kind: str, side: int) -> bytes:
    """The start of a picture of side x side pixels, a few dozen bytes."""
    if kind == "png":
        return png(side, side, b"", bits=8, colour=2)
    if kind == "bmp":
        return (
            b"BM"
            + struct.pack("<IHHI", 54, 0, 0, 54)
            + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 2835, 2835, 0, 0)
        )
    if kind == "gif":
        return (
            b"GIF89a"
            + struct.pack("<HHBBB", side, side, 0, 0, 0)
            + b"\x2c"
            + struct.pack("<HHHHB", 0, 0, side, side, 0)
            + b"\x08\x00"
        )
    if kind == "ppm":
        return f"P6 {side} {side} 255\n".encode()
    if kind == "tiff":
        tags = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1)]
        tags += [(262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, side)]
        tags += [(279, 4, 1, side * side)]
        entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)
    if kind == "webp":  # lossless: a signature byte, then 14 bits each of width - 1 and height - 1
        size = struct.pack("<BI", 0x2F, (side - 1) | (side - 1) << 14) + bytes(7)
        return b"RIFF" + struct.pack("<I", 24) + b"WEBPVP8L" + struct.pack("<I", 12) + size
    jpeg = io.BytesIO()
    Image.new("L", (8, 8)).save(jpeg, "JPEG")
    start, size = jpeg.getvalue(), b"\xff\xc0\x00\x0b\x08"
    at = start.index(size) + len(size)
    return start[:at] + struct.pack(">HH", side, side) + start[at + 4 :]


@pytest.mark.parametrize("kind", ["png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_exif_orientation_is_applied_once(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind}"
    options = {"lossless": True} if kind == "webp" else {}
    Image.fromarray(SMALL).save(path, exif=exif, **options)
    assert np.array_equal(load_rgb(path), UPRIGHT[orientation](SMALL))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photograph_lying_on_its_side_is_turned_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    big = SMALL.repeat(16, axis=0).repeat(16, axis=1)
    Image.fromarray(big).save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    seen = load_rgb(tmp_path / "a.jpg").astype(int)
    assert np.abs(seen - UPRIGHT[orientation](big)).max() < 12


def test_damaged_exif_does_not_cost_the_picture(tmp_path):
    Image.fromarray(SMALL).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fnonsense")
    assert np.array_equal(load_rgb(tmp_path / "a.png"), SMALL)


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_transparency_is_laid_on_white(tmp_path, kind):
    half = Image.new("RGBA", (3, 2), (*RED, 0))
    half.putpixel((0, 0), (*RED, 255))
    half.putpixel((1, 0), (0, 0, 0, 51))  # one fifth of black
    half.save(tmp_path / f"a.{kind}", **({"lossless": True} if kind == "webp" else {}))
    seen = load_rgb(tmp_path / f"a.{kind}")
    assert seen[0].tolist() == [list(RED), [204] * 3, list(WHITE)]
    assert (seen[1] == 255).all()


def test_a_grey_picture_with_alpha_is_laid_on_white(tmp_path):
    Image.fromarray(np.array([[[0, 255], [0, 0]]], np.uint8), "LA").save(tmp_path / "a.png")
    assert load_rgb(tmp_path / "a.png").tolist() == [[list(BLACK), list(WHITE)]]


def test_a_palette_is_looked_up(tmp_path):
    Image.fromarray(SMALL).quantize(8).save(tmp_path / "a.png")
    assert np.array_equal(load_rgb(tmp_path / "a.png"), SMALL)


@pytest.mark.parametrize("transparency", [0, bytes([0, 255])], ids=["one colour", "alpha table"])
def test_transparent_entries_of_a_palette_are_white(tmp_path, transparency):
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "a.png", transparency=transparency)
    assert load_rgb(tmp_path / "a.png").tolist() == [[list(WHITE), list(BLUE)]]


def test_bilevel_pictures_are_black_and_white(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.png")
    assert load_rgb(tmp_path / "a.png").tolist() == [[list(WHITE), list(BLACK)]]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_keeps_the_high_byte(tmp_path, channels):
    values = np.full((2, 3, channels), 65535, dtype=np.uint16)
    values[0, :, : channels - (channels in (2, 4))] = [[0], [257 * 100], [255]]
    (tmp_path / "a.png").write_bytes(png_of_16_bits(values))
    seen = load_rgb(tmp_path / "a.png")
    assert seen[0].tolist() == [[0] * 3, [100] * 3, [0] * 3]
    assert (seen[1] == 255).all()


def test_a_dark_picture_of_16_bits_stays_dark(tmp_path):
    """What is scaled depends on the format, not on the brightest pixel of this picture."""
    Image.fromarray(np.full((2, 2), 200, dtype=np.uint16)).save(tmp_path / "dark.png")
    assert (load_rgb(tmp_path / "dark.png") == 0).all()


def test_the_transparent_grey_of_16_bits_is_white(tmp_path):
    rows = b"\0" + struct.pack(">HH", 1000, 2000)
    mark = png_chunk(b"tRNS", struct.pack(">H", 1000))
    (tmp_path / "a.png").write_bytes(png(2, 1, rows, bits=16, colour=0, extra=mark))
    assert load_rgb(tmp_path / "a.png").tolist() == [[list(WHITE), [7] * 3]]


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_grey_tiff_of_16_bits_is_scaled(tmp_path, order):
    Image.fromarray(np.array([[0, 65535, 257 * 9]], np.uint16).astype(order)).save(
        tmp_path / "a.tif"
    )
    assert load_rgb(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 255, 9]


def test_colour_tiff_of_16_bits_is_scaled(tmp_path):
    pixels = np.array([[[65535, 257 * 7, 0]]], "<u2").tobytes()
    tags = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 3, 134), (259, 3, 1, 1), (262, 3, 1, 2)]
    tags += [(273, 4, 1, 140), (277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 1, 6), (284, 3, 1, 1)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    start = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    (tmp_path / "a.tif").write_bytes(start + struct.pack("<HHH", 16, 16, 16) + pixels)
    assert load_rgb(tmp_path / "a.tif").tolist() == [[[255, 7, 0]]]


@pytest.mark.parametrize("values", [[[0, 70_000]], [[-1, 3]]])
def test_values_beyond_16_bits_are_refused_rather_than_guessed(tmp_path, values):
    Image.fromarray(np.array(values, dtype=np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match="exceed 16 bits"):
        load_rgb(tmp_path / "a.tif")


def test_floating_point_values_are_refused_rather_than_guessed(tmp_path):
    Image.fromarray(np.ones((2, 2), dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match="floating-point"):
        load_rgb(tmp_path / "a.tif")


def test_cmyk_becomes_the_colours_of_the_print(tmp_path):
    """Pillow writes JPEG as Adobe does, inverted and marked so; TIFF holds the inks themselves."""
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow make red
    inks.save(tmp_path / "a.jpg", quality=100)
    inks.save(tmp_path / "a.tif")
    assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()
    for name in ("a.jpg", "a.tif"):
        assert np.abs(load_rgb(tmp_path / name).astype(int) - RED).max() < 8


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "tiff"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, kind):
    frames = [Image.new("RGB", (8, 6), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "webp" else {}
    frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:], **options)
    seen = load_rgb(tmp_path / f"a.{kind}")
    assert seen.shape == (6, 8, 3)
    assert (seen == RED).all()


@pytest.mark.parametrize("kind", ["bmp", "gif", "jpg", "png", "ppm", "tif", "webp"])
def test_every_listed_format_is_read_whatever_its_name(tmp_path, kind):
    Image.new("RGB", (5, 4), WHITE).save(tmp_path / f"a.{kind}")
    renamed = (tmp_path / f"a.{kind}").rename(tmp_path / "picture")
    assert (load_rgb(renamed) == 255).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (20_000, 10), (10, 20_000)])
@pytest.mark.parametrize("fit", ["squash", "crop"])
def test_odd_shapes_still_become_an_input(tmp_path, width, height, fit):
    Image.new("RGB", (width, height), WHITE).save(tmp_path / "a.png")
    images = Preprocessing(8, 6, fit=fit)(load_rgb(tmp_path / "a.png"))
    assert images.shape == (3, 8, 6)
    assert np.allclose(images, 1)


def bad_files() -> dict[str, tuple[bytes, str]]:
    jpeg = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(jpeg, "JPEG")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a.jpg", jpeg.getvalue())
    icon = io.BytesIO()
    Image.new("RGB", (16, 16)).save(icon, "ICO")
    return {
        "empty": (b"", "the file is empty"),
        "truncated": (jpeg.getvalue()[: len(jpeg.getvalue()) // 2], "truncated"),
        "web page": (b"\n <!DOCTYPE html><html>403 Forbidden</html>", "a web page"),
        "marked web page": (b"\xef\xbb\xbf<HTML>", "a web page"),
        "archive": (archive.getvalue(), "an archive"),
        "compressed": (b"\x1f\x8b\x08\0", "an archive"),
        "pdf": (b"%PDF-1.7", "a PDF"),
        "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        "dicom": (bytes(128) + b"DICM", "DICOM"),
        "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        "icon": (icon.getvalue(), "not a picture in one of the formats"),
        "zeros": (bytes(2000), "not a picture in one of the formats"),
        "text": ("Grüße".encode("utf-16"), "not a picture in one of the formats"),
    }


@pytest.mark.parametrize("name", bad_files())
def test_what_is_no_picture_is_named(tmp_path, name):
    content, reason = bad_files()[name]
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=reason) as refused:
        load_rgb(tmp_path / "a.jpg")
    assert str(refused.value).startswith(f"{tmp_path / 'a.jpg'}: ")


def test_a_file_that_vanishes_while_it_is_looked_at_is_refused_like_any_other(
    tmp_path, monkeypatch
):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"%PDF-1.7")

    def vanish(*_given, **_options):
        path.unlink()
        raise UnidentifiedImageError

    monkeypatch.setattr(Image, "open", vanish)
    with pytest.raises(ImageError, match="a PDF"):
        load_rgb(path)


CUT_SHORT = """
import sys
from pathlib import Path
from PIL import ImageFile
from cutis.imaging import load_rgb
path, load = Path(sys.argv[1]), ImageFile.ImageFile.load
def load_and_cut(picture):
    loaded = load(picture)
    path.write_bytes(b"")
    return loaded
ImageFile.ImageFile.load = load_and_cut
print(load_rgb(path).mean())
"""


def test_a_file_that_is_cut_short_while_it_is_read_does_not_end_the_process(tmp_path):
    """Pixels that are mapped rather than read would: the system answers with SIGBUS."""
    Image.new("L", (1000, 1000), 9).save(tmp_path / "a.ppm")
    outcome = subprocess.run(
        [sys.executable, "-c", CUT_SHORT, tmp_path / "a.ppm"], capture_output=True, text=True
    )
    assert (outcome.returncode, outcome.stdout) == (0, "9.0\n"), outcome.stderr


def test_places_that_are_no_files_are_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    for place, reason in (
        (pipe, "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path, "a folder"),
        (tmp_path / "absent.jpg", "no such file"),
        (tmp_path / ("x" * 300), "too long"),
        (Path("a\0b"), "no such file"),
    ):
        with pytest.raises(ImageError, match=reason):
            load_rgb(place)


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "ppm", "tiff", "jpeg"])
def test_a_bomb_is_refused_by_its_header(tmp_path, kind):
    path = tmp_path / f"bomb.{kind}"
    path.write_bytes(header_only(kind, 30_000))
    start = time.perf_counter()
    with pytest.raises(ImageError, match="refused") as refused:
        load_rgb(path)
    assert time.perf_counter() - start < 0.1
    assert "more than 120 million pixels" in str(refused.value)


@pytest.mark.parametrize("side", [10_955, 12_000])
def test_pictures_just_above_the_limit_are_refused_before_pillow_would(tmp_path, side):
    assert side**2 > MAX_PIXELS
    (tmp_path / "big.png").write_bytes(header_only("png", side))
    with pytest.raises(ImageError, match=f"{side} x {side} pixels"):
        load_rgb(tmp_path / "big.png")


def test_an_endless_strip_is_refused(tmp_path):
    (tmp_path / "strip.png").write_bytes(png(MAX_SIDE_PX + 1, 1, b"", bits=8, colour=0))
    with pytest.raises(ImageError, match="along a side"):
        load_rgb(tmp_path / "strip.png")


MEASURE = """
import resource, sys, time
from pathlib import Path
from cutis.errors import ImageError
from cutis.imaging import load_rgb
paths = [Path(name) for name in sys.argv[1:]]
for warm_up in paths[:1]:
    load_rgb(warm_up)
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
for path in paths[1:]:
    try:
        load_rgb(path)
        sys.exit(f"{path} was decoded")
    except ImageError:
        pass
print((time.perf_counter() - start) / len(paths[1:]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bombs_cost_neither_time_nor_memory(tmp_path):
    """A whole decoded bomb would be 2.7 GB; ru_maxrss counts KiB."""
    Image.new("RGB", (600, 450)).save(tmp_path / "harmless.webp")  # loads every plugin
    (tmp_path / "bomb.webp").write_bytes(header_only("webp", 16_383))
    deflated = zlib.compress(bytes(100_000_000), 9)
    profile = png_chunk(b"iCCP", b"p\0\0" + deflated)
    text = png_chunk(b"zTXt", b"t\0\0" + deflated)
    (tmp_path / "profile.png").write_bytes(png(1, 1, b"\0\0", bits=8, colour=0, extra=profile))
    (tmp_path / "text.png").write_bytes(png(1, 1, b"\0\0", bits=8, colour=0, extra=text))
    (tmp_path / "pixels.png").write_bytes(png(30_000, 30_000, bytes(1_000_000), bits=8, colour=2))
    bombs = ["bomb.webp", "pixels.png", "profile.png", "text.png"]
    paths = [str(tmp_path / name) for name in ["harmless.webp", *bombs]]
    outcome = subprocess.run(
        [sys.executable, "-c", MEASURE, *paths], capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stderr
    seconds, growth_kib = map(float, outcome.stdout.split())
    assert seconds < 0.1
    assert growth_kib < 16 * 1024


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM"]),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    kept=st.floats(0.02, 1),
)
def test_a_damaged_file_is_decoded_or_refused_but_never_crashes(
    tmp_path_factory, kind, edits, kept
):
    stored = io.BytesIO()
    Image.fromarray(SMALL.repeat(5, 0).repeat(5, 1)).save(stored, kind)
    content = bytearray(stored.getvalue())
    for place, byte in edits:
        content[int(place * (len(content) - 1))] = byte
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(bytes(content[: max(1, int(kept * len(content)))]))
    with suppress(ImageError):
        assert load_rgb(path).dtype == np.uint8


def test_decoding_leaves_the_settings_of_the_process_alone(tmp_path):
    """Threads decode at once; each would restore the other's filters without a lock."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48), RED).save(tmp_path / "a.jpg", exif=exif)
    before = (list(warnings.filters), ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS)

    def decode() -> None:
        for _ in range(50):
            load_rgb(tmp_path / "a.jpg")

    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert before == (
        list(warnings.filters),
        ImageFile.LOAD_TRUNCATED_IMAGES,
        Image.MAX_IMAGE_PIXELS,
    )


def test_preprocessing_does_what_it_says():
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[:, 1] = 255
    scaled = Preprocessing(2, 2, mean=(0.5, 0, 0), std=(0.5, 1, 2))(rgb)
    assert scaled.dtype == np.float32
    assert scaled[:, 0].tolist() == [[-1, 1], [0, 1], [0, 0.5]]


def test_squash_keeps_the_whole_frame_and_crop_its_proportions():
    rgb = np.zeros((10, 30, 3), np.uint8)
    rgb[:, 10:20] = 255
    assert (Preprocessing(10, 10, fit="crop").frame(rgb) == 255).all()
    squashed = Preprocessing(10, 10).frame(rgb)
    assert squashed[0, 0, 0] == 0
    assert squashed[0, -1, 0] == 0
    assert squashed[0, 5, 0] == 255


def test_a_batch_is_normalised_like_each_of_its_frames():
    frames = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)
    preprocessing = Preprocessing(5, 4, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    together = preprocessing.normalise(frames)
    assert together.flags["C_CONTIGUOUS"]
    assert np.array_equal(together, np.stack([preprocessing.normalise(f) for f in frames]))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_read_nearly_as_if_all_of_it_were_decoded(tmp_path, orientation):
    generator = np.random.default_rng(0)
    blurry = Image.fromarray(generator.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    large, small = tmp_path / "large.jpg", tmp_path / "small.jpg"
    blurry.resize((1200, 900), Image.Resampling.BICUBIC).save(large, quality=90, exif=exif)
    blurry.resize((240, 180), Image.Resampling.BICUBIC).save(small, quality=90, exif=exif)
    preprocessing = Preprocessing(128, 96, "crop")
    decoded = load_rgb(large, least_side_px=256)
    assert decoded.shape == ((450, 600, 3) if orientation == 1 else (600, 450, 3))
    difference = preprocessing.read(large).astype(int) - preprocessing.frame(load_rgb(large))
    assert np.abs(difference).mean() < 0.5
    assert np.abs(difference).max() <= 6
    same = preprocessing.frame(load_rgb(small))
    assert np.array_equal(preprocessing.read(small), same)


def test_preprocessing_survives_its_description():
    preprocessing = Preprocessing(64, 48, "crop", "bicubic", (0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing


@pytest.mark.parametrize(
    "change",
    [
        {"height": 0},
        {"width": 5000},
        {"height": 1.5},
        {"height": "64"},
        {"fit": "stretch"},
        {"interpolation": "nearest"},
        {"mean": [0.5, 0.5]},
        {"mean": [0.5, 0.5, float("nan")]},
        {"std": [1, 1, 0]},
        {"std": "abc"},
        {"gamma": 2},
    ],
)
def test_an_impossible_preprocessing_is_refused(change):
    described = Preprocessing(64, 64).to_dict() | change
    with pytest.raises(InputError, match="preprocessing"):
        Preprocessing.from_dict(described)
