"""The figures that choices go by are those of scikit-learn, and each knows which way is better."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions
from cutis.taxonomy import ClassSet, load_taxonomy
from cutis.training.monitors import (
    MORE_IS_BETTER,
    is_defined,
    merit,
    monitored,
    monitored_predictions,
)

CLASSES = ("basal-cell-carcinoma", "melanoma", "nevus")


def cases(*, classes=3):
    generator = np.random.default_rng(0)
    return generator.integers(classes, size=60), generator.dirichlet(np.ones(3), 60)


def manifest(truth):
    names = [f"i{row}" for row in range(len(truth))]
    rows = {"image_id": names, "path": names, "diagnosis": [CLASSES[each] for each in truth]}
    return Manifest(pd.DataFrame(rows), load_taxonomy())


def test_every_figure_is_scikit_learns():
    truth, probabilities = cases()
    assert monitored(truth, probabilities) == pytest.approx(
        {
            "val_loss": log_loss(truth, probabilities),
            "val_macro_auc": roc_auc_score(truth, probabilities, multi_class="ovr"),
            "val_balanced_accuracy": balanced_accuracy_score(truth, probabilities.argmax(axis=1)),
        }
    )


def test_predictions_are_judged_whatever_the_order_of_their_rows_and_classes():
    truth, probabilities = cases()
    rows = manifest(truth)
    table = Predictions(
        ("not asked", *rows.image_ids[::-1]),
        CLASSES[::-1],
        np.vstack([np.full(3, 1 / 3), probabilities[::-1, ::-1]]),
    )
    assert monitored_predictions(table, rows) == pytest.approx(monitored(truth, probabilities))


def test_better_answers_have_more_merit_by_every_figure():
    truth, probabilities = cases()
    better = monitored(truth, (probabilities + np.eye(3)[truth]) / 2)
    worse = monitored(truth, probabilities)
    for monitor in MORE_IS_BETTER:
        assert merit(monitor, better[monitor]) > merit(monitor, worse[monitor])
        assert merit(monitor, worse[monitor]) > merit(monitor, float("nan"))


@pytest.mark.parametrize(("classes", "area"), [(1, False), (2, True)])
def test_one_class_has_a_loss_and_no_area(classes, area):
    rows, known = manifest(cases(classes=classes)[0]), ClassSet(load_taxonomy(), CLASSES)
    assert is_defined("val_loss", rows, known)
    assert is_defined("val_macro_auc", rows, known) == area
