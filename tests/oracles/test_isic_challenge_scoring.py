"""An ISIC submission gets the figures that the challenge's own scoring package gives it, to 1e-9."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cutis.evaluation.classifier import evaluate
from cutis.metrics import classification
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import load_taxonomy

EXPECTED = json.loads(Path(__file__).with_name("isic_expected.json").read_text())


@pytest.fixture
def submission(tmp_path):
    """The submission as the challenge takes it, and the truth as a manifest."""
    taxonomy = load_taxonomy()
    (tmp_path / "submission.csv").write_text(EXPECTED["predictions"])
    predictions = Predictions.read(tmp_path / "submission.csv", taxonomy)
    frame = pd.DataFrame(
        {
            "image_id": predictions.image_ids,
            "path": "unused.jpg",
            "diagnosis": taxonomy.resolve_all(EXPECTED["truth"], source="truth"),
            "split": "test",
        }
    )
    return predictions, Manifest(frame, taxonomy)


def test_balanced_accuracy_and_areas(submission):
    predictions, manifest = submission
    found = evaluate(predictions, manifest, replicates=100)
    assert found.overall["balanced_accuracy"].value == pytest.approx(
        EXPECTED["balanced_accuracy"], abs=1e-9
    )
    for label, expected in EXPECTED["per_class"].items():
        node = manifest.taxonomy.resolve(label)
        assert found.per_class["roc_auc"][node].value == pytest.approx(expected["auc"], abs=1e-9)
        assert found.per_class["average_precision"][node].value == pytest.approx(
            expected["ap"], abs=1e-9
        )


def test_rates_of_each_class_at_a_threshold_of_one_half(submission):
    """The challenge calls a class where its probability exceeds 0.5."""
    predictions, manifest = submission
    for label, expected in EXPECTED["per_class"].items():
        node = manifest.taxonomy.resolve(label)
        truth = np.array([int(d == node) for d in manifest.diagnoses])
        called = predictions.probabilities[:, predictions.classes.index(node)] > 0.5
        confusion = classification.confusion_matrix(truth, called.astype(int), 2)
        assert classification.recall(confusion)[1] == pytest.approx(
            expected["sensitivity"], abs=1e-9
        )
        assert classification.recall(confusion)[0] == pytest.approx(
            expected["specificity"], abs=1e-9
        )
        assert classification.precision(confusion)[1] == pytest.approx(expected["ppv"], abs=1e-9)
