"""`cook`: one network with the mean of several runs' weights, as a run folder of its own.

The uniform soup of Wortsman et al. 2022a ("Model soups"). Runs that went on from the same weights with
other seeds or settings end in one basin of the loss, where the mean of their weights may do better than
each; runs that began apart have no such mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from cutis.bundle import ModelBundle
from cutis.errors import InputError
from cutis.files import atomic_path, read_json, require_writable, sha256_of_file, write_json
from cutis.models.classifier import (
    Classifier,
    ModelSettings,
    create_classifier,
    untrained_classifier,
)
from cutis.models.weights import load_weights, save_weights
from cutis.tables.frames import write_frame
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.training.monitors import monitored_predictions
from cutis.training.prediction import predict_held_out
from cutis.training.recipe import Recipe
from cutis.training.run_folder import RunFolder
from cutis.training.runner import room_for_run
from cutis.training.training_data import TrainingData

Figures = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Soup:
    """What was cooked, and from what.

    Attributes:
        manifest: Of all runs.
        model: With the mean of their weights, in eval mode.
        validation: Validation figures of the mean.
        ingredients: The same of each run, by its path.
    """

    manifest: Manifest
    model: Classifier
    validation: Figures
    ingredients: Mapping[str, Figures]


def cook(runs: Sequence[RunFolder], recipe: Recipe, target: RunFolder) -> Soup:
    """Average the kept weights of finished runs and write a run folder without a bundle.

    Args:
        runs: At least two, of one manifest, one list of classes, one network and one beginning.
        recipe: Their network, and what it is fed.
        target: Where to write.

    Raises:
        InputError: fewer than two runs, one that is not finished, runs that do not go together, a
            recipe with other classes, or `target` holds a run.
        OutputError: `target` cannot be written.
    """
    if len(runs) < 2:
        raise InputError("a soup needs at least two runs")
    _require_alike(runs)
    manifest = Manifest.read(runs[0].manifest)
    data = TrainingData.from_manifest(manifest, classes=recipe.data.classes)
    told = _classes_of(runs[0])
    if data.classes.classes != told:
        raise InputError(
            f"data.classes: {', '.join(data.classes.classes)}, but {runs[0].path} answers in the order "
            f"{', '.join(told)}; leave the setting as the run has it"
        )
    side, classes = recipe.data.image_size, len(data.classes)
    model = untrained_classifier(recipe.model, classes=classes, image_size=side)
    states = [_kept_weights(run, model) for run in runs]
    found = serve(mean_of(states), model, recipe, manifest, target)
    rows = data.splits["val"]
    answers = {run: Predictions.read(run.predictions("val"), manifest.taxonomy) for run in runs}
    ingredients = {str(run.path): monitored_predictions(answers[run], rows) for run in runs}
    return Soup(manifest, model, found, ingredients)


def mean_of(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of every tensor, in its own type."""
    return {
        name: torch.stack([state[name].float() for state in states]).mean(dim=0).to(value.dtype)
        for name, value in states[0].items()
    }


def serve(
    weights: Mapping[str, Tensor],
    model: Classifier,
    recipe: Recipe,
    manifest: Manifest,
    target: RunFolder,
) -> Figures:
    """Write the run folder of weights that no training ended with; everything but the bundle.

    Args:
        weights: For `model`, which has them afterwards and is in eval mode.
        model: A network of the recipe.
        recipe: What is served with the weights.
        manifest: With a split; all splits but training are predicted.
        target: Where to write.

    Returns:
        The validation figures, the one row of its history.

    Raises:
        InputError: `target` holds a run.
        OutputError: it cannot be written.
    """
    target.require_nothing_but("a soup")
    require_writable(target.path, free_bytes=room_for_run(model))
    model.load_state_dict(dict(weights))
    model.eval()
    data = TrainingData.from_manifest(manifest, classes=recipe.data.classes)
    manifest.write(target.manifest)
    target.write_environment()
    target.weights.parent.mkdir(exist_ok=True)
    with atomic_path(target.weights) as partial:
        save_weights(model, partial)
    answers = predict_held_out(model, data, recipe)
    for name, predictions in answers.items():
        predictions.write(target.predictions(name))
    found = monitored_predictions(answers["val"], data.splits["val"])
    write_frame(pd.DataFrame([{"epoch": 0, **found}]), target.history)
    write_json(target.settings, recipe.model_dump(mode="json"))
    return found


def _require_alike(runs: Sequence[RunFolder]) -> None:
    """One manifest, one list of classes, one network and one beginning.

    Raises:
        InputError: a run is not finished, differs from the first, or is given twice.
        BundleError: the bundle of one is damaged.
    """
    for run in runs:
        if not (run.bundle / "bundle.json").is_file():
            raise InputError(f"{run.path}: not a finished run; give folders that `train` wrote")
    first = runs[0]
    settings, rows = read_json(first.settings), sha256_of_file(first.manifest)
    classes = _classes_of(first)
    weights = {sha256_of_file(first.weights): first}
    for run in runs[1:]:
        if sha256_of_file(run.manifest) != rows:
            raise InputError(f"{run.path}: trained on another manifest than {first.path}")
        if _classes_of(run) != classes:
            raise InputError(
                f"{run.path}: its classes are {', '.join(_classes_of(run))}, those of {first.path} "
                f"{', '.join(classes)}; only runs with the same classes in one order have a mean"
            )
        described = read_json(run.settings)
        if described["model"] != settings["model"]:
            raise InputError(
                f"{run.path}: another network or other first weights than {first.path}; only runs "
                "that went on from the same weights have a mean"
            )
        content = sha256_of_file(run.weights)
        if content in weights:
            same = weights[content].path
            raise InputError(f"{run.path}: has the weights of {same}; give each run once")
        weights[content] = run
        if described["seed"] != settings["seed"]:
            _require_whole_beginning(first, run, classes)


def _require_whole_beginning(first: RunFolder, run: RunFolder, classes: tuple[str, ...]) -> None:
    """Check that two runs with other seeds began with the same head, not only the same backbone.

    A file of weights that is gone can no longer be asked, and is trusted.

    Raises:
        InputError: their heads, or all of their weights, were drawn from their seeds.
    """
    described = read_json(first.settings)
    model = ModelSettings.model_validate(described["model"])
    begun = model.backbone.weights
    if begun.endswith(".safetensors") and not Path(begun).is_file():
        return
    side = described["data"]["image_size"]
    drawn_apart = begun in ("none", "auto", "package", "hub")
    if not drawn_apart:
        try:
            create_classifier(
                model, classes=len(classes), image_size=side, names=classes, whole=True
            )
        except InputError:
            drawn_apart = True
    if drawn_apart:
        raise InputError(
            f"{run.path}: began apart from {first.path}: with model.backbone.weights = {begun!r} the "
            "seed draws the head, or the whole network, and theirs differ; only runs that went on from "
            "one classifier have a mean: train them with model.backbone.weights=RUN/bundle/"
            "weights.safetensors"
        )


def _classes_of(run: RunFolder) -> tuple[str, ...]:
    return ModelBundle.load(run.bundle).facts.classes


def _kept_weights(run: RunFolder, model: Classifier) -> dict[str, Tensor]:
    load_weights(model, run.weights)
    return {name: value.clone() for name, value in model.state_dict().items()}
