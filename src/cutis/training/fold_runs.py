"""One training run of a cross-validation: which fold is left out, and that nothing is chosen on it."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from rich.console import Console

from cutis.errors import ManifestError
from cutis.tables.manifest import Manifest
from cutis.training.recipe import Recipe
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
    """The rows that have a fold, with one fold as `val`, if given another as `test`, the rest to train.

    Raises:
        ManifestError: a fold that is left out is empty.
    """
    kept = manifest.rows(manifest.frame["fold"].notna().to_numpy())
    column = kept.frame["fold"].to_numpy()
    for fold in (val, test):
        if fold is not None and not (column == fold).any():
            raise ManifestError(manifest.name, [f"fold {fold} is empty"])
    held = [column == val] if test is None else [column == val, column == test]
    split = np.select(held, ["val", "test"][: len(held)], default="train")
    return replace(kept, frame=kept.frame.assign(split=split))


def train_unless_finished(
    recipe: Recipe,
    manifest: Manifest,
    run: RunFolder,
    *,
    resume: bool = False,
    console: Console | None = None,
) -> None:
    """Train, or leave a finished run of the same settings as it is.

    Raises:
        InputError: the finished run had other settings.
        ManifestError, OutputError: as `train`.
    """
    left_out: Collection[str] = set(manifest.frame["split"]) - {"train"}
    if resume and all(run.predictions(split).exists() for split in left_out):
        run.require_same_settings(recipe)
        return
    train(recipe, manifest, run, resume=resume, console=console)
