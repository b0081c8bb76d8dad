"""Linear probes: a new head on features that were computed once, chosen on validation in seconds.

The backbone stays as it is, so its answer to a picture is asked for only once; every head after that
costs a logistic regression. How well a probe does is a lower bound of what fine-tuning gives, and a
measure of the features themselves (Alain and Bengio 2017, arXiv:1610.01644).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cutis.errors import InputError, ManifestError
from cutis.inference.features import Features
from cutis.metrics.ranking import macro_roc_auc
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # scikit-learn's C: the inverse of the penalty
MAX_STEPS = 100  # a head that has not settled by then is judged as it is


@dataclass(frozen=True, eq=False)
class Probe:
    """The head that validation prefers, and what it says of every split but train.

    Attributes:
        predictions: By split.
        tried: Macro AUC on validation by strength.
        kept: The strength with the best one; the smallest of equals.
        images: By split, those with features.
    """

    predictions: Mapping[str, Predictions]
    tried: Mapping[float, float]
    kept: float
    images: Mapping[str, int]


def fit_probe(
    features: Features,
    manifest: Manifest,
    *,
    strengths: Sequence[float] = STRENGTHS,
    balance: bool = False,
) -> Probe:
    """Fit a logistic regression on the training rows for every strength, and keep the best.

    Args:
        features: Of the manifest's pictures; rows without any are left out.
        manifest: Labelled, with the splits train and val; test, where there is one, is only predicted.
        strengths: To choose from.
        balance: Weigh classes by the inverse of their number.

    Raises:
        ManifestError: no rows to train or choose on, or a class without a training picture.
        InputError: a strength is not positive.
    """
    if not strengths or min(strengths) <= 0:
        raise InputError(f"strengths: {list(strengths)} are not positive numbers")
    labelled = manifest.dealt().labelled()
    parts, classes = _parts(features, labelled), labelled.class_set()
    values, truth = _examples(parts["train"], features, classes)
    lacking = [name for k, name in enumerate(classes.classes) if k not in truth]
    if lacking:
        raise ManifestError(
            manifest.name,
            [f"class {name!r} has no picture with features in split 'train'" for name in lacking],
        )
    heads = {c: _fitted(values, truth, c, balance=balance) for c in sorted(strengths)}
    judged_on, answers = _examples(parts["val"], features, classes)
    tried = {c: macro_roc_auc(answers, head.predict_proba(judged_on)) for c, head in heads.items()}
    kept = max(tried, key=lambda c: (np.nan_to_num(tried[c], nan=-1.0), -c))
    predictions = {
        name: Predictions(
            rows.image_ids,
            classes.classes,
            heads[kept].predict_proba(_examples(rows, features, classes)[0]),
        )
        for name, rows in parts.items()
        if name != "train"
    }
    return Probe(predictions, tried, kept, {name: len(rows) for name, rows in parts.items()})


def _parts(features: Features, manifest: Manifest) -> dict[str, Manifest]:
    """The rows of each split that have features; train and val are needed."""
    known = manifest.rows(manifest.frame["image_id"].isin(features.image_ids).to_numpy())
    present = set(known.frame["split"])
    missing = [name for name in ("train", "val") if name not in present]
    if missing:
        raise ManifestError(
            manifest.name, [f"no labelled row with features in split {name!r}" for name in missing]
        )
    return {name: known.split(name) for name in ("train", "val", "test") if name in present}


def _examples(
    rows: Manifest, features: Features, classes: ClassSet
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Features (n, d) and class indices (n,) of these rows, in their order."""
    row_of = {image_id: row for row, image_id in enumerate(features.image_ids)}
    values = features.values[[row_of[image_id] for image_id in rows.image_ids]]
    return values, np.array(classes.indices_of(rows.diagnoses), dtype=np.int64)


def _fitted(
    values: npt.NDArray[Any], truth: npt.NDArray[np.int64], strength: float, *, balance: bool
) -> Pipeline:
    """A head; stopping early is one more kind of penalty, which validation judges too."""
    regression = LogisticRegression(
        C=strength, max_iter=MAX_STEPS, class_weight="balanced" if balance else None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), regression).fit(values, truth)
