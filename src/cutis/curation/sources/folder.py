"""A folder per class, as torchvision's ImageFolder reads it, with or without split folders above."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from cutis.curation.sources.locate import is_picture
from cutis.curation.sources.rows import Rows
from cutis.curation.sources.values import SPLIT_NAMES
from cutis.errors import InputError, ManifestError
from cutis.files import exists, is_file, is_folder
from cutis.tables.frames import is_utf8


def read(root: Path) -> Rows:
    """Read `root/<class>/*` or `root/<split>/<class>/*`; image ids are paths without their ending.

    Hidden files and what lies in hidden folders are left out, as `cutis predict` does. A link that
    leads nowhere is a picture that does not exist.

    Raises:
        InputError: `root` has no folders inside, or some of them are splits and some are not.
        ManifestError: a class folder holds no picture, a split folder no class, a picture lies in no
            class, or its name is one that no table can hold; all of them.
    """
    if not is_folder(root):
        raise InputError(f"{root}: expected a folder with a folder per class")
    below = _folders(root)
    if not below:
        raise InputError(f"{root}: has no folders inside; expected one per class")
    splits = [folder for folder in below if folder.name.lower() in SPLIT_NAMES]
    if splits and len(splits) < len(below):
        others = [folder.name for folder in below if folder not in splits]
        raise InputError(
            f"{root}: beside the split folder {splits[0].name!r} there is {others[0]!r}; "
            "expected either only splits or only classes"
        )
    class_folders = [
        (each, SPLIT_NAMES[split.name.lower()]) for split in splits for each in _folders(split)
    ]
    problems = [f"split folder {each.name} holds no class" for each in splits if not _folders(each)]
    problems += [each for place in (root, *splits) for each in _loose_pictures(place, root)]
    rows: list[dict[str, str]] = []
    for folder, split in class_folders or [(folder, "") for folder in below]:
        pictures = sorted(path for path in folder.rglob("*") if _counts(path, below=folder))
        if not pictures:
            problems.append(f"class folder {folder.relative_to(root)} holds no picture")
        rows += [
            {
                "image_id": path.relative_to(root).with_suffix("").as_posix(),
                "path": str(path.absolute()) if is_file(path) else "",
                "label": folder.name,
                "split": split,
            }
            for path in pictures
        ]
        problems += [
            f"{str(path.relative_to(root))!r}: a name that is no UTF-8, as tables are; rename it"
            for path in pictures
            if not is_utf8(path)
        ]
    if problems:
        raise ManifestError(str(root), problems)
    return Rows(pd.DataFrame(rows), str(root), numbered=False)


def _counts(path: Path, *, below: Path) -> bool:
    """Whether a file, or a link that leads nowhere, is named like a picture and nothing is hidden."""
    is_hidden = any(part.startswith(".") for part in path.relative_to(below).parts)
    is_there = is_file(path) or (path.is_symlink() and not exists(path))
    return is_picture(path) and not is_hidden and is_there


def _loose_pictures(folder: Path, root: Path) -> Iterator[str]:
    loose = sorted(path for path in folder.iterdir() if _counts(path, below=folder))
    if loose:
        more = f" and {len(loose) - 1} more" if loose[1:] else ""
        yield (
            f"{loose[0].relative_to(root)}{more} lie in no class folder; "
            "move them into one, or out of the folder"
        )


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if is_folder(p) and not p.name.startswith("."))
