"""`publish_run`: the last step of training, from a run folder's weights to its bundle."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

import cutis
from cutis.bundle import BundleFacts, ModelBundle
from cutis.deploy.export import export_bundle
from cutis.deploy.model_card import render_model_card
from cutis.files import read_json, sha256_of_file
from cutis.inference.fitting import LEAST_LESIONS
from cutis.inference.recalibration import calibrate_bundle
from cutis.models.backbones import inherited_sources
from cutis.models.classifier import Classifier
from cutis.parity import Parity
from cutis.tables.manifest import Manifest
from cutis.training.monitors import merit
from cutis.training.recipe import Recipe
from cutis.training.run_folder import RunFolder
from cutis.training.training_data import TrainingData

PARITY_IMAGES = 32


def publish_run(
    run: RunFolder,
    recipe: Recipe,
    model: Classifier,
    manifest: Manifest,
    *,
    mean_of: Sequence[RunFolder] = (),
) -> ModelBundle:
    """Write the bundle of a finished run, calibrated where validation has enough cases for it.

    Args:
        run: Has its history and environment.
        recipe: What the run followed.
        model: With the kept weights.
        manifest: What the run was trained on; its validation pictures measure the parity
            and calibrate the answers.
        mean_of: The runs whose weights `model` has the mean of; none for a run that was trained.

    Raises:
        BundleError: ONNX Runtime does not repeat what torch computed.
        OutputError: the bundle cannot be written.
    """
    data = TrainingData.from_manifest(manifest, classes=recipe.data.classes)
    preprocessing = recipe.preprocessing()
    environment = read_json(run.environment)
    training = data.splits["train"]
    inherited = inherited_sources(recipe.model.backbone)  # their terms bind what is made from them
    sources = tuple(sorted({*training.frame["source"], *inherited} - {""}))
    name = run.path.absolute().name
    facts = BundleFacts(
        name=name,
        architecture=recipe.model.backbone.name,
        classes=data.classes.classes,
        taxonomy=manifest.taxonomy,
        preprocessing=preprocessing,
        parity=Parity(float("nan"), 0),
        provenance={
            "sources": list(sources),
            "manifest_sha256": sha256_of_file(run.manifest),
            "settings_sha256": sha256_of_file(run.settings),
            "head": recipe.model.head.model_dump(mode="json"),
            "cutis": cutis.__version__,
            "git_revision": environment["git_revision"],
            "date": datetime.now(UTC).date().isoformat(),
            **_ingredients(mean_of),
        },
    )
    card = render_model_card(
        name=name,
        architecture=facts.architecture,
        mean_of=tuple(each.path.absolute().name for each in mean_of),
        classes=facts.classes,
        height=preprocessing.height,
        width=preprocessing.width,
        fit=preprocessing.fit,
        sources=sources,
        counts=dict(training.frame["diagnosis"].value_counts().sort_index()),
        results=_kept_epoch(run, recipe),
        epoch_is_chosen=recipe.trainer.epoch_is_chosen,
        version=cutis.__version__,
        revision=environment["git_revision"],
    )
    shown = data.splits["val"].paths[:PARITY_IMAGES]
    frames = np.stack([preprocessing.read(path) for path in shown])
    bundle = export_bundle(model, run.bundle, facts, frames=frames, model_card=card)
    validation = data.splits["val"]
    seen = set(data.classes.indices_of(validation.diagnoses))
    if len(set(validation.clusters())) < LEAST_LESIONS or len(seen) < 2:
        return bundle
    return calibrate_bundle(
        bundle, manifest, run.bundle, manifest_sha256=sha256_of_file(run.manifest)
    )


def _ingredients(runs: Sequence[RunFolder]) -> dict[str, Any]:
    """What the provenance of a mean of weights says of the runs that it was made from."""
    told = [
        {"name": run.path.absolute().name, "weights_sha256": sha256_of_file(run.weights)}
        for run in runs
    ]
    return {"mean_of": told} if told else {}


def _kept_epoch(run: RunFolder, recipe: Recipe) -> dict[str, float]:
    """The validation figures of the epoch whose weights were kept."""
    with run.history.open(newline="", encoding="utf-8") as stream:
        epochs = list(csv.DictReader(stream))
    monitor = recipe.trainer.monitor

    def score(epoch: dict[str, str]) -> float:
        return merit(monitor, float(epoch[monitor]))

    kept = epochs[-1] if recipe.trainer.keep == "last" else max(epochs, key=score)
    return {key: float(value) for key, value in kept.items() if key.startswith("val_")}
