"""Readings that exist are valid, and a table that is not says everything at once."""

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError, ReadingsError
from cutis.tables.readings import COLUMNS, Readings
from cutis.taxonomy import load_taxonomy

SKIN = load_taxonomy()


def readings(**columns):
    return Readings(pd.DataFrame(columns), SKIN, name="r.csv")


def problems(**columns):
    with pytest.raises(ReadingsError) as raised:
        readings(**columns)
    return raised.value.problems


def test_decisions_are_yes_no_or_nodes_whatever_their_spelling():
    given = readings(
        reader=list("aaaaaa"),
        image_id=list("123456"),
        decision=["yes", " No ", "TRUE", "0", "mel", "Bowens disease"],
    )
    assert [*given.frame["decision"]] == ["yes", "no", "yes", "no", "melanoma", "bowen-disease"]


def test_decisions_may_be_truth_values_or_numbers_with_gaps():
    truth_values = readings(reader=["a", "a"], image_id=["1", "2"], decision=[True, False])
    assert [*truth_values.frame["decision"]] == ["yes", "no"]
    numbers = readings(
        reader=["a"] * 3, image_id=["1", "2", "3"], decision=[1.0, 0.0, np.nan], scale=[5, 1, 2]
    )
    assert [*numbers.frame["decision"]] == ["yes", "no", ""]


def test_a_score_alone_is_a_reading_and_missing_scores_are_nan():
    given = readings(
        reader=["a", "b"], image_id=["1", "1"], confidence=["0.25", ""], scale=["", "4"]
    )
    assert [*given.frame] == [*COLUMNS]
    assert given.frame["confidence"].tolist() == pytest.approx([0.25, np.nan], nan_ok=True)
    assert given.frame["scale"].tolist() == pytest.approx([np.nan, 4], nan_ok=True)


def test_every_fault_is_named_with_its_lines():
    found = problems(
        reader=["a", "a", "", "b", "b", "c"],
        image_id=["1", "1", "2", "3", "4", "5"],
        decision=["yes", "no", "yes", "melanomma", "maybe", ""],
        confidence=["", "", "", "1.5", "", ""],
        scale=["", "", "", "", "six", ""],
    )
    assert found == (
        "line 4: 'reader' is empty",
        "lines 2, 3: reader 'a' read image '1' 2 times; keep one reading",
        "line 7: no decision and no score; leave out what was not read",
        "line 6: decision 'maybe' is neither yes nor no, and diagnosis 'maybe' is not in taxonomy "
        "'skin'",
        "line 5: decision 'melanomma' is neither yes nor no, and diagnosis 'melanomma' is not in "
        "taxonomy 'skin'; did you mean 'melanoma'?",
        "line 5: confidence '1.5' is not a number from 0 to 1",
        "line 6: scale 'six' is not a number from 1 to 5",
    )


def test_missing_columns_get_the_nearest_spelling():
    assert problems(readr=["a"], image_id=["1"]) == (
        "column 'reader' is missing; did you mean 'readr'?",
    )


def test_readings_with_another_separator_are_told_so(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("reader;image_id;decision\na;1;yes\n")
    with pytest.raises(ReadingsError, match="'reader' is missing; its cells are separated by ';'"):
        Readings.read(path, SKIN)


def test_a_table_without_rows_is_refused():
    assert problems(reader=[], image_id=[]) == ("it has no rows",)


def test_readers_and_images_are_named_in_order_whatever_the_rows():
    given = readings(reader=["b", "a", "b"], image_id=["2", "2", "1"], decision=["yes"] * 3)
    assert given.readers == ("a", "b")
    assert given.image_ids == ("1", "2")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_written_is_read_back(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    given = readings(
        reader=["a", "b", "b"],
        image_id=["007", "007", "8"],
        decision=["melanoma", "no", ""],
        confidence=[0.1, 1 / 3, 1],
    )
    given.write(tmp_path / f"r.{ending}")
    back = Readings.read(tmp_path / f"r.{ending}", SKIN)
    pd.testing.assert_frame_equal(back.frame, given.frame)


def test_foreign_names_of_the_image_column_are_understood(tmp_path):
    (tmp_path / "r.csv").write_text("reader,ISIC_ID,decision\na,1,yes\n")
    assert Readings.read(tmp_path / "r.csv", SKIN).image_ids == ("1",)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        Readings.read(tmp_path / "none.csv", SKIN)
