"""One training run of a cross-validation: which fold is left out, and that nothing is chosen on it."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import torch
from rich.console import Console

from cutis.errors import InputError, ManifestError
from cutis.tables.manifest import Manifest
from cutis.taxonomy import ClassSet
from cutis.training.recipe import Recipe, TrainerSettings
from cutis.training.run_folder import RunFolder
from cutis.training.runner import train


def without_choice_of_epoch(recipe: Recipe) -> Recipe:
    """The recipe that keeps the last epoch and never stops early.

    Choosing an epoch by the fold that is judged would flatter it; so the held-out fold has no say,
    whether it is called val or test.
    """
    trainer = recipe.trainer.model_copy(update={"keep": "last", "patience": 0})
    return recipe.model_copy(update={"trainer": trainer})


def with_folds_left_out(manifest: Manifest, *, val: int, test: int | None = None) -> Manifest:
    """The rows with one fold as `val`, if given another as `test`, the rest to train."""
    column = manifest.frame["fold"].to_numpy()
    held = [column == val] if test is None else [column == val, column == test]
    split = np.select(held, ["val", "test"][: len(held)], default="train")
    return manifest.with_columns(split=split)


def require_one_device(settings: TrainerSettings) -> None:
    """Check that a run takes one device: of several processes only the first outlives its first run.

    Raises:
        InputError: it takes several, or several nodes.
    """
    devices = _device_count(settings)
    if devices > 1 or settings.num_nodes > 1:
        raise InputError(
            f"--kfold trains on one device: trainer.devices = {settings.devices} stands for "
            f"{devices} here, on {settings.num_nodes} node(s); add --set trainer.devices=1 "
            "--set trainer.num_nodes=1"
        )


def _device_count(settings: TrainerSettings) -> int:
    """How many devices Lightning takes on each node; 1 where it will not understand the setting."""
    given = str(settings.devices)
    if given in ("auto", "-1"):
        on_cuda = settings.accelerator in ("auto", "gpu", "cuda")
        return max(torch.cuda.device_count(), 1) if on_cuda else 1
    indices = [index for index in given.split(",") if index.strip()]
    if "," in given:
        return len(indices)
    return int(given) if given.isdecimal() else 1


def require_every_class_in_training(
    folded: Manifest, classes: Collection[str] | None, left_out: Iterable[Sequence[int]]
) -> None:
    """Check that no training, whichever folds it leaves out, lacks a picture of a class.

    Args:
        folded: Every row with a fold.
        classes: Labels of the taxonomy; None, the diagnoses that the rows name.
        left_out: The folds of each training.

    Raises:
        ManifestError: naming the folds and the classes.
        TaxonomyError: as `TrainingData.from_manifest`.
    """
    named = folded.class_set() if classes is None else ClassSet(folded.taxonomy, tuple(classes))
    found = [named.index_of(diagnosis) for diagnosis in folded.diagnoses]
    problems = []
    for folds in left_out:
        out = np.isin(folded.frame["fold"], folds)
        told = " and ".join(map(str, folds))
        present = {index for index, is_out in zip(found, out, strict=True) if not is_out}
        lacking = [name for index, name in enumerate(named.classes) if index not in present]
        if lacking:
            problems.append(
                f"without fold {told} no picture is left to learn {', '.join(lacking)} from; give "
                "fewer folds, another seed, or coarser classes (data.classes)"
            )
    if problems:
        raise ManifestError(folded.name, problems)


def train_unless_finished(
    recipe: Recipe,
    manifest: Manifest,
    run: RunFolder,
    *,
    resume: bool = False,
    console: Console | None = None,
) -> None:
    """Train under the folder's name, or leave a finished run of the same settings and rows as it is.

    Raises:
        InputError: the finished run had others.
        ManifestError, OutputError: as `train`.
    """
    left_out: Collection[str] = set(manifest.frame["split"]) - {"train"}
    if resume and all(run.predictions(split).exists() for split in left_out):
        run.require_same_settings(recipe)
        run.require_same_manifest(manifest)
        return
    if console is not None:
        console.print(f"{run.path}:", highlight=False, soft_wrap=True)
    train(recipe, manifest, run, resume=resume, console=console)
