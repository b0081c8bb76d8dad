"""`train`: follow a recipe over a manifest into a run folder, with Lightning's Trainer."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console
from torch.utils.data import DataLoader

import cutis.torch_setup
from cutis.checks import FloatArray
from cutis.data.dataset import LesionDataset, Sample, collate
from cutis.data.sampling import EpochSampler
from cutis.data.transforms import training_transform
from cutis.errors import InputError
from cutis.evaluation.figures.classifier import history_figure
from cutis.files import atomic_path, require_writable, write_json
from cutis.models.classifier import Classifier, create_classifier
from cutis.tables.manifest import Manifest
from cutis.training.averaging import AveragedWeights
from cutis.training.checkpoints import EpochCheckpoint
from cutis.training.distillation import answers_of_teachers
from cutis.training.losses import ClassificationLoss
from cutis.training.module import LesionModule
from cutis.training.monitors import MORE_IS_BETTER
from cutis.training.prediction import load_kept_weights, predict_held_out
from cutis.training.progress import RichProgress
from cutis.training.recipe import DataSettings, Recipe, TrainerSettings
from cutis.training.run_folder import RunFolder
from cutis.training.training_data import TrainingData


def train(
    recipe: Recipe,
    manifest: Manifest,
    run: RunFolder,
    *,
    resume: bool = False,
    console: Console | None = None,
) -> Classifier:
    """Fine-tune a classifier as the recipe says, and write the run folder.

    On one CPU the result is a function of recipe, manifest and thread count: a run that was killed
    and resumed ends with the same bits as one that was not.

    Args:
        recipe: Every setting.
        manifest: With a split column; `val` chooses the epoch, `test` is only predicted at the end.
        run: Where to write.
        resume: Go on with the run that lives there.
        console: Where the progress bar is drawn; default, standard error.

    Returns:
        The classifier with the kept weights, in eval mode.

    Raises:
        ManifestError: the manifest cannot be trained on.
        InputError: the folder holds another run, settings cannot be met, or the answers of teachers
            are not about these pictures.
        OutputError: the folder cannot be written.
    """
    data = TrainingData.from_manifest(manifest, classes=recipe.data.classes)
    answers = answers_of_teachers(recipe.distillation, data)
    cutis.torch_setup.keep_freed_memory()
    lightning.seed_everything(recipe.seed, verbose=False)
    model = create_classifier(
        recipe.model,
        classes=len(data.classes),
        image_size=recipe.data.image_size,
        names=data.classes.classes,
        whole=recipe.trainer.start_share > 0,
    )
    prepare_run_folder(recipe, manifest, run, resume=resume)
    fit(recipe, data, model, run, answers=answers, resume=resume, console=console)
    load_kept_weights(model, run.weights)
    with atomic_path(run.curves) as partial:
        history_figure(run.history).savefig(partial, format="png", dpi=120)
    for name, predictions in predict_held_out(model, data, recipe).items():
        predictions.write(run.predictions(name))
    return model


def prepare_run_folder(recipe: Recipe, manifest: Manifest, run: RunFolder, *, resume: bool) -> None:
    """Find out whether the run may start before it does, and write down what it starts from.

    Raises:
        InputError: the folder holds a run and `resume` is false, or it holds a different run.
        OutputError: the folder cannot be written.
    """
    if getattr(
        rank_zero_only, "rank", 0
    ):  # one of several processes, the first of which has done it
        return
    if resume and run.settings.exists():
        run.require_same_settings(recipe)
        return
    run.require_new()
    require_writable(run.path, free_bytes=200 * 2**20)
    manifest.write(run.manifest)
    run.write_environment()
    write_json(run.settings, recipe.model_dump(mode="json"))


def fit(
    recipe: Recipe,
    data: TrainingData,
    model: Classifier,
    run: RunFolder,
    *,
    answers: FloatArray | None = None,
    resume: bool,
    console: Console | None = None,
) -> None:
    """Run Lightning's Trainer over the data; leaves checkpoints and history in the run folder.

    Of several processes only the first returns; the others end here, their work done.

    Args:
        recipe, model, run, resume, console: As `train`.
        data: What `recipe` learns from.
        answers: Shape (n, k), of teachers about the training rows, to learn beside the diagnoses.
    """
    loaders = training_loaders(recipe, data)
    targets = np.array(data.classes.indices_of(data.splits["train"].diagnoses))
    settings = recipe.trainer
    loss = ClassificationLoss(recipe.loss, np.bincount(targets, minlength=len(data.classes)))
    weight = recipe.distillation.weight
    module = LesionModule(
        model,
        loss,
        soft_targets=(
            None if answers is None else loss.soft_targets(targets, answers, weight=weight)
        ),
        fine_tuning=recipe.fine_tuning,
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        augmentation=recipe.augmentation,
        averages=AveragedWeights(
            model, decay=settings.average_decay, start_share=settings.start_share
        ),
        seed=recipe.seed,
        epochs=settings.epochs,
        steps_per_epoch=max(len(loaders.train) // settings.accumulate, 1),
    )
    callbacks: list[Callback] = [
        RichProgress(len(loaders.train) * recipe.data.batch_size, console=console),
        EpochCheckpoint(run, keep=settings.keep, monitor=settings.monitor, sampler=loaders.sampler),
    ]
    if settings.patience:
        mode = "max" if MORE_IS_BETTER[settings.monitor] else "min"
        callbacks.append(EarlyStopping(settings.monitor, patience=settings.patience, mode=mode))
    checkpoint = run.last_checkpoint if resume and run.last_checkpoint.exists() else None
    with _quiet_lightning():
        trainer = lightning.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            strategy=settings.strategy,
            precision=_precision(settings),  # type: ignore[arg-type]  # checked by Lightning
            max_epochs=settings.epochs,
            accumulate_grad_batches=settings.accumulate,
            gradient_clip_val=settings.clip_norm or None,
            callbacks=callbacks,
            logger=TensorBoardLogger(run.path, name="", version="tensorboard"),
            enable_checkpointing=True,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=run.path,
        )
        trainer.fit(
            module,
            loaders.train,
            loaders.val,
            ckpt_path=None if checkpoint is None else str(checkpoint),
            weights_only=True,
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    if not trainer.is_global_zero:
        sys.exit()


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
    return min(max((os.cpu_count() or 1) - 1, 1), 8)


def _precision(settings: TrainerSettings) -> str:
    if settings.precision != "auto":
        return settings.precision
    on_cuda = settings.accelerator in ("auto", "gpu", "cuda") and cutis.torch_setup.has_cuda()
    return "16-mixed" if on_cuda else "32-true"


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Inside the block Lightning keeps its tips to itself; errors still come through."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            warnings.filterwarnings("ignore", module=r"torch\.utils\.data.*")
            yield
    finally:
        logger.setLevel(level)
