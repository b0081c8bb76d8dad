"""A binary question is answered by renormalising over its two sides."""

import numpy as np
import pytest

from cutis.errors import InputError, TaxonomyError
from cutis.taxonomy import Node, Taxonomy, load_taxonomy
from cutis.taxonomy.tasks import TASKS, Task, find_task, usual_tasks

SKIN = load_taxonomy()
CLASSES = ("melanoma", "nevus", "benign-keratosis", "basal-cell-carcinoma", "other-diagnosis")
ANSWERS = np.array([[0.3, 0.1, 0.2, 0.2, 0.2], [0.0, 0.0, 0.5, 0.0, 0.5]])


def test_a_pair_is_renormalised_over_its_two_sides_and_undefined_without_mass():
    score = find_task("mel:nv", SKIN).score(ANSWERS, CLASSES)
    assert score[0] == pytest.approx(0.75)
    assert np.isnan(score[1])


def test_against_everything_else_the_score_is_the_plain_probability():
    score = find_task("melanoma", SKIN).score(ANSWERS, CLASSES)
    assert score == pytest.approx([0.3, 0.0])


def test_malignancy_leaves_classes_without_a_side_out_of_the_denominator():
    score = find_task("malignancy", SKIN).score(ANSWERS, CLASSES)
    assert score == pytest.approx([0.5 / 0.8, 0.0])


@pytest.mark.parametrize("name", TASKS)
def test_every_named_task_is_defined_on_the_built_in_tree(name):
    task = find_task(name, SKIN)
    assert task.name == name
    assert task.positive_nodes
    assert task.negative_nodes


def test_a_tree_is_asked_the_usual_tasks_that_it_has_both_sides_of():
    assert [task.name for task in usual_tasks(SKIN)] == list(TASKS)
    nodes = [Node("melanoma", "M", None, status="malignant"), Node("x", "X", None, status="benign")]
    own = Taxonomy("own", {node.id: node for node in nodes})
    assert [task.name for task in usual_tasks(own)] == ["melanoma", "malignancy"]
    assert usual_tasks(Taxonomy("bare", {"a": Node("a", "A", None)})) == ()


def test_rows_belong_to_a_question_only_where_the_diagnosis_decides_it():
    diagnoses = ["lentigo-maligna", "nevus", "malignant", "psoriasis", "", "blue-nevus"]
    against_nevus = find_task("melanoma:nevus", SKIN)
    assert against_nevus.rows(diagnoses).tolist() == [True, True, False, False, False, True]
    assert against_nevus.positive(diagnoses).tolist() == [True] + 5 * [False]
    against_all = find_task("melanoma:*", SKIN)
    assert against_all.rows(diagnoses).tolist() == [True, True, False, True, False, True]


def test_non_neoplastic_conditions_are_on_the_benign_side_of_malignancy():
    task = find_task("malignancy", SKIN)
    diagnoses = ["psoriasis", "actinic-keratosis", "indeterminate", "other-diagnosis", "nevus"]
    assert task.rows(diagnoses).tolist() == [True, True, False, False, True]
    assert task.positive(diagnoses).tolist() == [False, True, False, False, False]


def test_the_sides_of_malignancy_are_found_by_status_in_any_tree():
    nodes = [
        Node("growth", "Growth", None),
        Node("bad", "Bad", "growth", status="malignant"),
        Node("early", "Early", "bad", status="premalignant"),
        Node("good", "Good", "growth", status="benign"),
    ]
    task = find_task("malignancy", Taxonomy("small", {node.id: node for node in nodes}))
    assert (task.positive_nodes, task.negative_nodes) == (("bad",), ("good",))


def test_no_rows_give_no_answers():
    task = find_task("melanoma:nevus", SKIN)
    assert task.rows([]).shape == task.positive([]).shape == (0,)
    assert task.score(np.empty((0, 5)), CLASSES).shape == (0,)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("melanoma-nevi", "not one of .* did you mean 'melanoma-nevus'"),
        ("melanoma:", "not a pair"),
        (":nevus", "not a pair"),
        ("*:nevus", "name the positive"),
        ("nevus:blue nevus", "'blue-nevus' is on both sides"),
        ("nv:nv", "is on both sides"),
    ],
)
def test_what_is_no_question_is_refused(name, fault):
    with pytest.raises(InputError, match=fault):
        find_task(name, SKIN)


def test_both_unknown_labels_of_a_pair_are_reported_together():
    with pytest.raises(TaxonomyError) as caught:
        find_task("melanomma:nevuss", SKIN)
    assert len(caught.value.problems) == 2


def test_a_question_that_the_classes_cannot_answer_is_refused():
    task = find_task("melanoma:nevus", SKIN)
    two = np.full((1, 2), 0.5)
    with pytest.raises(InputError, match=r"none of the classes .* is nevus, or finer"):
        task.score(two, ("melanoma", "benign-keratosis"))
    with pytest.raises(InputError, match="'melanoma' is finer than the class 'malignant'"):
        task.score(two, ("malignant", "nevus"))


def test_a_diagnosis_that_is_no_node_is_named():
    with pytest.raises(TaxonomyError, match=r"'nevuss' .* did you mean 'nevus'"):
        find_task("melanoma:nevus", SKIN).rows(["nevuss"])


def test_a_task_needs_both_sides():
    with pytest.raises(InputError, match="no node is on the negative side"):
        Task("half", "Half", SKIN, ("melanoma",), ())
