"""Monitors: the validation figures that a run logs after every epoch, and that choices go by."""

import math
from typing import Literal

import numpy as np

from cutis.checks import FloatArray, IntArray
from cutis.metrics.classification import balanced_accuracy, confusion_matrix
from cutis.metrics.probability import log_loss
from cutis.metrics.ranking import macro_roc_auc
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet

Monitor = Literal["val_macro_auc", "val_balanced_accuracy", "val_loss"]
MORE_IS_BETTER: dict[Monitor, bool] = {
    "val_macro_auc": True,
    "val_balanced_accuracy": True,
    "val_loss": False,
}


def monitored(truth: IntArray, probabilities: FloatArray) -> dict[str, float]:
    """Every monitor by name; nan where the cases do not define it.

    Args:
        truth: Shape (n,), positions.
        probabilities: Shape (n, k).
    """
    confusion = confusion_matrix(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    return {
        "val_loss": float(log_loss(truth, probabilities)),
        "val_macro_auc": macro_roc_auc(truth, probabilities),
        "val_balanced_accuracy": float(balanced_accuracy(confusion)),
    }


def monitored_predictions(predictions: Predictions, rows: Manifest) -> dict[str, float]:
    """Every monitor by name, of the rows of a manifest, all of which belong to a class.

    Raises:
        InputError: rows without a prediction.
        TaxonomyError: a diagnosis that belongs to no class.
    """
    classes = ClassSet(rows.taxonomy, predictions.classes)
    truth = np.array(classes.indices_of(rows.diagnoses))
    return monitored(truth, predictions.rows_for(rows.image_ids).probabilities)


def is_defined(monitor: Monitor, rows: Manifest, classes: ClassSet) -> bool:
    """Whether these rows can tell good answers from bad by that figure; one class has no area.

    Raises:
        TaxonomyError: a diagnosis that belongs to no class.
    """
    truth = np.array(classes.indices_of(rows.diagnoses))
    alike = np.full((len(truth), len(classes)), 1 / len(classes))
    return not math.isnan(monitored(truth, alike)[monitor])


def merit(monitor: Monitor, value: float) -> float:
    """The value on a scale where more is better; nan is worst.

    Example:
        >>> merit("val_loss", 0.5)
        -0.5
        >>> merit("val_macro_auc", float("nan"))
        -inf
    """
    if math.isnan(value):
        return -math.inf
    return value if MORE_IS_BETTER[monitor] else -value
