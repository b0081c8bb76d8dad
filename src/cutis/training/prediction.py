"""Class probabilities from a trained network, before it is exported."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from cutis.data.dataset import LesionDataset, collate
from cutis.imaging import Preprocessing
from cutis.models.classifier import Classifier
from cutis.models.weights import load_weights
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet
from cutis.training.recipe import Recipe
from cutis.training.training_data import TrainingData


def load_kept_weights(model: Classifier, weights: Path) -> None:
    """Load a run's kept weights into a network of the same recipe and put it in eval mode.

    It is then in single precision, whatever it was trained in.

    Raises:
        InputError: as `load_weights`.
    """
    load_weights(model.float(), weights)
    model.eval()


@torch.inference_mode()
def predict_probabilities(
    model: Classifier,
    manifest: Manifest,
    classes: ClassSet,
    preprocessing: Preprocessing,
    *,
    batch_size: int = 32,
) -> Predictions:
    """Probabilities for every row of a labelled manifest, on the device where the model lives."""
    device = next(model.parameters()).device
    dataset = LesionDataset(manifest, classes, preprocessing, cache=False)
    loader = DataLoader(dataset, batch_size=batch_size, collate_fn=collate)
    model.eval()
    logits = [model(batch.image.to(device)).double().cpu().numpy() for batch in loader]
    probabilities = torch.from_numpy(np.concatenate(logits)).softmax(dim=1).numpy()
    return Predictions(manifest.image_ids, classes.classes, probabilities)


def predict_held_out(
    model: Classifier, data: TrainingData, recipe: Recipe, *, but: Collection[str] = ()
) -> dict[str, Predictions]:
    """Probabilities for every split by its name, without `train` and those in `but`."""
    return {
        name: predict_probabilities(
            model, rows, data.classes, recipe.preprocessing(), batch_size=recipe.data.batch_size
        )
        for name, rows in data.splits.items()
        if name not in {"train", *but}
    }
