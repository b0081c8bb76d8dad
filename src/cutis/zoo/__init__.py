"""The models that ship inside the package, found by name, and what any command finds its model by."""

from cutis.zoo.catalogue import default_name, entry, find, names, resolve

__all__ = ["default_name", "entry", "find", "names", "resolve"]
