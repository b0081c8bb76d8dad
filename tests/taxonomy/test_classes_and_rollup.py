"""A class set is disjoint; a coarse probability is the sum of the fine ones below it."""

import numpy as np
import pytest

from cutis.errors import InputError, TaxonomyError
from cutis.taxonomy import (
    ClassSet,
    CoarseLabelWarning,
    load_taxonomy,
    malignant_probability,
    rollup,
    rollup_to,
)

SKIN = load_taxonomy()
HAM = (
    "nevus",
    "melanoma",
    "benign-keratosis",
    "basal-cell-carcinoma",
    "actinic-keratosis-or-bowen",
)


def test_a_class_holds_its_finer_diagnoses():
    classes = ClassSet(SKIN, ("mel", "bkl"))
    assert classes.classes == ("melanoma", "benign-keratosis")
    assert classes.index_of("lentigo-maligna") == 0
    assert classes.index_of("solar-lentigo") == 1
    assert classes.index_of("nevus") is None
    assert classes.indices_of(["solar-lentigo", "melanoma"]) == [1, 0]


def test_a_diagnosis_outside_every_class_is_named():
    with pytest.raises(TaxonomyError, match="'nevus' belongs to no class"):
        ClassSet(SKIN, ("mel", "bkl")).indices_of(["melanoma", "nevus"])


def test_classes_that_overlap_or_repeat_are_refused_together():
    with pytest.raises(TaxonomyError) as caught:
        ClassSet(SKIN, ("bkl", "solar lentigo", "NV", "nevus"))
    assert caught.value.problems == (
        "'nevus' is given twice",
        "'solar-lentigo' is part of 'benign-keratosis'",
    )


def test_one_class_is_no_classifier():
    with pytest.raises(InputError, match="at least two classes"):
        ClassSet(SKIN, ("melanoma",))


def test_the_classes_of_a_mixed_data_set_are_its_coarsest_labels_in_alphabetical_order():
    diagnoses = ["seborrheic-keratosis", "nevus", "benign-keratosis", "nevus"]
    with pytest.warns(CoarseLabelWarning):
        assert ClassSet.of(SKIN, diagnoses).classes == ("benign-keratosis", "nevus")


def test_a_coarse_label_that_takes_in_finer_ones_says_which():
    with pytest.warns(CoarseLabelWarning) as caught:
        classes = ClassSet.of(SKIN, ["melanoma", "benign", "nevus", "dermatofibroma"])
    assert classes.classes == ("benign", "melanoma")
    assert str(caught[0].message).startswith(
        "the class 'benign' takes in the finer diagnoses dermatofibroma, nevus; name the classes"
    )


def test_labels_of_one_depth_are_taken_without_a_word():
    assert ClassSet.of(SKIN, ["nevus", "melanoma"]).classes == ("melanoma", "nevus")


def test_a_roll_up_to_a_level_sums_to_one_over_its_classes():
    three = ClassSet.at_level(SKIN, "three-way")
    probabilities = np.array([[0.1, 0.2, 0.3, 0.15, 0.25]])
    assert rollup_to(three, probabilities, HAM) == pytest.approx(np.array([[0.6, 0.4, 0.0]]))
    nine = rollup_to(ClassSet.at_level(SKIN, "nine-way"), probabilities, HAM)
    assert nine.shape == (1, 9)
    assert nine.sum() == pytest.approx(1)


def test_a_roll_up_that_would_lose_mass_is_refused():
    three = ClassSet.at_level(SKIN, "three-way")
    with pytest.raises(InputError, match="other-diagnosis: in none of malignant, benign"):
        rollup_to(three, np.full((1, 2), 0.5), ("melanoma", "other-diagnosis"))
    with pytest.raises(InputError, match="'melanoma' is finer than the class 'malignant'"):
        rollup_to(ClassSet(SKIN, ("mel", "nv")), np.full((1, 2), 0.5), ("malignant", "nevus"))


def test_a_roll_up_is_the_sum_counted_by_hand():
    probabilities = np.array([[0.1, 0.2, 0.3, 0.15, 0.25]])
    assert rollup(probabilities, HAM, "malignant", SKIN) == pytest.approx([0.6])
    assert rollup(probabilities, HAM, "benign", SKIN) == pytest.approx([0.4])
    assert rollup(probabilities, HAM, "benign-melanocytic", SKIN) == pytest.approx([0.1])
    assert rollup(probabilities, HAM, "MEL", SKIN) == pytest.approx([0.2])
    assert rollup(probabilities, HAM, "psoriasis", SKIN) == pytest.approx([0.0])
    assert malignant_probability(probabilities, HAM, SKIN) == pytest.approx([0.6])


def test_a_class_cannot_be_divided_among_its_children():
    with pytest.raises(InputError, match="'bowen-disease' is finer than the class"):
        rollup(np.full((1, 5), 0.2), HAM, "bowen-disease", SKIN)


def test_a_node_that_is_not_in_the_tree_is_named():
    with pytest.raises(TaxonomyError, match=r"'melanomma' .* did you mean 'melanoma'"):
        rollup(np.full((1, 5), 0.2), HAM, "melanomma", SKIN)


def test_columns_must_be_the_classes():
    with pytest.raises(InputError, match=r"shape \(1, 4\), expected \(n, 5\)"):
        rollup(np.full((1, 4), 0.25), HAM, "malignant", SKIN)


@pytest.mark.parametrize(
    ("classes", "fault"),
    [
        (("melanoma", "other-diagnosis"), "without malignant or benign status: other-diagnosis"),
        (("melanoma", "basal-cell-carcinoma"), "all on one side"),
    ],
)
def test_malignancy_is_undefined_without_two_known_sides(classes, fault):
    with pytest.raises(InputError, match=fault):
        malignant_probability(np.full((1, 2), 0.5), classes, SKIN)


def test_sums_do_not_depend_on_the_order_of_the_classes():
    """0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in their last bit, and would break a tie."""
    given = np.array([[0.4, 0.1, 0.0, 0.2, 0.3]])
    score = malignant_probability(given, HAM, SKIN)
    assert score == malignant_probability(given[:, ::-1], HAM[::-1], SKIN) == 0.6
