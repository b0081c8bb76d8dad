"""Data sets as they are distributed, each read into a `Manifest`; one file per data set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cutis.checks import did_you_mean
from cutis.curation.sources import folder, ham10000, isic, pad_ufes_20, phantom, table
from cutis.curation.sources.rows import Rows
from cutis.errors import InputError
from cutis.tables.manifest import Manifest
from cutis.taxonomy import Taxonomy, load_taxonomy


@dataclass(frozen=True, eq=False)
class SourceOptions:
    """What an importer may be told beside the path.

    Attributes:
        taxonomy: The tree that labels are resolved in.
        skip_missing: Leave out rows whose picture does not exist, instead of refusing.
        columns: For `table`: our column name -> the column's name in the file.
        images: Where the pictures are, if not where the source usually has them.
    """

    taxonomy: Taxonomy = field(default_factory=load_taxonomy)
    skip_missing: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    images: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Imported:
    """A manifest and the rows that were left out because their picture does not exist."""

    manifest: Manifest
    missing: tuple[str, ...] = ()


SOURCES: dict[str, Callable[[Path, SourceOptions], Imported]] = {
    "ham10000": lambda root, o: _imported(ham10000.read(root, images=o.images), o, name="ham10000"),
    "isic": lambda root, o: _imported(isic.read(root, images=o.images), o, name="isic"),
    "pad-ufes-20": lambda root, o: _imported(
        pad_ufes_20.read(root, images=o.images), o, name="pad-ufes-20"
    ),
    "folder": lambda root, o: _imported(folder.read(root), o, name=root.name),
    "table": lambda root, o: _imported(
        table.read(root, columns=o.columns, images=o.images), o, name=root.stem
    ),
    "phantom": lambda root, o: _imported(phantom.read(root), o, name="phantom"),
}


def import_source(name: str, root: Path, options: SourceOptions | None = None) -> Imported:
    """Read a data set.

    Args:
        name: A key of `SOURCES`.
        root: Its folder, or for `table` its CSV file.
        options: See `SourceOptions`.

    Raises:
        InputError: no such source or path.
        ManifestError: columns are missing, ids repeat, or pictures do not exist.
        TaxonomyError: labels that the taxonomy does not know, all of them at once.
    """
    if name not in SOURCES:
        guess = did_you_mean(name, SOURCES)
        raise InputError(f"source {name!r} is not one of {', '.join(SOURCES)}{guess}")
    if not root.exists():
        raise InputError(f"{root}: no such file or folder")
    return SOURCES[name](root, options or SourceOptions())


def _imported(rows: Rows, options: SourceOptions, *, name: str) -> Imported:
    manifest, missing = rows.to_manifest(
        options.taxonomy, skip_missing=options.skip_missing, source=name
    )
    return Imported(manifest, missing)
