"""`ClassSet`: what a classifier tells apart, as disjoint nodes of the taxonomy."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cutis.errors import InputError, TaxonomyError
from cutis.taxonomy.tree import Taxonomy


class CoarseLabelWarning(UserWarning):
    """A data set mixes a coarse label with finer ones, which then belong to the coarse class."""


@dataclass(frozen=True, eq=False)
class ClassSet:
    """Classes in order; a diagnosis belongs to the class that is it or stands above it.

    Raises:
        TaxonomyError: a class is not a node, is repeated, or stands above another one.
        InputError: fewer than two classes.
    """

    taxonomy: Taxonomy
    classes: tuple[str, ...]
    _class_of: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise InputError(f"a classifier needs at least two classes, got {list(self.classes)}")
        nodes = self.taxonomy.resolve_all(self.classes, source="classes")
        problems = [*_overlaps(nodes, self.taxonomy)]
        if problems:
            raise TaxonomyError("classes", problems)
        class_of = {
            member: index
            for index, node in enumerate(nodes)
            for member in self.taxonomy.descendants(node)
        }
        object.__setattr__(self, "classes", tuple(nodes))
        object.__setattr__(self, "_class_of", class_of)

    def __len__(self) -> int:
        return len(self.classes)

    @classmethod
    def of(cls, taxonomy: Taxonomy, diagnoses: Iterable[str]) -> "ClassSet":
        """The classes of a data set: its distinct diagnoses, in alphabetical order.

        A diagnosis that stands above another one of the data set takes it in, as nobody can say
        which images of the coarse label are of the finer diagnosis: "benign keratosis" takes in
        "seborrheic keratosis", and one row that says "benign" every benign class. That is said with a
        `CoarseLabelWarning`.
        """
        present = set(diagnoses)
        top = sorted(node for node in present if not present & set(taxonomy.ancestors(node)))
        for node in top:
            finer = sorted(present & taxonomy.descendants(node) - {node})
            if finer:
                warnings.warn(_takes_in(node, finer), CoarseLabelWarning, stacklevel=2)
        return cls(taxonomy, tuple(top))

    @classmethod
    def at_level(cls, taxonomy: Taxonomy, level: str) -> "ClassSet":
        """The classes of a level that the tree marks, such as "nine-way", in the tree's order.

        Raises:
            InputError: the tree has no such level, or marks a single node with it.

        Example:
            >>> from cutis.taxonomy import load_taxonomy
            >>> ClassSet.at_level(load_taxonomy(), "three-way").classes
            ('malignant', 'benign', 'non-neoplastic')
        """
        return cls(taxonomy, taxonomy.level(level))

    def index_of(self, diagnosis: str) -> int | None:
        """The position of the class that holds a diagnosis, None where no class does."""
        return self._class_of.get(diagnosis)

    def indices_of(self, diagnoses: Sequence[str]) -> list[int]:
        """Positions for several diagnoses.

        Raises:
            TaxonomyError: some diagnosis belongs to no class.
        """
        found = [self._class_of.get(diagnosis) for diagnosis in diagnoses]
        outside = {d for d, index in zip(diagnoses, found, strict=True) if index is None}
        if outside:
            listed = [
                f"diagnosis {d!r} belongs to no class of {list(self.classes)}" for d in outside
            ]
            raise TaxonomyError("classes", sorted(listed))
        return [index for index in found if index is not None]


def _takes_in(node: str, finer: Sequence[str], *, shown: int = 5) -> str:
    more = f" and {len(finer) - shown} more" if len(finer) > shown else ""
    return (
        f"the class {node!r} takes in the finer diagnoses {', '.join(finer[:shown])}{more}; "
        f"name the classes yourself, or leave out the rows that say no more than {node!r}"
    )


def _overlaps(nodes: Sequence[str], taxonomy: Taxonomy) -> Iterator[str]:
    for node in sorted({node for node in nodes if nodes.count(node) > 1}):
        yield f"{node!r} is given twice"
    for node in sorted(set(nodes)):
        for above in taxonomy.ancestors(node):
            if above in nodes:
                yield f"{node!r} is part of {above!r}"
