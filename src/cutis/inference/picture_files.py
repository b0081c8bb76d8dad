"""The files that somebody means by naming files and folders, and what each is called."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from cutis.errors import InputError
from cutis.files import is_folder
from cutis.imaging import SUFFIXES


def find_pictures(places: Sequence[Path]) -> list[Path]:
    """Files as given, and every picture below the folders, by its suffix, sorted; each once.

    Hidden files and what lies in hidden folders are left out, as macOS and others put files there
    that only look like pictures. Links to folders are followed, and no folder is searched twice.

    What cannot be read is in the list, so that reading it gives the reason and nothing is passed over
    in silence: a link that leads nowhere, a folder that may not be listed, and, where others exist, a
    place that does not.

    Raises:
        InputError: none of the places exists, or a folder holds no picture.
    """
    if places and all(map(_is_absent, places)):
        raise InputError(f"{places[0]}: no such file or folder")
    found: list[Path] = []
    for place in places:
        inside = sorted(_pictures_below(place)) if is_folder(place) else [place]
        if not inside:
            raise InputError(f"{place}: no picture inside ({', '.join(sorted(SUFFIXES))})")
        found += inside
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
    return tuple(map(in_utf8, unique))


def in_utf8(name: str) -> str:
    """A file name for a table, in which bytes that are no UTF-8 are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def _is_absent(place: Path) -> bool:
    try:
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it may be there: reading it will tell
        return False
    return False


def _pictures_below(folder: Path) -> Iterator[Path]:
    """Every file named like a picture, and every folder that may not be listed."""
    forbidden: list[Path] = []
    entered: set[str] = set()
    waiting = [folder]

    def forbid(fault: OSError) -> None:
        forbidden.append(Path(fault.filename))

    while waiting:  # links to folders come after the folders themselves
        for here, folders, files in os.walk(waiting.pop(0), onerror=forbid):
            folders[:] = [name for name in folders if not name.startswith(".")]
            real = os.path.realpath(here)
            if real in entered:
                folders.clear()
                continue
            entered.add(real)
            below = [Path(here, name) for name in folders]
            waiting += [path for path in below if path.is_symlink()]
            named = [Path(here, name) for name in files if not name.startswith(".")]
            yield from (path for path in named if path.suffix.lower() in SUFFIXES)
    yield from forbidden
