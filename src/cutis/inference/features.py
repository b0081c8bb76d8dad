"""`Features`: the last hidden layer of a bundle's network, for many pictures, and as a file."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from cutis.bundle import NETWORK
from cutis.checks import FloatArray, require_same_length
from cutis.errors import ImageError, InputError
from cutis.files import atomic_path
from cutis.inference.predictor import Predictor
from cutis.inference.rejection import directions

BATCH = 32


@dataclass(frozen=True, eq=False)
class Features:
    """What a network's last hidden layer says of each image.

    Raises:
        InputError: lengths differ, an image appears twice, or a value is no finite number.
    """

    image_ids: tuple[str, ...]  # n, unique
    values: FloatArray  # (n, d)
    model_sha256: str  # of the ONNX file they come from
    files: tuple[str, ...] = ()  # n, absolute paths of the pictures, or none where nobody said

    def __post_init__(self) -> None:
        require_same_length(image_ids=self.image_ids, values=self.values)
        if self.files:
            require_same_length(image_ids=self.image_ids, files=self.files)
        if self.values.ndim != 2:
            raise InputError(f"features: shape {self.values.shape}, expected (n, d)")
        if len(set(self.image_ids)) != len(self.image_ids):
            raise InputError("features: the same image appears twice")
        if not np.isfinite(self.values).all():
            raise InputError("features: contain nan or infinity")

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def directions(self) -> FloatArray:
        """The rows as `rejection.directions` has them, shape (n, d)."""
        return directions(self.values)

    def write(self, path: Path) -> None:
        """Write a .npz file."""
        with atomic_path(path) as partial, partial.open("wb") as stream:
            np.savez_compressed(
                stream,
                image_ids=np.array(self.image_ids, dtype=np.str_),
                values=self.values,
                model_sha256=np.array(self.model_sha256),
                files=np.array(self.files, dtype=np.str_),
            )

    @classmethod
    def read(cls, path: Path) -> "Features":
        """Read what `write` wrote; nothing in the file can run.

        Raises:
            InputError: no such file, or not such a file.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(
                    tuple(stored["image_ids"].tolist()),
                    stored["values"],
                    str(stored["model_sha256"]),
                    tuple(stored["files"].tolist()) if "files" in stored else (),
                )
        except (OSError, ValueError, KeyError, TypeError, BadZipFile, EOFError) as fault:
            raise InputError(f"{path}: not a file of features ({fault})") from fault


def extract_features(
    predictor: Predictor,
    paths: Sequence[Path],
    image_ids: Sequence[str],
    *,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Features, tuple[tuple[Path, str], ...]]:
    """The features of files that can be read, and the others with the reason.

    Raises:
        BundleError: the network gives no features.
        InputError: none of the files can be read.
    """
    id_of = dict(zip(paths, image_ids, strict=True))
    readable: list[Path] = []
    failures: list[tuple[Path, str]] = []
    found: list[FloatArray] = []
    with closing(predictor.decoded(paths)) as decoded:
        while batch := list(islice(decoded, BATCH)):
            frames = [frame for _path, frame in batch if not isinstance(frame, ImageError)]
            readable += [path for path, frame in batch if not isinstance(frame, ImageError)]
            failures += [
                (path, str(fault)) for path, fault in batch if isinstance(fault, ImageError)
            ]
            if frames:
                found.append(predictor.features(np.stack(frames)))
            if on_progress is not None:
                on_progress(len(batch))
    if not found:
        reason = f"; {failures[0][1]}" if failures else ""
        raise InputError(f"none of {len(paths)} files could be read{reason}")
    features = Features(
        tuple(id_of[path] for path in readable),
        np.concatenate(found),
        predictor.bundle.sha256[NETWORK],
        tuple(str(path.absolute()) for path in readable),
    )
    return features, tuple(failures)
