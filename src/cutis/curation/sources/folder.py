"""A folder per class, as torchvision's ImageFolder reads it, with or without split folders above."""

from pathlib import Path

import pandas as pd

from cutis.curation.sources.locate import is_picture
from cutis.curation.sources.rows import Rows
from cutis.curation.sources.values import SPLIT_NAMES
from cutis.errors import InputError, ManifestError


def read(root: Path) -> Rows:
    """Read `root/<class>/*` or `root/<split>/<class>/*`; image ids are paths without their ending.

    Raises:
        InputError: `root` has no folders inside, or some of them are splits and some are not.
        ManifestError: a class folder holds no picture, or a split folder no class; all of them.
    """
    if not root.is_dir():
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
    rows: list[dict[str, str]] = []
    for folder, split in class_folders or [(folder, "") for folder in below]:
        pictures = sorted(path for path in folder.rglob("*") if is_picture(path))
        if not pictures:
            problems.append(f"class folder {folder.relative_to(root)} holds no picture")
        rows += [
            {
                "image_id": path.relative_to(root).with_suffix("").as_posix(),
                "path": str(path.absolute()),
                "label": folder.name,
                "split": split,
            }
            for path in pictures
        ]
    if problems:
        raise ManifestError(str(root), problems)
    return Rows(pd.DataFrame(rows), str(root), numbered=False)


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
