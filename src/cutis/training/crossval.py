"""K-fold cross-validation: K runs, and one table of predictions made by models that never saw them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from rich.console import Console

from cutis.curation.splits import fold_manifest
from cutis.errors import InputError
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.choice import choose_by_inner_folds
from cutis.training.fold_runs import (
    train_unless_finished,
    with_folds_left_out,
    without_choice_of_epoch,
)
from cutis.training.recipe import Recipe
from cutis.training.run_folder import RunFolder


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
        run: Gets `fold-0` ... with a run folder each, `manifest.csv` and the pooled predictions.
        folds: K, at least 2, and at least 3 where there is something to choose.
        resume: Go on where a killed run stopped; finished folds are not repeated.
        console: Where the progress bars are drawn.

    Raises:
        InputError: too few folds or lesions, or the folder holds a run with other folds or settings.
        ManifestError, OutputError: as `train`.
    """
    recipes = {name: without_choice_of_epoch(recipe) for name, recipe in candidates.items()}
    name, recipe = next(iter(recipes.items()))
    folded = _with_folds(manifest.labelled(), folds, seed=recipe.seed)
    _require_same_folds(folded, run, resume=resume)
    folded.write(run.manifest)
    chosen = [name] * folds
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
    folders = tuple(RunFolder(run.path / f"repeat-{repeat}") for repeat in range(repeats))
    for repeat, folder in enumerate(folders):
        varied = {
            name: recipe.model_copy(update={"seed": recipe.seed + repeat})
            for name, recipe in candidates.items()
        }
        rows = manifest.with_columns(fold=np.nan) if repeat else manifest
        cross_validate(varied, rows, folder, folds=folds, resume=resume, console=console)
    return folders


def _with_folds(manifest: Manifest, folds: int, *, seed: int) -> Manifest:
    present = set(manifest.frame["fold"].dropna())
    if present == set(range(folds)):
        manifest.require_no_leak()
        return manifest
    return fold_manifest(manifest, folds=folds, seed=seed)


def _require_same_folds(folded: Manifest, run: RunFolder, *, resume: bool) -> None:
    if not run.manifest.exists():
        return
    if not resume:
        raise InputError(f"{run.path}: already holds a run; add --resume, or choose another -o")
    before = Manifest.read(run.manifest, check_files=False).frame
    if not before[["image_id", "fold"]].equals(folded.frame[["image_id", "fold"]]):
        raise InputError(
            f"{run.path}: the run was started with other folds or images; choose another -o"
        )


def _pool(parts: list[Predictions]) -> Predictions:
    classes = parts[0].classes
    tables = [pd.DataFrame(p.probabilities, p.image_ids, p.classes)[list(classes)] for p in parts]
    pooled = pd.concat(tables)
    return Predictions(tuple(pooled.index), classes, pooled.to_numpy())
