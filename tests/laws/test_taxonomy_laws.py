"""Laws of the tree: roll-ups keep mass, at every depth and for any disjoint classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import InputError
from cutis.taxonomy import (
    ClassSet,
    find_task,
    load_taxonomy,
    malignant_probability,
    rollup,
    rollup_to,
)

SKIN = load_taxonomy()


@st.composite
def class_sets(draw):
    """Disjoint classes: some nodes, without those that stand below another one."""
    nodes = draw(st.sets(st.sampled_from(sorted(SKIN.nodes)), min_size=2, max_size=30))
    top = sorted(node for node in nodes if not nodes & set(SKIN.ancestors(node)))
    return ClassSet(SKIN, tuple(top)) if len(top) > 1 else ClassSet(SKIN, SKIN.roots)


@st.composite
def answers(draw):
    classes = draw(class_sets())
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return classes, generator.dirichlet(np.ones(len(classes)), size=draw(st.integers(1, 5)))


@given(answers())
def test_the_roots_share_all_the_mass(answer):
    classes, probabilities = answer
    total = sum(rollup(probabilities, classes.classes, root, SKIN) for root in SKIN.roots)
    assert np.allclose(total, 1)


@given(answers(), st.sampled_from(sorted(SKIN.nodes)))
def test_a_node_has_the_mass_of_its_children_and_its_own(answer, node):
    classes, probabilities = answer
    if classes.index_of(node) is not None:
        return  # a class, or below one: nothing to add up
    children = [rollup(probabilities, classes.classes, c, SKIN) for c in SKIN.children(node)]
    assert np.allclose(rollup(probabilities, classes.classes, node, SKIN), sum(children))


@given(answers())
def test_the_order_of_classes_does_not_matter(answer):
    classes, probabilities = answer
    turned = rollup(probabilities[:, ::-1], classes.classes[::-1], "malignant", SKIN)
    assert np.allclose(turned, rollup(probabilities, classes.classes, "malignant", SKIN))


@given(class_sets())
def test_a_diagnosis_belongs_to_a_class_exactly_if_the_class_is_it_or_stands_above_it(classes):
    for node in SKIN.nodes:
        holding = {node, *SKIN.ancestors(node)} & set(classes.classes)
        assert len(holding) <= 1
        index = classes.index_of(node)
        assert (classes.classes[index] if index is not None else None) == next(iter(holding), None)


@given(answers())
def test_malignant_and_benign_sum_to_one_where_both_are_defined(answer):
    classes, probabilities = answer
    sides = [SKIN.is_malignant(name) for name in classes.classes]
    if None in sides or len(set(sides)) < 2:
        return
    malignant = malignant_probability(probabilities, classes.classes, SKIN)
    benign = probabilities[:, [not side for side in sides]].sum(axis=1)
    assert np.allclose(malignant + benign, 1)


@given(st.sampled_from(sorted(SKIN.nodes)))
def test_every_label_of_a_node_leads_back_to_it(node):
    entry = SKIN.nodes[node]
    for label in (node, entry.name, *entry.synonyms):
        spellings = {label, label.upper(), label.replace(" ", "_"), f" {label} "}
        assert {SKIN.resolve(spelling) for spelling in spellings} == {node}


@settings(max_examples=50)
@given(answers(), st.data())
def test_the_two_sides_of_a_question_share_its_score(answer, data):
    classes, probabilities = answer
    names = st.sampled_from(classes.classes)
    one, other = data.draw(st.lists(names, min_size=2, max_size=2, unique=True))
    score = find_task(f"{one}:{other}", SKIN).score(probabilities, classes.classes)
    turned = find_task(f"{other}:{one}", SKIN).score(probabilities, classes.classes)
    assert np.allclose(score + turned, 1)


@settings(max_examples=50)
@given(answers(), st.sampled_from(sorted(SKIN.levels)))
def test_a_roll_up_to_a_level_keeps_all_mass_or_is_refused(answer, level):
    classes, probabilities = answer
    coarse = ClassSet.at_level(SKIN, level)
    if any(coarse.index_of(name) is None for name in classes.classes):
        with pytest.raises(InputError):
            rollup_to(coarse, probabilities, classes.classes)
    else:
        assert np.allclose(rollup_to(coarse, probabilities, classes.classes).sum(axis=1), 1)
