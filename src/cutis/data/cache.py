"""`FrameCache`: decoded frames on disk, so that every picture is decoded once and not once an epoch.

Loader workers share the cache through the page cache; each fills the frames that it meets first. A
worker that is not forked but started anew gets the place of the files, not their content. A process
that is killed leaves its cache behind; the next one takes it away.
"""

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from filelock import FileLock, Timeout

from cutis.checks import UInt8Array

PREFIX, LOCK = "cutis-frames-", "in-use.lock"


class FrameCache:
    """Frames of one size, filled on demand; the file goes when the cache does.

    Args:
        frames: How many pictures there are.
        height, width: Of every frame, in pixels.
        folder: Where the file lives; default, the system's temporary folder.
    """

    def __init__(self, frames: int, height: int, width: int, *, folder: Path | None = None) -> None:
        place = folder or Path(tempfile.gettempdir())
        _remove_abandoned(place)
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        lock = FileLock(self._folder / LOCK, thread_local=False)
        lock.acquire()
        self._remove = weakref.finalize(self, _let_go, self._folder, lock)
        self._map((frames, height, width, 3), mode="w+")

    def __getstate__(self) -> tuple[Path, tuple[int, ...]]:
        return self._folder, self._frames.shape

    def __setstate__(self, state: tuple[Path, tuple[int, ...]]) -> None:
        self._folder, shape = state
        self._map(shape, mode="r+")

    def frame(self, index: int, decode: Callable[[], UInt8Array]) -> UInt8Array:
        """The frame at `index`, shape (height, width, 3), decoded only if nobody has yet; to be read.

        Two workers may decode the same frame at the same time; both write the same bytes.
        """
        if not self._filled[index]:
            self._frames[index] = decode()
            self._filled[index] = True
        return np.asarray(self._frames[index])

    @staticmethod
    def fits(frames: int, height: int, width: int, *, folder: Path | None = None) -> bool:
        """Whether the disk has room for the frames and as much again."""
        place = folder or Path(tempfile.gettempdir())
        return 2 * frames * height * width * 3 < shutil.disk_usage(place).free

    def _map(self, shape: tuple[int, ...], *, mode: Literal["w+", "r+"]) -> None:
        self._frames = np.memmap(self._folder / "frames", np.uint8, mode, shape=shape)
        self._filled = np.memmap(self._folder / "filled", np.bool_, mode, shape=shape[:1])


def _remove_abandoned(place: Path) -> None:
    """Delete the caches in a folder whose process is gone: nobody holds their lock any more."""
    for lock_file in place.glob(f"{PREFIX}*/{LOCK}"):
        lock = FileLock(lock_file, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except (Timeout, OSError):  # in use, or another user's
            continue
        _let_go(lock_file.parent, lock)


def _let_go(folder: Path, lock: FileLock) -> None:
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)
