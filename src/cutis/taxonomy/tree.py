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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from cutis.checks import did_you_mean
from cutis.errors import InputError, TaxonomyError
from cutis.files import read_toml

Status = Literal["malignant", "premalignant", "benign", "non-neoplastic"]
MALIGNANT: frozenset[Status] = frozenset({"malignant", "premalignant"})
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

    Labels are compared without regard to case, punctuation and spacing ("Bowens disease" is
    "Bowen's disease"). What a node says about malignancy holds for everything below it, so that a
    class never counts as benign while it holds a malignant diagnosis; a group that mixes both has
    no status.

    Raises:
        TaxonomyError: unknown parents, cycles, labels that two nodes share, or a node below another
            one on the other side of malignant and benign.
    """

    name: str
    nodes: Mapping[str, Node]
    _node_of_label: Mapping[str, str] = field(init=False, repr=False)
    _children: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        problems = [*_structural_problems(self.nodes)]
        labels: dict[str, str] = {}
        for node in self.nodes.values():
            for label in sorted({_folded(text) for text in (node.id, node.name, *node.synonyms)}):
                if not label:
                    problems.append(f"[{node.id}] has an empty label")
                elif labels.setdefault(label, node.id) != node.id:
                    problems.append(f"label {label!r} names both {labels[label]!r} and {node.id!r}")
        if problems:
            raise TaxonomyError(f"taxonomy {self.name!r}", problems)
        contradictions = [*_status_contradictions(self.nodes)]
        if contradictions:
            raise TaxonomyError(f"taxonomy {self.name!r}", contradictions)
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
        return None if status is None else status in MALIGNANT

    def find(self, label: str) -> str | None:
        """The id of the node that a label, name or synonym means, None where there is none."""
        return self._node_of_label.get(_folded(label))

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
            [node.id, node.name, node.parent or "", sorted(node.synonyms), node.status or ""]
            for node in self.nodes.values()
        )
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def why_unknown(self, label: str) -> str:
        """The sentence for a label that `find` does not find, with the nearest spelling."""
        guess = did_you_mean(_folded(label), self._node_of_label)
        return f"diagnosis {label!r} is not in taxonomy {self.name!r}{guess}"


def load_taxonomy(source: str | Path = BUILTIN) -> Taxonomy:
    """A built-in tree by name, or one from a TOML file.

    A built-in tree is read once per process.

    Raises:
        InputError: no such tree or file, or not TOML.
        TaxonomyError: the file does not describe a tree.
    """
    builtin = _builtin_names()
    if str(source) in builtin:
        return _load_builtin(str(source))
    if Path(source).is_file():
        return _parse(read_toml(Path(source)), source=str(source))
    raise InputError(
        f"taxonomy {str(source)!r}: neither a file nor built in ({', '.join(builtin)})"
        f"{did_you_mean(str(source), builtin)}"
    )


def _builtin_names() -> list[str]:
    entries = resources.files("cutis.taxonomy.builtin").iterdir()
    return sorted(e.name.removesuffix(".toml") for e in entries if e.name.endswith(".toml"))


@functools.cache
def _load_builtin(name: str) -> Taxonomy:
    text = resources.files("cutis.taxonomy.builtin").joinpath(f"{name}.toml")
    return _parse(tomllib.loads(text.read_text(encoding="utf-8")), source=name)


def _parse(document: dict[str, Any], *, source: str) -> Taxonomy:
    tables = {key: value for key, value in document.items() if key != "name"}
    problems = [problem for key, value in tables.items() for problem in _entry_problems(key, value)]
    if problems:
        raise TaxonomyError(f"taxonomy {source}", problems)
    nodes = {
        node_id: Node(
            id=node_id,
            name=entry.get("name", node_id),
            parent=entry.get("parent"),
            synonyms=tuple(entry.get("synonyms", ())),
            status=entry.get("status"),
        )
        for node_id, entry in tables.items()
    }
    return Taxonomy(name=str(document.get("name", Path(source).stem)), nodes=nodes)


def _entry_problems(node_id: str, entry: object) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"{node_id!r} is not a table"
        return
    known = ("name", "parent", "synonyms", "status")
    for key in sorted(set(entry) - set(known)):
        yield f"[{node_id}] has unknown key {key!r}{did_you_mean(key, known)}"
    for key in ("name", "parent"):
        if not isinstance(entry.get(key, ""), str):
            yield f"[{node_id}] {key} is not a text"
    synonyms = entry.get("synonyms", [])
    if not isinstance(synonyms, list) or not all(isinstance(each, str) for each in synonyms):
        yield f"[{node_id}] synonyms are not a list of texts"
    status, allowed = entry.get("status"), get_args(Status)
    if status is not None and status not in allowed:
        guess = did_you_mean(str(status), allowed)
        yield f"[{node_id}] status {status!r} is not one of {', '.join(allowed)}{guess}"


def _structural_problems(nodes: Mapping[str, Node]) -> Iterator[str]:
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


def _status_contradictions(nodes: Mapping[str, Node]) -> Iterator[str]:
    for node in nodes.values():
        parent = node.parent
        while parent is not None and nodes[parent].status is None:
            parent = nodes[parent].parent
        if node.status is None or parent is None:
            continue
        above = nodes[parent].status
        if (node.status in MALIGNANT) != (above in MALIGNANT):
            yield (
                f"[{node.id}] is {node.status} below {parent!r}, which is {above}; "
                "leave out the status of a group that mixes both"
            )


def _folded(label: str) -> str:
    return re.sub(r"[\W_]+", " ", re.sub("['’]", "", label)).strip().casefold()
