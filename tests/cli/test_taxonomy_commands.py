"""`cutis taxonomy`: trees are drawn, checked, used to look labels up, and cut into classes."""

import json
import tomllib

import pytest

from cutis import RESEARCH_USE_NOTICE

MANIFEST = "image_id,path,diagnosis\n" + "".join(
    f"{name}{i},{name}{i}.png,{name}\n"
    for name, n in (("blue-nevus", 3), ("halo-nevus", 2), ("melanoma", 4))
    for i in range(n)
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text(MANIFEST)
    return path


def test_show_draws_a_branch_to_the_depth_that_is_asked_for(cutis):
    code, out, _ = cutis("taxonomy", "show", "--node", "mel", "--depth", 1)
    assert code == 0
    assert "Melanoma in situ" in out
    assert "Lentigo maligna  " not in out
    assert "+ 3 below" in out
    assert out.rstrip().endswith(RESEARCH_USE_NOTICE)


def test_show_gives_the_whole_tree_as_json_with_inherited_status(cutis):
    code, out, _ = cutis("taxonomy", "show", "isic", "--json")
    shown = json.loads(out)
    assert code == 0
    assert len(shown["nodes"]) >= 418
    milium = next(node for node in shown["nodes"] if node["id"] == "milium")
    assert milium["status"] == "benign"
    assert shown["notice"] == RESEARCH_USE_NOTICE


def test_show_of_an_unknown_node_asks_whether_another_was_meant(cutis):
    code, _, err = cutis("taxonomy", "show", "--node", "melanomma")
    assert code == 2
    assert "did you mean 'melanoma'?" in err


def test_check_says_what_a_tree_holds(cutis, tmp_path):
    tree = tmp_path / "mine.csv"
    tree.write_text("id,parent,levels\na,,\nb,a,two\nc,a,two\n")
    code, out, _ = cutis("taxonomy", "check", tree)
    assert code == 0
    assert "mine: 3 nodes, 2 leaves, 2 deep; levels two (2 classes): no faults" in out


def test_check_lists_every_fault(cutis, tmp_path):
    tree = tmp_path / "mine.csv"
    tree.write_text("id,parent,status\na,x,\nb,,malign\n")
    code, _, err = cutis("taxonomy", "check", tree)
    assert code == 2
    assert "2 problem(s)" in err
    assert "[a] has parent 'x', which does not exist" in err


def test_map_shows_what_labels_mean_and_fails_for_those_it_does_not_know(cutis):
    code, out, err = cutis("taxonomy", "map", "MEL", "bkl", "melanomma")
    assert code == 2
    assert "malignant-melanocytic" in out
    assert "benign-epidermal" in out
    assert "'melanomma' is not in taxonomy 'skin'; did you mean 'melanoma'?" in err


def test_map_knows_a_level_of_a_single_node(cutis, tmp_path):
    tree = tmp_path / "mine.csv"
    tree.write_text("id,parent,levels\na,,\nb,a,one\nc,b,\n")
    code, out, _ = cutis("taxonomy", "map", "c", "a", "--taxonomy", tree, "--json")
    assert code == 0
    assert [each["classes"] for each in json.loads(out)["labels"]] == [{"one": "b"}, {"one": None}]


def test_map_takes_a_column_with_a_table_only(cutis, tmp_path):
    code, _, err = cutis("taxonomy", "map", "MEL", "--column", "dx")
    assert code == 2
    assert "--column is of a table" in err
    table = tmp_path / "labels.CSV"
    table.write_text("dx\nMEL\n")
    assert cutis("taxonomy", "map", table)[0] == 0


def test_map_reads_the_labels_of_a_table(cutis, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("image,truth\n1,MEL\n2,NV\n3,MEL\n4,\n")
    code, out, _ = cutis("taxonomy", "map", labels, "--column", "truth", "--json")
    assert code == 0
    assert [(each["label"], each["rows"]) for each in json.loads(out)["labels"]] == [
        ("MEL", 2),
        ("NV", 1),
    ]
    code, _, err = cutis("taxonomy", "map", labels, "--column", "trut")
    assert code == 2
    assert "did you mean 'truth'?" in err
    code, _, err = cutis("taxonomy", "map", labels)
    assert code == 2
    assert "none of diagnosis, label, dx" in err


def test_partition_writes_classes_that_a_run_can_be_trained_on(cutis, table, tmp_path):
    written = tmp_path / "classes.toml"
    code, out, _ = cutis("taxonomy", "partition", table, "--max-class-size", 4, "-o", written)
    assert code == 0
    assert "3 classes of 9 images; as whole nodes, for a classifier: 3" in out
    assert tomllib.loads(written.read_text()) == {
        "data": {"classes": ["blue-nevus", "halo-nevus", "malignant"]}
    }


@pytest.mark.parametrize("separator", [",", ";"])
def test_partition_counts_tables_with_one_row_per_label(cutis, tmp_path, separator):
    counts, written = tmp_path / "counts.csv", tmp_path / "classes.json"
    rows = "dx,n\nnv,6\nblue nevus,3\nmel,4\nmalignant melanoma,1\n"
    counts.write_text(rows.replace(",", separator))
    arguments = ("taxonomy", "partition", counts, "--max-class-size", 5, "-o", written)
    code, out, _ = cutis(*arguments, "--count-column", "n")
    assert code == 0
    assert "only what is labelled so itself, cannot be cut" in out
    described = json.loads(written.read_text())
    assert {(each["node"], each["images"]) for each in described["classes"]} == {
        ("nevus", 6),
        ("blue-nevus", 3),
        ("malignant", 5),
    }
    assert described["whole_nodes"] == {"malignant": 5, "nevus": 9}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("dx,n\nnv,many\nmel,-1\n", "line 2: n 'many' is not a whole number"),
        ("dx,n\n,3\n", "no row has a label"),
        ("dx,n\nnevuss,3\n", "did you mean 'nevus'?"),
    ],
)
def test_partition_refuses_counts_that_it_cannot_use(cutis, tmp_path, text, fault):
    counts = tmp_path / "counts.csv"
    counts.write_text(text)
    code, _, err = cutis(
        "taxonomy", "partition", counts, "--max-class-size", 5, "--count-column", "n"
    )
    assert code == 2
    assert fault in err


def test_partition_knows_two_kinds_of_file(cutis, table, tmp_path):
    arguments = ("taxonomy", "partition", table, "--max-class-size", 4)
    code, _, err = cutis(*arguments, "-o", tmp_path / "classes.txt")
    assert code == 2
    assert "end the name in .json or .toml" in err
    code, _, err = cutis(*arguments[:-1], 100, "-o", tmp_path / "one.toml")
    assert code == 0
