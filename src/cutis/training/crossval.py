"""K-fold cross-validation: K runs, and one table of predictions made by models that never saw them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from cutis.curation.splits import fold_manifest
from cutis.errors import InputError, ManifestError
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.recipe import Recipe, train
from cutis.training.run_folder import RunFolder


def cross_validate(
    recipe: Recipe,
    manifest: Manifest,
    run: RunFolder,
    *,
    folds: int,
    resume: bool = False,
    console: Console | None = None,
) -> Path:
    """Train `folds` models, each judged on the fold it has not seen.

    Rows of split `test` take no part. The manifest's own folds are used when it has exactly that
    many, otherwise lesion-safe ones are dealt with the recipe's seed. The weights of the last epoch
    are kept, since choosing an epoch on the held-out fold would flatter it.

    Args:
        recipe: Every setting but `trainer.keep`, which is "last" here.
        manifest: Lesions, patients and duplicates do not straddle folds.
        run: Gets `fold-0` ... with a run folder each, `manifest.csv` and the pooled predictions.
        folds: K, at least 2.
        resume: Go on where a killed run stopped; finished folds are not repeated.
        console: Where the progress bars are drawn.

    Returns:
        The path of the pooled out-of-fold predictions.

    Raises:
        InputError: fewer than two folds, or too few lesions.
        ManifestError, OutputError: as `train`.
    """
    folded = _with_folds(manifest.labelled(), folds, seed=recipe.seed)
    recipe = recipe.model_copy(
        update={"trainer": recipe.trainer.model_copy(update={"keep": "last"})}
    )
    if not resume and run.manifest.exists():
        raise InputError(f"{run.path}: already holds a run; add --resume, or choose another -o")
    folded.write(run.manifest)
    pooled: list[Predictions] = []
    for fold in range(folds):
        one = RunFolder(run.path / f"fold-{fold}")
        rotated = _rotated(folded, fold)
        if not one.predictions("val").exists():
            train(recipe, rotated, one, resume=resume, console=console)
        pooled.append(Predictions.read(one.predictions("val"), manifest.taxonomy))
    out_of_fold = run.predictions("out-of-fold")
    _pool(pooled).write(out_of_fold)
    return out_of_fold


def _with_folds(manifest: Manifest, folds: int, *, seed: int) -> Manifest:
    present = set(manifest.frame["fold"].dropna())
    if present == set(range(folds)):
        manifest.require_no_leak()
        return manifest
    return fold_manifest(manifest, folds=folds, seed=seed)


def _rotated(manifest: Manifest, fold: int) -> Manifest:
    """The manifest whose validation split is one fold and whose training split is the others."""
    column = manifest.frame["fold"]
    kept = manifest.rows(column.notna().to_numpy())
    if not (column == fold).any():
        raise ManifestError(manifest.name, [f"fold {fold} is empty"])
    split = np.where(kept.frame["fold"] == fold, "val", "train")
    return replace(kept, frame=kept.frame.assign(split=split))


def _pool(parts: list[Predictions]) -> Predictions:
    classes = parts[0].classes
    tables = [pd.DataFrame(p.probabilities, p.image_ids, p.classes)[list(classes)] for p in parts]
    pooled = pd.concat(tables)
    return Predictions(tuple(pooled.index), classes, pooled.to_numpy())
