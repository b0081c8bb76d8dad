"""`FrameCache`: decoded frames on disk, so that every picture is decoded once and not once an epoch.

Loader workers share the cache through the page cache; each fills the frames that it meets first.
"""

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

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
        shape = (frames, height, width, 3)
        self._frames = np.memmap(self._folder / "frames", np.uint8, "w+", shape=shape)
        self._filled = np.memmap(self._folder / "filled", np.bool_, "w+", shape=(frames,))

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
