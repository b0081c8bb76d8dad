"""`Predictor`: pictures in, the network's class probabilities out, through ONNX Runtime.

What they mean, calibrated and put in words, is the matter of `inference.answer`.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime

from cutis.bundle import INPUT_NAME, OUTPUT_NAMES, ModelBundle
from cutis.checks import FloatArray, UInt8Array
from cutis.errors import BundleError, ImageError, InputError
from cutis.inference.picture_files import image_ids
from cutis.inference.rejection import Rejection
from cutis.inference.session import open_session
from cutis.inference.verdict import Verdict, verdicts
from cutis.readout import softmax
from cutis.tables.predictions import Predictions
from cutis.threads import usable_cores

# Quarter turns of the eight symmetries of the square, each as it is and then mirrored. The half turn
# comes first: it keeps the shape of an oblong input.
QUARTER_TURNS = (0, 2, 1, 3)
SYMMETRIES = 2 * len(QUARTER_TURNS)
DECODED_AHEAD = 64  # frames that wait for the network
MAX_DECODERS = 8  # threads; each may hold a picture of `MAX_PIXELS`


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a list of files.

    Attributes:
        predictions: The network's own, uncalibrated, for every file that could be read; None when
            there is none.
        paths: The files behind the rows of `predictions`.
        failures: The others, with the reason.
        verdicts: On the files behind the rows; None where the bundle cannot tell strange pictures.
    """

    predictions: Predictions | None
    paths: tuple[Path, ...]
    failures: tuple[tuple[Path, str], ...]
    verdicts: tuple[Verdict, ...] | None = None


class Predictor:
    """A bundle ready to answer.

    Args:
        bundle: Verified on load; its ONNX file is verified again as it is read into memory.
        threads: Of the network; default, one per core this process may use.

    Raises:
        BundleError: the ONNX file changed since the bundle was loaded, cannot be run, or does not
            take and give what `bundle.json` says.
    """

    def __init__(self, bundle: ModelBundle, *, threads: int | None = None) -> None:
        self.bundle = bundle
        self._session = open_session(bundle, threads=threads or usable_cores())
        _require_contract(self._session, bundle)
        self._rejection = _rejection_of(bundle)

    def logits(self, frames: UInt8Array) -> FloatArray:
        """Logits (n, k) for frames that have the network's size, uint8 (n, h, w, 3)."""
        (logits,) = self._run(frames, OUTPUT_NAMES[0])
        return logits

    def features(self, frames: UInt8Array) -> FloatArray:
        """Features (n, d) of the last hidden layer, for frames as `logits` takes them.

        Raises:
            BundleError: the network gives none, or answers with nan or infinity.
        """
        if OUTPUT_NAMES[1] not in {output.name for output in self._session.get_outputs()}:
            raise BundleError(f"{self.bundle.onnx}: it gives no {OUTPUT_NAMES[1]}; export it again")
        (features,) = self._run(frames, OUTPUT_NAMES[1])
        return np.asarray(features, dtype=np.float32)

    def probabilities(self, frames: UInt8Array, *, views: int = 1) -> FloatArray:
        """The network's probabilities (n, k), the mean over the first `views` of `symmetries`.

        Raises:
            InputError: `views` is not in 1..8, or a quarter turn is asked of an oblong input.
            BundleError: the network answers with nan or infinity.
        """
        self._require_views(views)
        return self._mean(self.logits(seen) for seen in symmetries(frames, views))

    def ask(
        self, frames: UInt8Array, *, views: int = 1
    ) -> tuple[FloatArray, tuple[Verdict, ...] | None]:
        """As `probabilities`, with a verdict on each frame where the bundle has what it takes.

        The verdict is on the frames as they are, from the same run of the network.
        """
        if self._rejection is None:
            return self.probabilities(frames, views=views), None
        self._require_views(views)
        logits, features = self._run(frames, *OUTPUT_NAMES)
        turned = islice(symmetries(frames, views), 1, None)
        mean = self._mean([logits, *map(self.logits, turned)])
        return mean, verdicts(self._rejection, frames, features)

    def predict(
        self,
        paths: Sequence[Path],
        *,
        batch_size: int = 32,
        views: int = 1,
        on_progress: Callable[[int], None] | None = None,
    ) -> Outcome:
        """Classify files; one that cannot be read is reported and the rest go on.

        Decoding runs ahead of the network in threads.

        Args:
            paths: Files, each once; rows are named as `image_ids` names them.
            batch_size: Pictures per call of the network.
            views: Test-time augmentation, 1 to 8 symmetries averaged.
            on_progress: Called with the number of files just finished.

        Raises:
            InputError: a file is given twice, `batch_size` is below 1, or as `probabilities`.
        """
        if batch_size < 1:
            raise InputError(f"batch_size: {batch_size} is below 1")
        self._require_views(views)
        id_of = dict(zip(paths, image_ids(paths), strict=True))
        readable: list[Path] = []
        failures: list[tuple[Path, str]] = []
        answers: list[FloatArray] = []
        judged: list[Verdict] = []
        with closing(self.decoded(paths)) as decoded:
            while batch := list(islice(decoded, batch_size)):
                frames = [frame for _path, frame in batch if not isinstance(frame, ImageError)]
                readable += [path for path, frame in batch if not isinstance(frame, ImageError)]
                failures += [(p, str(fault)) for p, fault in batch if isinstance(fault, ImageError)]
                if frames:
                    probabilities, found = self.ask(np.stack(frames), views=views)
                    answers.append(probabilities)
                    judged += found or ()
                if on_progress is not None:
                    on_progress(len(batch))
        predictions = (
            Predictions(
                tuple(id_of[path] for path in readable),
                self.bundle.facts.classes,
                np.concatenate(answers),
            )
            if answers
            else None
        )
        return Outcome(
            predictions,
            tuple(readable),
            tuple(failures),
            None if self._rejection is None else tuple(judged),
        )

    def decoded(
        self, paths: Sequence[Path]
    ) -> Generator[tuple[Path, UInt8Array | ImageError], None, None]:
        """Frames in order, or why there is none; threads keep at most `DECODED_AHEAD` ready."""

        def frame(path: Path) -> UInt8Array | ImageError:
            try:
                return self.bundle.facts.preprocessing.read(path)
            except ImageError as fault:
                return fault

        ahead: deque[tuple[Path, Future[UInt8Array | ImageError]]] = deque()
        pool = ThreadPoolExecutor(max_workers=min(usable_cores(), MAX_DECODERS))
        try:
            for path in paths:
                ahead.append((path, pool.submit(frame, path)))
                if len(ahead) >= DECODED_AHEAD:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()
        finally:  # after Ctrl-C nobody wants the rest
            pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, frames: UInt8Array, *outputs: str) -> list[FloatArray]:
        """What the network gives, in double precision.

        Raises:
            BundleError: a value is nan or infinite.
        """
        images = self.bundle.facts.preprocessing.normalise(frames)
        given = self._session.run(list(outputs), {INPUT_NAME: images})
        for name, values in zip(outputs, given, strict=True):
            if not np.isfinite(values).all():
                raise BundleError(f"{self.bundle.onnx}: its {name} are no numbers")
        return [np.asarray(values, dtype=np.float64) for values in given]

    def _mean(self, logits: Iterable[FloatArray]) -> FloatArray:
        """The mean of the probabilities that each (n, k) of logits stands for."""
        return np.asarray(np.mean([softmax(each) for each in logits], axis=0))

    def _require_views(self, views: int) -> None:
        preprocessing = self.bundle.facts.preprocessing
        if not 1 <= views <= SYMMETRIES:
            raise InputError(f"views: {views} is not in 1..{SYMMETRIES}")
        if views > SYMMETRIES // 2 and preprocessing.height != preprocessing.width:
            raise InputError(
                f"views: {views} asks for quarter turns, but the network's input of "
                f"{preprocessing.height} x {preprocessing.width} is oblong; use at most 4"
            )


