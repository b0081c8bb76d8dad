"""`partition`: training classes of bounded size, cut from the tree where the images are.

Source: Esteva et al. 2017, Nature 542:115, Methods, "Disease partitioning algorithm". Training classes
that are too coarse make a network blind to what they hold, too fine ones leave it few images each; so
the tree is descended until a class has at most so many images.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutis.checks import did_you_mean
from cutis.errors import InputError, TaxonomyError
from cutis.files import write_json, write_text
from cutis.taxonomy.classes import ClassSet
from cutis.taxonomy.tree import Taxonomy


@dataclass(frozen=True)
class TrainingClass:
    """A node and what of it belongs to the class."""

    node: str
    diagnoses: frozenset[str]  # the node and everything below it; the node alone if `own_only`
    images: int
    own_only: bool = False  # images labelled with the node itself, its children being other classes


@dataclass(frozen=True, eq=False)
class Partition:
    """Disjoint training classes that together hold every image, in alphabetical order."""

    taxonomy: Taxonomy
    max_class_size: int
    classes: tuple[TrainingClass, ...]

    @property
    def whole_nodes(self) -> tuple[str, ...]:
        """Disjoint nodes that hold every image, in alphabetical order.

        Where a node was cut while images are labelled with the node itself, it is taken whole again:
        nobody can say to which of its children those images belong. Such a node may exceed the bound;
        `images` has its size.
        """
        uncut = {each.node for each in self.classes if each.own_only}
        nodes = {each.node for each in self.classes}
        return tuple(sorted(n for n in nodes if not uncut & set(self.taxonomy.ancestors(n))))

    def class_set(self) -> ClassSet:
        """The `whole_nodes` as the classes of a classifier.

        Raises:
            InputError: there are fewer than two; a smaller bound gives more.
        """
        return ClassSet(self.taxonomy, self.whole_nodes)

    def images(self, node: str) -> int:
        """The images of all classes at or below a node."""
        members = self.taxonomy.descendants(node)
        return sum(each.images for each in self.classes if each.node in members)

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "taxonomy": {"name": self.taxonomy.name, "sha256": self.taxonomy.sha256},
            "max_class_size": self.max_class_size,
            "classes": [
                {
                    "node": each.node,
                    "name": self.taxonomy.nodes[each.node].name,
                    "images": each.images,
                    "own_images_only": each.own_only,
                    "diagnoses": sorted(each.diagnoses),
                }
                for each in self.classes
            ],
            "whole_nodes": {node: self.images(node) for node in self.whole_nodes},
        }


def write_partition(found: Partition, path: Path) -> None:
    """Write everything as .json, or as .toml the setting `data.classes` for `cutis train --config`.

    Raises:
        InputError: another ending; or, for a setting, fewer than two classes.
        OutputError: the place cannot be written.
    """
    if path.suffix == ".json":
        write_json(path, found.to_dict())
    elif path.suffix == ".toml":
        lines = [f'    "{node}",\n' for node in found.class_set().classes]
        write_text(path, f"[data]\nclasses = [\n{''.join(lines)}]\n")
    else:
        raise InputError(f"{path}: end the name in .json or .toml")


def partition(taxonomy: Taxonomy, images: Mapping[str, int], *, max_class_size: int) -> Partition:
    """Cut the tree into training classes of at most `max_class_size` images.

    From every root downwards: a node that holds no more images than the bound, those of its
    descendants included, is a class; a larger one is cut into its children. Two cases the paper leaves
    open: images that are labelled with a node that is cut become a class of their own, without the
    children (`own_only`; see `Partition.class_set` for what that means to a classifier); and a node
    whose images are all its own cannot be cut and is a class of whatever size. Nodes without images
    are no classes.

    Args:
        taxonomy: The tree.
        images: Node -> how many images are labelled with it, its descendants not included.
        max_class_size: At least 1.

    Raises:
        TaxonomyError: a key is not a node.
        InputError: a negative number, no images at all, or a bound below 1.
    """
    _require_counts(taxonomy, images)
    if max_class_size < 1:
        raise InputError(f"max_class_size: {max_class_size}, expected at least 1")
    totals = Counter[str]()
    for node, count in images.items():
        for above in (node, *taxonomy.ancestors(node)):
            totals[above] += count

    def cut(node: str) -> Iterator[TrainingClass]:
        own = images.get(node, 0)
        if totals[node] == 0:
            return
        if totals[node] <= max_class_size or totals[node] == own:
            yield TrainingClass(node, taxonomy.descendants(node), totals[node])
            return
        if own:
            yield TrainingClass(node, frozenset({node}), own, own_only=True)
        for child in taxonomy.children(node):
            yield from cut(child)

    classes = sorted((each for root in taxonomy.roots for each in cut(root)), key=lambda c: c.node)
    return Partition(taxonomy, max_class_size, tuple(classes))


def _require_counts(taxonomy: Taxonomy, images: Mapping[str, int]) -> None:
    unknown = [node for node in images if node not in taxonomy.nodes]
    if unknown:
        problems = [f"{n!r} is not a node{did_you_mean(n, taxonomy.nodes)}" for n in unknown]
        raise TaxonomyError(f"images per node of taxonomy {taxonomy.name!r}", problems)
    negative = [node for node, count in images.items() if count < 0]
    if negative:
        raise InputError(f"images: {negative[0]!r} has {images[negative[0]]}")
    if not sum(images.values()):
        raise InputError("images: there are none to partition")
