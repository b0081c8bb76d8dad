"""A run tells apart the classes it is given; a row that belongs to none is refused."""

import warnings
from collections.abc import Sequence

import pandas as pd
import pytest

from cutis.config import load
from cutis.errors import ManifestError, SettingsError, TaxonomyError
from cutis.tables.manifest import Manifest
from cutis.taxonomy import load_taxonomy
from cutis.training.training_data import TrainingData

ROWS = (
    ("melanoma", "train"),
    ("nevus", "train"),
    ("blue-nevus", "val"),
    ("lentigo-maligna", "val"),
    ("basal-cell-carcinoma", ""),
    ("", "train"),
)


def manifest(*more: tuple[str, str], rows: Sequence[tuple[str, str]] = ROWS) -> Manifest:
    frame = pd.DataFrame([*rows, *more], columns=["diagnosis", "split"])
    frame["image_id"] = [f"i{row}" for row in range(len(frame))]
    frame["path"] = "/nowhere/" + frame["image_id"]
    return Manifest(frame, load_taxonomy(), name="small.csv")


def test_a_run_may_be_trained_on_coarse_classes():
    data = TrainingData.from_manifest(manifest(), classes=("Malignant", "benign"))
    assert data.classes.classes == ("malignant", "benign")
    assert data.classes.indices_of(data.splits["train"].diagnoses) == [0, 1]
    assert data.classes.indices_of(data.splits["val"].diagnoses) == [1, 0]


def test_rows_that_belong_to_no_class_are_refused_with_their_lines():
    rows = manifest(("psoriasis", "train"), ("eczema", "val"), ("psoriasis", "val"))
    with pytest.raises(ManifestError) as caught:
        TrainingData.from_manifest(rows, classes=("malignant", "benign"))
    eczema, psoriasis = caught.value.problems
    assert eczema.startswith("line 9: diagnosis 'eczema' belongs to none of the classes malignant")
    assert psoriasis.startswith("lines 8, 10: diagnosis 'psoriasis' belongs to none")
    assert "data.classes" in psoriasis


def test_rows_without_a_split_may_lie_outside():
    data = TrainingData.from_manifest(manifest(), classes=("mel", "nv"))
    assert data.classes.classes == ("melanoma", "nevus")


def test_rows_without_a_split_name_no_class():
    """Neither the carcinoma nor "benign", which would take the nevi in."""
    both_in_training = (("blue-nevus", "train"), ("lentigo-maligna", "train"), ("benign", ""))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = TrainingData.from_manifest(manifest(*both_in_training, rows=ROWS[2:]))
    assert data.classes.classes == ("blue-nevus", "lentigo-maligna")


def test_a_class_without_a_training_picture_is_refused():
    with pytest.raises(ManifestError, match="class 'non-neoplastic' has no picture"):
        TrainingData.from_manifest(manifest(), classes=("malignant", "benign", "non-neoplastic"))


def test_without_a_validation_split_the_command_that_deals_one_is_named():
    unsplit = manifest(rows=[*ROWS[:2], ("blue-nevus", "")])
    with pytest.raises(ManifestError, match=r"split 'val'; run `cutis data split` first"):
        TrainingData.from_manifest(unsplit)
    tested = manifest(rows=[*ROWS[:2], ("nevus", "test")])
    with pytest.raises(ManifestError, match=r"split 'val'; run `cutis data split --keep-test`"):
        TrainingData.from_manifest(tested)


def test_classes_that_are_no_labels_are_refused():
    with pytest.raises(TaxonomyError, match="did you mean 'benign'"):
        TrainingData.from_manifest(manifest(), classes=("malignant", "benignn"))


def test_classes_are_a_setting():
    assert load("default").data.classes is None
    given = load("default", ['data.classes=["malignant", "benign"]'])
    assert given.data.classes == ("malignant", "benign")
    with pytest.raises(SettingsError, match=r"data\.classes"):
        load("default", ['data.classes=["malignant"]'])
