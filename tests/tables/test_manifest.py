"""A manifest in memory and on disk."""

import numpy as np
import pandas as pd
import pytest

from cutis.errors import InputError
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
