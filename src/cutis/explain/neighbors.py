"""Nearest training cases of a picture: "looks like these", by the cosine of features.

Never shown are the picture's own lesion, its own patient and copies of it: an answer that rests on
having seen the case before would look better than it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cutis.checks import FloatArray, IntArray
from cutis.curation.duplicates import Fingerprint, find_duplicates
from cutis.errors import ImageError, InputError
from cutis.imaging import load_rgb
from cutis.inference.features import Features
from cutis.tables.manifest import Manifest

SUSPECTS = 20  # nearest cases that are compared with the query pixel by pixel


@dataclass(frozen=True)
class Neighbour:
    """A training case that looks like a picture."""

    image_id: str
    path: Path
    diagnosis: str
    cosine: float  # of the features, -1 to 1


@dataclass(frozen=True, eq=False)
class TrainingCases:
    """What may be shown: the labelled training rows of a manifest and their features.

    Attributes:
        manifest: Every row, so that the groups of a query are known.
        rows: Shape (n,), positions of the training rows in it.
        features: Of these rows, in this order.
        case: Shape (m,) for every row of the manifest: rows that share a lesion, a patient or a
            duplicate group, also by way of others, have the same number.

    Raises:
        InputError: there are not as many features as rows, or of other images.
    """

    manifest: Manifest
    rows: IntArray
    features: Features
    case: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        expected = tuple(self.manifest.frame["image_id"].iloc[self.rows])
        if self.features.image_ids != expected:
            raise InputError("features: not those of the training pictures, in their order")

    @classmethod
    def of(cls, manifest: Manifest, features: Features) -> "TrainingCases":
        """The training cases of a manifest that have features; others are left out.

        Raises:
            ManifestError: the manifest has no split "train".
            InputError: no labelled training picture has features, or they are of other files.
        """
        manifest.split("train")
        frame = manifest.frame
        row_of = {image_id: row for row, image_id in enumerate(features.image_ids)}
        may_be_shown = (frame["split"] == "train") & (frame["diagnosis"] != "")
        rows = np.flatnonzero(may_be_shown & frame["image_id"].isin(row_of))
        if not len(rows):
            raise InputError(f"{manifest.name}: no labelled training picture has features")
        ids = tuple(frame["image_id"].iloc[rows])
        known = [row_of[image_id] for image_id in ids]
        paths = manifest.paths
        for row, place in zip(rows, known, strict=True):
            if features.files and Path(features.files[place]) != paths[row]:
                raise InputError(
                    f"features: of {features.files[place]}, another picture than that of "
                    f"{manifest.name}; compute them again"
                )
        own = Features(ids, features.values[known], features.model_sha256)
        return cls(manifest, rows, own, manifest.components())


def nearest_cases(
    queries: Features,
    paths: Mapping[str, Path],
    known: TrainingCases,
    *,
    k: int = 5,
) -> dict[str, tuple[Neighbour, ...]]:
    """The k nearest training cases of each query, nearest first, each case once; fewer if there are.

    A query that the manifest lists, by its file or by its id, never gets a picture of its own case.
    Any other query is compared pixel by pixel, as `cutis data audit` does, with the training pictures
    nearest to it, and never gets a copy of itself or another picture of that copy's case.

    Args:
        queries: From the same network.
        paths: Of the queries, by image id.
        known: The training cases.
        k: How many.

    Raises:
        InputError: `k` is below 1, or the features come from another network.
        ImageError: a query or a training picture can no longer be read.
    """
    if k < 1:
        raise InputError(f"k: {k} is below 1")
    if queries.model_sha256 != known.features.model_sha256:
        raise InputError("features: of the queries and of the training cases, from two networks")
    listed = _rows_by_name_and_file(known.manifest)
    cosines = queries.directions @ known.features.directions.T
    return {
        image_id: _nearest(
            cosine,
            paths[image_id],
            known,
            _own_cases(image_id, paths[image_id], known, listed),
            k=k,
        )
        for image_id, cosine in zip(queries.image_ids, cosines, strict=True)
    }


def neighbour_agreement(
    features: Features, labels: Sequence[str], clusters: npt.NDArray[np.generic], *, k: int = 10
) -> tuple[float, float]:
    """How often near pictures of other lesions share a picture's label, and what chance would give.

    Args:
        features: Of n pictures.
        labels: n.
        clusters: Shape (n,), such as lesions; pictures of one's own cluster do not count.
        k: Neighbours of each picture.

    Returns:
        The mean share of the k nearest with the same label, and the mean share among all of them;
        nan where no picture has k others.
    """
    directions = features.directions
    names = np.array(labels)
    shares, chances = [], []
    for row, direction in enumerate(directions):
        others = np.flatnonzero(clusters != clusters[row])
        if len(others) >= k:
            near = others[np.argsort(-(directions[others] @ direction), kind="stable")[:k]]
            shares.append(float((names[near] == names[row]).mean()))
            chances.append(float((names[others] == names[row]).mean()))
    if not shares:
        return float("nan"), float("nan")
    return float(np.mean(shares)), float(np.mean(chances))


def _nearest(
    cosine: FloatArray, path: Path, known: TrainingCases, forbidden: set[int], *, k: int
) -> tuple[Neighbour, ...]:
    order = np.argsort(-cosine, kind="stable")
    looks = Fingerprint.of(load_rgb(path))
    suspects = [position for position in order[:SUSPECTS] if _is_copy(looks, known, position)]
    used = forbidden | {int(known.case[known.rows[position]]) for position in suspects}
    found: list[Neighbour] = []
    for place, position in enumerate(order):
        row = int(known.rows[position])
        case = int(known.case[row])
        if len(found) == k:
            break
        if case in used or (place >= SUSPECTS and _is_copy(looks, known, position)):
            continue
        used.add(case)
        shown = known.manifest.frame.iloc[row]
        cosine_here = float(cosine[position])
        found.append(
            Neighbour(shown["image_id"], Path(shown["path"]), shown["diagnosis"], cosine_here)
        )
    return tuple(found)


def _is_copy(looks: Fingerprint, known: TrainingCases, position: int) -> bool:
    path = Path(known.manifest.frame["path"].iloc[known.rows[position]])
    try:
        other = Fingerprint.of(load_rgb(path))
    except ImageError as fault:
        raise ImageError(f"{fault}; it is a training picture of {known.manifest.name}") from fault
    return bool(find_duplicates([looks, other]))


def _rows_by_name_and_file(manifest: Manifest) -> dict[str, int]:
    by_file = {str(path.resolve()): row for row, path in enumerate(manifest.paths)}
    return by_file | {image_id: row for row, image_id in enumerate(manifest.image_ids)}


def _own_cases(
    image_id: str, path: Path, known: TrainingCases, listed: Mapping[str, int]
) -> set[int]:
    rows = (listed.get(name) for name in (image_id, path.stem, str(path.resolve())))
    return {int(known.case[row]) for row in rows if row is not None}
