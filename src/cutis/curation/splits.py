"""Splits and folds in which no lesion, patient or duplicate ever straddles.

Rows are joined into components over everything that ties two images together, and whole components
are dealt to the parts, the part that is furthest behind in the component's diagnoses first. One
algorithm serves fractions and folds.
"""

from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from cutis.checks import BoolArray, FloatArray, IntArray, require_fraction
from cutis.errors import InputError, ManifestError
from cutis.tables.manifest import Manifest

By = Literal["lesion", "patient", "image"]


def parse_by(text: str) -> By:
    """Read `By` from text.

    Raises:
        InputError: it is none of them.
    """
    if text not in get_args(By):
        raise InputError(f"split by {text!r}: not one of {', '.join(get_args(By))}")
    return cast(By, text)


def require_parts(*, test: float, val: float) -> None:
    """Check the fractions of a split.

    Raises:
        InputError: one is none, or they leave nothing to train on.
    """
    require_fraction("test", test)
    require_fraction("val", val)
    if test + val >= 1:
        raise InputError(f"test {test:g} and val {val:g} leave nothing to train on")


def require_folds(folds: int) -> None:
    """Check a number of folds.

    Raises:
        InputError: fewer than two.
    """
    if folds < 2:
        raise InputError(f"folds: {folds} is fewer than two")


def require_groups(manifest: Manifest, by: By) -> None:
    """Check that every row names its lesion, or its patient; its image every row does.

    Raises:
        ManifestError: rows do not.
    """
    missing = np.flatnonzero(manifest.frame[f"{by}_id"] == "")
    if len(missing):
        other = "patient" if by == "lesion" else "lesion"
        way_out = "where each shows a lesion of its own, say so with `cutis data split --by image`"
        if (manifest.frame[f"{other}_id"] != "").all():
            way_out = f"every row names its {other}, so `cutis data split --by {other}`"
        raise ManifestError(
            manifest.name,
            [f"{len(missing)} rows have no {by}_id, the first at line {missing[0] + 2}; {way_out}"],
        )


def split_manifest(
    manifest: Manifest, *, by: By = "lesion", test: float = 0.2, val: float = 0.1, seed: int = 0
) -> Manifest:
    """The manifest with its `split` column filled with train, val and test.

    The assignment depends on the rows' ids, groups and diagnoses and on the seed, not on their
    order. Rows without a diagnosis are dealt like any other class.

    Args:
        manifest: Any manifest; an old split is replaced.
        by: "patient" insists that every row has a patient, "lesion" that it has a lesion, "image" on
            nothing. Whatever is asked for, lesions, patients and duplicates that are known never
            straddle.
        test, val: Fractions of the images.
        seed: Of the order in which components are dealt.

    Raises:
        ManifestError: rows lack the group that is asked for.
        InputError: the fractions leave nothing to train on, or there are too few components.
    """
    require_parts(test=test, val=val)
    require_groups(manifest, by)
    shares = {"train": 1 - test - val, "val": val, "test": test}
    names = [name for name, share in shares.items() if share > 0]
    parts = _dealt(manifest, np.array([shares[name] for name in names]), seed=seed)
    return manifest.with_columns(split=np.array(names)[parts], fold=np.nan)


def split_beside_test(
    manifest: Manifest, *, by: By = "lesion", val: float = 0.1, seed: int = 0
) -> Manifest:
    """The manifest with its rows of split test as they are, and all others dealt to train and val.

    A row that a lesion, a patient or a duplicate ties to a test row, be it through others, gets no
    split: it would leak.

    Args:
        manifest: Has a split test, such as that of a challenge.
        by, seed: As for `split_manifest`.
        val: Fraction of the images that are dealt.

    Raises:
        ManifestError: no row is in split test, or rows lack the group that is asked for.
        InputError: as `split_manifest`.
    """
    manifest.split("test")
    require_groups(manifest, by)
    is_free = _apart_from_test(manifest)
    dealt = split_manifest(manifest.rows(is_free), by=by, test=0, val=val, seed=seed)
    split = manifest.frame["split"].where(manifest.frame["split"] == "test", "")
    split[is_free] = dealt.frame["split"].to_numpy()
    return manifest.with_columns(split=split, fold=np.nan)


