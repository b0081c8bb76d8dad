"""The models that ship inside the package, found by name, and what any command finds its model by."""

from cutis.zoo.catalogue import (
    copy_card,
    default_name,
    entry,
    find,
    is_bundle,
    leads,
    names,
    resolve,
)

__all__ = [
    "copy_card",
    "default_name",
    "entry",
    "find",
    "is_bundle",
    "leads",
    "names",
    "resolve",
]
