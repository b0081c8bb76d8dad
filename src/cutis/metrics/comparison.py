"""Tests of two systems on the same cases, and the correction for asking several questions at once.

Areas under ROC curves have their own test, `delong.paired_delong`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from cutis.checks import BoolArray, FloatArray, IntArray, require_fraction, require_same_length
from cutis.errors import InputError

_BLOCK_CELLS = 400_000  # weights held at a time, as in `intervals`


@dataclass(frozen=True)
class McNemar:
    """Cases that only one of two systems got right, and how surprising their imbalance is."""

    only_a: int
    only_b: int
    exact_p: float  # never too small; often far too large with few discordant cases
    mid_p: float  # close to its nominal level; what Fagerland et al. 2013 recommend


@dataclass(frozen=True)
class PermutationTest:
    """A figure of A minus that of B, and the share of relabellings that differ at least as much."""

    difference: float
    p: float
    permutations: int
    exact: bool  # every relabelling was tried


def mcnemar(right_a: BoolArray, right_b: BoolArray) -> McNemar:
    """Whether A is right more often than B on the same independent cases, two-sided.

    Only cases count on which one is right and the other wrong; without any, nothing speaks against
    equality and both p are 1. Where a lesion has several images the cases are not independent: use
    `paired_permutation_test`.

    Args:
        right_a, right_b: Shape (n,).

    Raises:
        InputError: lengths differ.

    Example:
        >>> a, b = np.array([True] * 7 + [False]), np.array([False] * 7 + [True])
        >>> test = mcnemar(a, b)
        >>> test.only_a, test.only_b, round(test.exact_p, 4), round(test.mid_p, 4)
        (7, 1, 0.0703, 0.0391)
    """
    require_same_length(right_a=right_a, right_b=right_b)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    fewer, discordant = min(only_a, only_b), only_a + only_b
    twice = 2 * binom.cdf(fewer, discordant, 0.5)
    return McNemar(
        only_a=only_a,
        only_b=only_b,
        exact_p=float(min(twice, 1.0)),
        mid_p=float(min(twice - binom.pmf(fewer, discordant, 0.5), 1.0)),
    )


def paired_permutation_test(
    figure: Callable[[FloatArray], FloatArray],
    clusters: npt.NDArray[np.generic] | IntArray,
    *,
    permutations: int = 10_000,
    seed: int = 0,
) -> PermutationTest:
    """Whether two systems differ in any figure, by exchanging their answers lesion by lesion.

    If the systems were equally good, it would not matter whose answers to a lesion are called A's and
    whose B's. The figure must mean the same for both, so an area needs scores on a common scale. A
    relabelling that leaves it undefined, as a precision without answers, counts as no less extreme.

    Args:
        figure: Takes weights (r, 2n), returns (r,). The first n rows are the cases as A answered them,
            the last n the same cases as B did; each weight says whether the row counts.
        clusters: Shape (n,), any labels; the images of a lesion are exchanged together.
        permutations: Random relabellings; all of them are tried where there are no more than that.
        seed: Of the relabellings.

    Raises:
        InputError: no permutations, or the figure is undefined on these cases.

    Example:
        >>> truth, a, b = np.ones(9), np.ones(9), np.array([1, 0, 1, 0, 0, 0, 0, 1, 0])
        >>> right = np.append(a == truth, b == truth)
        >>> accuracy = lambda weights: weights @ right / weights.sum(axis=-1)
        >>> test = paired_permutation_test(accuracy, np.arange(9))
        >>> round(test.difference, 3), test.p, test.exact
        (0.667, 0.03125, True)
    """
    if permutations < 1:
        raise InputError(f"permutations: {permutations} is too few")
    names, member = np.unique(clusters, return_inverse=True)

    def difference(swapped: BoolArray) -> FloatArray:
        ours, theirs = ~swapped[:, member], swapped[:, member]
        as_a = np.concatenate([ours, theirs], axis=1).astype(np.float64)
        return figure(as_a) - figure(1 - as_a)

    observed = float(difference(np.zeros((1, len(names)), dtype=bool))[0])
    if np.isnan(observed):
        raise InputError("the figure is undefined on these cases, so it cannot be compared")
    exact = 2 ** len(names) <= permutations
    swaps = _all_swaps if exact else _random_swaps(permutations, seed)
    block = max(_BLOCK_CELLS // (2 * len(member)), 1)
    # A relabelling that gives the same figure by another sum of the same terms counts as equal.
    threshold = abs(observed) - 1e-9
    as_extreme = sum(
        int((~(abs(difference(swapped)) < threshold)).sum()) for swapped in swaps(len(names), block)
    )
    if exact:
        return PermutationTest(observed, as_extreme / 2 ** len(names), 2 ** len(names), True)
    # The observed labelling is one of the relabellings (Phipson and Smyth 2010).
    return PermutationTest(observed, (as_extreme + 1) / (permutations + 1), permutations, False)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values of a family of questions, adjusted so that the family errs no more often than one would.

    Args:
        p_values: By the name of the question. A nan was not tested; it stays nan and does not make the
            family larger.

    Returns:
        Adjusted p-values by the same names (Holm 1979).

    Raises:
        InputError: a value is not in [0, 1].

    Example:
        >>> holm({"melanoma": 0.01, "nevus": 0.04, "keratosis": 0.03})
        {'melanoma': 0.03, 'nevus': 0.06, 'keratosis': 0.06}
    """
    tested = {name: p for name, p in p_values.items() if not np.isnan(p)}
    for name, p in tested.items():
        require_fraction(f"p of {name}", p)
    names = sorted(tested, key=tested.__getitem__)
    scaled = [(len(names) - rank) * tested[name] for rank, name in enumerate(names)]
    adjusted = np.minimum(list(accumulate(scaled, max)), 1)
    by_name = dict(zip(names, map(float, adjusted), strict=True))
    return {name: by_name.get(name, float("nan")) for name in p_values}


def _all_swaps(clusters: int, block: int) -> Iterator[BoolArray]:
    """Blocks of every way to exchange some clusters, (b, clusters)."""
    for first in range(0, 2**clusters, block):
        code = np.arange(first, min(first + block, 2**clusters))
        yield (code[:, None] >> np.arange(clusters)) & 1 == 1


def _random_swaps(permutations: int, seed: int) -> Callable[[int, int], Iterator[BoolArray]]:
    def swaps(clusters: int, block: int) -> Iterator[BoolArray]:
        generator = np.random.default_rng(seed)
        for first in range(0, permutations, block):
            rows = min(block, permutations - first)
            yield generator.integers(2, size=(rows, clusters), dtype=np.int8) == 1

    return swaps
