"""Each data set in small, as it is distributed: what is found where, and what becomes of it."""

import os

import pytest

from cutis.curation.sources import SourceOptions, import_source
from cutis.errors import InputError, ManifestError
from cutis.tables.manifest import Manifest


def place(root, files):
    """Write files from a dictionary of paths; pictures are only ever looked for by name."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def rows(source, root, **options):
    return import_source(source, root, SourceOptions(**options)).manifest.frame


# --- HAM10000 ------------------------------------------------------------------------------------

HAM = (
    "lesion_id,image_id,dx,dx_type,age,sex,localization\n"
    "HAM_1,ISIC_1,bkl,histo,80.0,male,scalp\n"
    "HAM_1,ISIC_2,bkl,histo,80.0,male,scalp\n"
    "HAM_2,ISIC_3,mel,follow_up,,unknown,unknown\n"
)
PARTS = {
    "HAM10000_images_part_1/ISIC_1.jpg": "",
    "HAM10000_images_part_1/ISIC_2.jpg": "",
    "HAM10000_images_part_2/ISIC_3.jpg": "",
}


def test_ham10000_is_read_with_its_two_image_folders_and_masks(tmp_path):
    masks = {"HAM10000_segmentations_lesion_tschandl/ISIC_2_segmentation.png": ""}
    frame = rows("ham10000", place(tmp_path, {"HAM10000_metadata": HAM, **PARTS, **masks}))
    assert list(frame["diagnosis"]) == ["benign-keratosis", "benign-keratosis", "melanoma"]
    assert list(frame["label"]) == ["bkl", "bkl", "mel"]
    assert list(frame["lesion_id"]) == ["HAM_1", "HAM_1", "HAM_2"]
    assert list(frame["ground_truth"]) == ["histopathology", "histopathology", "follow_up"]
    assert list(frame["sex"]) == ["male", "male", ""]
    assert list(frame["site"]) == ["scalp", "scalp", ""]
    assert frame["age_years"].tolist()[:2] == [80, 80]
    assert frame["age_years"].isna().tolist() == [False, False, True]
    assert [bool(path) for path in frame["mask_path"]] == [False, True, False]
    assert frame["path"][2].endswith("HAM10000_images_part_2/ISIC_3.jpg")
    assert set(frame["source"]) == {"ham10000"}


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.csv", "metadata.csv"])
def test_ham10000s_table_is_found_under_each_of_its_names(tmp_path, name):
    assert len(rows("ham10000", place(tmp_path, {name: HAM, **PARTS}))) == 3


def test_ham10000s_tab_separated_table_of_the_dataverse_is_read(tmp_path):
    table = {"HAM10000_metadata.tab": HAM.replace(",", "\t").replace("bkl", '"bkl"')}
    frame = rows("ham10000", place(tmp_path, {**table, **PARTS}))
    assert list(frame["label"]) == ["bkl", "bkl", "mel"]


def test_ham10000_with_pictures_and_masks_of_the_same_name_keeps_them_apart(tmp_path):
    files = {f"{folder}/ISIC_{k}.png": "" for folder in ("images", "masks") for k in (1, 2, 3)}
    frame = rows("ham10000", place(tmp_path, {"metadata.csv": HAM, **files}))
    assert all("images" in path for path in frame["path"])
    assert all("masks" in path for path in frame["mask_path"])


def test_ham10000s_pictures_may_lie_beside_the_table_or_be_named(tmp_path):
    beside = place(
        tmp_path / "a", {"metadata.csv": HAM, **{f"ISIC_{k}.jpg": "" for k in (1, 2, 3)}}
    )
    assert len(rows("ham10000", beside)) == 3
    apart = place(tmp_path / "b", {"metadata.csv": HAM})
    assert len(rows("ham10000", apart, images=(beside,))) == 3


def test_ham10000_without_needed_columns_names_all_of_them(tmp_path):
    root = place(tmp_path, {"metadata.csv": "image,diagnosis,lesion\nISIC_1,nv,HAM_1\n"})
    with pytest.raises(ManifestError) as caught:
        import_source("ham10000", root)
    assert caught.value.problems == (
        "column 'image_id' is missing; did you mean 'image'?",
        "column 'dx' is missing",
        "column 'lesion_id' is missing; did you mean 'lesion'?",
    )


# --- ISIC ----------------------------------------------------------------------------------------

IMAGES = {f"images/ISIC_{k}.jpg": "" for k in (1, 2, 3, 4)}
ARCHIVE = (
    "isic_id,attribution,age_approx,anatom_site_general,diagnosis_1,diagnosis_2,diagnosis_3,"
    "diagnosis_4,diagnosis_confirm_type,fitzpatrick_skin_type,lesion_id,patient_id,sex\n"
    'ISIC_1,X,45,head/neck,Benign,Benign melanocytic proliferations,Nevus,"Nevus, Spilus",'
    "histopathology,II,IL_1,IP_1,male\n"
    'ISIC_2,X,85+,,Benign,Benign epidermal proliferations,Pigmented benign keratosis,"",'
    "single image expert consensus,,IL_2,IP_1,female\n"
    "ISIC_3,X,,,Malignant,Malignant adnexal epithelial proliferations - Follicular,"
    "A growth nobody has named,,,,IL_3,,\n"
    "ISIC_4,X,,,,,,,,,IL_4,,\n"
)


def test_the_archives_metadata_names_a_diagnosis_at_the_finest_depth_that_is_known(tmp_path):
    frame = rows("isic", place(tmp_path, {"metadata.csv": ARCHIVE, **IMAGES}))
    assert list(frame["diagnosis"]) == ["nevus-spilus", "benign-keratosis", "malignant-adnexal", ""]
    assert list(frame["label"])[2] == "A growth nobody has named"
    assert list(frame["ground_truth"]) == ["histopathology", "consensus", "", ""]
    assert frame["fitzpatrick"][0] == 2
    assert list(frame["age_years"])[:2] == [45, 85]
    assert list(frame["patient_id"]) == ["IP_1", "IP_1", "", ""]


def test_a_diagnosis_unknown_at_every_depth_is_reported(tmp_path):
    table = "isic_id,diagnosis_1,diagnosis_2\nISIC_1,Bad,Worse\nISIC_2,Benign,\n"
    with pytest.raises(ManifestError, match="line 2: diagnosis 'Worse' is not in taxonomy"):
        import_source("isic", place(tmp_path, {"metadata.csv": table, **IMAGES}))


def test_isic_2020_falls_back_to_benign_or_malignant(tmp_path):
    table = "image_name,patient_id,diagnosis,benign_malignant\nISIC_1,IP_1,unknown,benign\n"
    frame = rows("isic", place(tmp_path, {"train.csv": table, **IMAGES}))
    assert list(frame["diagnosis"]) == ["benign"]


def test_isic_2018_one_hot_truth_and_lesion_groups_are_joined_from_unpacked_folders(tmp_path):
    truth = (
        "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"
        "ISIC_1,1.0,0.0,0.0,0.0,0.0,0.0,0.0\n"
        "ISIC_2,0.0,0.0,0.0,1.0,0.0,0.0,0.0\n"
    )
    groups = "image,lesion_id,diagnosis_confirm_type\nISIC_2,HAM_2,histopathology\nISIC_1,HAM_1,\n"
    files = {
        "ISIC2018_Task3_Training_GroundTruth/ISIC2018_Task3_Training_GroundTruth.csv": truth,
        "ISIC2018_Task3_Training_LesionGroupings.csv": groups,
        "ISIC2018_Task3_Training_Input/ISIC_1.jpg": "",
        "ISIC2018_Task3_Training_Input/ISIC_2.jpg": "",
        "ISIC2018_Task3_Training_Input/ATTRIBUTION.txt": "",
    }
    frame = rows("isic", place(tmp_path, files)).set_index("image_id")
    assert frame["diagnosis"].to_dict() == {
        "ISIC_1": "melanoma",
        "ISIC_2": "actinic-keratosis-or-bowen",
    }
    assert frame["lesion_id"].to_dict() == {"ISIC_1": "HAM_1", "ISIC_2": "HAM_2"}


def test_isic_2019s_unk_is_another_diagnosis_and_its_weights_are_no_classes(tmp_path):
    truth = (
        "image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK,score_weight,validation_weight\n"
        "ISIC_1,0,0,0,0,0,0,0,0,1,1.0,0.0\n"
        "ISIC_2,0,0,0,0,0,0,0,1,0,1.0,1.0\n"
        "ISIC_3,0,0,0,1,0,0,0,0,0,0.0,0.0\n"
        "ISIC_4,0,0,0,0,0,0,0,0,0,0.0,0.0\n"
    )
    frame = rows("isic", place(tmp_path, {"truth.csv": truth, **IMAGES}))
    assert list(frame["diagnosis"]) == [
        "other-diagnosis",
        "squamous-cell-carcinoma",
        "actinic-keratosis",
        "",
    ]


def test_isic_2017_calls_what_is_neither_melanoma_nor_keratosis_a_nevus(tmp_path):
    truth = (
        "image_id,melanoma,seborrheic_keratosis\nISIC_1,1.0,0.0\nISIC_2,0.0,1.0\nISIC_3,0.0,0.0\n"
    )
    metadata = (
        "image_id,age_approximate,sex\nISIC_1,55,female\nISIC_2,unknown,male\nISIC_3,30,unknown\n"
    )
    files = {
        "ISIC-2017_Training_Part3_GroundTruth.csv": truth,
        "ISIC-2017_Training_Data/ISIC-2017_Training_Data_metadata.csv": metadata,
        **{f"ISIC-2017_Training_Data/ISIC_{k}.jpg": "" for k in (1, 2, 3)},
        **{f"ISIC-2017_Training_Data/ISIC_{k}_superpixels.png": "" for k in (1, 2, 3)},
    }
    frame = rows("isic", place(tmp_path, files))
    assert list(frame["diagnosis"]) == ["melanoma", "seborrheic-keratosis", "nevus"]
    assert list(frame["sex"]) == ["female", "male", ""]


def test_a_copy_with_splits_is_read_from_its_table_alone(tmp_path):
    table = (
        "image_id,split,diagnosis,melanoma,age_approximate,sex\n"
        "ISIC_1,train,nevus,0,55,female\nISIC_2,val,,0,unknown,unknown\n"
    )
    root = place(tmp_path, {"labels.csv": table, "train/ISIC_1.jpg": "", "val/ISIC_2.jpg": ""})
    for frame in (rows("isic", root), rows("isic", root / "labels.csv")):
        assert list(frame["split"]) == ["train", "val"]
        assert list(frame["diagnosis"]) == ["nevus", ""]


def test_truth_and_metadata_of_different_images_are_refused(tmp_path):
    files = {"truth.csv": "image,MEL,NV\nISIC_1,1,0\n", "meta.csv": "image,sex\nISIC_2,male\n"}
    with pytest.raises(ManifestError, match=r"'ISIC_1' is not in both truth\.csv and it"):
        import_source("isic", place(tmp_path, {**files, **IMAGES}))


def test_two_truths_in_one_folder_ask_which_counts(tmp_path):
    truth = "image,MEL,NV\nISIC_1,1,0\n"
    with pytest.raises(InputError, match="both are ground truth; name the one that counts"):
        import_source("isic", place(tmp_path, {"a.csv": truth, "b.csv": truth, **IMAGES}))
    assert len(rows("isic", tmp_path / "b.csv")) == 1


def test_a_named_table_of_a_challenge_comes_with_its_other_half(tmp_path):
    files = {
        "Training_GroundTruth.csv": "image,MEL,NV\nISIC_1,1,0\nISIC_2,0,1\n",
        "Training_Metadata.csv": "image,lesion_id,sex\nISIC_2,IL_2,male\nISIC_1,IL_1,\n",
        "Test_GroundTruth.csv": "image,MEL,NV\nISIC_3,1,0\n",
        "Test_Metadata.csv": "image,sex\nISIC_3,male\n",
    }
    root = place(tmp_path, {**files, **IMAGES})
    for name in ("Training_GroundTruth.csv", "Training_Metadata.csv"):
        frame = rows("isic", root / name).set_index("image_id")
        assert frame["lesion_id"].to_dict() == {"ISIC_1": "IL_1", "ISIC_2": "IL_2"}
        assert frame["diagnosis"].to_dict() == {"ISIC_1": "melanoma", "ISIC_2": "nevus"}


def test_what_cutis_wrote_into_the_folder_is_no_table_of_the_archive(tmp_path):
    written = {
        "manifest.csv": "image_id,path,diagnosis,sex\nISIC_1,images/ISIC_1.jpg,nevus,male\n",
        "audit/audit.csv": "kind,image_id,other_image_id,detail\nblurry,ISIC_1,,\n",
        "predictions-test.csv": "image_id,melanoma,nevus\nISIC_1,0.25,0.75\n",
    }
    root = place(tmp_path, {"metadata.csv": ARCHIVE, **IMAGES, **written})
    assert len(rows("isic", root)) == 4


def test_an_image_with_two_diagnoses_or_two_rows_is_refused_with_its_line(tmp_path):
    truth = "image,MEL,NV\nISIC_1,1,1\nISIC_2,0,1\nISIC_2,0,1\n"
    with pytest.raises(ManifestError) as caught:
        import_source("isic", place(tmp_path, {"truth.csv": truth, **IMAGES}))
    assert caught.value.problems == (
        "line 2: more than one diagnosis is 1",
        "lines 3, 4: images stand in two rows",
    )


def test_tables_about_something_else_are_passed_over(tmp_path):
    files = {"metadata.csv": ARCHIVE, "licences.csv": "name,url\na,b\n", **IMAGES}
    assert len(rows("isic", place(tmp_path, files))) == 4


def test_metadata_without_a_diagnosis_say_which_columns_would_do(tmp_path):
    files = {"metadata.csv": "isic_id,sex\nISIC_1,male\n", **IMAGES}
    with pytest.raises(ManifestError, match="no diagnosis column; expected diagnosis_5"):
        import_source("isic", place(tmp_path, files))


# --- PAD-UFES-20 ---------------------------------------------------------------------------------

PAD = (
    "patient_id,lesion_id,age,gender,fitspatrick,region,diagnostic,img_id,biopsed\n"
    "PAT_1,7,8,,,ARM,NEV,PAT_1_7_1.png,False\n"
    "PAT_2,7,55,FEMALE,3.0,NECK,BCC,PAT_2_7_2.png,True\n"
    "PAT_2,9,55,FEMALE,3.0,NECK,ACK,PAT_2_9_3.png,True\n"
)


@pytest.mark.parametrize(
    "folder", ["images", "imgs_part_1", "imgs_part_1/imgs_part_1", "images/imgs_part_1"]
)
def test_pad_ufes_20_finds_pictures_whatever_their_ending_and_folder(tmp_path, folder):
    files = {f"{folder}/{name}.jpg": "" for name in ("PAT_1_7_1", "PAT_2_7_2", "PAT_2_9_3")}
    frame = rows("pad-ufes-20", place(tmp_path, {"metadata.csv": PAD, **files}))
    assert list(frame["diagnosis"]) == ["nevus", "basal-cell-carcinoma", "actinic-keratosis"]
    assert list(frame["lesion_id"]) == ["PAT_1_7", "PAT_2_7", "PAT_2_9"]
    assert list(frame["ground_truth"]) == ["consensus", "histopathology", "histopathology"]
    assert list(frame["sex"]) == ["", "female", "female"]
    assert frame["fitzpatrick"].tolist()[1:] == [3, 3]


def test_pad_ufes_20_refuses_missing_pictures_until_told_to_skip_them(tmp_path):
    root = place(tmp_path, {"metadata.csv": PAD, "images/PAT_2_7_2.jpg": ""})
    with pytest.raises(ManifestError) as caught:
        import_source("pad-ufes-20", root)
    assert caught.value.problems[0].startswith("2 of 3 pictures were not found in")
    found = import_source("pad-ufes-20", root, SourceOptions(skip_missing=True))
    assert found.missing == ("PAT_1_7_1", "PAT_2_9_3")
    assert found.manifest.image_ids == ("PAT_2_7_2",)


# --- a folder per class --------------------------------------------------------------------------


def test_a_folder_per_class_is_read_with_classes_as_people_name_them(tmp_path):
    files = {"mel/a.jpg": "", "Melanocytic_nevi/b.PNG": "", "Melanocytic_nevi/deep/c.jpg": ""}
    frame = rows("folder", place(tmp_path / "clinic", files))
    assert frame.set_index("image_id")["diagnosis"].to_dict() == {
        "Melanocytic_nevi/b": "nevus",
        "Melanocytic_nevi/deep/c": "nevus",
        "mel/a": "melanoma",
    }
    assert set(frame["source"]) == {"clinic"}
    assert set(frame["split"]) == {""}


def test_split_folders_become_our_splits(tmp_path):
    files = {"Train/mel/a.jpg": "", "valid/mel/a.jpg": "", "test/nv/a.jpg": ""}
    frame = rows("folder", place(tmp_path, files))
    assert frame.set_index("image_id")["split"].to_dict() == {
        "Train/mel/a": "train",
        "valid/mel/a": "val",
        "test/nv/a": "test",
    }


def test_empty_classes_and_splits_are_reported_together(tmp_path):
    root = place(tmp_path, {"train/mel/a.jpg": "", "val/nv/readme.txt": ""})
    (root / "test").mkdir()
    with pytest.raises(ManifestError) as caught:
        import_source("folder", root)
    assert caught.value.problems == (
        "split folder test holds no class",
        "class folder val/nv holds no picture",
    )


def test_splits_beside_classes_are_refused(tmp_path):
    root = place(tmp_path, {"train/mel/a.jpg": "", "mel/b.jpg": ""})
    with pytest.raises(InputError, match="beside the split folder 'train' there is 'mel'"):
        import_source("folder", root)


def test_a_folder_that_is_no_class_is_reported_without_line_numbers(tmp_path):
    root = place(tmp_path, {"melanomma/a.jpg": "", "nv/b.jpg": "", "nv/b.png": ""})
    with pytest.raises(ManifestError) as caught:
        import_source("folder", root)
    assert caught.value.problems == (
        "diagnosis 'melanomma' is not in taxonomy 'skin'; did you mean 'melanoma'?",
        f"image id 'nv/b' is repeated ({root}/nv/b.jpg and {root}/nv/b.png); "
        "rename or remove all but one",
    )


def test_hidden_folders_and_folders_named_like_pictures_hold_no_pictures(tmp_path):
    files = {
        "mel/a.jpg": "",
        "mel/x.jpg/b.jpg": "",
        "nv/.ipynb_checkpoints/c.jpg": "",
        "nv/c.jpg": "",
    }
    frame = rows("folder", place(tmp_path, files))
    assert list(frame["image_id"]) == ["mel/a", "mel/x.jpg/b", "nv/c"]


def test_a_link_that_leads_nowhere_is_a_missing_picture(tmp_path):
    root = place(tmp_path, {"mel/a.jpg": "", "nv/b.jpg": ""})
    (root / "nv" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(ManifestError, match="no picture for 'nv/gone'"):
        import_source("folder", root)
    found = import_source("folder", root, SourceOptions(skip_missing=True))
    assert found.missing == ("nv/gone",)
    assert found.manifest.image_ids == ("mel/a", "nv/b")


def test_pictures_outside_of_class_folders_are_refused(tmp_path):
    files = {"train/mel/a.jpg": "", "train/b.jpg": "", "c.png": "", "d.png": "", "notes.txt": ""}
    with pytest.raises(ManifestError) as caught:
        import_source("folder", place(tmp_path, files))
    way_out = "lie in no class folder; move them into one, or out of the folder"
    assert caught.value.problems == (f"c.png and 1 more {way_out}", f"train/b.jpg {way_out}")


def test_a_name_that_no_table_can_hold_is_refused(tmp_path):
    root = place(tmp_path / os.fsdecode(b"r\xff"), {"mel/a.jpg": ""})
    with pytest.raises(InputError, match=r"r\\udcff': a name that is no UTF-8"):
        import_source("folder", root)
    (root / "mel" / os.fsdecode(b"b\xff.jpg")).touch()
    root = root.rename(tmp_path / "r")
    with pytest.raises(ManifestError, match=r"'mel/b\\udcff\.jpg': a name that is no UTF-8"):
        import_source("folder", root)


# --- any table -----------------------------------------------------------------------------------


def test_a_tables_columns_are_mapped_and_its_pictures_found_by_id(tmp_path):
    table = "name,dx,Age,who\na.jpg,NV,40,p1\nb.jpg,mel,50,p2\n"
    root = place(tmp_path, {"mine.csv": table, "images/a.jpg": "", "images/b.png": ""})
    columns = {"image_id": "name", "diagnosis": "dx", "age_years": "Age", "patient_id": "who"}
    frame = rows("table", root / "mine.csv", columns=columns)
    assert list(frame["diagnosis"]) == ["nevus", "melanoma"]
    assert list(frame["patient_id"]) == ["p1", "p2"]
    assert list(frame["age_years"]) == [40, 50]
    assert [path[-12:] for path in frame["path"]] == ["images/a.jpg", "images/b.png"]
    assert set(frame["source"]) == {"mine"}


def test_a_tables_paths_are_taken_relative_to_it(tmp_path):
    table = "image_id,path,diagnosis,mask_path,split\n1,pics/x.jpg,nv,pics/m.png,Validation\n"
    root = place(tmp_path, {"t.csv": table, "pics/x.jpg": "", "pics/m.png": ""})
    frame = rows("table", root / "t.csv")
    assert frame["path"][0] == str(root / "pics" / "x.jpg")
    assert frame["mask_path"][0] == str(root / "pics" / "m.png")
    assert frame["split"][0] == "val"


def test_a_diagnosis_counts_and_a_label_beside_it_is_what_the_source_wrote(tmp_path):
    table = "image_id,diagnosis,label\na,melanoma,Naevus?\nb,nevus,\n"
    root = place(tmp_path, {"t.csv": table, "a.jpg": "", "b.jpg": ""})
    frame = rows("table", root / "t.csv")
    assert list(frame["diagnosis"]) == ["melanoma", "nevus"]
    assert list(frame["label"]) == ["Naevus?", "nevus"]
    assert not {"written", "lost_mask"} & set(frame)
    place(tmp_path, {"old.csv": "image_id,label\na,mel\nb,nv\n"})
    assert list(rows("table", root / "old.csv")["diagnosis"]) == ["melanoma", "nevus"]
    chosen = rows("table", root / "t.csv", columns={"diagnosis": "diagnosis"})
    assert list(chosen["label"]) == ["melanoma", "nevus"]


def test_a_mask_that_does_not_exist_is_reported_as_a_picture_is(tmp_path):
    table = "image_id,diagnosis,mask_path\na,nv,m/a.png\nb,nv,m/b.png\nc,nv,\nd,nv,NA\n"
    files = {"t.csv": table, "m/a.png": "", **{f"images/{name}.jpg": "" for name in "abcd"}}
    root = place(tmp_path, files)
    with pytest.raises(ManifestError) as caught:
        import_source("table", root / "t.csv")
    assert caught.value.problems == (
        "1 of 2 masks were not found; --skip-missing leaves their rows out, and without the column "
        "every row stays",
        "no mask m/b.png for 'b'",
    )
    found = import_source("table", root / "t.csv", SourceOptions(skip_missing=True))
    assert found.missing == ("b",)
    assert [bool(path) for path in found.manifest.frame["mask_path"]] == [True, False, False]


def test_paths_may_have_been_written_on_windows(tmp_path):
    table = "image_id,diagnosis,path,mask_path\na,nv,Bilder\\a 1.jpg,Bilder\\m.png\n"
    root = place(tmp_path, {"t.csv": table, "Bilder/a 1.jpg": "", "Bilder/m.png": ""})
    (row,) = import_source("table", root / "t.csv").manifest.frame.to_dict("records")
    assert row["path"] == str(root / "Bilder" / "a 1.jpg")
    assert row["mask_path"] == str(root / "Bilder" / "m.png")


def test_a_table_of_rows_that_all_lack_a_file_is_refused(tmp_path):
    table = "image_id,diagnosis,mask_path\na,nv,m/a.png\nb,nv,\n"
    root = place(tmp_path, {"t.csv": table, "a.jpg": ""})
    with pytest.raises(ManifestError, match="no row has both its picture and its mask"):
        import_source("table", root / "t.csv", SourceOptions(skip_missing=True))


@pytest.mark.parametrize("source", ["table", "isic"])
@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_a_spreadsheet_is_read_whatever_separates_its_cells(tmp_path, source, separator):
    """As it is saved in half of Europe: semicolons, a byte order mark, Windows' line ends, blanks."""
    rows = (("image_id", "diagnosis", "site"), ("a b ", " nv", ""), ("c", "mel", "Rücken"))
    text = "\ufeff" + "".join(separator.join(row) + "\r\n" for row in rows)
    root = place(tmp_path, {"t.csv": text, "images/a b.jpg": "", "images/c.png": ""})
    found = import_source(source, root / "t.csv").manifest
    assert found.image_ids == ("a b", "c")
    assert [path.name for path in found.paths] == ["a b.jpg", "c.png"]
    assert found.diagnoses == ("nevus", "melanoma")


