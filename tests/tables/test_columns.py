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
        ("image\na\nb\n", "no column beside 'image'"),
        ("", "not a readable table"),
    ],
)
def test_a_table_that_cannot_be_joined_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_columns(written(tmp_path, text), ["a", "b"])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_header_tells_what_separates(tmp_path, separator):
    text = '"image","a,b;c"\n"a","1;2,3"\n'.replace('","', f'"{separator}"')
    assert read_columns(written(tmp_path, text), ["a"]) == {"a,b;c": ["1;2,3"]}


@pytest.mark.parametrize("ids", [[7, 8, 9], [7.0, 8.0, None], [" 7", "8.PNG", "9.tif"]])
def test_ids_are_compared_as_text(tmp_path, ids):
    path = tmp_path / "more.parquet"
    pd.DataFrame({"image": ids, "hair": [1, 0, 1]}).to_parquet(path)
    assert read_columns(path, ["8", "7"]) == {"hair": [0, 1]}


def test_any_name_of_a_column_will_do(tmp_path):
    frame = pd.DataFrame({"image_id": ["a"], "path": ["/a.jpg"], "diagnosis": ["nevus"]})
    path = written(tmp_path, "image,self,columns\na,1,2\n")
    found, names = with_further_columns(Manifest(frame, load_taxonomy()), path)
    assert names == ("self", "columns")
    assert found.frame[["self", "columns"]].iloc[0].tolist() == ["1", "2"]


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
