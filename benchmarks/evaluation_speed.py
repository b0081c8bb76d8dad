"""Evaluation of 10,000 x 7 predictions with 2,000 lesion-clustered replicates, against scikit-learn.

    python benchmarks/evaluation_speed.py

The plain loop resamples lesions and calls scikit-learn for every figure that `evaluate` gives an
interval. It is timed on a few replicates and scaled, since all 2,000 would take most of an hour; on
those replicates both must give the same numbers to 1e-9.
"""

import json
import time
import warnings

import numpy as np
import pandas as pd
from record import RESULTS, record
from sklearn import metrics as oracle

from cutis.evaluation.cases import Cases
from cutis.evaluation.classifier import evaluate
from cutis.files import write_json
from cutis.metrics.intervals import cluster_weights
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy

IMAGES, REPLICATES, TIMED = 10_000, 2_000, 8
SHARES = {
    "actinic-keratosis-or-bowen": 0.033,
    "basal-cell-carcinoma": 0.051,
    "benign-keratosis": 0.110,
    "dermatofibroma": 0.012,
    "melanoma": 0.111,
    "nevus": 0.669,
    "vascular-lesion": 0.014,
}
MALIGNANT = np.array([True, True, False, False, True, False, False])


def synthetic() -> tuple[Predictions, Manifest]:
    """Seeded predictions with HAM10000's class shares and about 7,500 lesions."""
    generator = np.random.default_rng(0)
    classes = tuple(SHARES)
    lesion = np.sort(generator.integers(0, 7_500, IMAGES))
    truth = generator.choice(len(classes), 7_500, p=list(SHARES.values()))[lesion]
    logits = generator.normal(size=(IMAGES, len(classes))) + 2 * np.eye(len(classes))[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    frame = pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(IMAGES)],
            "path": "unused.jpg",
            "diagnosis": [classes[k] for k in truth],
            "lesion_id": [f"l{number}" for number in lesion],
            "split": "test",
        }
    )
    manifest = Manifest(frame, load_taxonomy())
    return Predictions(manifest.image_ids, classes, probabilities), manifest


def plain(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Every figure, one scikit-learn call after the other, as a notebook would."""
    k = probabilities.shape[1]
    answers = probabilities.argmax(axis=1)
    precision, recall, f1, _ = oracle.precision_recall_fscore_support(
        truth, answers, labels=range(k), zero_division=np.nan
    )
    found = {
        "accuracy": oracle.accuracy_score(truth, answers),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, answers),
        "log_loss": oracle.log_loss(truth, probabilities, labels=range(k)),
        "macro_roc_auc": oracle.roc_auc_score(truth, probabilities, multi_class="ovr"),
    }
    for c in range(k):
        found[f"precision/{c}"], found[f"recall/{c}"], found[f"f1/{c}"] = (
            precision[c],
            recall[c],
            f1[c],
        )
        found[f"specificity/{c}"] = oracle.recall_score(truth != c, answers != c)
        found[f"roc_auc/{c}"] = oracle.roc_auc_score(truth == c, probabilities[:, c])
        found[f"average_precision/{c}"] = oracle.average_precision_score(
            truth == c, probabilities[:, c]
        )
    malignant, score = MALIGNANT[truth], probabilities[:, MALIGNANT].sum(axis=1)
    found["malignant/roc_auc"] = oracle.roc_auc_score(malignant, score)
    found["malignant/average_precision"] = oracle.average_precision_score(malignant, score)
    found["malignant/sensitivity"] = oracle.recall_score(malignant, score >= 0.5)
    found["malignant/specificity"] = oracle.recall_score(~malignant, score < 0.5)
    return found


def main() -> None:
    predictions, manifest = synthetic()
    started = time.perf_counter()
    evaluate(predictions, manifest, replicates=REPLICATES)
    ours = time.perf_counter() - started

    cases = Cases.of(predictions, manifest)
    weights = next(cluster_weights(manifest.clusters(), replicates=TIMED, seed=0))
    fast = cases.figures(weights)
    started, largest = time.perf_counter(), 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row, counts in enumerate(weights.astype(int)):
            drawn = np.repeat(np.arange(IMAGES), counts)
            slow = plain(cases.truth[drawn], predictions.probabilities[drawn])
            difference = max(abs(value - fast[name][row]) for name, value in slow.items())
            largest = max(largest, difference)
    theirs = (time.perf_counter() - started) / TIMED * REPLICATES
    result = {
        **record("python benchmarks/evaluation_speed.py"),
        "images": IMAGES,
        "classes": len(SHARES),
        "replicates": REPLICATES,
        "cutis_seconds": round(ours, 2),
        "scikit_learn_seconds_scaled": round(theirs, 1),
        "scikit_learn_replicates_timed": TIMED,
        "ratio": round(theirs / ours, 1),
        "largest_difference": largest,
    }
    assert largest < 1e-9, result
    write_json(RESULTS / "evaluation_speed.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
