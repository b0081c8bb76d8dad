"""Write isic_expected.json: what `isic-challenge-scoring` says of seeded synthetic predictions.

The package needs pandas < 3, so it lives in an environment of its own:

    python -m venv oracle
    oracle/bin/pip install "isic-challenge-scoring==5.6.0" "pandas<3"
    oracle/bin/python tests/oracles/make_isic_expected.py
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from isic_challenge_scoring.classification import ClassificationMetric, ClassificationScore

CLASSES = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
SHARES = [0.12, 0.6, 0.06, 0.05, 0.11, 0.03, 0.03]
FIGURES = ["sensitivity", "specificity", "ppv", "auc", "ap"]  # the ones that Cutis defines too
DIGITS = 6  # of the predictions, so that the file stays small


def tables(n: int = 200, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Truth and predictions in the format of ISIC 2018, task 3; every row sums to 1."""
    generator = np.random.default_rng(seed)
    truth = generator.choice(len(CLASSES), size=n, p=SHARES)
    truth[: len(CLASSES)] = np.arange(len(CLASSES))
    logits = generator.normal(size=(n, len(CLASSES))) + 2.0 * np.eye(len(CLASSES))[truth]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).round(DIGITS)
    probabilities[:, 1] += 1 - probabilities.sum(axis=1)
    names = [f"ISIC_{row:07d}" for row in range(n)]
    one_hot = np.eye(len(CLASSES))[truth]
    return (
        pd.DataFrame(one_hot, names, CLASSES).rename_axis("image"),
        pd.DataFrame(probabilities, names, CLASSES).rename_axis("image"),
    )


def main() -> None:
    truth, predictions = tables()
    weights = pd.DataFrame({"score_weight": 1.0, "validation_weight": 1.0}, truth.index)
    score = ClassificationScore(truth, predictions, weights, ClassificationMetric.BALANCED_ACCURACY)
    expected = {
        "source": "isic-challenge-scoring 5.6.0",
        "predictions": predictions.to_csv(),
        "truth": truth.idxmax(axis=1).tolist(),
        "balanced_accuracy": float(score.overall),
        "per_class": {
            category: {name: float(row[name]) for name in FIGURES}
            for category, (_, row) in zip(CLASSES, score.per_category.iterrows(), strict=True)
        },
    }
    out = Path(__file__).with_name("isic_expected.json")
    out.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
