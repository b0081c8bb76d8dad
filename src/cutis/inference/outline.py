"""`Outline`: a model's classes in their tree, from malignant and benign down to the diagnoses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cutis.checks import FloatArray
from cutis.taxonomy import Taxonomy


@dataclass(frozen=True)
class Outline:
    """A node with the classes it holds; a group that holds a single class is left out.

    Attributes:
        node: Of the tree; a class, where there is nothing below.
        columns: The positions of its classes.
        below: Finer nodes, which share its classes among them.
    """

    node: str
    columns: tuple[int, ...]
    below: tuple["Outline", ...]

    def probability(self, row: FloatArray) -> float:
        """The summed probability of its classes, of a row (k,), at most 1."""
        return min(float(row[list(self.columns)].sum()), 1.0)

    def lines(self, row: FloatArray, *, depth: int = 0) -> Iterator["Line"]:
        """The node and what is below it, the more probable first."""
        yield Line(self.node, depth, self.probability(row))
        for part in sorted(self.below, key=lambda each: -each.probability(row)):
            yield from part.lines(row, depth=depth + 1)


@dataclass(frozen=True)
class Line:
    """One line of an outline."""

    node: str
    depth: int  # 0 for a root
    probability: float


def outlines(classes: Sequence[str], taxonomy: Taxonomy) -> tuple[Outline, ...]:
    """The roots of the tree that hold a class, in the order of the tree."""
    found = (_outline(root, classes, taxonomy, is_root=True) for root in taxonomy.roots)
    return tuple(each for each in found if each is not None)


def _outline(
    node: str, classes: Sequence[str], taxonomy: Taxonomy, *, is_root: bool = False
) -> Outline | None:
    members = taxonomy.descendants(node)
    columns = tuple(k for k, name in enumerate(classes) if name in members)
    if not columns:
        return None
    if node in classes:
        return Outline(node, columns, ())
    found = (_outline(child, classes, taxonomy) for child in taxonomy.children(node))
    below = tuple(each for each in found if each is not None)
    return below[0] if len(below) == 1 and not is_root else Outline(node, columns, below)
