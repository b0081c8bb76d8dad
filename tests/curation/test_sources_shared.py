"""What holds for every source: options, faults reported together, values in our words."""

from pathlib import Path

import pytest

from cutis.curation.sources import SOURCES, SourceOptions, import_source
from cutis.curation.sources.locate import picture_stem, pictures_by_stem
from cutis.curation.sources.values import known, number, translated
from cutis.errors import InputError, ManifestError


def write_table(folder, *lines, pictures=()):
    (folder / "images").mkdir(exist_ok=True)
    for name in pictures:
        (folder / "images" / f"{name}.jpg").touch()
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def problems_of(folder, *lines, pictures=(), **options):
    table = write_table(folder, *lines, pictures=pictures)
    with pytest.raises(ManifestError) as caught:
        import_source("table", table, SourceOptions(**options))
    return caught.value.problems


def test_an_unknown_source_is_an_error_that_lists_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"'ham1000' is not one of .*; did you mean 'ham10000'"):
        import_source("ham1000", tmp_path)


@pytest.mark.parametrize("name", SOURCES)
def test_a_path_that_does_not_exist_is_an_error(tmp_path, name):
    with pytest.raises(InputError, match="no such file or folder"):
        import_source(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", SOURCES)
def test_an_empty_folder_is_an_error_of_every_source(tmp_path, name):
    with pytest.raises(InputError):
        import_source(name, tmp_path)


def test_an_option_that_a_source_does_not_take_is_not_ignored(tmp_path):
    with pytest.raises(InputError, match="'folder' does not take images; those that do: ham10000"):
        import_source("folder", tmp_path, SourceOptions(images=(tmp_path,)))
    with pytest.raises(InputError, match="'isic' does not take columns; those that do: table"):
        import_source("isic", tmp_path, SourceOptions(columns={"label": "dx"}))


def test_everything_that_is_wrong_is_reported_at_once_with_lines_of_the_source(tmp_path):
    found = problems_of(
        tmp_path,
        "image_id,diagnosis,age_years,fitzpatrick",
        "a,melanomma,40,2",
        "b,nv,old,VII",
        "b,nv,140,3",
        "c,melanomma,,",
        "gone,nv,30,1",
        pictures="abc",
    )
    assert found == (
        "lines 2, 5: diagnosis 'melanomma' is not in taxonomy 'skin'; did you mean 'melanoma'?",
        "lines 3, 4: image id 'b' is repeated; give each picture its own",
        "line 4: age_years 140 is not in 0..120",
        "line 3: age_years 'old' is not a number",
        "line 3: fitzpatrick 'VII' is not a number",
        f"1 of 5 pictures were not found in {tmp_path / 'images'}; "
        "--skip-missing leaves their rows out",
        "no picture for 'gone'",
    )


def test_missing_pictures_are_left_out_and_listed_only_when_asked(tmp_path):
    table = write_table(tmp_path, "image_id,diagnosis", "a,nv", "b,mel", "c,nv", pictures="a")
    with pytest.raises(ManifestError, match="2 of 3 pictures were not found"):
        import_source("table", table)
    found = import_source("table", table, SourceOptions(skip_missing=True))
    assert found.manifest.image_ids == ("a",)
    assert found.missing == ("b", "c")


def test_rows_that_are_left_out_need_no_known_diagnosis(tmp_path):
    table = write_table(tmp_path, "image_id,diagnosis", "a,nv", "b,gibberish", pictures="a")
    assert import_source("table", table, SourceOptions(skip_missing=True)).missing == ("b",)


def test_a_source_without_any_picture_asks_for_their_folder_even_when_skipping(tmp_path):
    lines = ("image_id,diagnosis", "a,nv", "b,mel")
    (found,) = problems_of(tmp_path, *lines, skip_missing=True)
    assert found == f"none of its 2 pictures was found in {tmp_path / 'images'}; see --images"


def test_empty_ids_are_reported(tmp_path):
    found = problems_of(tmp_path, "image_id,diagnosis", ",nv", "a,nv", pictures="a")
    assert found[0] == "line 2: the image id is empty"


def test_two_pictures_of_one_name_are_an_error(tmp_path):
    for name in ("a.jpg", "a.png"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="two pictures are called 'a'"):
        pictures_by_stem([tmp_path])


@pytest.mark.parametrize("name", ["nowhere", "a.jpg", "n" * 300])
def test_a_folder_of_pictures_that_cannot_be_read_is_an_error(tmp_path, name):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(InputError, match="no folder of pictures that can be read"):
        pictures_by_stem([tmp_path / name])


def test_hidden_files_and_other_endings_are_no_pictures(tmp_path):
    for name in ("a.JPG", "._a.jpg", "b.txt", "c.v2.jpeg"):
        (tmp_path / name).touch()
    assert sorted(pictures_by_stem([tmp_path])) == ["a", "c.v2"]


@pytest.mark.parametrize(
    ("name", "stem"), [("a.jpg", "a"), ("x/a.PNG", "a"), ("a.1", "a.1"), ("a.1.jpg", "a.1")]
)
def test_only_the_ending_of_a_picture_is_taken_off(name, stem):
    assert picture_stem(name) == stem


@pytest.mark.parametrize("text", ["", " ", "unknown", "NaN", "N/A", "None", None, float("nan")])
def test_a_cell_that_says_nothing_is_empty(text):
    assert known(text) == ""


def test_words_are_translated_whatever_their_case_and_others_are_kept():
    names = {"m": "male"}
    assert [translated(t, names) for t in ("M", "m ", "UNK", "other")] == [
        "male",
        "male",
        "",
        "other",
    ]


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("age_years", "85+", 85),
        ("age_years", "0.0", 0),
        ("age_years", "unknown", None),
        ("fitzpatrick", "IV", 4),
        ("fitzpatrick", "3.0", 3),
        ("fitzpatrick", "-1", None),
        ("fitzpatrick", "0", None),
    ],
)
def test_numbers_are_read_as_tables_write_them(column, text, value):
    assert number(text, column=column) == value


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_has_a_section_with_its_command(name):
    page = Path(__file__).resolve().parents[2] / "docs" / "data-sources.md"
    section = page.read_text(encoding="utf-8").split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert f"cutis data import {name} " in section
