"""A tree as JSON, the form in which it travels with a model."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

from cutis.errors import InputError
from cutis.taxonomy.tree import Node, Status, Taxonomy


def tree_to_dict(taxonomy: Taxonomy) -> dict[str, Any]:
    """A JSON-ready description; `tree_from_dict` reads it back."""
    return {"name": taxonomy.name, "nodes": [asdict(node) for node in taxonomy.nodes.values()]}


def tree_from_dict(described: Any, *, source: str) -> Taxonomy:
    """Read what `tree_to_dict` wrote.

    Raises:
        InputError: it is no tree; `source` opens the message.
    """
    try:
        nodes = [_node_from_dict(node) for node in described["nodes"]]
        strange = [node.status for node in nodes if node.status not in (None, *get_args(Status))]
        if strange:
            raise InputError(f"{source}: status {strange[0]!r} is unknown")
        twice = [each for each, n in Counter(node.id for node in nodes).items() if n > 1]
        if twice:
            raise InputError(f"{source}: node {twice[0]!r} is given more than once")
        return Taxonomy(str(described["name"]), {node.id: node for node in nodes})
    except (KeyError, TypeError, AttributeError) as fault:
        raise InputError(f"{source}: not understood ({fault})") from fault


def _node_from_dict(described: Mapping[str, Any]) -> Node:
    lists = {
        "synonyms": described["synonyms"],
        "levels": described.get("levels", []),  # what was written before levels has none
    }
    for key, value in lists.items():
        if not isinstance(value, list):
            raise TypeError(f"{key} of {described['id']!r} are not a list")
    return Node(**{**described, **{key: tuple(value) for key, value in lists.items()}})
