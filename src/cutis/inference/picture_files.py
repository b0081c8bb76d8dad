"""The files that somebody means by naming files and folders, and what each is called."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cutis.errors import InputError
from cutis.imaging import SUFFIXES


def find_pictures(places: Sequence[Path]) -> list[Path]:
    """Files as given, and every picture below the folders, by its suffix, sorted; each once.

    Hidden files and what lies in hidden folders are left out, as macOS and others put files there
    that only look like pictures.

    Raises:
        InputError: a place does not exist, or a folder holds no picture.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = sorted(path for path in place.rglob("*") if _is_picture(path, below=place))
            if not inside:
                raise InputError(f"{place}: no picture inside ({', '.join(sorted(SUFFIXES))})")
            found += inside
        elif place.exists():
            found.append(place)
        else:
            raise InputError(f"{place}: no such file or folder")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.absolute(), path)
    return list(once.values())


def image_ids(paths: Sequence[Path]) -> tuple[str, ...]:
    """A unique name for each file: its stem, or its path where files share a stem.

    Such a path starts below the folder that all files have in common.

    Raises:
        InputError: a file is given twice.

    Example:
        >>> image_ids([Path("day1/a.jpg"), Path("day2/a.jpg"), Path("day2/b.jpg")])
        ('day1/a.jpg', 'day2/a.jpg', 'b')
    """
    whole = [path.absolute() for path in paths]
    if len(set(whole)) < len(whole):
        twice = next(path for path, n in Counter(whole).items() if n > 1)
        raise InputError(f"{twice}: given twice")
    common = os.path.commonpath([path.parent for path in whole]) if whole else ""
    names = [path.relative_to(common).as_posix() for path in whole]
    shared = {stem for stem, n in Counter(path.stem for path in paths).items() if n > 1}
    ids = [
        name if path.stem in shared else path.stem for path, name in zip(paths, names, strict=True)
    ]
    unique = ids if len(set(ids)) == len(ids) else names  # a stem can equal another file's name
    # A file name may hold bytes that are no UTF-8, which no table can.
    return tuple(name.encode("utf-8", "backslashreplace").decode() for name in unique)


def _is_picture(path: Path, *, below: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(below).parts)
    return path.suffix.lower() in SUFFIXES and not is_hidden and path.is_file()
