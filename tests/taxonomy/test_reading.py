"""Trees are read from TOML, CSV and JSON, and the archive's from its own package."""

import json
import sys
from pathlib import Path

import pytest

from cutis.errors import InputError, TaxonomyError
from cutis.taxonomy import ClassSet, load_taxonomy
from cutis.taxonomy.exchange import tree_to_dict

CSV = """id,name,parent,synonyms,status,levels
growth,Growth,,,,
bad,Bad growth,growth,b; nasty ;,malignant,two-way
worse,Worse,bad,,,
good,"Good, really",growth,,benign,two-way
"""
TOML = """
[growth]
name = "Growth"
[bad]
name = "Bad growth"
parent = "growth"
synonyms = ["b", "nasty"]
status = "malignant"
levels = ["two-way"]
[worse]
name = "Worse"
parent = "bad"
[good]
name = "Good, really"
parent = "growth"
status = "benign"
levels = ["two-way"]
"""


def write(folder: Path, text: str, name: str = "tree.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_same_tree_is_read_from_csv_and_from_toml(tmp_path):
    from_csv = load_taxonomy(write(tmp_path, CSV))
    from_toml = load_taxonomy(write(tmp_path, TOML, "tree.toml"))
    assert dict(from_csv.nodes) == dict(from_toml.nodes)
    assert from_csv.sha256 == from_toml.sha256
    assert from_csv.resolve("nasty") == "bad"


def test_a_tree_that_was_written_as_json_is_read_as_it_was(tmp_path):
    tree = load_taxonomy(write(tmp_path, CSV))
    again = load_taxonomy(write(tmp_path, json.dumps(tree_to_dict(tree)), "tree.json"))
    assert again.nodes == tree.nodes
    assert again.sha256 == tree.sha256


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ([{"synonyms": "xyz"}], "synonyms of 'a' are not a list"),
        ([{"levels": "two"}], "levels of 'a' are not a list"),
        ([{}, {}], "node 'a' is given more than once"),
    ],
)
def test_a_json_that_somebody_changed_is_refused_with_its_fault(tmp_path, fields, fault):
    plain = {"id": "a", "name": "a", "parent": None, "synonyms": [], "status": None}
    text = json.dumps({"name": "t", "nodes": [plain | changed for changed in fields]})
    with pytest.raises(InputError, match=fault):
        load_taxonomy(write(tmp_path, text, "tree.json"))


def test_a_node_cannot_take_the_place_of_the_trees_name(tmp_path):
    with pytest.raises(TaxonomyError, match="name, of the tree, is not a text"):
        load_taxonomy(write(tmp_path, '[a]\n[name]\nparent = "a"\n', "tree.toml"))


def test_a_csv_needs_no_more_than_ids_and_may_come_from_a_spreadsheet(tmp_path):
    tree = load_taxonomy(write(tmp_path, "\ufeffid, parent\r\na,\r\nb ,a\r\n"))
    assert {node.id: node.parent for node in tree.nodes.values()} == {"a": None, "b": "a"}
    assert tree.nodes["b"].name == "b"


def test_all_faults_of_a_csv_are_reported_at_once(tmp_path):
    text = "id,parent,synonyms,status\na,,x,benign\nb,a,,malign\nb,a,x,\n,a,,\nc,a,,malignant\n"
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(write(tmp_path, text))
    assert caught.value.problems == (
        "line 5: id is empty",
        "id 'b' is given 2 times",
        "[b] status 'malign' is not one of malignant, premalignant, benign, non-neoplastic; "
        "did you mean 'malignant'?",
        "label 'x' names both 'a' and 'b'",
        "[c] is malignant below 'a', which is benign; "
        "leave out the status of a group that mixes both",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "column 'id' is missing"),
        ("ids,name\na,A\n", "column 'id' is missing; did you mean 'ids'?"),
        ("id,parnet\na,\n", "unknown column 'parnet'; did you mean 'parent'?"),
        ("id,id\na,a\n", "column 'id' is given twice"),
        ("id\na,surplus\n", "line 2 has more fields than there are columns"),
        ("id\n", "it has no nodes"),
        ("id,status\na,malign\n", "[a] status 'malign' is not one of malignant, premalignant, "
         "benign, non-neoplastic; did you mean 'malignant'?"),
        ("id,parent,levels\na,,x\nb,a,x\n", "[b] and 'a' above it are both of level 'x'"),
    ],
)  # fmt: skip
def test_a_faulty_csv_is_refused_with_its_fault(tmp_path, text, problem):
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(write(tmp_path, text))
    assert problem in caught.value.problems


def test_faults_of_entries_and_of_the_whole_are_reported_together(tmp_path):
    text = "[a]\nstatus = 'x'\nparent = 'c'\n[b]\nparent = 'b'\nsynonyms = ['a']\n"
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(write(tmp_path, text, "tree.toml"))
    assert [problem.partition(" is ")[0] for problem in caught.value.problems] == [
        "[a] status 'x'",
        "[a] has parent 'c', which does not exist",
        "[b]",
        "label 'a' names both 'a' and 'b'",
    ]


def test_a_csv_that_is_not_text_is_an_input_error(tmp_path):
    path = tmp_path / "tree.csv"
    path.write_bytes(b"id\n\xff\xfe\n")
    with pytest.raises(InputError, match="not a readable CSV table"):
        load_taxonomy(path)


def test_levels_are_classes_and_unknown_ones_are_named(tmp_path):
    tree = load_taxonomy(write(tmp_path, CSV))
    assert tree.levels == ("two-way",)
    assert ClassSet.at_level(tree, "two-way").classes == ("bad", "good")
    with pytest.raises(InputError, match=r"no level 'to-way'; it has two-way; did you mean"):
        ClassSet.at_level(tree, "to-way")


def test_a_trees_hash_covers_its_levels(tmp_path):
    marked = load_taxonomy(write(tmp_path, CSV))
    unmarked = load_taxonomy(write(tmp_path, CSV.replace("two-way", ""), "other.csv"))
    assert marked.sha256 != unmarked.sha256


def test_the_archives_tree_has_five_depths_and_knows_names_and_paths():
    tree = load_taxonomy("isic")
    assert tree.roots == ("benign", "indeterminate", "malignant")
    assert tree.levels == tuple(f"diagnosis_{depth}" for depth in range(1, 6))
    assert len(tree.nodes) >= 418
    assert len(tree.leaves) >= 326
    assert tree.resolve("Benign:Cysts:Milium") == tree.resolve("milium") == "milium"
    assert tree.ancestors("milium") == ("cysts", "benign")
    assert tree.status("milium") == "benign"
    assert tree.is_malignant("melanoma-in-situ") is True
    assert tree.is_malignant("indeterminate") is None


def test_every_depth_of_the_archive_is_a_class_set():
    tree = load_taxonomy("isic")
    sizes = [len(ClassSet.at_level(tree, level)) for level in tree.levels]
    assert sum(sizes) == len(tree.nodes)


def test_without_its_package_the_archives_tree_says_what_to_install(monkeypatch):
    from cutis.taxonomy.isic import isic_archive_taxonomy

    monkeypatch.setitem(sys.modules, "isic_metadata.diagnosis_hierarchical", None)
    with pytest.raises(InputError, match="pip install isic-metadata"):
        isic_archive_taxonomy()