def test_blanks_around_names_do_not_part_a_ground_truth_from_its_metadata(tmp_path):
    tables = {"truth.csv": "image,MEL,NV\na ,1,0\nb, 0,1\n", "meta.csv": "image,sex\na,male\n b,\n"}
    root = place(tmp_path, {**tables, "images/a.jpg": "", "images/b.jpg": ""})
    assert import_source("isic", root).manifest.diagnoses == ("melanoma", "nevus")


def test_a_mapping_to_a_column_that_is_not_there_names_the_nearest(tmp_path):
    root = place(tmp_path, {"t.csv": "image_id,diagnostic\na,nv\n", "images/a.jpg": ""})
    with pytest.raises(ManifestError, match="column 'diagnostc' is missing; did you mean"):
        import_source("table", root / "t.csv", SourceOptions(columns={"diagnosis": "diagnostc"}))


def test_a_mapping_from_a_column_that_is_not_ours_names_the_nearest(tmp_path):
    root = place(tmp_path, {"t.csv": "image_id,diagnosis\na,nv\n", "images/a.jpg": ""})
    with pytest.raises(InputError, match="'lesion' is not a manifest column; did you mean"):
        import_source("table", root / "t.csv", SourceOptions(columns={"lesion": "image_id"}))


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"", "not a readable table"), ("site\nRücken".encode("latin1"), "no text in UTF-8; save or")],
)
def test_a_file_that_is_no_table_is_an_error(tmp_path, content, fault):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=fault):
        import_source("table", tmp_path / "t.csv")


def test_a_table_with_a_byte_order_mark_is_read(tmp_path):
    root = place(tmp_path, {"t.csv": "\ufeffimage_id,diagnosis\na,nv\n", "images/a.jpg": ""})
    assert len(rows("table", root / "t.csv")) == 1


# --- phantom, and the way back -------------------------------------------------------------------


def test_a_phantom_set_is_read_with_its_masks(phantom_set):
    frame = rows("phantom", phantom_set)
    assert len(frame) == 60
    assert (frame["mask_path"] != "").all()
    assert frame["lesion_id"].nunique() < 60
    assert set(frame["source"]) == {"phantom"}


def test_a_manifest_survives_being_written_and_read(tmp_path, phantom_set):
    manifest = import_source("phantom", phantom_set).manifest
    manifest.write(tmp_path / "manifest.csv")
    assert Manifest.read(tmp_path / "manifest.csv").frame.equals(manifest.frame)
