"""Checks at the border: shapes, ranges and spellings, each failing with one clear sentence."""

import difflib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from cutis.errors import InputError

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.integer]
BoolArray = npt.NDArray[np.bool_]
UInt8Array = npt.NDArray[np.uint8]


def require_same_length(**arrays: Sequence[object] | npt.NDArray[np.generic]) -> int:
    """Return the common length of the named arrays.

    Raises:
        InputError: they differ; the message lists every length.
    """
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise InputError(f"lengths differ: {listed}")
    return next(iter(lengths.values()))


def require_fraction(name: str, value: float, *, low: float = 0.0, high: float = 1.0) -> float:
    """Return `value` when it lies in [low, high].

    Raises:
        InputError: it does not, or is nan.
    """
    if not low <= value <= high:
        raise InputError(f"{name}: {value} is not in [{low:g}, {high:g}]")
    return value


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A suffix for an error message: the closest spelling, or nothing.

    Example:
        >>> did_you_mean("melanomma", ["melanoma", "nevus"])
        "; did you mean 'melanoma'?"
    """
    known = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(word.casefold(), known, n=1, cutoff=0.6)
    return f"; did you mean {known[close[0]]!r}?" if close else ""
