"""`Taxonomy`: a tree of diagnoses with synonyms and a status that children inherit.

How a tree is written down and read is the matter of `reading`.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cutis.checks import did_you_mean
from cutis.errors import InputError, TaxonomyError

Status = Literal["malignant", "premalignant", "benign", "non-neoplastic"]
MALIGNANT: frozenset[Status] = frozenset({"malignant", "premalignant"})


@dataclass(frozen=True)
class Node:
    """One diagnosis, or a group of them."""

    id: str
    name: str
    parent: str | None
    synonyms: tuple[str, ...] = ()
    status: Status | None = None  # inherited from the nearest ancestor that has one
    levels: tuple[str, ...] = ()  # the named levels, such as "nine-way", that it is a class of


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """A validated tree of diagnoses; every fault is reported at once.

    Labels are compared without regard to case, punctuation and spacing ("Bowens disease" is
    "Bowen's disease"). What a node says about malignancy holds for everything below it, so that a
    class never counts as benign while it holds a malignant diagnosis; a group that mixes both has
    no status. The nodes of one level stand beside each other, never above one another.

    Raises:
        TaxonomyError: unknown parents, cycles, labels that two nodes share, a node below another one
            on the other side of malignant and benign, or below one of its own level.
    """

    name: str
    nodes: Mapping[str, Node]
    _node_of_label: Mapping[str, str] = field(init=False, repr=False)
    _children: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)
    _descendants: Mapping[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        problems = faults(self.nodes)
        if problems:
            raise TaxonomyError(f"taxonomy {self.name!r}", problems)
        labels = {label: node.id for node in self.nodes.values() for label in _labels(node)}
        children: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        below: dict[str, set[str]] = {node_id: {node_id} for node_id in self.nodes}
        for node in self.nodes.values():
            if node.parent is not None:
                children[node.parent].append(node.id)
            for above in self.ancestors(node.id):
                below[above].add(node.id)
        object.__setattr__(self, "_node_of_label", labels)
        object.__setattr__(
            self, "_children", {node_id: tuple(ids) for node_id, ids in children.items()}
        )
        object.__setattr__(
            self, "_descendants", {node_id: frozenset(ids) for node_id, ids in below.items()}
        )

    @property
    def roots(self) -> tuple[str, ...]:
        """Nodes without a parent."""
        return tuple(node.id for node in self.nodes.values() if node.parent is None)

    @property
    def leaves(self) -> tuple[str, ...]:
        """Nodes without children."""
        return tuple(node_id for node_id in self.nodes if not self._children[node_id])

    def children(self, node_id: str) -> tuple[str, ...]:
        """The nodes directly below `node_id`."""
        return self._children[node_id]

    def ancestors(self, node_id: str) -> tuple[str, ...]:
        """From the parent of `node_id` up to its root."""
        found: list[str] = []
        parent = self.nodes[node_id].parent
        while parent is not None:
            found.append(parent)
            parent = self.nodes[parent].parent
        return tuple(found)

    def descendants(self, node_id: str) -> frozenset[str]:
        """`node_id` and everything below it."""
        return self._descendants[node_id]

    def status(self, node_id: str) -> Status | None:
        """The status of a node: its own, or that of the nearest ancestor that has one."""
        for candidate in (node_id, *self.ancestors(node_id)):
            status = self.nodes[candidate].status
            if status is not None:
                return status
        return None

    def is_malignant(self, node_id: str) -> bool | None:
        """Whether a node counts as malignant in the malignant-against-benign question.

        Premalignant lesions (actinic keratosis, intraepithelial carcinoma) count as malignant, as
        they are to be treated; None where the tree does not say.
        """
        status = self.status(node_id)
        return None if status is None else status in MALIGNANT

    @property
    def levels(self) -> tuple[str, ...]:
        """The names of the levels that nodes are marked with, in the order of the nodes."""
        marks = (level for node in self.nodes.values() for level in node.levels)
        return tuple(dict.fromkeys(marks))

    def level(self, name: str) -> tuple[str, ...]:
        """The nodes of a named level, in the order of the tree.

        Raises:
            InputError: no node is marked with it.
        """
        found = tuple(node.id for node in self.nodes.values() if name in node.levels)
        if not found:
            raise InputError(
                f"taxonomy {self.name!r} has no level {name!r}; "
                f"it has {', '.join(self.levels) or 'none'}{did_you_mean(name, self.levels)}"
            )
        return found

    def find(self, label: str) -> str | None:
        """The id of the node that a label, name or synonym means, None where there is none."""
        return self._node_of_label.get(_folded(label))

    def resolve(self, label: str) -> str:
        """The id of the node that a label, name or synonym means.

        Raises:
            TaxonomyError: no node has that label; the message has the nearest spelling.

        Example:
            >>> from cutis.taxonomy import load_taxonomy
            >>> load_taxonomy().resolve("MEL")
            'melanoma'
        """
        (node_id,) = self.resolve_all([label], source=f"taxonomy {self.name!r}")
        return node_id

    def resolve_all(self, labels: Sequence[str], *, source: str) -> list[str]:
        """Resolve several labels, reporting all unknown ones together, each once.

        Raises:
            TaxonomyError: as `resolve`; `source` opens the message.
        """
        found = [self.find(label) for label in labels]
        unknown = [label for label, node in zip(labels, found, strict=True) if node is None]
        if unknown:
            raise TaxonomyError(
                source, [self.why_unknown(label) for label in dict.fromkeys(unknown)]
            )
        return [node for node in found if node is not None]

    @property
    def sha256(self) -> str:
        """A hash of the tree's content, independent of the order of nodes and synonyms."""
        content = sorted(
            [
                *[node.id, node.name, node.parent or "", sorted(node.synonyms), node.status or ""],
                *([sorted(node.levels)] if node.levels else []),  # none: the hash of format 1
            ]
            for node in self.nodes.values()
        )
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def why_unknown(self, label: str) -> str:
        """The sentence for a label that `find` does not find, with the nearest spelling."""
        guess = did_you_mean(_folded(label), self._node_of_label)
        return f"diagnosis {label!r} is not in taxonomy {self.name!r}{guess}"


