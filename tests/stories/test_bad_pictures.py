"""Every odd file of a day, in one folder: each is answered as it looks, or refused with the reason."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import ExifTags, Image

from cutis.bundle import FACTS, FORMAT_VERSION

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
# To `colour_bundle` red is a melanoma, green a nevus and blue a dermatofibroma.


def half_and_half():
    """Left red and right green, wider than high; its `colour_bundle` answer depends on the sides."""
    picture = Image.new("RGB", (40, 20), RED)
    picture.paste(GREEN, (20, 0, 40, 20))
    return picture


def draw_odd_pictures(folder):
    """Files that are pictures after all, and the diagnosis that each looks like."""
    frames = [Image.new("RGB", (9, 9), colour) for colour in (GREEN, RED, BLUE)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    grey = np.full((12, 12), 200, dtype=np.uint16)  # nearly black: no channel stands out
    Image.fromarray(grey).save(folder / "sixteen-bits.png")
    inks = Image.new("CMYK", (16, 16), (255, 255, 0, 0))  # cyan and magenta make blue
    inks.save(folder / "cmyk.jpg", quality=95)
    palette = Image.new("P", (10, 10), 1)
    palette.putpalette([*BLUE, *RED])
    palette.save(folder / "palette.png", transparency=0)
    clear = Image.new("P", (10, 10), 0)
    clear.putpalette([*BLUE, *RED])
    clear.save(folder / "clear-palette.png", transparency=0)  # nothing but white paper
    Image.new("RGB", (1, 1), GREEN).save(folder / "one-pixel.png")
    Image.new("RGB", (20_000, 10), BLUE).save(folder / "strip.png")
    return {
        "animated": "nevus",
        "sixteen-bits": None,
        "cmyk": "dermatofibroma",
        "palette": "melanoma",
        "clear-palette": None,
        "one-pixel": "nevus",
        "strip": "dermatofibroma",
    }


def write_what_is_no_picture(folder):
    """Files named like pictures, and the reason that each is refused with."""
    Image.new("RGB", (300, 200), RED).save(folder / "whole.jpg")
    content = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "truncated.jpg").write_bytes(content[: len(content) // 2])
    (folder / "zero-bytes.png").touch()
    with zipfile.ZipFile(folder / "archive.jpg", "w") as archive:
        archive.writestr("picture.jpg", content)
    return {
        "truncated.jpg": "truncated",
        "zero-bytes.png": "the file is empty",
        "archive.jpg": "an archive; unpack it first",
    }


def test_a_folder_of_odd_files_is_answered_as_far_as_it_can_be(cutis, colour_bundle, tmp_path):
    answered = draw_odd_pictures(tmp_path)
    refused = write_what_is_no_picture(tmp_path)
    code, out, err = cutis("predict", tmp_path, "--model", colour_bundle, "--json")
    assert code == 1
    assert "Traceback" not in err
    told = json.loads(out)
    given = {image["image_id"]: image["probabilities"] for image in told["images"]}
    assert given.keys() == answered.keys()
    for name, diagnosis in answered.items():
        values = given[name]
        if diagnosis is None:  # grey, black and white speak for no colour
            assert max(values.values()) - min(values.values()) < 1e-3, name
        else:
            assert values[diagnosis] > 0.99, name
    reasons = {
        failure["path"].rpartition("/")[2]: failure["reason"] for failure in told["failures"]
    }
    assert reasons.keys() == refused.keys()
    for name, reason in refused.items():
        assert reason in reasons[name]
        assert reason in err


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_taken_on_its_side_gets_the_answer_of_the_upright_one(
    cutis, colour_bundle, tmp_path, orientation
):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = half_and_half()
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    stored.save(tmp_path / "turned.png", exif=exif)
    out = cutis("predict", tmp_path, "--model", colour_bundle, "--json")[1]
    turned, straight = (image["probabilities"] for image in json.loads(out)["images"])
    assert turned == straight
    assert straight["melanoma"] != pytest.approx(straight["nevus"], abs=0.05)


def test_a_bundle_of_a_newer_format_asks_for_a_newer_cutis(cutis, colour_bundle, tmp_path):
    shutil.copytree(colour_bundle, tmp_path / "bundle")
    facts = tmp_path / "bundle" / FACTS
    described = json.loads(facts.read_text()) | {"format_version": FORMAT_VERSION + 1}
    facts.write_text(json.dumps(described))
    Image.new("RGB", (9, 9), RED).save(tmp_path / "red.png")
    code, out, err = cutis("predict", tmp_path / "red.png", "--model", tmp_path / "bundle")
    assert (code, out) == (2, "")
    assert "update cutis" in err
    assert "Traceback" not in err


def test_without_any_picture_there_is_nothing_to_answer(cutis, colour_bundle, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr("a.jpg", b"")
    for place in (tmp_path, tmp_path / "pictures.zip"):
        code, out, err = cutis("predict", place, "--model", colour_bundle)
        assert (code, out) == (2, "")
        assert "Traceback" not in err
        assert "no picture inside" in err or "an archive; unpack it first" in err
