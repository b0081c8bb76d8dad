"""`Taxonomy`: a tree of diagnoses with synonyms and a status that children inherit.

A tree is written as TOML, one table per node, the table's name being the node's id:

    name = "skin"

    [melanocytic-malignant]
    name = "Malignant melanocytic lesion"
    parent = "malignant"

    [melanoma]
    name = "Melanoma"
    parent = "melanocytic-malignant"
    synonyms = ["mel", "malignant melanoma"]
    status = "malignant"            # only where it differs from the parent's
"""

import functools
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from cutis.checks import did_you_mean
from cutis.errors import InputError, TaxonomyError

Status = Literal["malignant", "premalignant", "benign", "non-neoplastic"]
BUILTIN = "skin"


@dataclass(frozen=True)
class Node:
    """One diagnosis, or a group of them."""

    id: str
    name: str
    parent: str | None
    synonyms: tuple[str, ...] = ()
    status: Status | None = None  # inherited from the nearest ancestor that has one


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """A validated tree of diagnoses; every fault is reported at once.

    Labels are compared without regard to case, hyphens, underscores and repeated spaces.

    Raises:
        TaxonomyError: unknown parents, cycles, names or synonyms that two nodes share.
    """

    name: str
    nodes: Mapping[str, Node]
    _node_of_label: Mapping[str, str] = field(init=False, repr=False)
    _children: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        problems = [*_structural_problems(self.nodes)]
        labels: dict[str, str] = {}
        for node in self.nodes.values():
            for label in {_folded(text) for text in (node.id, node.name, *node.synonyms)}:
                if labels.setdefault(label, node.id) != node.id:
                    problems.append(f"label {label!r} names both {labels[label]!r} and {node.id!r}")
        if problems:
            raise TaxonomyError(f"taxonomy {self.name!r}", problems)
        children: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        for node in self.nodes.values():
            if node.parent is not None:
                children[node.parent].append(node.id)
        object.__setattr__(self, "_node_of_label", labels)
        object.__setattr__(
            self, "_children", {node_id: tuple(ids) for node_id, ids in children.items()}
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
        below = [self.descendants(child) for child in self._children[node_id]]
        return frozenset({node_id}).union(*below)

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
        return None if status is None else status in ("malignant", "premalignant")

    def resolve(self, label: str) -> str:
        """The id of the node that a label, name or synonym means.

        Raises:
            TaxonomyError: no node has that label; the message has the nearest spelling.

        Example:
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
        found = [self._node_of_label.get(_folded(label)) for label in labels]
        unknown = [label for label, node in zip(labels, found, strict=True) if node is None]
        if unknown:
            raise TaxonomyError(source, [self._unknown(label) for label in dict.fromkeys(unknown)])
        return [node for node in found if node is not None]

    @property
    def sha256(self) -> str:
        """A hash of the tree's content, independent of the order of nodes and synonyms."""
        content = sorted(
            [node.id, node.name, node.parent or "", sorted(node.synonyms), node.status or ""]
            for node in self.nodes.values()
        )
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _unknown(self, label: str) -> str:
        guess = did_you_mean(_folded(label), self._node_of_label)
        return f"diagnosis {label!r} is not in taxonomy {self.name!r}{guess}"


@functools.cache
def load_taxonomy(source: str | Path = BUILTIN) -> Taxonomy:
    """A built-in tree by name, or one from a TOML file.

    Raises:
        InputError: no such tree or file.
        TaxonomyError: the file does not describe a tree.
    """
    builtin = {
        entry.name.removesuffix(".toml"): entry
        for entry in resources.files("cutis.taxonomy.builtin").iterdir()
        if entry.name.endswith(".toml")
    }
    if str(source) in builtin:
        text = builtin[str(source)].read_text(encoding="utf-8")
    elif Path(source).is_file():
        text = Path(source).read_text(encoding="utf-8")
    else:
        raise InputError(
            f"taxonomy {str(source)!r}: neither a file nor built in ({', '.join(sorted(builtin))})"
            f"{did_you_mean(str(source), builtin)}"
        )
    try:
        return _parse(tomllib.loads(text), source=str(source))
    except tomllib.TOMLDecodeError as fault:
        raise InputError(f"taxonomy {source}: not valid TOML ({fault})") from fault


def _parse(document: dict[str, Any], *, source: str) -> Taxonomy:
    nodes: dict[str, Node] = {}
    problems: list[str] = []
    for node_id, entry in document.items():
        if node_id == "name":
            continue
        if not isinstance(entry, dict):
            problems.append(f"{node_id!r} is not a table")
            continue
        unknown = set(entry) - {"name", "parent", "synonyms", "status"}
        problems += [f"[{node_id}] has unknown key {key!r}" for key in sorted(unknown)]
        status = entry.get("status")
        if status is not None and status not in get_args(Status):
            allowed = ", ".join(get_args(Status))
            problems.append(f"[{node_id}] status {status!r} is not one of {allowed}")
        nodes[node_id] = Node(
            id=node_id,
            name=str(entry.get("name", node_id)),
            parent=entry.get("parent"),
            synonyms=tuple(entry.get("synonyms", ())),
            status=status,
        )
    if problems:
        raise TaxonomyError(f"taxonomy {source}", problems)
    return Taxonomy(name=str(document.get("name", Path(source).stem)), nodes=nodes)


def _structural_problems(nodes: Mapping[str, Node]) -> Iterable[str]:
    if not nodes:
        yield "it has no nodes"
    for node in nodes.values():
        if node.parent is not None and node.parent not in nodes:
            guess = did_you_mean(node.parent, nodes)
            yield f"[{node.id}] has parent {node.parent!r}, which does not exist{guess}"
            continue
        seen, current = {node.id}, node.parent
        while current is not None and current in nodes:
            if current in seen:
                yield f"[{node.id}] is its own ancestor"
                break
            seen.add(current)
            current = nodes[current].parent


def _folded(label: str) -> str:
    return re.sub(r"[\s_\-]+", " ", label).strip().casefold()
