"""The tree of diagnoses, and everything that is derived from it: class sets and roll-ups."""

from cutis.taxonomy.classes import ClassSet
from cutis.taxonomy.rollup import malignant_probability, rollup
from cutis.taxonomy.tree import Node, Taxonomy, load_taxonomy

__all__ = ["ClassSet", "Node", "Taxonomy", "load_taxonomy", "malignant_probability", "rollup"]
