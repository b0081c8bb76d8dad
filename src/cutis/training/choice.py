"""Nested cross-validation: inner folds choose among recipes, so that no fold judges what it chose.

For each outer fold the inner folds are the other outer folds. A model trained without folds a and b
serves twice: judged on b it speaks for the choice on behalf of a, and on a for that of b. That halves
the work to K (K - 1) / 2 runs per recipe.

Source: Varma and Simon 2006, BMC Bioinformatics 7:91.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
from rich.console import Console

from cutis.errors import InputError, ManifestError
from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet
from cutis.training.fold_runs import train_unless_finished, with_folds_left_out
from cutis.training.monitors import Monitor, is_defined, merit, monitored_predictions
from cutis.training.recipe import Recipe
from cutis.training.run_folder import RunFolder

LEAST_FOLDS = 3


@dataclass(frozen=True)
class Choice:
    """What the inner folds chose for one outer fold."""

    fold: int
    scores: Mapping[str, float]  # candidate -> mean of the monitor over inner folds
    chosen: str


def choose_by_inner_folds(
    candidates: Mapping[str, Recipe],
    folded: Manifest,
    run: RunFolder,
    *,
    folds: int,
    resume: bool = False,
    console: Console | None = None,
) -> tuple[Choice, ...]:
    """Choose a recipe for every outer fold without looking at it.

    The figure is the recipes' `trainer.monitor`, the mean over inner folds each judged alone. Of equal
    candidates the first is chosen.

    Args:
        candidates: Recipes by name.
        folded: With folds 0 to `folds` - 1.
        run: Gets `inner/candidate-<n>/without-<a>-<b>` and `choices.json`.
        folds: At least 3.
        resume: Keep finished runs.
        console: Where the progress bars are drawn.

    Raises:
        InputError: fewer than three folds, or candidates that cannot be compared.
        ManifestError, OutputError: as `train`.
    """
    monitor = require_comparable(candidates, folds)
    scores = np.full((len(candidates), folds, folds), np.nan)  # candidate, outer fold, inner fold
    for number, recipe in enumerate(candidates.values()):
        for first, second in combinations(range(folds), 2):
            one = RunFolder(run.inner / f"candidate-{number}" / f"without-{first}-{second}")
            rows = with_folds_left_out(folded, val=first, test=second)
            train_unless_finished(recipe, rows, one, resume=resume, console=console)
            for split, outer, inner in (("val", second, first), ("test", first, second)):
                scores[number, outer, inner] = _judged(one, rows.split(split), split, monitor)
    names = list(candidates)
    choices = []
    for fold in range(folds):
        means = np.delete(scores[:, fold], fold, axis=1).mean(axis=1)
        found = dict(zip(names, map(float, means), strict=True))
        best = max(names, key=lambda name: merit(monitor, found[name]))
        choices.append(Choice(fold, found, best))
    write_json(run.choices, {"monitor": monitor, "folds": [asdict(each) for each in choices]})
    return tuple(choices)


def require_comparable(candidates: Mapping[str, Recipe], folds: int) -> Monitor:
    """The figure that all candidates are to be compared by.

    Raises:
        InputError: fewer than three folds, or candidates that cannot be compared or are the same.
    """
    if folds < LEAST_FOLDS:
        raise InputError(f"folds: {folds}; choosing by inner folds needs {LEAST_FOLDS} or more")
    recipes = list(candidates.values())
    for name, values in (
        ("data.classes", {recipe.data.classes for recipe in recipes}),
        ("trainer.monitor", {recipe.trainer.monitor for recipe in recipes}),
    ):
        if len(values) > 1:
            raise InputError(f"{name} differs between the recipes, so they cannot be compared")
    for (name, recipe), (again, other) in combinations(candidates.items(), 2):
        if recipe == other:
            raise InputError(
                f"--choose: {name!r} and {again!r} are the same recipe on folds, where the weights "
                "of the last epoch are kept and nothing stops early; give values that differ there"
            )
    return recipes[0].trainer.monitor


def require_monitor_on_folds(recipe: Recipe, folded: Manifest, *, folds: int) -> None:
    """Check that every fold alone defines the figure that candidates such as this are compared by.

    Raises:
        ManifestError: naming the folds that do not.
        TaxonomyError: as `TrainingData.from_manifest`.
    """
    classes, monitor = recipe.data.classes, recipe.trainer.monitor
    named = folded.class_set() if classes is None else ClassSet(folded.taxonomy, classes)
    parts = [folded.rows((folded.frame["fold"] == fold).to_numpy()) for fold in range(folds)]
    problems = [
        f"fold {fold} does not define {monitor}, its pictures being of one class: take "
        "trainer.monitor = 'val_loss', fewer folds, or another seed"
        for fold, rows in enumerate(parts)
        if not is_defined(monitor, rows, named)
    ]
    if problems:
        raise ManifestError(folded.name, problems)


def _judged(run: RunFolder, rows: Manifest, split: str, monitor: Monitor) -> float:
    predictions = Predictions.read(run.predictions(split), rows.taxonomy)
    return monitored_predictions(predictions, rows)[monitor]
