"""Training classes are cut from the tree until none holds too many images."""

import csv
from collections import Counter

import pytest

from cutis.errors import InputError, TaxonomyError
from cutis.taxonomy import ClassSet, Node, Taxonomy, load_taxonomy, partition
from cutis.taxonomy.partition import TrainingClass

SKIN = load_taxonomy()


def tree(**parents: str | None) -> Taxonomy:
    return Taxonomy("by hand", {name: Node(name, name, above) for name, above in parents.items()})


GROWTHS = tree(growth=None, bad="growth", worse="bad", worst="bad", good="growth", odd=None)
IMAGES = {"worse": 6, "worst": 3, "good": 5, "odd": 2}


def sizes(images: dict[str, int], bound: int, taxonomy: Taxonomy = GROWTHS) -> dict[str, int]:
    found = partition(taxonomy, images, max_class_size=bound)
    return {each.node + "!" * each.own_only: each.images for each in found.classes}


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (14, {"growth": 14, "odd": 2}),
        (13, {"bad": 9, "good": 5, "odd": 2}),
        (9, {"bad": 9, "good": 5, "odd": 2}),
        (8, {"worse": 6, "worst": 3, "good": 5, "odd": 2}),
        (1, {"worse": 6, "worst": 3, "good": 5, "odd": 2}),  # leaves cannot be cut
    ],
)
def test_a_node_above_the_bound_is_cut_into_its_children(bound, expected):
    assert sizes(IMAGES, bound) == expected


def test_images_of_a_node_that_is_cut_are_a_class_without_its_children():
    found = partition(GROWTHS, IMAGES | {"bad": 4}, max_class_size=8)
    own = next(each for each in found.classes if each.own_only)
    assert own == TrainingClass("bad", frozenset({"bad"}), 4, own_only=True)
    assert sizes(IMAGES | {"bad": 4}, 8) == {
        "bad!": 4,
        "worse": 6,
        "worst": 3,
        "good": 5,
        "odd": 2,
    }


def test_for_a_classifier_a_node_with_images_of_its_own_is_whole_again():
    found = partition(GROWTHS, IMAGES | {"bad": 4}, max_class_size=8)
    classes = found.class_set()
    assert classes.classes == ("bad", "good", "odd")
    assert [found.images(name) for name in classes.classes] == [13, 5, 2]


def test_where_every_image_has_a_leaf_the_class_set_is_the_partition():
    found = partition(GROWTHS, IMAGES, max_class_size=8)
    assert found.class_set().classes == tuple(each.node for each in found.classes)


def test_a_node_whose_images_are_all_its_own_cannot_be_cut():
    assert sizes({"bad": 20, "good": 1}, 8) == {"bad": 20, "good": 1}
    assert partition(GROWTHS, {"bad": 20, "good": 1}, max_class_size=8).class_set().classes == (
        "bad",
        "good",
    )


def test_nodes_without_images_are_no_classes():
    assert sizes({"worse": 3, "good": 0}, 2) == {"worse": 3}


def test_a_class_holds_the_finer_diagnoses_that_have_no_images_yet():
    (bad, *_others) = partition(GROWTHS, {"worse": 3, "good": 9}, max_class_size=5).classes
    assert bad.diagnoses == {"bad", "worse", "worst"}


def test_one_class_is_a_partition_and_no_classifier():
    found = partition(GROWTHS, {"worse": 3}, max_class_size=5)
    assert [each.node for each in found.classes] == ["growth"]
    with pytest.raises(InputError, match="at least two classes"):
        found.class_set()


@pytest.mark.parametrize(
    ("images", "bound", "fault"),
    [
        ({"good": -1, "bad": 4}, 5, "images: 'good' has -1"),
        ({"good": 0}, 5, "there are none"),
        ({}, 5, "there are none"),
        ({"good": 3}, 0, "expected at least 1"),
    ],
)
def test_counts_that_make_no_sense_are_refused(images, bound, fault):
    with pytest.raises(InputError, match=fault):
        partition(GROWTHS, images, max_class_size=bound)


def test_counts_of_what_is_no_node_are_refused_together():
    with pytest.raises(TaxonomyError) as caught:
        partition(GROWTHS, {"goood": 3, "xyz": 1, "bad": 2}, max_class_size=5)
    assert caught.value.problems == (
        "'goood' is not a node; did you mean 'good'?",
        "'xyz' is not a node",
    )


def fitzpatrick17k(real_data) -> list[dict[str, str]]:
    with (real_data / "tables" / "fitzpatrick17k.csv").open(encoding="utf-8") as stream:
        return [*csv.DictReader(stream)]


@pytest.mark.parametrize(
    ("bound", "classes"), [(100, 112), (200, 106), (500, 83), (1000, 56), (2000, 25), (10**5, 3)]
)
def test_fitzpatrick17k_is_cut_finer_as_the_bound_falls(real_data, bound, classes):
    images = Counter(SKIN.resolve(row["label"]) for row in fitzpatrick17k(real_data))
    found = partition(SKIN, images, max_class_size=bound)
    assert len(found.classes) == classes
    assert sum(each.images for each in found.classes) == 16577


def test_every_row_of_fitzpatrick17k_lies_under_its_nine_and_three_way_class(real_data):
    levels = {
        "nine_partition_label": ClassSet.at_level(SKIN, "nine-way"),
        "three_partition_label": ClassSet.at_level(SKIN, "three-way"),
    }
    rows = fitzpatrick17k(real_data)
    assert len({row["label"] for row in rows}) == 114
    for column, classes in levels.items():
        pairs = {(row["label"], row[column]) for row in rows}
        ours = {label: classes.index_of(SKIN.resolve(label)) for label, _theirs in pairs}
        theirs = {label: classes.index_of(SKIN.resolve(name)) for label, name in pairs}
        assert ours == theirs
        assert set(ours.values()) == set(range(len(classes)))