def fold_manifest(manifest: Manifest, *, folds: int, by: By = "lesion", seed: int = 0) -> Manifest:
    """The manifest with its `fold` column filled with 0 to `folds` - 1.

    Test rows, and those that a lesion, a patient or a duplicate ties to one, are left out.

    Raises:
        ManifestError: rows lack the group that is asked for.
        InputError: fewer than two folds, or fewer components than folds.
    """
    require_folds(folds)
    require_groups(manifest, by)
    dealt = _apart_from_test(manifest)
    column = np.full(len(manifest), np.nan)
    column[dealt] = _dealt(manifest.rows(dealt), np.full(folds, 1 / folds), seed=seed)
    return manifest.with_columns(fold=column)


def _apart_from_test(manifest: Manifest) -> BoolArray:
    """Which rows nothing ties to a row of split test, be it through others, shape (n,)."""
    component = manifest.components()
    return ~np.isin(component, component[manifest.frame["split"] == "test"])


def allocate(counts: IntArray, shares: FloatArray, *, order: IntArray) -> npt.NDArray[np.int64]:
    """Deal groups to parts so that every part gets its share of every class.

    Large groups are dealt first, then by `order`. A group goes to the part whose deficit, weighed by
    the rarity of the group's classes, is largest; of equal ones to the first. Where many rare classes
    thus leave a part off its share of everything by more than a quarter, all are dealt anew, of equal
    ones to the part that has least of it: then no part stays empty as long as there are as many groups.

    Args:
        counts: Shape (g, k), images of each class in each group.
        shares: Shape (p,), positive, summing to 1.
        order: Shape (g,), a permutation that breaks ties between groups of equal size.

    Returns:
        Shape (g,), the part of each group.
    """
    parts = _in_turn(counts, shares, order=order, even=False)
    sizes = np.bincount(parts, weights=counts.sum(axis=1), minlength=len(shares))
    if (np.abs(sizes / (shares * counts.sum()) - 1) > 0.25).any():
        parts = _in_turn(counts, shares, order=order, even=True)
    return parts


def _in_turn(
    counts: IntArray, shares: FloatArray, *, order: IntArray, even: bool
) -> npt.NDArray[np.int64]:
    """As `allocate`; `even` decides between parts of equal deficit by all that they have."""
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
        deficit = behind @ weight
        equal = np.flatnonzero(deficit == deficit.max())
        filled = have[equal].sum(axis=1) / shares[equal]
        part = int(equal[np.argmin(filled)] if even else equal[0])
        have[part] += counts[group]
        parts[group] = part
    return parts


def _dealt(manifest: Manifest, shares: FloatArray, *, seed: int) -> npt.NDArray[np.int64]:
    frame = manifest.frame
    label = manifest.components()
    if label.max(initial=-1) + 1 < len(shares):
        raise InputError(
            f"{manifest.name}: {label.max(initial=-1) + 1} independent groups of images cannot be "
            f"dealt to {len(shares)} parts, one of which would stay empty; ask for fewer parts"
        )
    diagnosis, _names = pd.factorize(frame["diagnosis"], sort=True)
    counts = np.zeros((label.max() + 1, diagnosis.max() + 1), dtype=np.int64)
    np.add.at(counts, (label, diagnosis), 1)
    order = np.random.default_rng(seed).permutation(len(counts))
    # Groups are named by their smallest image id, so that the order of rows does not matter.
    first = pd.Series(manifest.image_ids).groupby(label).min().to_numpy(dtype=str)
    by_name = np.argsort(first)
    return allocate(counts, shares, order=by_name[order])[label]
