"""`Task`: a question with two answers, put to any classifier whose classes are nodes of the tree.

Source: Esteva et al. 2017, Nature 542:115. Their two critical questions, and the renormalisation over
the two answers that lets a classifier of many classes reply to them (Methods, "Inference algorithm").
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from cutis.checks import BoolArray, FloatArray, did_you_mean
from cutis.errors import InputError, TaxonomyError
from cutis.taxonomy.rollup import rollup
from cutis.taxonomy.tree import Taxonomy

EVERYTHING_ELSE = "*"
BY_STATUS = "status"
TASKS: Mapping[str, str] = {
    "keratinocyte-carcinoma": "malignant-epidermal:benign-keratosis",
    "melanoma-nevus": "melanoma:nevus",
    "melanoma": f"melanoma:{EVERYTHING_ELSE}",
    "malignancy": BY_STATUS,
}
"""Name -> positive and negative node; `malignancy` takes its sides from the status of the nodes."""


@dataclass(frozen=True, eq=False)
class Task:
    """A binary question: the diagnoses on its positive side and those on its negative side.

    Raises:
        TaxonomyError: a node is not in the tree.
        InputError: a side is empty, or one diagnosis stands on both sides.
    """

    name: str
    title: str
    taxonomy: Taxonomy
    positive_nodes: tuple[str, ...]
    negative_nodes: tuple[str, ...]

    def __post_init__(self) -> None:
        sides = []
        for side in ("positive_nodes", "negative_nodes"):
            nodes = self.taxonomy.resolve_all(getattr(self, side), source=f"task {self.name!r}")
            if not nodes:
                raise InputError(f"task {self.name!r}: no node is on the {side[:8]} side")
            object.__setattr__(self, side, tuple(nodes))
            sides.append(_members(nodes, self.taxonomy))
        both = sorted(sides[0] & sides[1])
        if both:
            raise InputError(f"task {self.name!r}: {both[0]!r} is on both sides; name two apart")

    def rows(self, diagnoses: Sequence[str]) -> BoolArray:
        """Which rows belong to the question, shape (n,).

        A row without a diagnosis ("") does not, nor one whose diagnosis is too coarse to tell the
        sides apart ("malignant", when melanoma is asked for).

        Raises:
            TaxonomyError: a diagnosis is not a node of the tree.
        """
        negative = self._holds(self.negative_nodes, diagnoses)
        return np.asarray(self.positive(diagnoses) | negative)

    def positive(self, diagnoses: Sequence[str]) -> BoolArray:
        """Which rows are on the positive side, shape (n,); of use where `rows` is true.

        Raises:
            TaxonomyError: a diagnosis is not a node of the tree.
        """
        return self._holds(self.positive_nodes, diagnoses)

    def score(self, probabilities: FloatArray, classes: Sequence[str]) -> FloatArray:
        """p(positive) / (p(positive) + p(negative)), shape (n,); nan where both are 0.

        Args:
            probabilities: Shape (n, k), rows summing to 1.
            classes: The k disjoint nodes that the columns stand for.

        Raises:
            InputError: a side has no class at all, a class is too coarse to be on one side, or there
                are not k columns.

        Example:
            >>> from cutis.taxonomy import load_taxonomy
            >>> task = find_task("melanoma:nevus", load_taxonomy())
            >>> task.score(np.array([[0.3, 0.1, 0.6]]), ["melanoma", "nevus", "dermatofibroma"])
            array([0.75])
        """
        positive = self._mass(self.positive_nodes, probabilities, classes)
        negative = self._mass(self.negative_nodes, probabilities, classes)
        total = positive + negative
        undefined = np.full(total.shape, np.nan)
        return np.asarray(np.divide(positive, total, out=undefined, where=total > 0))

    def _mass(
        self, nodes: Sequence[str], probabilities: FloatArray, classes: Sequence[str]
    ) -> FloatArray:
        shares = [rollup(probabilities, classes, node, self.taxonomy) for node in nodes]
        if not _members(nodes, self.taxonomy) & set(classes):
            raise InputError(
                f"task {self.name!r}: none of the classes {', '.join(classes)} is {_listed(nodes)}"
            )
        return np.asarray(np.sum(shares, axis=0))

    def _holds(self, nodes: Sequence[str], diagnoses: Sequence[str]) -> BoolArray:
        unknown = sorted(set(diagnoses) - set(self.taxonomy.nodes) - {""})
        if unknown:
            problems = [self.taxonomy.why_unknown(diagnosis) for diagnosis in unknown]
            raise TaxonomyError(f"task {self.name!r}", problems)
        members = _members(nodes, self.taxonomy)
        return np.array([diagnosis in members for diagnosis in diagnoses], dtype=bool)


def find_task(name: str, taxonomy: Taxonomy) -> Task:
    """A task of `TASKS` by name, or any pair "A:B" of labels; "A:*" is A against everything else.

    Raises:
        InputError: neither, or the two overlap.
        TaxonomyError: a label is not in the tree.
    """
    pair = TASKS.get(name, name)
    if pair == BY_STATUS:
        return _by_status(name, taxonomy)
    positive, colon, negative = (part.strip() for part in pair.partition(":"))
    if not (positive and colon and negative):
        raise InputError(
            f"task {name!r}: not one of {', '.join(TASKS)}, and not a pair such as melanoma:nevus"
            f"{did_you_mean(name, TASKS)}"
        )
    wanted = [label for label in (positive, negative) if label != EVERYTHING_ELSE]
    found = dict(zip(wanted, taxonomy.resolve_all(wanted, source=f"task {name!r}"), strict=True))
    if positive == EVERYTHING_ELSE:
        raise InputError(f"task {name!r}: everything else is a negative side; name the positive")
    node = found[positive]
    others = (found[negative],) if negative in found else _apart_from(node, taxonomy)
    against = taxonomy.nodes[others[0]].name if negative in found else "everything else"
    title = f"{taxonomy.nodes[node].name} against {_lower_first(against)}"
    return Task(name, title, taxonomy, (node,), others)


def usual_tasks(taxonomy: Taxonomy) -> tuple[Task, ...]:
    """Those of `TASKS` that a tree has both sides of, in their order."""
    found = []
    for name in TASKS:
        with suppress(InputError):
            found.append(find_task(name, taxonomy))
    return tuple(found)


def _by_status(name: str, taxonomy: Taxonomy) -> Task:
    """Malignant or premalignant against benign or non-neoplastic: the topmost nodes of each side."""
    sides: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for node in taxonomy.nodes.values():
        side = taxonomy.is_malignant(node.id)
        if node.parent is None or taxonomy.is_malignant(node.parent) != side:
            sides[side].append(node.id)
    return Task(name, "Malignant against benign", taxonomy, tuple(sides[True]), tuple(sides[False]))


def _apart_from(node_id: str, taxonomy: Taxonomy) -> tuple[str, ...]:
    """The topmost nodes that neither hold `node_id` nor lie in it."""
    above = set(taxonomy.ancestors(node_id))
    return tuple(
        node.id
        for node in taxonomy.nodes.values()
        if (node.parent is None or node.parent in above) and node.id not in above | {node_id}
    )


def _members(nodes: Sequence[str], taxonomy: Taxonomy) -> frozenset[str]:
    return frozenset().union(*(taxonomy.descendants(node) for node in nodes))


def _listed(nodes: Sequence[str], *, shown: int = 4) -> str:
    more = f" or {len(nodes) - shown} others" if len(nodes) > shown else ""
    return f"{', '.join(nodes[:shown])}{more}, or finer"


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
