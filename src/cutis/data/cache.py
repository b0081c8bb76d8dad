"""`FrameCache`: decoded frames on disk, so that every picture is decoded once and not once an epoch.

Loader workers share the cache through the page cache; each fills the frames that it meets first. A
worker that is not forked but started anew gets the place of the files, not their content.
"""

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from cutis.checks import UInt8Array


class FrameCache:
    """Frames of one size, filled on demand; the file goes when the cache does.

    Args:
        frames: How many pictures there are.
        height, width: Of every frame, in pixels.
        folder: Where the file lives; default, the system's temporary folder.
    """

    def __init__(self, frames: int, height: int, width: int, *, folder: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cutis-frames-", dir=folder))
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._map((frames, height, width, 3), mode="w+")

    def __getstate__(self) -> tuple[Path, tuple[int, ...]]:
        return self._folder, self._frames.shape

    def __setstate__(self, state: tuple[Path, tuple[int, ...]]) -> None:
        self._folder, shape = state
        self._map(shape, mode="r+")

    def frame(self, index: int, decode: Callable[[], UInt8Array]) -> UInt8Array:
        """The frame at `index`, shape (height, width, 3), decoded only if nobody has yet.

        Two workers may decode the same frame at the same time; both write the same bytes.
        """
        if not self._filled[index]:
            self._frames[index] = decode()
            self._filled[index] = True
        return np.array(self._frames[index])

    @staticmethod
    def fits(frames: int, height: int, width: int, *, folder: Path | None = None) -> bool:
        """Whether the disk has room for the frames and as much again."""
        place = folder or Path(tempfile.gettempdir())
        return 2 * frames * height * width * 3 < shutil.disk_usage(place).free

    def _map(self, shape: tuple[int, ...], *, mode: Literal["w+", "r+"]) -> None:
        self._frames = np.memmap(self._folder / "frames", np.uint8, mode, shape=shape)
        self._filled = np.memmap(self._folder / "filled", np.bool_, mode, shape=shape[:1])
