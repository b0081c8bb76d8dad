"""Where a source keeps its table and its pictures, and how a row finds its picture.

Pictures are found by name without ending, since copies are often converted from one format to another;
hidden files are left alone.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cutis.errors import InputError
from cutis.files import is_file, is_folder
from cutis.imaging import SUFFIXES


def one_file(root: Path, patterns: Sequence[str], *, what: str) -> Path:
    """The one file below `root` that matches a pattern; the first pattern that matches wins.

    Raises:
        InputError: `root` is no folder, or no file matches, or several do.
    """
    if not is_folder(root):
        raise InputError(f"{root}: expected the folder of the data set")
    for pattern in patterns:
        found = sorted(path for path in root.glob(pattern) if is_file(path))
        if len(found) > 1:
            raise InputError(f"{root}: several files could be the {what}: {found[0]}, {found[1]}")
        if found:
            return found[0]
    raise InputError(f"{root}: no {what} found; looked for {', '.join(patterns)}")


def matching_folders(root: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    """Folders below `root` that match a pattern, each once, in the order of the patterns."""
    found = [p for pattern in patterns for p in sorted(root.glob(pattern)) if is_folder(p)]
    return tuple(dict.fromkeys(found))


def picture_folders(root: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    """As `matching_folders`, or `root` itself where nothing matches."""
    return matching_folders(root, patterns) or (root,)


def is_picture(path: Path, *, suffixes: Iterable[str] = SUFFIXES) -> bool:
    """Whether a file is named like a picture; it is not opened."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


def picture_stem(name: str) -> str:
    """A picture's name without folder and ending: "a/b.1.jpg" is "b.1", and so is "b.1"."""
    path = Path(name)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def pictures_by_stem(
    folders: Iterable[Path], *, suffixes: Iterable[str] = SUFFIXES
) -> dict[str, str]:
    """File name without ending -> absolute path, for every picture directly in the folders.

    Raises:
        InputError: a folder cannot be read, or two pictures share a name.
    """
    found: dict[str, str] = {}
    for folder in folders:
        try:
            paths = sorted(folder.absolute().iterdir())
        except OSError as fault:
            raise InputError(
                f"{folder}: no folder of pictures that can be read ({fault.strerror})"
            ) from fault
        for path in paths:
            if not is_picture(path, suffixes=suffixes):
                continue
            other = found.setdefault(path.stem, str(path))
            if other != str(path):
                raise InputError(
                    f"two pictures are called {path.stem!r}: {other} and {path}; rename one, or import "
                    "a table with their paths"
                )
    return found
