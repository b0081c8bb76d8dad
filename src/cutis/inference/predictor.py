"""`Predictor`: pictures in, calibrated class probabilities out, through ONNX Runtime."""

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime

from cutis.bundle import INPUT_NAME, ModelBundle
from cutis.checks import FloatArray, UInt8Array
from cutis.errors import BundleError, ImageError, InputError
from cutis.imaging import SUFFIXES, load_rgb
from cutis.tables.predictions import Predictions

_Item = TypeVar("_Item")
SYMMETRIES = 8  # of the square: four quarter turns, each also mirrored


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a list of files.

    Attributes:
        predictions: For every file that could be read, None when there is none.
        paths: The files behind the rows of `predictions`.
        failures: The others, with the reason.
    """

    predictions: Predictions | None
    paths: tuple[Path, ...]
    failures: tuple[tuple[Path, str], ...]


class Predictor:
    """A bundle ready to answer.

    Args:
        bundle: Verified on load; its ONNX file is verified again as it is read into memory.
        threads: Of the network; default, all cores.

    Raises:
        BundleError: the ONNX file changed since the bundle was loaded, or cannot be run.
    """

    def __init__(self, bundle: ModelBundle, *, threads: int | None = None) -> None:
        self.bundle = bundle
        network = bundle.onnx.read_bytes()
        if hashlib.sha256(network).hexdigest() != bundle.sha256["model.onnx"]:
            raise BundleError(f"{bundle.onnx}: changed since the bundle was loaded")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                network, options, providers=["CPUExecutionProvider"]
            )
        except Exception as fault:  # ONNX Runtime's own exceptions share no public base
            raise BundleError(f"{bundle.onnx}: ONNX Runtime cannot run it ({fault})") from fault

    def logits(self, frames: UInt8Array) -> FloatArray:
        """Logits (n, k) for frames that have the network's size, uint8 (n, h, w, 3)."""
        images = self.bundle.facts.preprocessing.normalise(frames)
        (logits,) = self._session.run(["logits"], {INPUT_NAME: images})
        return np.asarray(logits, dtype=np.float64)

    def probabilities(self, frames: UInt8Array, *, views: int = 1) -> FloatArray:
        """Probabilities (n, k), the mean over the first `views` symmetries of each frame.

        Raises:
            InputError: `views` is not in 1..8, or a quarter turn is asked of an oblong input.
        """
        if not 1 <= views <= SYMMETRIES:
            raise InputError(f"views: {views} is not in 1..{SYMMETRIES}")
        if views > 2 and frames.shape[1] != frames.shape[2]:
            raise InputError("quarter turns need a square input; use at most 2 views")
        temperature = self.bundle.facts.temperature
        each = [_softmax(self.logits(seen) / temperature) for seen in symmetries(frames, views)]
        return np.asarray(np.mean(each, axis=0))

    def predict(
        self,
        paths: Sequence[Path],
        *,
        batch_size: int = 32,
        views: int = 1,
        on_progress: Callable[[int], None] | None = None,
    ) -> Outcome:
        """Classify files; one that cannot be read is reported and the rest go on.

        Decoding runs ahead of the network in threads. Image ids are file stems, or paths where two
        files share a stem.

        Args:
            paths: Files.
            batch_size: Pictures per call of the network.
            views: Test-time augmentation, 1 to 8 symmetries averaged.
            on_progress: Called with the number of files just finished.
        """
        readable: list[Path] = []
        failures: list[tuple[Path, str]] = []
        answers: list[FloatArray] = []
        for batch in _batches(self._decoded(paths), batch_size):
            frames = [frame for _path, frame in batch if not isinstance(frame, ImageError)]
            for path, frame in batch:
                if isinstance(frame, ImageError):
                    failures.append((path, str(frame)))
                else:
                    readable.append(path)
            if frames:
                answers.append(self.probabilities(np.stack(frames), views=views))
            if on_progress is not None:
                on_progress(len(batch))
        predictions = (
            Predictions(_image_ids(readable), self.bundle.facts.classes, np.concatenate(answers))
            if answers
            else None
        )
        return Outcome(predictions, tuple(readable), tuple(failures))

    def _decoded(self, paths: Sequence[Path]) -> Iterator[tuple[Path, UInt8Array | ImageError]]:
        """Frames in order, at most a few dozen ahead of the reader."""

        def frame(path: Path) -> UInt8Array | ImageError:
            try:
                return self.bundle.facts.preprocessing.frame(load_rgb(path))
            except ImageError as fault:
                return fault

        ahead: deque[tuple[Path, Future[UInt8Array | ImageError]]] = deque()
        with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 8)) as pool:
            for path in paths:
                ahead.append((path, pool.submit(frame, path)))
                if len(ahead) >= 64:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()


def symmetries(frames: UInt8Array, views: int) -> Iterator[UInt8Array]:
    """The first `views` of: as is, mirrored, then both again for each further quarter turn.

    Args:
        frames: Shape (n, h, w, 3).
        views: 1 to 8.
    """
    for view in range(views):
        turned = np.rot90(frames, view // 2, axes=(1, 2))
        yield turned[:, :, ::-1] if view % 2 else turned


def find_pictures(places: Sequence[Path]) -> list[Path]:
    """Files as given, and every picture below the folders, by its suffix, sorted.

    Raises:
        InputError: a place does not exist, or a folder holds no picture.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise InputError(f"{place}: no picture inside ({', '.join(sorted(SUFFIXES))})")
            found += inside
        elif place.exists():
            found.append(place)
        else:
            raise InputError(f"{place}: no such file or folder")
    return list(dict.fromkeys(found))


def _image_ids(paths: Sequence[Path]) -> tuple[str, ...]:
    shared = {stem for stem, n in Counter(path.stem for path in paths).items() if n > 1}
    return tuple(path.as_posix() if path.stem in shared else path.stem for path in paths)


def _batches(items: Iterator[_Item], size: int) -> Iterator[list[_Item]]:
    batch: list[_Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _softmax(logits: FloatArray) -> FloatArray:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
