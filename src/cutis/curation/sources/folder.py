"""A folder per class, as torchvision's ImageFolder reads it, with or without split folders above."""

from pathlib import Path

import pandas as pd

from cutis.curation.sources.rows import Rows
from cutis.errors import InputError, ManifestError
from cutis.imaging import SUFFIXES

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def read(root: Path) -> Rows:
    """Read `root/<class>/*` or `root/<split>/<class>/*`; image ids are paths without their ending.

    Raises:
        InputError: `root` has no folders inside.
        ManifestError: a class folder holds no picture.
    """
    if not root.is_dir():
        raise InputError(f"{root}: expected a folder with a folder per class")
    below = _folders(root)
    if not below:
        raise InputError(f"{root}: has no folders inside; expected one per class")
    with_splits = all(folder.name.lower() in SPLIT_NAMES for folder in below)
    class_folders = (
        [(folder, SPLIT_NAMES[split.name.lower()]) for split in below for folder in _folders(split)]
        if with_splits
        else [(folder, "") for folder in below]
    )
    rows: list[dict[str, str]] = []
    problems: list[str] = []
    for folder, split in class_folders:
        pictures = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
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
    return Rows(pd.DataFrame(rows), str(root))


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
