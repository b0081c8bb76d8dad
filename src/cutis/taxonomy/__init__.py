"""The tree of diagnoses, and everything that is derived from it: class sets, roll-ups, questions."""

from cutis.taxonomy.classes import ClassSet, CoarseLabelWarning
from cutis.taxonomy.partition import Partition, partition
from cutis.taxonomy.reading import load_taxonomy
from cutis.taxonomy.rollup import malignant_probability, rollup, rollup_to
from cutis.taxonomy.tasks import TASKS, Task, find_task
from cutis.taxonomy.tree import Node, Taxonomy

__all__ = [
    "TASKS",
    "ClassSet",
    "CoarseLabelWarning",
    "Node",
    "Partition",
    "Task",
    "Taxonomy",
    "find_task",
    "load_taxonomy",
    "malignant_probability",
    "partition",
    "rollup",
    "rollup_to",
]
