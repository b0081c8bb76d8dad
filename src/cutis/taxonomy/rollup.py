"""Coarse answers from fine probabilities: a node's probability is the sum over its descendants.

Source: Esteva et al. 2017, Nature 542:115, Methods, "Inference algorithm".
"""

import math
from collections.abc import Sequence

import numpy as np

from cutis.checks import FloatArray
from cutis.errors import InputError
from cutis.taxonomy.classes import ClassSet
from cutis.taxonomy.tree import Taxonomy


def rollup(
    probabilities: FloatArray, classes: Sequence[str], node: str, taxonomy: Taxonomy
) -> FloatArray:
    """The probability of a node, shape (n,): 0 where no class lies at or below it.

    Over disjoint nodes that together hold every class, such as `taxonomy.roots`, the results sum
    to 1.

    Args:
        probabilities: Shape (n, k), rows summing to 1.
        classes: The k disjoint nodes that the columns stand for.
        node: Any label of the tree.
        taxonomy: The tree.

    Raises:
        InputError: a class stands above `node`, so its probability cannot be divided; or there are
            not k columns.
        TaxonomyError: `node` is not in the tree.
    """
    node = taxonomy.resolve(node)
    _require_columns(probabilities, classes)
    above = set(taxonomy.ancestors(node)) & set(classes)
    if above:
        raise InputError(f"{node!r} is finer than the class {above.pop()!r}")
    members = taxonomy.descendants(node)
    return _summed(probabilities, [name in members for name in classes])


def rollup_to(coarse: ClassSet, probabilities: FloatArray, classes: Sequence[str]) -> FloatArray:
    """The probabilities of coarser classes, shape (n, len(coarse)), rows summing to 1.

    Args:
        coarse: The classes that are asked for.
        probabilities: Shape (n, k), rows summing to 1.
        classes: The k disjoint nodes that the columns stand for.

    Raises:
        InputError: one of the k classes lies in no coarse class, so that its mass would be lost, or
            stands above one; or there are not k columns.
    """
    rolled = [rollup(probabilities, classes, node, coarse.taxonomy) for node in coarse.classes]
    lost = [name for name in classes if coarse.index_of(name) is None]
    if lost:
        raise InputError(f"{', '.join(lost)}: in none of {', '.join(coarse.classes)}")
    return np.stack(rolled, axis=1)


def malignant_probability(
    probabilities: FloatArray, classes: Sequence[str], taxonomy: Taxonomy
) -> FloatArray:
    """The summed probability of malignant and premalignant classes, shape (n,).

    Raises:
        InputError: a class has no status, all classes are on one side, or there are not k columns.
    """
    _require_columns(probabilities, classes)
    sides = [taxonomy.is_malignant(name) for name in classes]
    unknown = [name for name, side in zip(classes, sides, strict=True) if side is None]
    if unknown:
        raise InputError(f"classes without malignant or benign status: {', '.join(unknown)}")
    if len(set(sides)) < 2:
        raise InputError(f"classes {list(classes)} are all on one side of malignant and benign")
    return _summed(probabilities, [bool(side) for side in sides])


def _summed(probabilities: FloatArray, columns: Sequence[bool]) -> FloatArray:
    """Rounded once, so that ties and thresholds do not depend on the order of the columns."""
    chosen = probabilities[:, np.array(columns, dtype=bool)]
    return np.array([math.fsum(row) for row in chosen.tolist()], dtype=np.float64)


def _require_columns(probabilities: FloatArray, classes: Sequence[str]) -> None:
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise InputError(
            f"probabilities: shape {probabilities.shape}, expected (n, {len(classes)}) "
            f"for the classes {', '.join(classes)}"
        )
