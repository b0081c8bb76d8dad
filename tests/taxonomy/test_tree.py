"""A tree is checked as a whole, knows labels as people write them, and passes its status down."""

import unicodedata
from pathlib import Path

import pytest

from cutis.errors import InputError, TaxonomyError
from cutis.taxonomy import Node, Taxonomy, load_taxonomy


def write(folder: Path, text: str) -> Path:
    path = folder / "tree.toml"
    path.write_text(text, encoding="utf-8")
    return path


SMALL = """
name = "small"

[growth]
name = "Growth"

[bad]
name = "Bad growth"
parent = "growth"
status = "malignant"
synonyms = ["b"]

[worse]
name = "Worse"
parent = "bad"

[early]
name = "Early"
parent = "bad"
status = "premalignant"

[good]
name = "Good"
parent = "growth"
status = "benign"
"""


@pytest.fixture
def small(tmp_path):
    return load_taxonomy(write(tmp_path, SMALL))


def test_a_tree_knows_its_shape(small):
    assert small.name == "small"
    assert small.roots == ("growth",)
    assert small.leaves == ("worse", "early", "good")
    assert small.children("bad") == ("worse", "early")
    assert small.ancestors("worse") == ("bad", "growth")
    assert small.descendants("bad") == {"bad", "worse", "early"}


def test_a_status_is_inherited_from_the_nearest_ancestor_that_has_one(small):
    assert small.status("worse") == "malignant"
    assert small.status("early") == "premalignant"
    assert small.status("growth") is None


def test_premalignant_counts_as_malignant_and_a_mixed_group_as_neither(small):
    sides = {node: small.is_malignant(node) for node in small.nodes}
    assert sides == {"growth": None, "bad": True, "worse": True, "early": True, "good": False}


@pytest.mark.parametrize("label", ["bad", "BAD", " Bad  growth", "bad_growth", "bad-growth.", "B"])
def test_labels_are_found_whatever_their_case_punctuation_and_spacing(small, label):
    assert small.resolve(label) == "bad"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_are_one_whether_composed_or_apart(form):
    """As the folder of a class is called that was packed on a Mac."""
    tree = Taxonomy("small", {"nevus": Node("nevus", unicodedata.normalize(form, "Nävus"), None)})
    for written in ("NFC", "NFD"):
        assert tree.find(unicodedata.normalize(written, "Nävus")) == "nevus"


def test_unknown_labels_are_reported_together_each_once_with_the_nearest_spelling(small):
    with pytest.raises(TaxonomyError) as caught:
        small.resolve_all(["wurse", "good", "wurse", "xyz"], source="table.csv")
    assert caught.value.problems == (
        "diagnosis 'wurse' is not in taxonomy 'small'; did you mean 'worse'?",
        "diagnosis 'xyz' is not in taxonomy 'small'",
    )
    assert str(caught.value).startswith("table.csv: 2 problem(s)")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it has no nodes"),
        (
            "[a]\nparent = 'bb'\n[b]\n",
            "[a] has parent 'bb', which does not exist; did you mean 'b'?",
        ),
        ("[a]\nparent = 'b'\n[b]\nparent = 'a'\n", "[a] is its own ancestor"),
        ("[a]\nparent = 'a'\n", "[a] is its own ancestor"),
        ("[a]\nsynonyms = ['x']\n[b]\nsynonyms = ['X']\n", "label 'x' names both 'a' and 'b'"),
        ("[a]\nsynonyms = ['b']\n[b]\n", "label 'b' names both 'a' and 'b'"),
        ("[a]\nsynonyms = ['?']\n", "[a] has an empty label"),
        ("[a]\nsynonyms = 'mel'\n", "[a] synonyms are not a list of texts"),
        ("[a]\nparent = 3\n", "[a] parent is not a text"),
        ("[a]\nparnet = 'b'\n", "[a] has unknown key 'parnet'; did you mean 'parent'?"),
        ("a = 3\n", "'a' is not a table"),
        (
            "[a]\nstatus = 'malign'\n",
            "[a] status 'malign' is not one of malignant, premalignant, benign, non-neoplastic; "
            "did you mean 'malignant'?",
        ),
        (
            "[a]\nstatus = 'benign'\n[b]\nparent = 'a'\n[c]\nparent = 'b'\nstatus = 'malignant'\n",
            "[c] is malignant below 'a', which is benign; "
            "leave out the status of a group that mixes both",
        ),
    ],
)
def test_a_faulty_tree_is_refused_with_its_fault(tmp_path, text, problem):
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(write(tmp_path, text))
    assert problem in caught.value.problems


def test_all_faults_of_a_tree_are_reported_at_once(tmp_path):
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(write(tmp_path, "[a]\nstatus = 'x'\n[b]\nparent = 1\nzzz = 2\n"))
    assert len(caught.value.problems) == 3


def test_a_tree_that_does_not_exist_is_an_input_error_that_names_the_built_in_ones():
    with pytest.raises(
        InputError, match=r"'sking': neither .* built in \(isic, skin\); did you mean"
    ):
        load_taxonomy("sking")


def test_a_file_that_is_not_toml_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="not valid TOML"):
        load_taxonomy(write(tmp_path, "= what"))


def test_a_tree_from_a_file_is_read_again_when_the_file_changes(tmp_path):
    first = load_taxonomy(write(tmp_path, "[a]\n"))
    second = load_taxonomy(write(tmp_path, "[a]\n[b]\n"))
    assert (len(first.nodes), len(second.nodes)) == (1, 2)


def test_the_hash_of_a_tree_depends_on_its_content_and_not_on_its_order():
    one = {"a": Node("a", "A", None, ("x", "y")), "b": Node("b", "B", "a")}
    same = {"b": Node("b", "B", "a"), "a": Node("a", "A", None, ("y", "x"))}
    other = {"a": Node("a", "A", None, ("x",)), "b": Node("b", "B", "a")}
    hashes = [Taxonomy("t", nodes).sha256 for nodes in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
