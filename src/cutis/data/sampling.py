"""Which pictures an epoch shows, in which order, each draw with the seed of its augmentation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from cutis.checks import IntArray, require_fraction


class Draw(NamedTuple):
    """One showing of one picture."""

    row: int
    seed: int


class EpochSampler(Sampler[Draw]):
    """Draws for one epoch after another, a function of (seed, epoch) alone.

    Args:
        targets: Shape (n,), the class position of every row.
        seed: Of everything drawn.
        balance: 0 shows every picture once an epoch; above 0 pictures are drawn with replacement
            with probability proportional to n_class ** -balance, so 1 shows all classes equally.

    Raises:
        InputError: `balance` is outside [0, 1].
    """

    def __init__(self, targets: IntArray, *, seed: int, balance: float = 0.0) -> None:
        self._targets = targets
        self._seed = seed
        self._balance = require_fraction("balance", balance)
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._targets)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration draws."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[Draw]:
        generator = np.random.default_rng((self._seed, self._epoch))
        rows = self._rows(generator)
        seeds = generator.integers(2**62, size=len(rows))
        return iter([Draw(int(row), int(seed)) for row, seed in zip(rows, seeds, strict=True)])

    def _rows(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        n = len(self._targets)
        if self._balance == 0:
            return generator.permutation(n)
        counts = np.bincount(self._targets)
        weight = counts[self._targets] ** -self._balance
        return generator.choice(n, size=n, p=weight / weight.sum())
