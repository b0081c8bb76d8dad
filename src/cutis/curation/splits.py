"""Splits and folds in which no lesion, patient or duplicate ever straddles.

Rows are joined into components over everything that ties two images together, and whole components
are dealt to the parts, the part that is furthest behind in the component's diagnoses first. One
algorithm serves fractions and folds.
"""

from collections.abc import Sequence
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cutis.checks import FloatArray, IntArray, require_fraction
from cutis.errors import InputError, ManifestError
from cutis.tables.manifest import GROUP_COLUMNS, Manifest

By = Literal["lesion", "patient"]


def parse_by(text: str) -> By:
    """Read `By` from text.

    Raises:
        InputError: it is neither "lesion" nor "patient".
    """
    if text not in get_args(By):
        raise InputError(f"split by {text!r}: not one of {', '.join(get_args(By))}")
    return cast(By, text)


def split_manifest(
    manifest: Manifest, *, by: By = "lesion", test: float = 0.2, val: float = 0.1, seed: int = 0
) -> Manifest:
    """The manifest with its `split` column filled with train, val and test.

    The assignment depends on the rows' ids, groups and diagnoses and on the seed, not on their
    order. Rows without a diagnosis are dealt like any other class.

    Args:
        manifest: Any manifest; an old split is replaced.
        by: "patient" insists that every row has a patient, "lesion" that it has a lesion. Whatever
            is asked for, lesions, patients and duplicates that are known never straddle.
        test, val: Fractions of the images.
        seed: Of the order in which components are dealt.

    Raises:
        ManifestError: rows lack the group that is asked for.
        InputError: the fractions leave nothing to train on, or there are too few components.
    """
    require_fraction("test", test)
    require_fraction("val", val)
    if test + val >= 1:
        raise InputError(f"test {test:g} and val {val:g} leave nothing to train on")
    _require_groups(manifest, by)
    shares = {"train": 1 - test - val, "val": val, "test": test}
    names = [name for name, share in shares.items() if share > 0]
    parts = _dealt(manifest, np.array([shares[name] for name in names]), seed=seed)
    return manifest.with_columns(split=np.array(names)[parts], fold=np.nan)


def fold_manifest(manifest: Manifest, *, folds: int, by: By = "lesion", seed: int = 0) -> Manifest:
    """The manifest with its `fold` column filled with 0 to `folds` - 1, test rows left out.

    Raises:
        ManifestError: rows lack the group that is asked for.
        InputError: fewer than two folds, or fewer components than folds.
    """
    if folds < 2:
        raise InputError(f"folds: {folds} is fewer than two")
    _require_groups(manifest, by)
    dealt = (manifest.frame["split"] != "test").to_numpy()
    column = np.full(len(manifest), np.nan)
    column[dealt] = _dealt(manifest.rows(dealt), np.full(folds, 1 / folds), seed=seed)
    return manifest.with_columns(fold=column)


def components(groups: Sequence[Sequence[str]]) -> npt.NDArray[np.int64]:
    """Label rows by the connected component that shared group names make.

    Args:
        groups: Columns of names, each of length n; "" ties a row to nothing.

    Returns:
        Shape (n,), labels from 0.

    Example:
        >>> components([["a", "a", "", "b"], ["", "p", "p", ""]]).tolist()
        [0, 0, 0, 1]
    """
    n = len(groups[0])
    rows, names = [], []
    offset = n
    for column in groups:
        codes, uniques = pd.factorize(np.array([name or None for name in column], object))
        known = np.flatnonzero(codes >= 0)
        rows.append(known)
        names.append(codes[known] + offset)
        offset += len(uniques)
    ends = (np.concatenate(rows), np.concatenate(names))
    graph = coo_array((np.ones(len(ends[0]), bool), ends), shape=(offset, offset))
    labels = connected_components(graph, directed=False)[1][:n]
    return pd.factorize(labels)[0].astype(np.int64)


def allocate(counts: IntArray, shares: FloatArray, *, order: IntArray) -> npt.NDArray[np.int64]:
    """Deal groups to parts so that every part gets its share of every class.

    Large groups are dealt first, then by `order`. A group goes to the part whose deficit, weighed by
    the rarity of the group's classes, is largest.

    Args:
        counts: Shape (g, k), images of each class in each group.
        shares: Shape (p,), positive, summing to 1.
        order: Shape (g,), a permutation that breaks ties between groups of equal size.

    Returns:
        Shape (g,), the part of each group.
    """
    totals = counts.sum(axis=0)
    wanted = shares[:, None] * totals  # (p, k)
    have = np.zeros_like(wanted)
    parts = np.empty(len(counts), dtype=np.int64)
    rank = np.empty(len(counts), dtype=np.int64)
    rank[order] = np.arange(len(counts))
    for group in np.lexsort((rank, -counts.sum(axis=1))):
        classes = np.flatnonzero(counts[group])
        behind = 1 - have[:, classes] / wanted[:, classes]  # 1: empty, 0: full, below: too full
        weight = counts[group, classes] / totals[classes]
        part = int(np.argmax(behind @ weight))
        have[part] += counts[group]
        parts[group] = part
    return parts


def _dealt(manifest: Manifest, shares: FloatArray, *, seed: int) -> npt.NDArray[np.int64]:
    frame = manifest.frame
    label = components([list(frame[column]) for column in GROUP_COLUMNS])
    if label.max(initial=-1) + 1 < len(shares):
        raise InputError(
            f"{manifest.name}: {label.max(initial=-1) + 1} independent groups of images cannot be "
            f"dealt to {len(shares)} parts"
        )
    diagnosis, _names = pd.factorize(frame["diagnosis"], sort=True)
    counts = np.zeros((label.max() + 1, diagnosis.max() + 1), dtype=np.int64)
    np.add.at(counts, (label, diagnosis), 1)
    order = np.random.default_rng(seed).permutation(len(counts))
    # Groups are named by their smallest image id, so that the order of rows does not matter.
    first = pd.Series(manifest.image_ids).groupby(label).min().to_numpy(dtype=str)
    by_name = np.argsort(first)
    return allocate(counts, shares, order=by_name[order])[label]


def _require_groups(manifest: Manifest, by: By) -> None:
    column = f"{by}_id"
    missing = np.flatnonzero(manifest.frame[column] == "")
    if len(missing):
        other = "" if by == "patient" else "; give every image a lesion of its own if none repeats"
        raise ManifestError(
            manifest.name,
            [f"{len(missing)} rows have no {column}, the first at line {missing[0] + 2}{other}"],
        )