def symmetries(frames: UInt8Array, views: int) -> Iterator[UInt8Array]:
    """The first `views` symmetries of the square, of frames (n, h, w, 3).

    As it is, mirrored left to right, turned by half, turned by half and mirrored; then the same four
    after a quarter turn.
    """
    for view in range(views):
        turned = np.rot90(frames, QUARTER_TURNS[view // 2], axes=(1, 2))
        yield turned[:, :, ::-1] if view % 2 else turned


def _rejection_of(bundle: ModelBundle) -> Rejection | None:
    """What the bundle tells strange pictures by.

    Raises:
        BundleError: its arrays and thresholds make no sense.
    """
    if bundle.facts.rejection is None:
        return None
    try:
        return Rejection.from_arrays(bundle.rejection_arrays(), bundle.facts.rejection)
    except BundleError:
        raise
    except InputError as fault:
        raise BundleError(f"{bundle.folder}: {fault}") from fault


def _require_contract(session: onnxruntime.InferenceSession, bundle: ModelBundle) -> None:
    """Inputs and outputs are those of `bundle.json`; what a batch holds is left open."""
    preprocessing, classes = bundle.facts.preprocessing, len(bundle.facts.classes)
    wanted = {INPUT_NAME: (3, preprocessing.height, preprocessing.width)}
    inputs = {each.name: tuple(each.shape[1:]) for each in session.get_inputs()}
    outputs = {each.name: tuple(each.shape[1:]) for each in session.get_outputs()}
    if inputs != wanted or outputs.get(OUTPUT_NAMES[0]) != (classes,):
        raise BundleError(
            f"{bundle.onnx}: takes {inputs} and gives {outputs}, not {wanted} and "
            f"{OUTPUT_NAMES[0]} for {classes} classes"
        )
