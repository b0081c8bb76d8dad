"""A manifest in memory and on disk."""

import os

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError, LeakageError, ManifestError, OutputError
from cutis.tables.manifest import Manifest, tree_beside
from cutis.taxonomy import Node, Taxonomy, load_taxonomy

OWN = Taxonomy("own", {"mole": Node("mole", "Mole", None, synonyms=("nevus",))})


def moles(taxonomy):
    diagnosis = taxonomy.resolve("nevus")
    frame = pd.DataFrame([{"image_id": "a", "path": "/a.jpg", "diagnosis": diagnosis}])
    return Manifest(frame, taxonomy)


def test_an_image_without_a_lesion_is_a_cluster_of_its_own_and_no_rows_have_none():
    frame = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "path": ["/a.jpg", "/b.jpg", "/c.jpg"],
            "diagnosis": ["nevus", "nevus", "melanoma"],
            "lesion_id": ["x", "x", ""],
        }
    )
    manifest = Manifest(frame, load_taxonomy())
    first, second, third = manifest.clusters()
    assert first == second != third
    assert manifest.rows(np.zeros(3, dtype=bool)).clusters().shape == (0,)


@pytest.mark.parametrize(
    ("columns", "lesions", "drawn"),
    [
        ({}, None, "images"),
        ({"lesion_id": ["x", "x", "", ""]}, 3, "lesions"),
        ({"patient_id": ["p", "", "", ""]}, None, "patients"),
        ({"lesion_id": ["x", "x", "y", ""], "patient_id": ["", "", "", "q"]}, 3, "patients"),
    ],
)
def test_lesions_are_counted_and_the_largest_group_is_what_is_drawn(columns, lesions, drawn):
    frame = pd.DataFrame({"image_id": [*"abcd"], "path": "/a.jpg", "diagnosis": "nevus", **columns})
    manifest = Manifest(frame, load_taxonomy())
    assert (manifest.lesion_count, manifest.drawn) == (lesions, drawn)


def test_every_picture_and_mask_that_is_missing_is_named(tmp_path):
    (tmp_path / "there.png").touch()
    path = tmp_path / "m.csv"
    path.write_text(
        "image_id,path,diagnosis,mask_path\n"
        "a,there.png,nevus,\nb,gone.png,nevus,away.png\nc,there.png,nevus,there.png\n"
    )
    with pytest.raises(ManifestError) as refused:
        Manifest.read(path)
    assert refused.value.problems == tuple(
        f"image 'b': {tmp_path / name} does not exist" for name in ("gone.png", "away.png")
    )


def test_rows_are_taken_by_split_and_by_whether_they_have_a_diagnosis():
    frame = pd.DataFrame(
        {
            "image_id": [*"abcd"],
            "path": "/a.jpg",
            "diagnosis": ["nevus", "", "melanoma", "nevus"],
            "split": ["train", "train", "val", ""],
        }
    )
    manifest = Manifest(frame, load_taxonomy())
    assert manifest.split("train").image_ids == ("a", "b")
    assert manifest.without_splits(["train"]).image_ids == ("c", "d")
    assert manifest.labelled().image_ids == ("a", "c", "d")
    assert manifest.class_set().classes == ("melanoma", "nevus")
    for absent in (manifest.split, lambda name: manifest.without_splits(["val", name])):
        with pytest.raises(ManifestError, match="no rows in split 'test'; it has train, val"):
            absent("test")
    with pytest.raises(ManifestError, match="run `cutis data split` first"):
        manifest.with_columns(split="").split("test")


def test_the_lesions_of_a_patient_are_drawn_together():
    frame = pd.DataFrame(
        {
            "image_id": ["a", "b", "c", "d"],
            "path": "/a.jpg",
            "diagnosis": "nevus",
            "lesion_id": ["x", "y", "y", "z"],
            "patient_id": ["p", "p", "", "q"],
        }
    )
    assert Manifest(frame, load_taxonomy()).clusters().tolist() == ["x", "x", "x", "z"]


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_a_tree_of_ones_own_lies_beside_the_manifest_and_is_read_with_it(tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    moles(OWN).write(path)
    again = Manifest.read(path, check_files=False)
    assert again.diagnoses == ("mole",)
    assert again.taxonomy.sha256 == OWN.sha256
    assert again.taxonomy.name == "own"


def test_the_default_tree_leaves_nothing_beside_the_manifest(tmp_path):
    path = tmp_path / "m.csv"
    moles(OWN).write(path)
    moles(load_taxonomy()).write(path)
    assert [found.name for found in tmp_path.iterdir()] == ["m.csv"]
    assert Manifest.read(path, check_files=False).taxonomy.name == "skin"


def test_a_tree_that_is_named_comes_before_the_one_beside(tmp_path):
    path = tmp_path / "m.csv"
    moles(load_taxonomy()).write(path)
    tree_beside(path).write_text("not read", encoding="utf-8")
    told = Manifest.read(path, taxonomy=load_taxonomy(), check_files=False)
    assert told.taxonomy is load_taxonomy()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "own", "nodes": [{"id": "mole"}]}'])
def test_what_lies_beside_and_is_no_tree_is_named(tmp_path, text):
    path = tmp_path / "m.csv"
    moles(load_taxonomy()).write(path)
    tree_beside(path).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"m\.taxonomy\.json"):
        Manifest.read(path, check_files=False)


