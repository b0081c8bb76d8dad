"""Tables whose columns could be mistaken are refused."""

import pytest

from cutis.curation.sources.rows import read_table
from cutis.errors import InputError
from cutis.tables.frames import read_frame


@pytest.mark.parametrize("read", [read_frame, read_table])
@pytest.mark.parametrize("text", ["truth,rule\n1,0.5,\n0,0.2,\n", "truth,rule\n1,0.5,x\n"])
def test_rows_longer_than_the_header_never_shift_the_columns(tmp_path, read, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="rows have more cells than the header; remove the delim"):
        read(path)


@pytest.mark.parametrize("read", [read_frame, read_table])
def test_two_columns_of_one_name_are_refused_and_numbered_names_are_not(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("image_id,diagnosis,diagnosis\na,nv,mel\n")
    with pytest.raises(InputError, match="two columns are called 'diagnosis'"):
        read(path)
    path.write_text("image_id,diagnosis,diagnosis.1,,\na,nv,mel,,\n")
    assert list(read(path)["diagnosis"]) == ["nv"]


def test_a_table_without_rows_is_a_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n")
    assert read_frame(path).shape == (0, 2)
