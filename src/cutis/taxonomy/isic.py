"""The ISIC archive's own tree of diagnoses, built from the package that the archive checks with."""

from importlib import import_module

from cutis.errors import InputError
from cutis.taxonomy.tree import Node, Status, Taxonomy

STATUS: dict[str, Status] = {"Benign": "benign", "Malignant": "malignant"}


def isic_archive_taxonomy() -> Taxonomy:
    """The hierarchy of `isic-metadata`, five deep, as a tree.

    A node answers to its own name and to its whole path ("Benign:Cysts:Milium"), and the depth it
    stands at is its level, named as the archive's columns: `diagnosis_1` to `diagnosis_5`. The archive
    calls inflammation benign, and what it calls indeterminate has no status.

    Raises:
        InputError: `isic-metadata` is not installed.
    """
    try:
        hierarchy = import_module("isic_metadata.diagnosis_hierarchical").DiagnosisEnum
    except ImportError:
        raise InputError(
            "taxonomy 'isic' comes with the package isic-metadata, which is not installed; "
            "try: pip install isic-metadata"
        ) from None
    nodes = [_node(str(member.value)) for member in hierarchy]
    return Taxonomy("isic", {node.id: node for node in nodes})


def _node(path: str) -> Node:
    above, _, name = path.rpartition(":")
    return Node(
        id=_id(name),
        name=name,
        parent=_id(above.rpartition(":")[2]) if above else None,
        synonyms=(path,) if above else (),
        status=None if above else STATUS.get(name),
        levels=(f"diagnosis_{path.count(':') + 1}",),
    )


def _id(name: str) -> str:
    """Lower case, words joined by hyphens; the names of the archive stay unique."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.casefold())
    return "-".join(words.split())
