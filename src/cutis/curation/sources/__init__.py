"""Data sets as they are distributed, each read into a `Manifest`; one file per data set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cutis.checks import did_you_mean
from cutis.curation.sources import folder, ham10000, isic, pad_ufes_20, phantom, table
from cutis.curation.sources.rows import Rows
from cutis.errors import InputError
from cutis.files import exists
from cutis.tables.frames import require_utf8
from cutis.tables.manifest import Manifest
from cutis.taxonomy import Taxonomy, load_taxonomy


@dataclass(frozen=True, eq=False)
class SourceOptions:
    """What an importer may be told beside the path.

    Attributes:
        taxonomy: The tree that labels are resolved in.
        skip_missing: Leave out rows whose picture or mask does not exist, instead of refusing.
        columns: For `table`: our column name -> the column's name in the file.
        images: Where the pictures are, if not where the source usually has them.
    """

    taxonomy: Taxonomy = field(default_factory=load_taxonomy)
    skip_missing: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    images: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Imported:
    """What was read.

    Attributes:
        manifest: The rows.
        missing: Ids of rows left out because their picture or mask does not exist.
        tables: What the rows were read from; a folder if the pictures lie in folders per class.
    """

    manifest: Manifest
    missing: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Source:
    """How a data set is read, and which of the options `images` and `columns` its reader takes."""

    read: Callable[..., Rows]
    takes: tuple[str, ...] = ()


SOURCES = {
    "ham10000": Source(ham10000.read, takes=("images",)),
    "isic": Source(isic.read, takes=("images",)),
    "pad-ufes-20": Source(pad_ufes_20.read, takes=("images",)),
    "folder": Source(folder.read),
    "table": Source(table.read, takes=("images", "columns")),
    "phantom": Source(phantom.read),
}


def import_source(name: str, root: Path, options: SourceOptions | None = None) -> Imported:
    """Read a data set.

    Args:
        name: A key of `SOURCES`.
        root: Its folder, or for `table` (and optionally `isic`) its CSV file.
        options: See `SourceOptions`.

    Raises:
        InputError: no such source or path, or an option that the source does not take.
        ManifestError: columns are missing; or labels are unknown, ids repeat, pictures do not
            exist, all of it at once.
    """
    options = options or SourceOptions()
    source = _source(name)
    if not exists(root):
        raise InputError(f"{root}: no such file or folder")
    for place in (root, *options.images):
        require_utf8(place.absolute())
    given: dict[str, Any] = {"images": options.images, "columns": options.columns}
    useless = [key for key, value in given.items() if value and key not in source.takes]
    if useless:
        able = ", ".join(key for key, each in SOURCES.items() if useless[0] in each.takes)
        raise InputError(f"source {name!r} does not take {useless[0]}; those that do: {able}")
    rows = source.read(root, **{key: given[key] for key in source.takes})
    manifest, missing = rows.to_manifest(
        options.taxonomy,
        skip_missing=options.skip_missing,
        source={"folder": root.absolute().name, "table": root.stem}.get(name, name),
    )
    return Imported(manifest, missing, (Path(rows.origin), *rows.also_read))


def _source(name: str) -> Source:
    if name not in SOURCES:
        guess = did_you_mean(name, SOURCES)
        raise InputError(f"source {name!r} is not one of {', '.join(SOURCES)}{guess}")
    return SOURCES[name]
