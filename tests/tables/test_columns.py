"""Further columns come from any table that names the images."""

import pandas as pd
import pytest

from cutis.errors import InputError
from cutis.tables.columns import read_columns, with_further_columns
from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy


def written(tmp_path, text):
    path = tmp_path / "more.csv"
    path.write_text(text)
    return path


def test_a_semicolon_table_with_file_names_is_aligned(tmp_path):
    path = written(tmp_path, ";image;hair;ruler\n0;b.png;1;0\n1;a.JPG;0;1\n")
    assert read_columns(path, ["a", "b", "c"]) == {"hair": ["0", "1", ""], "ruler": ["1", "0", ""]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,hair\na,1\n", "no image column"),
        ("image,hair\na,1\na.png,0\n", "twice"),
        ("image,hair\nz,1\n", "knows none"),
    ],
)
def test_a_table_that_cannot_be_joined_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_columns(written(tmp_path, text), ["a", "b"])


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file"):
        read_columns(tmp_path / "nowhere.csv", ["a"])


def test_no_table_replaces_what_the_manifest_says(tmp_path):
    frame = pd.DataFrame(
        {"image_id": ["a", "b"], "path": ["/a.jpg", "/b.jpg"], "diagnosis": ["nevus", "melanoma"]}
    )
    manifest = Manifest(frame, load_taxonomy())
    path = written(tmp_path, "image,diagnosis,hair,ruler\na,melanoma,1,0\nb,melanoma,0,1\n")
    everything, names = with_further_columns(manifest, path)
    assert names == ("hair", "ruler")
    assert everything.diagnoses == ("nevus", "melanoma")
    assert list(everything.frame["hair"]) == ["1", "0"]
    some, names = with_further_columns(manifest, path, chosen=["ruler", "sex"])
    assert names == ("ruler",)
    assert "hair" not in some.frame
