"""A bundle's answers about the rows of a manifest."""

from dataclasses import replace

from cutis.bundle import ModelBundle
from cutis.inference.predictor import Predictor
from cutis.tables.manifest import Manifest
from cutis.tables.predictions import Predictions


def answers(bundle: ModelBundle, rows: Manifest, *, views: int = 1) -> Predictions:
    """What a bundle's network says about some rows."""
    found = Predictor(bundle).predict(rows.paths, views=views).predictions
    assert found is not None
    return replace(found, image_ids=tuple(rows.image_ids))
