"""`Recipe`: every setting of a training run; `train` follows it into a run folder."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from torch.utils.data import DataLoader

import cutis.torch_setup
from cutis.data.dataset import LesionDataset, Sample, collate
from cutis.data.sampling import EpochSampler
from cutis.data.transforms import Augmentation, training_transform
from cutis.errors import InputError
from cutis.evaluation.figures.classifier import history_figure
from cutis.files import atomic_path, require_writable, write_json
from cutis.imaging import Fit, Interpolation, Preprocessing
from cutis.models.backbones import backbone_preprocessing
from cutis.models.classifier import Classifier, ModelSettings, create_classifier
from cutis.models.transfer import FineTuning
from cutis.tables.manifest import Manifest
from cutis.training.checkpoints import EpochCheckpoint, Monitor
from cutis.training.losses import LossSettings
from cutis.training.module import LesionModule
from cutis.training.optimizers import OptimizerSettings, ScheduleSettings
from cutis.training.prediction import load_kept_weights, predict_probabilities
from cutis.training.progress import RichProgress
from cutis.training.run_folder import RunFolder
from cutis.training.training_data import TrainingData


class DataSettings(BaseModel):
    """What the network is fed, and how fast."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    classes: tuple[str, ...] | None = Field(
        None,
        min_length=2,
        description="Labels of the taxonomy to tell apart, such as malignant and benign; null: the "
        "diagnoses that the manifest names.",
    )
    image_size: int = Field(128, ge=16, le=2048, description="Side of the network's input, px.")
    train_size: int | None = Field(
        None,
        ge=16,
        le=2048,
        description="Side of training pictures, px; null: image_size. Zooming in makes lesions look "
        "larger in training, so judging at a larger size than training suits both the network and "
        "the clock (Touvron et al. 2019).",
    )
    fit: Fit = Field("crop", description="crop the centre, or squash the whole frame.")
    interpolation: Interpolation = Field("bilinear", description="bilinear or bicubic.")
    batch_size: int = Field(32, ge=1, description="Pictures per step and device.")
    balance: float = Field(
        0.0, ge=0, le=1, description="Draw classes with probability n_class ** (1 - x)."
    )
    workers: int | None = Field(None, ge=0, description="Loader processes; null: cores - 1, max 8.")
    cache: bool = Field(True, description="Keep decoded frames on disk during the run.")


class TrainerSettings(BaseModel):
    """How long, on what, and which weights are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    epochs: int = Field(12, ge=1, description="Passes over the training split.")
    average_decay: float = Field(
        0.99, ge=0, lt=1, description="Exponential moving average of weights per step; 0 is off."
    )
    keep: Literal["best", "last"] = Field("best", description="The epoch whose weights are kept.")
    monitor: Monitor = Field("val_macro_auc", description="What `best` and patience look at.")
    patience: int = Field(0, ge=0, description="Stop after so many epochs without gain; 0: never.")
    accumulate: int = Field(1, ge=1, description="Batches per optimiser step.")
    clip_norm: float = Field(0.0, ge=0, description="Clip the gradient's norm; 0 is off.")
    precision: str = Field(
        "auto", description="auto is 16-mixed on CUDA and 32-true elsewhere; or as Lightning names."
    )
    accelerator: str = Field("auto", description="As Lightning names them: auto, cpu, gpu, mps ...")
    devices: int | str = Field("auto", description="How many devices on each node.")
    num_nodes: int = Field(1, ge=1, description="How many nodes.")
    strategy: str = Field("auto", description="As Lightning names them: auto, ddp, fsdp ...")


class Recipe(BaseModel):
    """Every setting of a training run."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    seed: int = Field(0, ge=0, description="Of everything random.")
    data: DataSettings = DataSettings()
    augmentation: Augmentation = Augmentation()
    model: ModelSettings = ModelSettings()
    fine_tuning: FineTuning = FineTuning()
    loss: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    trainer: TrainerSettings = TrainerSettings()

    def preprocessing(self) -> Preprocessing:
        """What this recipe's network is fed."""
        return backbone_preprocessing(
            self.model.backbone.name,
            size=self.data.image_size,
            fit=self.data.fit,
            interpolation=self.data.interpolation,
        )


ESTEVA_2017 = Recipe(
    data=DataSettings(image_size=299, fit="crop"),
    augmentation=Augmentation(
        zoom=1.0,
        stretch=1.0,
        horizontal_flip=0.0,
        vertical_flip=0.5,
        quarter_turns=False,
        inscribed_rotation=True,
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
    ),
    model=ModelSettings.model_validate({"backbone": {"name": "inception_v3"}}),
    fine_tuning=FineTuning(head_only_epochs=0, learning_rate=1e-3, backbone_rate_scale=1.0),
    optimizer=OptimizerSettings(
        name="rmsprop", momentum=0.9, rmsprop_decay=0.9, epsilon=0.1, weight_decay=0.0
    ),
    schedule=ScheduleSettings(name="step", warmup_epochs=0, step_epochs=30, step_divisor=16),
    trainer=TrainerSettings(epochs=90, average_decay=0.0),
)

RECIPES = {"default": Recipe(), "esteva2017": ESTEVA_2017}


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
        InputError: the folder holds another run, or settings cannot be met.
        OutputError: the folder cannot be written.
    """
    data = TrainingData.from_manifest(manifest, classes=recipe.data.classes)
    prepare_run_folder(recipe, manifest, run, resume=resume)
    cutis.torch_setup.keep_freed_memory()
    lightning.seed_everything(recipe.seed, verbose=False)
    model = create_classifier(
        recipe.model,
        classes=len(data.classes),
        image_size=recipe.data.image_size,
        names=data.classes.classes,
    )
    fit(recipe, data, model, run, resume=resume, console=console)
    load_kept_weights(model, run.weights)
    with atomic_path(run.curves) as partial:
        history_figure(run.history).savefig(partial, format="png", dpi=120)
    for name, rows in data.splits.items():
        if name != "train":
            predict_probabilities(
                model, rows, data.classes, recipe.preprocessing(), batch_size=recipe.data.batch_size
            ).write(run.predictions(name))
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
    described = recipe.model_dump(mode="json")
    if resume and run.settings.exists():
        run.require_same_settings(described)
        return
    run.require_new()
    require_writable(run.path, free_bytes=200 * 2**20)
    manifest.write(run.manifest)
    run.write_environment()
    write_json(run.settings, described)


def fit(
    recipe: Recipe,
    data: TrainingData,
    model: Classifier,
    run: RunFolder,
    *,
    resume: bool,
    console: Console | None = None,
) -> None:
    """Run Lightning's Trainer over the data; leaves checkpoints and history in the run folder.

    Of several processes only the first returns; the others end here, their work done.
    """
    loaders = training_loaders(recipe, data)
    targets = np.array(data.classes.indices_of(data.splits["train"].diagnoses))
    settings = recipe.trainer
    module = LesionModule(
        model,
        np.bincount(targets, minlength=len(data.classes)),
        fine_tuning=recipe.fine_tuning,
        loss=recipe.loss,
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        augmentation=recipe.augmentation,
        average_decay=settings.average_decay,
        seed=recipe.seed,
        epochs=settings.epochs,
        steps_per_epoch=max(len(loaders.train) // settings.accumulate, 1),
    )
    callbacks: list[Callback] = [
        RichProgress(len(loaders.train) * recipe.data.batch_size, console=console),
        EpochCheckpoint(run, keep=settings.keep, monitor=settings.monitor, sampler=loaders.sampler),
    ]
    if settings.patience:
        mode = "min" if settings.monitor == "val_loss" else "max"
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
