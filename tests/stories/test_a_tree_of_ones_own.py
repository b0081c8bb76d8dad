"""Diagnoses of one's own tree go all the way from import to a report."""

import json

import pytest

from cutis.bundle import ModelBundle

TREE = """id,name,parent,synonyms,status,levels
grave,Grave,,,malignant,
dark,Dark,grave,melanoma,,
pearly,Pearly,grave,basal-cell-carcinoma;actinic-keratosis-or-bowen,,
harmless,Harmless,,,benign,
mole,Mole,harmless,nevus,,
other,Other,harmless,benign-keratosis;dermatofibroma;vascular-lesion,,
"""
SMALL = (
    "data.image_size=48",
    "data.batch_size=8",
    "data.workers=0",
    "model.backbone.name=mobilenetv3_small_050",
    "model.backbone.weights=none",
    "trainer.epochs=1",
)


@pytest.fixture
def imported(cutis, phantom_set, tmp_path):
    """A manifest of phantom pictures with the diagnoses of the tree above."""
    tree = tmp_path / "tree.csv"
    tree.write_text(TREE, encoding="utf-8")
    manifest = tmp_path / "own.csv"
    command = ("data", "import", "phantom", phantom_set, "--taxonomy", tree, "-o", manifest)
    code, _output, errors = cutis(*command)
    assert code == 0, errors
    return manifest


def test_no_later_command_has_to_be_told_of_the_tree(cutis, imported, tmp_path):
    split, run = tmp_path / "split.csv", tmp_path / "run"
    settings = [word for each in SMALL for word in ("--set", each)]
    for command in (
        ("data", "describe", imported),
        ("data", "audit", imported, "-o", tmp_path / "audit"),
        ("data", "split", tmp_path / "audit" / "manifest.csv", "--val", 0.2, "-o", split),
        ("taxonomy", "partition", split, "--max-class-size", 20),
        ("train", split, *settings, "-o", run),
        ("evaluate", run / "predictions-test.csv", split, "--replicates", 100, "-o", tmp_path),
    ):
        code, _output, errors = cutis(*command)
        assert code == 0, errors
    bundle = ModelBundle.load(run / "bundle")
    assert set(bundle.facts.classes) <= {"dark", "pearly", "mole", "other"}
    assert bundle.taxonomy.is_malignant("pearly")
    found = json.loads((tmp_path / "result.json").read_text())
    assert set(found["classes"]) == set(bundle.facts.classes)
    assert "malignancy" in found["questions"]
    assert "keratinocyte-carcinoma" not in found["questions"]  # the tree knows no such side


def test_a_manifest_without_its_tree_says_what_it_lacks(cutis, imported):
    (imported.parent / "own.taxonomy.json").unlink()
    code, _output, errors = cutis("data", "describe", imported)
    assert code == 2
    assert "diagnosis 'dark' is not in taxonomy 'skin'" in errors
    assert "own.taxonomy.json" in errors
