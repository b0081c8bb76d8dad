"""`training_loaders`: batches to train on and to validate by, from the pictures of a manifest."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from torch.utils.data import DataLoader

from cutis.data.dataset import LesionDataset, Sample, collate
from cutis.data.sampling import EpochSampler
from cutis.data.transforms import training_transform
from cutis.errors import ImageError, InputError
from cutis.threads import usable_cores
from cutis.training.recipe import DataSettings, Recipe
from cutis.training.training_data import TrainingData


@dataclass(frozen=True, eq=False)
class Loaders:
    """Batches for training and for validation."""

    train: DataLoader[Sample]
    val: DataLoader[Sample]
    sampler: EpochSampler  # of the training loader


def training_loaders(recipe: Recipe, data: TrainingData) -> Loaders:
    """The loaders that `train` uses."""
    preprocessing = recipe.preprocessing()
    side = recipe.data.train_size or recipe.data.image_size
    size = (side, side)
    training = LesionDataset(
        data.splits["train"],
        data.classes,
        replace(preprocessing, height=side, width=side),
        transform=training_transform(recipe.augmentation, size=size),
        cache=recipe.data.cache,
    )
    validation = LesionDataset(
        data.splits["val"], data.classes, preprocessing, cache=recipe.data.cache
    )
    batch_size = recipe.data.batch_size
    if len(training) < 2:
        raise InputError("training needs at least two pictures")
    workers = loader_workers(recipe.data)
    sampler = EpochSampler(training.targets, seed=recipe.seed, balance=recipe.data.balance)
    return Loaders(
        sampler=sampler,
        train=DataLoader(
            training,
            batch_size=min(batch_size, len(training)),
            sampler=sampler,
            drop_last=True,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=collate,
            prefetch_factor=4 if workers else None,
        ),
        val=DataLoader(
            validation,
            batch_size=batch_size,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=collate,
        ),
    )


def loader_workers(settings: DataSettings) -> int:
    """Loader processes: as set, or one for each core that training leaves, at most 8."""
    if settings.workers is not None:
        return settings.workers
    return min(max(usable_cores() - 1, 1), 8)


@contextmanager
def naming_the_picture() -> Iterator[None]:
    """Inside the block a loader's worker says what is wrong with a picture, without its traceback."""
    try:
        yield
    except ImageError as fault:
        reason = str(fault).rpartition(f"{ImageError.__module__}.{ImageError.__qualname__}: ")[2]
        raise ImageError(reason.strip()) from fault
