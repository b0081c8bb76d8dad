"""Points from the literature: drawn beside a curve for context, never part of a test.

They come from other images, so nothing can be computed from them here. A file has one `[[point]]` table
for each:

    [[point]]
    name = "58 dermatologists"
    sensitivity = 0.866
    specificity = 0.713
    n = 100
    source = "Haenssle et al. 2018, Ann Oncol 29:1836, level I"
"""

from dataclasses import dataclass
from pathlib import Path

from cutis.checks import did_you_mean
from cutis.errors import InputError
from cutis.files import read_toml

KEYS = {"name": str, "sensitivity": float, "specificity": float, "n": int, "source": str}
CONTEXT_ONLY = "other images: context only"


@dataclass(frozen=True)
class LiteraturePoint:
    """What somebody published about other images."""

    name: str
    sensitivity: float
    specificity: float
    n: int  # images
    source: str


def read_literature(path: Path) -> tuple[LiteraturePoint, ...]:
    """Read published operating points.

    Raises:
        InputError: no such file, not TOML, or points with faults, all of them listed.
    """
    document = read_toml(path)
    problems = [
        f"unknown key {key!r}{did_you_mean(key, ['point'])}" for key in document if key != "point"
    ]
    points = document.get("point", [])
    if not isinstance(points, list) or not points:
        problems.append("no [[point]] tables")
        points = []
    for number, point in enumerate(points, start=1):
        problems += [f"point {number}: {fault}" for fault in _faults(point)]
    if problems:
        raise InputError("\n  - ".join([f"{path}: {len(problems)} problem(s)", *problems]))
    return tuple(LiteraturePoint(**point) for point in points)


def _faults(point: object) -> list[str]:
    if not isinstance(point, dict):
        return ["not a table"]
    faults = [f"unknown key {key!r}{did_you_mean(key, KEYS)}" for key in point if key not in KEYS]
    for key, kind in KEYS.items():
        if key not in point:
            faults.append(f"{key} is missing")
            continue
        value = point[key]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind is str and not (isinstance(value, str) and value.strip()):
            faults.append(f"{key} is not a text")
        elif kind is float and not (number and 0 <= value <= 1):
            faults.append(f"{key} {value!r} is not in [0, 1]")
        elif kind is int and not (number and isinstance(value, int) and value > 0):
            faults.append(f"{key} {value!r} is not a number of images")
    return faults
