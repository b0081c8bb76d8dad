"""The real data sets come out with the counts that their publications give."""

import pytest

from cutis.curation.sources import SourceOptions, import_source
from cutis.errors import ManifestError

pytestmark = pytest.mark.real


def test_ham10000_has_its_published_classes_and_lesions(real_data):
    manifest = import_source("ham10000", real_data / "ham10000").manifest
    frame = manifest.frame
    assert len(frame) == 10_015
    assert frame["lesion_id"].nunique() == 7_470
    assert frame["diagnosis"].value_counts().to_dict() == {
        "nevus": 6705,
        "melanoma": 1113,
        "benign-keratosis": 1099,
        "basal-cell-carcinoma": 514,
        "actinic-keratosis-or-bowen": 327,
        "vascular-lesion": 142,
        "dermatofibroma": 115,
    }
    assert (frame["mask_path"] != "").all()
    assert frame["ground_truth"].value_counts()["histopathology"] == 5340
    manifest.require_files()


def test_the_other_copy_of_ham10000_has_one_image_per_lesion(real_data):
    frame = import_source("ham10000", real_data / "ham10000-224").manifest.frame
    assert len(frame) == frame["lesion_id"].nunique() == 5_984


@pytest.mark.parametrize(
    ("source", "path"), [("isic", "isic2017"), ("table", "isic2017/labels.csv")]
)
def test_isic_2017_is_read_from_its_folder_or_its_table(real_data, source, path):
    columns = {"age_years": "age_approximate"} if source == "table" else {}
    found = import_source(source, real_data / path, SourceOptions(columns=columns))
    frame = found.manifest.frame
    assert frame["split"].value_counts().to_dict() == {"train": 2000, "val": 150}
    assert frame["diagnosis"].value_counts().to_dict() == {
        "nevus": 1372,
        "melanoma": 404,
        "seborrheic-keratosis": 254,
        "": 120,
    }
    assert frame["age_years"].isna().sum() == 257


def test_pad_ufes_20_lists_the_pictures_that_are_not_there(real_data):
    with pytest.raises(ManifestError, match="2171 of 2298 pictures were not found"):
        import_source("pad-ufes-20", real_data / "pad-ufes-20")
    options = SourceOptions(skip_missing=True)
    found = import_source("pad-ufes-20", real_data / "pad-ufes-20", options)
    assert len(found.manifest) == 127
    assert len(found.missing) == 2171
