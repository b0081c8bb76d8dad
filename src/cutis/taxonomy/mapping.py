"""Foreign labels beside the nodes that they mean, and what follows from that."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cutis.errors import TaxonomyError
from cutis.taxonomy.tree import Status, Taxonomy


@dataclass(frozen=True)
class MappedLabel:
    """A label, how many rows have it, and what it means; `node` is None where nothing does."""

    label: str
    rows: int
    node: str | None
    name: str | None
    status: Status | None
    classes: Mapping[str, str | None]  # level -> the class that holds the node, if any


def map_labels(rows: Mapping[str, int], taxonomy: Taxonomy) -> tuple[MappedLabel, ...]:
    """Look up every label of a data set; those that the tree does not know stay in the result.

    Args:
        rows: Label -> how many rows have it.
        taxonomy: The tree.
    """
    return tuple(_mapped(label, count, taxonomy) for label, count in rows.items())


def images_per_node(rows: Mapping[str, int], taxonomy: Taxonomy, *, source: str) -> dict[str, int]:
    """Label counts as counts of nodes; labels of one node are added up.

    Raises:
        TaxonomyError: labels that the tree does not know, all together; `source` opens the message.
    """
    found = Counter[str]()
    nodes = taxonomy.resolve_all([*rows], source=source)
    for node, count in zip(nodes, rows.values(), strict=True):
        found[node] += count
    return dict(found)


def require_known(mapped: tuple[MappedLabel, ...], taxonomy: Taxonomy, *, source: str) -> None:
    """Check that every label was found.

    Raises:
        TaxonomyError: naming those that were not, with the nearest spelling.
    """
    unknown = [taxonomy.why_unknown(each.label) for each in mapped if each.node is None]
    if unknown:
        raise TaxonomyError(source, unknown)


def _mapped(label: str, rows: int, taxonomy: Taxonomy) -> MappedLabel:
    node = taxonomy.find(label)
    held: dict[str, str | None] = dict.fromkeys(taxonomy.levels)
    if node is None:
        return MappedLabel(label, rows, None, None, None, held)
    for each in (node, *taxonomy.ancestors(node)):
        held |= dict.fromkeys(taxonomy.nodes[each].levels, each)
    return MappedLabel(label, rows, node, taxonomy.nodes[node].name, taxonomy.status(node), held)
