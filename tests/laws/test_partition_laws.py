"""Laws of the disease partition: disjoint, complete, bounded where it can be, and in no order."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.taxonomy import Node, Taxonomy, partition


@st.composite
def forests(draw):
    """A tree of up to 20 nodes, images for some of them, and a bound."""
    parents = [
        draw(st.none() | st.integers(0, index - 1)) if index else None
        for index in range(draw(st.integers(1, 20)))
    ]
    names = [f"n{index}" for index in range(len(parents))]
    nodes = {
        name: Node(name, name, None if parent is None else names[parent])
        for name, parent in zip(names, parents, strict=True)
    }
    images = draw(st.dictionaries(st.sampled_from(names), st.integers(0, 30), min_size=1))
    images[names[0]] = images.get(names[0], 0) + (sum(images.values()) == 0)
    return Taxonomy("drawn", nodes), images, draw(st.integers(1, 60))


@settings(max_examples=50)
@given(forests())
def test_classes_are_disjoint_and_hold_every_image(forest):
    taxonomy, images, bound = forest
    found = partition(taxonomy, images, max_class_size=bound)
    for node, count in images.items():
        holding = [each for each in found.classes if node in each.diagnoses]
        assert len(holding) == 1 if count else len(holding) <= 1
    assert sum(each.images for each in found.classes) == sum(images.values())
    for each in found.classes:
        assert each.images == sum(images.get(node, 0) for node in each.diagnoses) > 0


@settings(max_examples=50)
@given(forests())
def test_a_class_above_the_bound_has_images_of_one_node_only(forest):
    taxonomy, images, bound = forest
    for each in partition(taxonomy, images, max_class_size=bound).classes:
        if each.images > bound:
            assert images[each.node] == each.images


@settings(max_examples=50)
@given(forests())
def test_no_class_could_have_been_coarser(forest):
    taxonomy, images, bound = forest
    for each in partition(taxonomy, images, max_class_size=bound).classes:
        above = taxonomy.nodes[each.node].parent if not each.own_only else each.node
        if above is not None:
            assert sum(images.get(node, 0) for node in taxonomy.descendants(above)) > bound


@settings(max_examples=50)
@given(forests(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_and_counts_does_not_matter(forest, shuffler: random.Random):
    taxonomy, images, bound = forest
    nodes, counts = list(taxonomy.nodes.items()), list(images.items())
    shuffler.shuffle(nodes)
    shuffler.shuffle(counts)
    again = partition(Taxonomy("turned", dict(nodes)), dict(counts), max_class_size=bound)
    assert again.classes == partition(taxonomy, images, max_class_size=bound).classes


@settings(max_examples=50)
@given(forests(), st.integers(1, 60))
def test_a_larger_bound_never_cuts_finer(forest, larger):
    taxonomy, images, bound = forest
    fine = partition(taxonomy, images, max_class_size=bound)
    coarse = partition(taxonomy, images, max_class_size=bound + larger)
    assert len(coarse.classes) <= len(fine.classes)


@settings(max_examples=50)
@given(forests())
def test_as_a_class_set_every_image_belongs_to_exactly_one_class(forest):
    taxonomy, images, bound = forest
    found = partition(taxonomy, images, max_class_size=bound)
    uncut = {each.node for each in found.classes if each.own_only}
    whole = {e.node for e in found.classes if not uncut & set(taxonomy.ancestors(e.node))}
    if len(whole) < 2:
        return
    classes = found.class_set()
    assert all(classes.index_of(node) is not None for node, count in images.items() if count)
    assert sum(found.images(name) for name in classes.classes) == sum(images.values())
