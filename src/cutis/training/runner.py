"""`train`: follow a recipe over a manifest into a run folder, with Lightning's Trainer."""

import logging
import math
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import numpy as np
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console

import cutis.torch_setup
from cutis.checks import FloatArray
from cutis.errors import InputError, ManifestError, SettingsError, first_line
from cutis.evaluation.figures.classifier import history_figure
from cutis.files import atomic_path, require_writable, write_json
from cutis.imaging import Preprocessing, unreadable
from cutis.models.backbones import SAVED, feature_width
from cutis.models.classifier import Classifier, create_classifier
from cutis.models.transfer import freeze, require_batch_statistics
from cutis.plots import save_png
from cutis.tables.manifest import Manifest
from cutis.training.averaging import AveragedWeights
from cutis.training.checkpoints import EpochCheckpoint, require_checkpoint
from cutis.training.distillation import answers_of_teachers
from cutis.training.loaders import naming_the_picture, training_loaders
from cutis.training.losses import ClassificationLoss
from cutis.training.module import LesionModule
from cutis.training.monitors import MORE_IS_BETTER, is_defined
from cutis.training.prediction import load_kept_weights, predict_held_out
from cutis.training.progress import RichProgress
from cutis.training.recipe import Recipe, TrainerSettings
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
        InputError: the folder holds another run, settings cannot be met, the first weights know
            pictures that judge them, or the answers of teachers are not about these pictures.
        OutputError: the folder cannot be written.
    """
    data = TrainingData.from_manifest(manifest, classes=recipe.data.classes)
    require_monitor(recipe.trainer, data)
    require_unseen(data, recipe.model.backbone.weights)
    require_readable(data, recipe.preprocessing())
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
    require_trainable(recipe, model)
    hardware = trainer_hardware(recipe.trainer)
    prepare_run_folder(recipe, manifest, run, resume=resume, free_bytes=room_for_run(model))
    with _free_again_unless_trained(run):
        fit(
            recipe,
            data,
            model,
            run,
            hardware=hardware,
            answers=answers,
            resume=resume,
            console=console,
        )
    load_kept_weights(model, run.weights)
    with atomic_path(run.curves) as partial:
        save_png(history_figure(run.history), partial, dpi=120)
    finished = {name for name in data.splits if resume and run.predictions(name).exists()}
    for name, predictions in predict_held_out(model, data, recipe, but=finished).items():
        predictions.write(run.predictions(name))
    return model


def require_monitor(settings: TrainerSettings, data: TrainingData) -> None:
    """Find out before the work whether validation can tell which epoch is the best.

    Raises:
        ManifestError: it has to, and does not define the figure that is looked at.
    """
    rows, monitor = data.splits["val"], settings.monitor
    if settings.epoch_is_chosen and not is_defined(monitor, rows, data.classes):
        raise ManifestError(
            rows.name,
            [
                f"split 'val' does not define {monitor}, its pictures being of one class: "
                "take trainer.monitor = 'val_loss', or split anew"
            ],
        )


def require_unseen(data: TrainingData, weights: str) -> None:
    """Find out before the work whether first weights learned from pictures that are to judge them.

    Only weights in a run folder tell, by the manifest there.

    Raises:
        InputError: they did.
    """
    run = RunFolder(Path(weights).parent.parent)
    if not (weights.endswith(SAVED) and run.settings.exists() and run.manifest.exists()):
        return
    before = Manifest.read(run.manifest, check_files=False, check_leaks=False)
    learned = set(map(os.path.realpath, before.split("train").paths))
    for split, rows in data.splits.items():
        paths = zip(rows.image_ids, rows.paths, strict=True)
        seen = [image_id for image_id, path in paths if os.path.realpath(path) in learned]
        if seen and split != "train":
            raise InputError(
                f"model.backbone.weights: {weights} learned from {len(seen)} pictures of split "
                f"{split!r}, such as {seen[0]}, which cannot judge what comes of it; give the weights "
                "of a run on the same split, or on none of these pictures"
            )


def require_readable(data: TrainingData, preprocessing: Preprocessing) -> None:
    """Find out before the work whether the pictures that judge the network can be decoded.

    Those to train on are met in the first epoch, those of `test` only after the last.

    Raises:
        ManifestError: some cannot.
    """
    judging = [rows for split, rows in data.splits.items() if split != "train"]
    paths = [path for rows in judging for path in rows.paths]
    if problems := unreadable(paths, preprocessing.read):
        raise ManifestError(judging[0].name, problems)


def require_trainable(recipe: Recipe, model: Classifier) -> None:
    """Find out before the work whether the network can learn what the recipe feeds it.

    Raises:
        InputError: the backbone takes no pictures of that size, has no stages to be treated one by
            one, or normalises a batch of one value.
    """
    data, fine_tuning = recipe.data, recipe.fine_tuning
    side = data.train_size or data.image_size
    if data.train_size:
        try:
            feature_width(model.backbone, size=side)
        except InputError as fault:
            raise InputError(f"data.train_size = {side}: {fault}") from fault
    freeze(model, fine_tuning)
    if data.batch_size == 1 and fine_tuning.head_only_epochs < recipe.trainer.epochs:
        require_batch_statistics(model, size=side)


def room_for_run(model: Classifier) -> int:
    """How many bytes a run of this network needs on the disk at the most.

    The state is four to six times the weights (network, means, two moments of the optimiser), and
    stands there twice while the new one is written; the rest is the kept weights and the bundle.
    """
    return 14 * sum(int(value.nbytes) for value in model.state_dict().values())


def prepare_run_folder(
    recipe: Recipe, manifest: Manifest, run: RunFolder, *, resume: bool, free_bytes: int = 0
) -> None:
    """Find out whether the run may start before it does, and write down what it starts from.

    Args:
        recipe, manifest, run, resume: As `train`.
        free_bytes: What a new run needs on the disk.

    Raises:
        InputError: the folder holds a run and `resume` is false, or it holds a different run, or one
            without a state to go on from.
        OutputError: the folder cannot be written, or its disk has too little room.
    """
    if not _is_first_process():
        return
    if resume and run.settings.exists():
        run.require_same_settings(recipe)
        run.require_same_manifest(manifest)
        require_checkpoint(run)
        return
    run.require_new()
    require_writable(run.path, free_bytes=free_bytes)
    manifest.write(run.manifest)
    run.write_environment()
    write_json(run.settings, recipe.model_dump(mode="json"))


@contextmanager
def _free_again_unless_trained(run: RunFolder) -> Iterator[None]:
    """After an exception before the end of the first epoch, let the folder be trained into anew.

    Nothing is lost with it, and settings that failed need not be those of the next attempt.
    """
    try:
        yield
    except BaseException:
        trained = run.last_checkpoint.exists() or run.weights.exists()
        if _is_first_process() and not trained:
            run.settings.unlink(missing_ok=True)
        raise


def _is_first_process() -> bool:
    """Whether this is the one of several processes that writes."""
    return not getattr(rank_zero_only, "rank", 0)


def fit(
    recipe: Recipe,
    data: TrainingData,
    model: Classifier,
    run: RunFolder,
    *,
    hardware: Mapping[str, Any],
    answers: FloatArray | None = None,
    resume: bool,
    console: Console | None = None,
) -> None:
    """Run Lightning's Trainer over the data; leaves checkpoints and history in the run folder.

    Of several processes only the first returns; the others end here, their work done.

    Args:
        recipe, model, run, resume, console: As `train`.
        data: What `recipe` learns from.
        hardware: As `trainer_hardware`.
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
    )
    batch_size = min(recipe.data.batch_size, len(targets))
    callbacks: list[Callback] = [
        RichProgress(len(loaders.train) * batch_size, console=console),
        EpochCheckpoint(run, keep=settings.keep, monitor=settings.monitor, sampler=loaders.sampler),
    ]
    if settings.patience:
        mode = "max" if MORE_IS_BETTER[settings.monitor] else "min"
        callbacks.append(Patience(settings.monitor, patience=settings.patience, mode=mode))
    checkpoint = run.last_checkpoint if resume and run.last_checkpoint.exists() else None
    with _quiet_lightning():
        trainer = lightning.Trainer(
            **hardware,
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
        share = math.ceil(len(targets) / trainer.world_size)
        if share < batch_size:
            raise InputError(
                f"data.batch_size = {batch_size}: each of {trainer.world_size} devices has {share} "
                f"training pictures, less than a batch; give {share} or less"
            )
        with naming_the_picture():
            trainer.fit(
                module,
                loaders.train,
                loaders.val,
                ckpt_path=None if checkpoint is None else str(checkpoint),
                weights_only=True,
            )
    if not trainer.is_global_zero:
        sys.exit()


class Patience(EarlyStopping):
    """Early stopping for which nan is no gain, and which ends a resumed run where it had ended."""

    def __init__(self, monitor: str, *, patience: int, mode: str) -> None:
        super().__init__(monitor, patience=patience, mode=mode, check_finite=False)

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Stop at once when the checkpoint's last epoch was the one that patience ended with."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def trainer_hardware(settings: TrainerSettings) -> dict[str, Any]:
    """Where and in which numbers Lightning's Trainer is to run, once it has agreed to.

    While the head learns alone the backbone has no gradients, which plain DDP takes for a fault.

    Raises:
        SettingsError: Lightning knows no such hardware, or does not find it here.
    """
    asked: dict[str, Any] = {
        "accelerator": settings.accelerator,
        "devices": settings.devices,
        "num_nodes": settings.num_nodes,
        "strategy": settings.strategy,
        "precision": _precision(settings),
    }
    try:
        with _quiet_lightning():
            trial = lightning.Trainer(**asked, logger=False, enable_checkpointing=False)
    except (ValueError, TypeError, ImportError, MisconfigurationException) as fault:
        raise SettingsError(
            f"trainer: {first_line(fault).rstrip('.')}; accelerator, devices, strategy and precision "
            "are as Lightning names them, and auto fits this machine"
        ) from fault
    if settings.strategy in ("auto", "ddp") and isinstance(trial.strategy, DDPStrategy):
        launcher = trial.strategy.launcher
        forks = launcher is not None and launcher.is_interactive_compatible
        asked["strategy"] = f"{'ddp_notebook' if forks else 'ddp'}_find_unused_parameters_true"
    return asked


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
