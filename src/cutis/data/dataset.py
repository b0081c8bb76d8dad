"""`LesionDataset`: a manifest's pictures as network inputs, repeatable draw by draw."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

import cutis.torch_setup  # noqa: F401  (before torchvision)
from cutis.checks import UInt8Array
from cutis.data.cache import FrameCache
from cutis.data.sampling import Draw
from cutis.imaging import Preprocessing
from cutis.tables.manifest import Manifest
from cutis.taxonomy import ClassSet

# isort: split
from torchvision import tv_tensors

FRAME_MARGIN = 1.15  # cached training frames are this much larger than the input, for zooming


class Sample(NamedTuple):
    """One input of the network; batches have the same fields with a leading axis."""

    image: Tensor  # (3, h, w), float32, normalised
    target: Tensor  # (), int64, position in the class set
    row: Tensor  # (), int64, position in the manifest


class LesionDataset(Dataset[Sample]):
    """The labelled pictures of a manifest.

    With a transform an item is asked for by `Draw`, whose seed alone decides the augmentation, so
    that results do not depend on the number of loader workers and a resumed run sees what an
    uninterrupted one sees. Without a transform an item is asked for by row.

    Args:
        manifest: Every row has a diagnosis that belongs to one of `classes`.
        classes: The class set; its order gives the targets.
        preprocessing: What the network is fed.
        transform: Augmentation of a uint8 picture to the input size, for training.
        cache: Keep decoded frames on disk.

    Raises:
        TaxonomyError: a diagnosis belongs to no class.
    """

    def __init__(
        self,
        manifest: Manifest,
        classes: ClassSet,
        preprocessing: Preprocessing,
        *,
        transform: Callable[[Any], Any] | None = None,
        cache: bool = True,
    ) -> None:
        self.targets = np.array(classes.indices_of(manifest.diagnoses), dtype=np.int64)
        self.preprocessing = preprocessing
        self._paths = manifest.paths
        self._transform = transform
        self._frame = _training_frame(preprocessing) if transform else preprocessing
        size = (len(manifest), self._frame.height, self._frame.width)
        self._cache = FrameCache(*size) if cache and FrameCache.fits(*size) else None

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, key: int | Draw) -> Sample:
        row, seed = key if isinstance(key, Draw) else (key, None)
        frame = self._frame_at(row)
        if seed is not None:
            frame = self._augmented(frame, seed)
        image = torch.from_numpy(self.preprocessing.normalise(frame))
        return Sample(image, torch.tensor(self.targets[row]), torch.tensor(row))

    def _frame_at(self, row: int) -> UInt8Array:
        def decode() -> UInt8Array:
            return self._frame.read(self._paths[row])

        return decode() if self._cache is None else self._cache.frame(row, decode)

    def _augmented(self, frame: UInt8Array, seed: int) -> UInt8Array:
        assert self._transform is not None
        planes = torch.tensor(frame).permute(2, 0, 1)
        with torch.random.fork_rng(devices=[]):
            # The CPU's alone: for GPUs, `torch.manual_seed` keeps a traceback, slower than the rest.
            torch.default_generator.manual_seed(seed)
            augmented: Tensor = self._transform(tv_tensors.Image(planes))
        return np.ascontiguousarray(augmented.permute(1, 2, 0).numpy())


def collate(samples: Sequence[Sample]) -> Sample:
    """Stack samples; images in the channels-last layout that convolutions are fastest in."""
    images, targets, rows = (torch.stack(list(field)) for field in zip(*samples, strict=True))
    return Sample(images.contiguous(memory_format=torch.channels_last), targets, rows)


def _training_frame(preprocessing: Preprocessing) -> Preprocessing:
    return replace(
        preprocessing,
        height=math.ceil(preprocessing.height * FRAME_MARGIN),
        width=math.ceil(preprocessing.width * FRAME_MARGIN),
    )
