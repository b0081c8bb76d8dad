"""The same work on many items, on every core that the process may use."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """The results in the order of the items; for work that leaves Python's lock, such as decoding."""
    pool = ThreadPoolExecutor(max_workers=usable_cores())
    try:
        yield from pool.map(work, items)
    finally:  # after Ctrl-C nobody wants the rest
        pool.shutdown(cancel_futures=True)
