"""Tables of predictions are read with care: what is wrong is named by file and line."""

import numpy as np
import pytest

from cutis.errors import InputError
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy

SKIN = load_taxonomy()
HEADER = "image_id,melanoma,nevus\n"


def read(path):
    return Predictions.read(path, SKIN)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,0.5,0.5\n\nb,0.5,0.5\na,0.5,0.5\n", "line 5: image 'a' is in line 2 already"),
        ("a,0.5,0.5\nb,,1\nc,x,1\n", "line 3: melanoma '' is not a number"),
        ("a,0.5,0.5\nb,0.5,nan\n", "line 3: nevus is nan"),
        ("a,0.5,0.5\nb,2,-1\n", "line 3: probabilities: rows are not distributions"),
        ("a,0.5,0.5\nb,3,1\nc,3,1\n", "line 3 and 1 more: probabilities: rows are not"),
        ("a,0.5\n", "line 2 does not have 3 cells"),
        ("a,0.5,0.5\n\nb,0.5\n", "line 4 does not have 3 cells"),
    ],
)
def test_the_first_line_at_fault_is_named(tmp_path, rows, message):
    path = tmp_path / "p.csv"
    path.write_text(HEADER + rows)
    with pytest.raises(InputError) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}: {message}")


def test_a_table_with_another_separator_is_told_so(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("image;nevus;melanoma\na;0.5;0.5\n")
    with pytest.raises(InputError, match=r"; its cells are separated by ';', expected are commas$"):
        read(path)


def test_a_row_of_a_parquet_table_is_named(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "p.parquet"
    table = {"image_id": ["a", "b"], "melanoma": [0.5, None], "nevus": [0.5, 0.5]}
    parquet.write_table(pyarrow.table(table), path)
    with pytest.raises(InputError, match=r"p\.parquet: row 2: melanoma is nan"):
        read(path)


def test_a_run_folder_in_place_of_its_table_is_met_with_the_names_of_its_tables(tmp_path):
    with pytest.raises(InputError, match=r"a folder; give the table of predictions$"):
        read(tmp_path)
    for split in ("val", "test"):
        (tmp_path / f"predictions-{split}.csv").write_text(HEADER)
    with pytest.raises(InputError, match=r"in it: predictions-test\.csv or predictions-val\.csv$"):
        read(tmp_path)


def test_images_without_a_prediction_are_told_with_the_table(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(HEADER + "a,0.5,0.5\nb.JPG,0.5,0.5\n c,0.5,0.5\n")
    with pytest.raises(InputError) as refused:
        read(path).in_order_of(("nevus", "melanoma")).rows_for(["a", "b", "c", "d"])
    assert str(refused.value) == (
        f"{path}: 3 of 4 images have no prediction, such as b, c, d; 2 of them differ by a file's "
        "ending or by blanks, such as 'b' in the manifest and 'b.JPG' here: write both alike"
    )
    with pytest.raises(InputError, match=r"p\.csv: 1 of 1 images have no prediction, such as d$"):
        read(path).rows_for(["d"])
    with pytest.raises(InputError, match=r"p\.csv: the classes are melanoma, nevus, not nevus$"):
        read(path).in_order_of(("nevus",))


def test_what_is_written_is_read_again_bit_by_bit(tmp_path):
    raw = np.random.default_rng(0).dirichlet([1.0, 2.0], size=5)
    given = Predictions(tuple("abcde"), ("melanoma", "nevus"), raw / raw.sum(axis=1, keepdims=True))
    given.write(tmp_path / "p.csv")
    found = read(tmp_path / "p.csv")
    assert (found.image_ids, found.classes) == (given.image_ids, given.classes)
    np.testing.assert_array_equal(found.probabilities, given.probabilities)
