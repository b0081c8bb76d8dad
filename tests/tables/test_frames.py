"""Tables whose columns could be mistaken are refused."""

import gzip

import pytest

from cutis.errors import InputError, OutputError
from cutis.tables.frames import read_csv, read_frame, require_writable_table


@pytest.mark.parametrize("read", [read_frame, read_csv])
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("truth,rule\n1,0.5,\n0,0.2,\n", "line 2 has 3 cells, the header 2"),
        ("truth,rule\n1,0.5,x\n", "line 2 has 3 cells, the header 2"),
        ('truth,rule\n"1\n",0.5\n0\n', "line 3 has 1 cells, the header 2"),  # as a torn file ends
        ("truth,rule\n1,0.5\n\n0,0.2\n", "line 3 is blank; remove it"),
        ("\ntruth,rule\n1,0.5\n", "line 1 is blank; remove it"),
    ],
)
def test_rows_that_would_shift_cells_or_lines_are_refused(tmp_path, read, text, fault):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=fault):
        read(path)


def test_decimal_commas_do_not_hide_that_semicolons_separate_the_cells(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("truth;rule\n1;0,5\n")
    with pytest.raises(InputError, match="its cells are separated by ';', expected are commas"):
        read_frame(path)
    assert list(read_csv(path)["rule"]) == ["0,5"]


def test_blank_lines_at_the_end_shift_nothing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('truth\n1\n""\n\n \n')
    assert list(read_frame(path)["truth"]) == ["1", ""]


@pytest.mark.parametrize("read", [read_frame, read_csv])
def test_two_columns_of_one_name_are_refused_and_numbered_names_are_not(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("image_id,diagnosis,diagnosis\na,nv,mel\n")
    with pytest.raises(InputError, match="two columns are called 'diagnosis'"):
        read(path)
    path.write_text("image_id,diagnosis,diagnosis.1,,\na,nv,mel,,\n")
    assert list(read(path)["diagnosis"]) == ["nv"]


@pytest.mark.parametrize("name", ["t.zip", "t.csv.gz", "t.csv.xz", "t.tar"])
def test_an_archive_is_no_table(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(InputError, match="no text in UTF-8; save or unpack it"):
        read_frame(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("t.txt", "tables end in .csv or .parquet"), ("there", "a folder; give the name of a file")],
)
def test_a_place_that_takes_no_table_is_found_out_before_the_work(tmp_path, name, fault):
    (tmp_path / "there").mkdir()
    with pytest.raises((InputError, OutputError), match=fault):
        require_writable_table(tmp_path / name)


def test_a_table_without_rows_is_a_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n")
    assert read_frame(path).shape == (0, 2)