@pytest.mark.parametrize("age", ["-1", "121", "-inf", "1e9"])
def test_an_age_that_nobody_has_is_refused_with_its_line(tmp_path, age):
    path = tmp_path / "m.csv"
    path.write_text(
        "image_id,path,diagnosis,age_years\n"
        f"a,a.jpg,nevus,120\nb,b.jpg,nevus,{age}\nc,c.jpg,nevus,\nd,d.jpg,nevus,0\n"
    )
    with pytest.raises(ManifestError) as refused:
        Manifest.read(path, check_files=False)
    (problem,) = refused.value.problems
    assert problem.startswith("line 3: age_years ")
    assert problem.endswith("is not in 0..120; leave it empty where it is unknown")


def test_every_odd_number_is_named_with_its_line(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        "image_id,path,diagnosis,age_years,fitzpatrick,fold\n"
        "a,a.jpg,nevus,old,0,0.0\nb,b.jpg,nevvus,40,7,-1\nc,c.jpg,nevus, ,6, 1 \n"
        "d,d.jpg,nevus,,III,inf\ne,e.jpg,nevus,,,0.5\n"
    )
    with pytest.raises(ManifestError) as refused:
        Manifest.read(path, check_files=False)
    said = [problem.split(";")[0] for problem in refused.value.problems]
    assert said == [
        "line 3: diagnosis 'nevvus' is not in taxonomy 'skin'",
        "line 2: age_years 'old' is not in 0..120",
        "line 2: fitzpatrick '0' is not in 1..6",
        "line 3: fitzpatrick '7' is not in 1..6",
        "line 5: fitzpatrick 'III' is not in 1..6",
        "line 3: fold '-1' is not a whole number from 0 up",
        "line 6: fold '0.5' is not a whole number from 0 up",
        "line 5: fold 'inf' is not a whole number from 0 up",
    ]


def test_a_lesion_in_two_folds_is_a_leak_that_names_the_folds():
    frame = pd.DataFrame(
        {"image_id": ["a", "b"], "path": "/a.jpg", "diagnosis": "nevus", "lesion_id": "x"}
    ).assign(fold=[0, 1])
    with pytest.raises(LeakageError, match=r"lines 2, 3: lesion 'x' is in folds 0 and 1$"):
        Manifest(frame, load_taxonomy()).require_no_leak()


def test_a_column_may_have_any_name():
    manifest = moles(load_taxonomy()).with_columns(self=["x"], manifest=["y"])
    assert manifest.frame.iloc[0][["self", "manifest"]].tolist() == ["x", "y"]


def test_a_manifest_leaves_its_neighbour_the_tree_that_it_has(tmp_path):
    pytest.importorskip("pyarrow")
    own, other = tmp_path / "m.csv", tmp_path / "m.parquet"
    moles(OWN).write(own)
    with pytest.raises(InputError, match=r"m\.csv beside it has another tree of diagnoses"):
        moles(load_taxonomy()).write(other)
    assert not other.exists()
    assert Manifest.read(own, check_files=False).diagnoses == ("mole",)
    moles(OWN).write(other)
    assert Manifest.read(other, check_files=False).diagnoses == ("mole",)


def test_a_manifest_of_the_default_tree_is_not_given_another_by_its_neighbour(tmp_path):
    pytest.importorskip("pyarrow")
    moles(load_taxonomy()).write(tmp_path / "m.csv")
    with pytest.raises(InputError, match=r"m\.csv beside it has another tree"):
        moles(OWN).write(tmp_path / "m.parquet")
    assert not tree_beside(tmp_path / "m.csv").exists()


def test_a_tree_that_belongs_to_no_manifest_is_never_lost(tmp_path):
    moles(OWN).write(tmp_path / "m.csv")
    (tmp_path / "m.csv").unlink()
    with pytest.raises(InputError, match=r"m\.taxonomy\.json beside it holds another tree"):
        moles(load_taxonomy()).write(tmp_path / "m.csv")
    moles(OWN).write(tmp_path / "m.csv")
    assert Manifest.read(tmp_path / "m.csv", check_files=False).taxonomy.sha256 == OWN.sha256


def test_a_table_beside_that_is_no_manifest_may_have_the_same_name(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "m.csv").write_text("image_id,dx\na,nv\n")
    moles(OWN).write(tmp_path / "m.parquet")
    moles(load_taxonomy()).write(tmp_path / "m.parquet")
    assert not tree_beside(tmp_path / "m.parquet").exists()


@pytest.mark.parametrize(("before", "after"), [(OWN, None), (None, OWN)])
def test_a_table_that_cannot_be_written_leaves_the_tree_as_it_was(
    tmp_path, monkeypatch, before, after
):
    path = tmp_path / "m.csv"
    moles(before or load_taxonomy()).write(path)
    there = {found.name: found.read_bytes() for found in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr("cutis.tables.manifest.write_frame", full)
    with pytest.raises(OutputError):
        moles(after or load_taxonomy()).write(path)
    assert {found.name: found.read_bytes() for found in tmp_path.iterdir()} == there


def test_a_manifest_in_a_folder_whose_name_no_table_can_hold_is_refused(tmp_path):
    folder = tmp_path / os.fsdecode(b"r\xff")
    folder.mkdir()
    (folder / "m.csv").write_text("image_id,path,diagnosis\na,a.jpg,nevus\n")
    with pytest.raises(InputError, match=r"r\\udcff': a name that is no UTF-8"):
        Manifest.read(folder / "m.csv")


def test_a_manifest_with_another_separator_is_told_so(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("image_id;path;diagnosis\na;a.jpg;nevus\n")
    with pytest.raises(
        ManifestError, match="'image_id' is missing; its cells are separated by ';'"
    ):
        Manifest.read(path)
