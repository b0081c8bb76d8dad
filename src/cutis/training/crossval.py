"""K-fold cross-validation: K runs, and one table of predictions made by models that never saw them."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from rich.console import Console

from cutis.curation.splits import By, fold_manifest
from cutis.errors import InputError
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.choice import (
    choose_by_inner_folds,
    require_comparable,
    require_monitor_on_folds,
)
from cutis.training.fold_runs import (
    require_every_class_in_training,
    require_one_device,
    train_unless_finished,
    with_folds_left_out,
    without_choice_of_epoch,
)
from cutis.training.recipe import Recipe
from cutis.training.run_folder import A_CROSS_VALIDATION, REPEATS, RunFolder


def cross_validate(
    candidates: Mapping[str, Recipe],
    manifest: Manifest,
    run: RunFolder,
    *,
    folds: int,
    resume: bool = False,
    console: Console | None = None,
) -> None:
    """Train `folds` models, each judged on the fold it has not seen.

    Rows of split `test` take no part. The manifest's own folds are used when it has exactly that
    many, otherwise lesion-safe ones are dealt with the recipe's seed. The weights of the last epoch
    are kept, since choosing an epoch on the held-out fold would flatter it.

    Args:
        candidates: One recipe by any name; of several, inner folds choose one for each fold.
        manifest: Lesions, patients and duplicates do not straddle folds.
        run: Gets `fold-0` ... with a run folder each, the pooled predictions, and `manifest.csv` with
            the rows that they are about.
        folds: K, at least 2, and at least 3 where there is something to choose.
        resume: Go on where a killed run stopped; finished folds are not repeated.
        console: Where the progress bars are drawn.

    Raises:
        InputError: too few folds or lesions, several devices, or the folder holds a run with other
            folds, pictures or settings, or one that chooses where there is nothing to choose now.
        ManifestError: a class would have no training picture without some fold, or a fold does not
            define the figure that recipes are chosen by; or as `train`.
        OutputError: as `train`.
    """
    recipes = {name: without_choice_of_epoch(recipe) for name, recipe in candidates.items()}
    folded = _ready_to_train(recipes, manifest, folds=folds)
    (run.require_nothing_but if resume else run.require_new)(A_CROSS_VALIDATION)
    if run.holds():
        run.require_same_manifest(folded)
    if len(recipes) == 1 and run.inner.exists():
        raise InputError(
            f"{run.path}: folds choose between settings there; give the same --choose, or choose "
            "another -o"
        )
    folded.write(run.manifest)
    chosen = [next(iter(recipes))] * folds
    if len(recipes) > 1:
        choices = choose_by_inner_folds(
            recipes, folded, run, folds=folds, resume=resume, console=console
        )
        chosen = [choice.chosen for choice in choices]
    pooled: list[Predictions] = []
    for fold in range(folds):
        one = RunFolder(run.path / f"fold-{fold}")
        rows = with_folds_left_out(folded, val=fold)
        train_unless_finished(recipes[chosen[fold]], rows, one, resume=resume, console=console)
        pooled.append(Predictions.read(one.predictions("val"), manifest.taxonomy))
    _pool(pooled).write(run.out_of_fold)


def cross_validate_repeatedly(
    candidates: Mapping[str, Recipe],
    manifest: Manifest,
    run: RunFolder,
    *,
    folds: int,
    repeats: int,
    resume: bool = False,
    console: Console | None = None,
) -> tuple[RunFolder, ...]:
    """Cross-validate several times, each time over other lesion-safe folds.

    Repeat r is the cross-validation with seed + r, so any of them can be had alone. Only the first
    uses the manifest's own folds.

    Args:
        candidates, manifest, folds, resume, console: As `cross_validate`.
        run: The cross-validation itself if there is one, else the parent of `repeat-0` ...
        repeats: At least 1.

    Returns:
        The folder of each repeat.

    Raises:
        InputError, ManifestError, OutputError: as `cross_validate`.
    """
    if repeats == 1:
        cross_validate(candidates, manifest, run, folds=folds, resume=resume, console=console)
        return (run,)
    run.require_nothing_but(REPEATS)
    folders = tuple(RunFolder(run.path / f"repeat-{repeat}") for repeat in range(repeats))
    varied = [
        {
            name: recipe.model_copy(update={"seed": recipe.seed + repeat})
            for name, recipe in candidates.items()
        }
        for repeat in range(repeats)
    ]
    rows = [manifest, *[manifest.with_columns(fold=np.nan)] * (repeats - 1)]
    for recipes, table in zip(varied, rows, strict=True):  # all of them before the first is trained
        _ready_to_train(recipes, table, folds=folds)
    for recipes, table, folder in zip(varied, rows, folders, strict=True):
        cross_validate(recipes, table, folder, folds=folds, resume=resume, console=console)
    return folders


def _ready_to_train(recipes: Mapping[str, Recipe], manifest: Manifest, *, folds: int) -> Manifest:
    """The rows that take part, with folds, once everything is known to be there that the runs need."""
    recipe = next(iter(recipes.values()))
    for each in recipes.values():
        require_one_device(each.trainer)
    left_out: list[tuple[int, ...]] = [(fold,) for fold in range(folds)]
    if len(recipes) > 1:
        require_comparable(recipes, folds)
        left_out += combinations(range(folds), 2)
    folded = _with_folds(manifest.labelled(), folds, seed=recipe.seed)
    folded = folded.rows(folded.frame["fold"].notna().to_numpy())
    require_every_class_in_training(folded, recipe.data.classes, left_out)
    if len(recipes) > 1:
        require_monitor_on_folds(recipe, folded, folds=folds)
    return folded


def _with_folds(manifest: Manifest, folds: int, *, seed: int) -> Manifest:
    """The manifest's own folds, or new ones; whoever dealt its split said what rows need to name."""
    own = manifest.frame["fold"].where(manifest.frame["split"] != "test")
    if set(own.dropna()) != set(range(folds)):
        is_split = (manifest.frame["split"] != "").any()
        by: By = "image" if is_split else "lesion"
        return fold_manifest(manifest, folds=folds, by=by, seed=seed)
    folded = manifest.with_columns(fold=own)
    folded.require_no_leak()
    return folded


def _pool(parts: list[Predictions]) -> Predictions:
    classes = parts[0].classes
    tables = [pd.DataFrame(p.probabilities, p.image_ids, p.classes)[list(classes)] for p in parts]
    pooled = pd.concat(tables)
    return Predictions(tuple(pooled.index), classes, pooled.to_numpy())