def faults(nodes: Mapping[str, Node]) -> list[str]:
    """Everything that keeps nodes from being a tree, one sentence each."""
    if not nodes:
        return ["it has no nodes"]
    return [
        *_parent_faults(nodes),
        *_label_faults(nodes),
        *_status_contradictions(nodes),
        *_nested_levels(nodes),
    ]


def _parent_faults(nodes: Mapping[str, Node]) -> Iterator[str]:
    for node in nodes.values():
        if node.parent is not None and node.parent not in nodes:
            guess = did_you_mean(node.parent, nodes)
            yield f"[{node.id}] has parent {node.parent!r}, which does not exist{guess}"
        elif node.parent == node.id or node in _above(node, nodes):
            yield f"[{node.id}] is its own ancestor"


def _label_faults(nodes: Mapping[str, Node]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for node in nodes.values():
        for label in _labels(node):
            if not label:
                yield f"[{node.id}] has an empty label"
            elif owners.setdefault(label, node.id) != node.id:
                yield f"label {label!r} names both {owners[label]!r} and {node.id!r}"


def _status_contradictions(nodes: Mapping[str, Node]) -> Iterator[str]:
    for node in nodes.values():
        decided = (above for above in _above(node, nodes) if above.status is not None)
        nearest = next(decided, None)
        if node.status is None or nearest is None:
            continue
        if (node.status in MALIGNANT) != (nearest.status in MALIGNANT):
            yield (
                f"[{node.id}] is {node.status} below {nearest.id!r}, which is {nearest.status}; "
                "leave out the status of a group that mixes both"
            )


def _nested_levels(nodes: Mapping[str, Node]) -> Iterator[str]:
    for node in nodes.values():
        for above in _above(node, nodes):
            for level in sorted(set(node.levels) & set(above.levels)):
                yield f"[{node.id}] and {above.id!r} above it are both of level {level!r}"


def _above(node: Node, nodes: Mapping[str, Node]) -> list[Node]:
    """From the parent up, as far as parents exist; a circle is walked once."""
    found: list[Node] = []
    parent = nodes.get(node.parent or "")
    while parent is not None and parent not in found:
        found.append(parent)
        parent = nodes.get(parent.parent or "")
    return found


def _labels(node: Node) -> list[str]:
    return sorted({_folded(text) for text in (node.id, node.name, *node.synonyms)})


def _folded(label: str) -> str:
    composed = unicodedata.normalize("NFC", label)  # file names of a Mac have their accents apart
    return re.sub(r"[\W_]+", " ", re.sub("['’]", "", composed)).strip().casefold()
